//! Journal lines and snapshots as bytes: JSON behind a checksum, so that damage is seen.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::State;
use crate::state::Record;

/// Hexadecimal digits of the checksum before each journal line.
const SUM: usize = 8;
/// The format of snapshots that is written here.
const FORMAT: u32 = 1;
/// What a snapshot begins with, before the number of its format.
const HEADER: &str = "groundplan-state ";

fn checksum(bytes: &[u8], digits: usize) -> String {
    blake3::hash(bytes).to_hex()[..digits].to_owned()
}

/// One journal line with its checksum and newline.
pub fn encode(record: &Record, out: &mut Vec<u8>) {
    // Records hold nothing that JSON cannot: maps keyed by text, finite numbers.
    let json = serde_json::to_string(record).unwrap_or_default();
    out.extend_from_slice(checksum(json.as_bytes(), SUM).as_bytes());
    out.push(b' ');
    out.extend_from_slice(json.as_bytes());
    out.push(b'\n');
}

/// What a journal holds.
#[derive(Debug, Default)]
pub struct Journalled {
    /// The whole records, in order.
    pub records: Vec<Record>,
    /// How many bytes its ended lines take, damaged ones among them: the next line belongs there.
    pub ended: usize,
    /// The last line, if it was not ended: its writer was cut off, and never told that it was safe.
    pub cut: Option<String>,
    /// Ended lines that are not what was written: the medium or somebody changed them.
    pub damaged: Vec<String>,
}

/// Reads a journal. A damaged line hides none of the whole ones after it.
pub fn decode(bytes: &[u8]) -> Journalled {
    let mut out = Journalled::default();
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let number = number + 1;
        let Some(ended) = line.strip_suffix(b"\n") else {
            out.cut = Some(format!("line {number} is cut off after {} bytes", line.len()));
            break;
        };
        out.ended += line.len();
        match decode_line(ended) {
            Ok(record) => out.records.push(record),
            Err(why) => out.damaged.push(format!("line {number}: {why}")),
        }
    }
    out
}

fn decode_line(line: &[u8]) -> Result<Record, String> {
    let (sum, rest) = line.split_at_checked(SUM).ok_or("too short")?;
    let json = rest.strip_prefix(b" ").ok_or("no checksum")?;
    if sum != checksum(json, SUM).as_bytes() {
        return Err("the checksum does not fit".to_owned());
    }
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

/// A snapshot: the state, and which journal goes on from it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// The number of the journal that goes on from here.
    pub generation: u64,
    /// The state.
    pub state: State,
}

/// A snapshot as bytes.
pub fn encode_snapshot(generation: u64, state: &State) -> Vec<u8> {
    #[derive(Serialize)]
    struct Borrowed<'a> {
        generation: u64,
        state: &'a State,
    }
    let json = serde_json::to_string_pretty(&Borrowed { generation, state }).unwrap_or_default();
    format!("{HEADER}{FORMAT} {}\n{json}\n", checksum(json.as_bytes(), 64)).into_bytes()
}

/// Why bytes are no snapshot.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Unreadable {
    /// A newer Groundplan wrote them: what this one cannot read it must not take for damage.
    #[error("a newer Groundplan wrote it (format {0})")]
    Newer(u32),
    /// They are not what was written.
    #[error("{0}")]
    Damaged(String),
}

impl Unreadable {
    /// The error of a snapshot at this place.
    pub fn at(self, path: impl Into<PathBuf>) -> StoreError {
        let path = path.into();
        match self {
            Self::Newer(format) => StoreError::Newer { path, format },
            Self::Damaged(why) => StoreError::Damaged { path, why },
        }
    }
}

/// Reads a snapshot.
pub fn decode_snapshot(bytes: &[u8]) -> Result<Snapshot, Unreadable> {
    let damaged = |why: &str| Unreadable::Damaged(why.to_owned());
    let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not text"))?;
    let header = text.strip_prefix(HEADER).and_then(|rest| rest.split_once(' '));
    let (format, rest) = header.ok_or_else(|| damaged("it does not begin as a state file does"))?;
    let content = content(rest).map_err(Unreadable::Damaged);
    match format.parse::<u32>() {
        _ if format == FORMAT.to_string() => content,
        // A digit that was flipped leaves the checksum whole. That of a later format must cover the header, too.
        Ok(newer) if newer > FORMAT && content.is_err() => Err(Unreadable::Newer(newer)),
        _ => Err(damaged("its format is none that there is")),
    }
}

fn content(rest: &str) -> Result<Snapshot, String> {
    let (sum, json) = rest.split_once('\n').ok_or("it ends after its first line")?;
    let json = json.strip_suffix('\n').ok_or("it is cut off")?;
    if sum != checksum(json.as_bytes(), 64) {
        return Err("its checksum does not fit its content".to_owned());
    }
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;

    fn record(n: usize) -> Record {
        Record::Forgot { address: Address::of("a.b"), id: format!("id-{n}") }
    }

    fn journal() -> Vec<u8> {
        let mut bytes = Vec::new();
        (0..3).for_each(|n| encode(&record(n), &mut bytes));
        bytes
    }

    #[test]
    fn a_whole_journal_is_read_whole() {
        let read = decode(&journal());
        assert_eq!((read.records.len(), read.cut, read.damaged.len()), (3, None, 0));
        assert_eq!(read.records[2], record(2));
    }

    #[test]
    fn a_journal_cut_off_anywhere_keeps_the_lines_before() {
        let bytes = journal();
        for end in 0..bytes.len() {
            let read = decode(&bytes[..end]);
            let whole = bytes[..end].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(read.records.len(), whole, "cut at {end}");
            assert_eq!(read.cut.is_some(), !bytes[..end].is_empty() && bytes[end - 1] != b'\n', "cut at {end}");
        }
    }

    #[test]
    fn a_newer_format_is_no_damage() {
        let ours = String::from_utf8(encode_snapshot(1, &State::default())).unwrap();
        let newer = "groundplan-state 2 00ff {\"state\":{}}\n";
        let flipped = ours.replacen("state 1", "state 3", 1);
        assert_eq!(decode_snapshot(newer.as_bytes()).unwrap_err(), Unreadable::Newer(2));
        assert!(decode_snapshot(ours.as_bytes()).is_ok());
        assert!(matches!(decode_snapshot(flipped.as_bytes()), Err(Unreadable::Damaged(_))));
    }

    #[test]
    fn a_flipped_bit_is_seen_wherever_it_is_and_hides_no_other_line() {
        let bytes = journal();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            let read = decode(&damaged);
            assert!(read.cut.is_some() || !read.damaged.is_empty(), "a flip at {at} went unseen");
            // A line's end that is gone takes the next line with it.
            assert!(read.records.len() + 1 + usize::from(bytes[at] == b'\n') >= 3, "a flip at {at} hid whole lines");
        }
        let snapshot = encode_snapshot(1, &State::default());
        for at in 0..snapshot.len() {
            let mut damaged = snapshot.clone();
            damaged[at] ^= 1;
            assert!(decode_snapshot(&damaged).is_err(), "a flip at {at} went unseen");
        }
    }
}
