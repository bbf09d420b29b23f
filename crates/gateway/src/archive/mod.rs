//! The archive of raw frames: what was received, as lines of JSON in compressed files, to be fed again.
//!
//! * A line tells a whole capture: octets, protocol, layout, when and by which clock, who heard it, and the id of its
//!   report. It is a line that `decode --lines` and a source of lines take as well.
//! * A file is a run of gzip members, each of them whole lines and written at once, so `zcat` reads it. A crash can only
//!   tear the last one, whose records were never confirmed: they are archived again, and its octets are passed over.

mod line;
mod members;

pub use line::{ArchiveLine, ArchiveLineError};
pub use members::{Harm, Members, deflate, read_lines, walk};

use std::path::{Path, PathBuf};
use std::{fs, io};

/// How the name of an archive's file ends.
pub const SUFFIX: &str = ".jsonl.gz";

/// What the name of an archive's file says: `raw-00000007-20261124T141500Z.jsonl.gz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Later files have higher numbers, whatever the clock says.
    pub number: u64,
    /// When it was begun, by the clock of the gateway, to the second.
    pub begun: jiff::Timestamp,
}

impl Name {
    /// Reads a name; `None` for a file of somebody else.
    #[must_use]
    pub fn read(file: &str) -> Option<Self> {
        let (number, begun) = file.strip_prefix("raw-")?.strip_suffix(SUFFIX)?.split_once('-')?;
        let number = Some(number).filter(|number| number.len() >= 8)?.parse().ok()?;
        let begun = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", begun).ok()?;
        Some(Self { number, begun: begun.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp() })
    }

    /// The name of the file.
    #[must_use]
    pub fn file(&self) -> String {
        format!("raw-{:08}-{}{SUFFIX}", self.number, self.begun.strftime("%Y%m%dT%H%M%SZ"))
    }
}

/// The files of an archive, the older first.
///
/// # Errors
/// When the folder cannot be read. One that is not there has no files.
pub fn files(folder: &Path) -> io::Result<Vec<(Name, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Some(name) = entry.file_name().to_str().and_then(Name::read) {
            files.push((name, entry.path()));
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_number_and_time_and_sorts_by_the_number() {
        let begun = jiff::Timestamp::from_second(1_795_529_700).unwrap();
        let name = Name { number: 7, begun };
        assert_eq!(name.file(), "raw-00000007-20261124T141500Z.jsonl.gz");
        assert_eq!(Name::read(&name.file()), Some(name));
        assert_eq!(Name::read(&Name { number: u64::MAX, begun }.file()).unwrap().number, u64::MAX);
        let early = Name { number: 8, begun: jiff::Timestamp::UNIX_EPOCH };
        assert!(name < early, "a clock that was not set changes no order");
        for other in ["raw-7-20261124T141500Z.jsonl.gz", "raw-00000007.jsonl.gz", "raw-00000007-2026.jsonl.gz", "x"] {
            assert_eq!(Name::read(other), None, "{other}");
        }
    }
}
