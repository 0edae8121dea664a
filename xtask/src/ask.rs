//! Questions to a person, and what answers them where nobody is there.

use std::io::{BufRead, IsTerminal, Write};

use crate::app::App;
use crate::error::{Error, Result};

impl App {
    /// Asks a person to type the environment's name: consent to what cannot be undone. `--yes` is not enough.
    pub fn type_name(&self, name: &str) -> Result<bool> {
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Error::told("protected resources would be destroyed, and nobody is here to consent")
                .hint("consent with --lift-protection"));
        }
        let mut err = anstream::stderr();
        write!(err, "To lift the protection and destroy them, type {name}: ")?;
        err.flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        Ok(answer.trim() == name)
    }

    /// Asks a person. Elsewhere than on a terminal, only `--yes` is an answer.
    pub fn confirm(&self, question: &str) -> Result<bool> {
        if self.global.yes {
            return Ok(true);
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Error::told(format!("{question} Nobody is here to answer")).hint("say yes with --yes"));
        }
        let mut err = anstream::stderr();
        write!(err, "{question} [y/N] ")?;
        err.flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }
}
