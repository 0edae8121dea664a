//! What postgres and redis settings are checked for alike. Each finding names the exact key.

use cloud::Stack;
use schema::closest;

use super::Inputs;
use super::windows::Window;
use crate::settings::FinalSnapshot;

/// Findings on one store: `storage.postgres.main`.
pub(super) struct Check<'a> {
    pub(super) key: String,
    pub(super) stack: &'a mut Stack,
}

impl Check<'_> {
    /// An error at a key of the store.
    pub(super) fn error(&mut self, rule: &str, key: &str, message: String, hint: impl Into<String>) {
        let key = self.key_of(key);
        self.stack.findings.error(rule, key, message).hint(hint);
    }

    /// A warning at a key of the store.
    pub(super) fn warning(&mut self, rule: &str, key: &str, message: String, hint: impl Into<String>) {
        let key = self.key_of(key);
        self.stack.findings.warning(rule, key, message).hint(hint);
    }

    fn key_of(&self, key: &str) -> String {
        if key.is_empty() { self.key.clone() } else { format!("{}.{key}", self.key) }
    }

    /// The physical name, which AWS wants short and plain.
    pub(super) fn name(&mut self, name: &str, longest: usize) {
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()));
        if !plain {
            let message = format!("`{name}` is no name that AWS takes");
            self.error("store-name", "", message, "letters, digits and single hyphens; the first is a letter");
        } else if name.len() > longest {
            let message = format!("`{name}` has {} characters; AWS takes {longest}", name.len());
            self.error("store-name", "", message, "choose a shorter name, or a shorter `prefix`");
        }
    }

    /// A value out of a list; the hint names the closest ones.
    pub(super) fn one_of(&mut self, rule: &str, key: &str, what: &str, value: &str, known: Option<&[String]>) {
        let Some(known) = known.filter(|known| !known.iter().any(|one| one == value)) else {
            return;
        };
        let family = value.rsplit_once('.').map(|(family, _)| format!("{family}.")).unwrap_or_default();
        let kin: Vec<&str> = known.iter().map(String::as_str).filter(|one| one.starts_with(&family)).collect();
        let hint = match closest(value, known.iter().map(String::as_str)) {
            _ if !family.is_empty() && !kin.is_empty() => format!("one of: {}", kin.join(", ")),
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("such as `{}`", known.last().map(String::as_str).unwrap_or_default()),
        };
        self.error(rule, key, format!("there is no {what} `{value}`"), hint);
    }

    /// A whole number within bounds.
    pub(super) fn within(&mut self, rule: &str, key: &str, value: u32, least: u32, most: u32, unit: &str) {
        if !(least..=most).contains(&value) {
            let message = format!("`{key}` is {value}{unit}");
            self.error(rule, key, message, format!("{least} to {most}{unit}"));
        }
    }

    /// The name of the final snapshot.
    pub(super) fn final_snapshot(&mut self, setting: &Option<FinalSnapshot>) {
        let Some(FinalSnapshot::Named(name)) = setting else { return };
        let plain = name.len() <= 255
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()));
        // The tag that carries the wish could not tell such a name from a yes or no.
        if !plain || matches!(name.to_ascii_lowercase().as_str(), "true" | "false") {
            let message = format!("`{name}` is no name of a snapshot");
            self.error("final-snapshot", "final-snapshot", message, "letters, digits and single hyphens, at most 255");
        }
    }

    /// The name of a secret.
    pub(super) fn secret(&mut self, name: &str, inputs: &Inputs) {
        if inputs.secrets.contains_key(name) {
            return;
        }
        let hint = match closest(name, inputs.secrets.keys().map(String::as_str)) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("declare it: `[security.secret.{name}]`"),
        };
        self.error("unknown-secret", "credentials", format!("there is no secret `{name}`"), hint);
    }

    /// Subnets of two zones, where they are needed.
    pub(super) fn subnets(&mut self, inputs: &Inputs, least: usize) {
        let count = inputs.subnet_ids.len();
        if count < least {
            let message = format!("it needs {least} subnets in different zones, and there are {count}");
            self.error(
                "too-few-subnets",
                "",
                message,
                "give `networking.private` or `networking.database` that many ranges",
            );
        }
    }

    /// A daily and a weekly window.
    pub(super) fn windows(
        &mut self,
        (daily_key, daily): (&str, &Option<String>),
        weekly: &Option<String>,
        least_minutes: u32,
    ) {
        let daily = daily.as_ref().and_then(|text| {
            let example = "03:00-04:00";
            self.window(daily_key, text, Window::daily(text), least_minutes, DAILY_MOST, example)
        });
        let weekly = weekly.as_ref().and_then(|text| {
            let example = "sun:05:00-sun:06:00";
            self.window("maintenance-window", text, Window::weekly(text), least_minutes, WEEKLY_MOST, example)
        });
        if let (Some(daily), Some(weekly)) = (daily, weekly)
            && daily.meets(weekly)
        {
            let message = format!("`{daily_key}` and `maintenance-window` overlap");
            self.error("windows-overlap", "maintenance-window", message, "choose times apart");
        }
    }

    fn window(
        &mut self,
        key: &str,
        text: &str,
        window: Option<Window>,
        least: u32,
        most: u32,
        example: &str,
    ) -> Option<Window> {
        match window {
            None => self.error("window", key, format!("`{text}` is no window"), format!("in UTC, such as `{example}`")),
            Some(window) if window.minutes() < least => {
                let message = format!("`{text}` is {} minutes long", window.minutes());
                self.error("window", key, message, format!("at least {least} minutes, such as `{example}`"));
            }
            Some(window) if window.minutes() > most => {
                let message = format!("`{text}` is {} hours long", window.minutes() / 60);
                self.error("window", key, message, format!("at most {} hours, such as `{example}`", most / 60));
            }
            good => return good,
        }
        None
    }
}

/// AWS's longest windows, in minutes.
const DAILY_MOST: u32 = 24 * 60;
const WEEKLY_MOST: u32 = 24 * 60;
