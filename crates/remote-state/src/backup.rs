//! The whole state of an environment in one file, behind a checksum.

use engine::State;
use serde::{Deserialize, Serialize};

const HEADER: &str = "groundplan-backup 1 ";

/// A backup of an environment's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backup {
    /// The environment: `freeside/production`.
    pub environment: String,
    /// Which cloud its state is of: `aws` or `local`.
    pub cloud: String,
    /// When it was made, as RFC 3339.
    pub time: String,
    /// Where the state was.
    pub place: String,
    /// The state.
    pub state: State,
}

impl Backup {
    /// The file's content: a line with its checksum, then JSON.
    pub fn encode(&self) -> Vec<u8> {
        let json = serde_json::to_string_pretty(self).unwrap_or_default();
        format!("{HEADER}{}\n{json}\n", blake3::hash(json.as_bytes()).to_hex()).into_bytes()
    }

    /// Reads a file's content.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not text")?;
        let rest = text.strip_prefix(HEADER).ok_or("it does not begin as a backup of this version does")?;
        let (sum, json) = rest.split_once('\n').ok_or("it ends after its first line")?;
        let json = json.strip_suffix('\n').ok_or("it is cut off")?;
        if sum != blake3::hash(json.as_bytes()).to_hex().as_str() {
            return Err("its checksum does not fit its content".to_owned());
        }
        serde_json::from_str(json).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_read_as_it_was_written_and_damage_is_seen() {
        let backup = Backup {
            environment: "freeside/staging".to_owned(),
            cloud: "local".to_owned(),
            time: "2026-11-21T12:00:00Z".to_owned(),
            place: "s3://b/k".to_owned(),
            state: State { serial: 7, ..State::default() },
        };
        let bytes = backup.encode();
        assert_eq!(Backup::decode(&bytes).unwrap(), backup);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(Backup::decode(&damaged).is_err(), "a flip at {at} went unseen");
            assert!(Backup::decode(&bytes[..at]).is_err(), "cut at {at}, it was read");
        }
    }
}
