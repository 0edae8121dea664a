//! `set-secret`: gives a secret its value, which is seen nowhere.

use std::io::{IsTerminal, Read};

use engine::event::Events;
use engine::session::Purpose;
use security::value::{Change, SecretText, set};

use crate::app::App;
use crate::cli::SetSecretArgs;
use crate::display::data;
use crate::error::{About, Error, Result};

/// Sets the whole value, or one key of it.
pub async fn run(app: &App, args: &SetSecretArgs) -> Result<()> {
    let loaded = app.load()?;
    let place = app.connect(&loaded.settings.region, loaded.settings.account.as_deref()).await?;
    let session = app.session(&loaded.name, &place, Events::default(), Purpose::Look).await?;
    let address = format!("security.secret.{}", args.name);
    let Some(entry) = session.state.entries.get(address.as_str()) else {
        let names =
            session.state.entries.keys().filter_map(|address| address.as_str().strip_prefix("security.secret."));
        let names: Vec<&str> = names.collect();
        let told = Error::told(format!("{} has no secret `{}`", loaded.name, args.name));
        return Err(match names.as_slice() {
            [] => told.hint("nothing is deployed: cargo xtask deploy-full"),
            _ => told.hint(format!("there are: {}", names.join(", "))),
        });
    };
    let value = SecretText::new(value(args)?);
    let change = match &args.key {
        None => Change::Whole(value),
        Some(key) => Change::Keys(vec![(key.clone(), value)]),
    };
    set(&place.cloud, &entry.region, &entry.id, change).await?;
    data(format_args!("{} has a new value. Tasks that read it see it when they start.", args.name));
    Ok(())
}

/// The value, without the line end that a terminal or an editor puts behind it.
fn value(args: &SetSecretArgs) -> Result<String> {
    let text = match &args.file {
        Some(path) => std::fs::read_to_string(path).about(path)?,
        None if std::io::stdin().is_terminal() => {
            rpassword::prompt_password(format!("Value of {} (unseen): ", args.name))?
        }
        None => {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text)?;
            text
        }
    };
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(Error::told("an empty value was given").hint("pipe it in: `… | cargo xtask set-secret NAME`"));
    }
    Ok(text.to_owned())
}
