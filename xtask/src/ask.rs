//! Questions to a person, and what answers them where nobody is there.

use std::io::{BufRead, IsTerminal, Write};

use crate::app::App;
use crate::error::{Error, Result};

impl App {
    /// Asks a person to type the environment's name: consent to what cannot be undone. `--yes` is not enough.
    pub fn type_name(&self, name: &str) -> Result<bool> {
        if !is_anybody_here() {
            return Err(Error::told("protected resources would be destroyed, and nobody is here to consent")
                .hint("consent with --lift-protection"));
        }
        Ok(answer(format_args!("To lift the protection and destroy them, type {name}: "))? == name)
    }

    /// Asks a person. Elsewhere than on a terminal, only `--yes` is an answer.
    pub fn confirm(&self, question: &str) -> Result<bool> {
        if self.global.yes {
            return Ok(true);
        }
        if !is_anybody_here() {
            return Err(Error::told(format!("{question} Nobody is here to answer")).hint("say yes with --yes"));
        }
        let answer = answer(format_args!("{question} [y/N] "))?;
        Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
    }
}

/// Whether somebody is here to be asked.
fn is_anybody_here() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// What is typed after a prompt.
fn answer(prompt: std::fmt::Arguments<'_>) -> Result<String> {
    let mut err = anstream::stderr();
    write!(err, "{prompt}")?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}
