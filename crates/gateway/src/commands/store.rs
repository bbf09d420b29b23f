//! The commands on the disk: one small file, replaced whole.

use super::desk::Book;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The version of the file that this release reads and writes.
const VERSION: u32 = 1;
const FILE: &str = "commands.json";

/// Why the commands cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk.
    #[error("{path}: {1}", path = .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// It is damaged.
    #[error("{path} cannot be read: {1}", path = .0.display())]
    Malformed(PathBuf, String),
    /// A later release wrote it.
    #[error("{path} has version {1}, this release knows {VERSION}: use the later release, or remove the file", path = .0.display())]
    Newer(PathBuf, u32),
}

/// Where they are kept.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) folder: PathBuf,
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    #[serde(flatten)]
    book: &'a Book,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl Store {
    /// The folder, which is made where it is missing.
    pub(super) fn open(folder: &Path) -> Result<Self, StoreError> {
        let io = |error| StoreError::Io(folder.to_owned(), error);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// What was kept; nothing when there is no file yet.
    pub(super) fn load(folder: &Path) -> Result<Book, StoreError> {
        let path = folder.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Book::default()),
            Err(error) => return Err(StoreError::Io(path, error)),
        };
        let malformed = |error: serde_json::Error| StoreError::Malformed(path.clone(), error.to_string());
        let Version { version } = serde_json::from_slice(&text).map_err(malformed)?;
        if version > VERSION {
            return Err(StoreError::Newer(path, version));
        }
        serde_json::from_slice(&text).map_err(malformed)
    }

    /// Puts it on the disk; it is there when this returns.
    pub(super) fn save(&self, book: &Book) -> Result<(), StoreError> {
        let (path, new) = (self.folder.join(FILE), self.folder.join("commands.new"));
        let text = serde_json::to_vec(&Written { version: VERSION, book })
            .map_err(|error| StoreError::Malformed(path.clone(), error.to_string()))?;
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error| StoreError::Io(path.clone(), error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::Command;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_is_kept_comes_back_and_a_later_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("commands");
        let store = Store::open(&place).unwrap();
        assert_eq!(Store::load(&place).unwrap(), Book::default());
        let mut book = Book::default();
        let json = br#"{"id":"a","name":"set_period","args":{"seconds":900}}"#;
        let command = Command::parse(Some(("modbus", "modbus:1")), json, jiff::Timestamp::MAX).unwrap();
        assert!(book.accept(command, 10, jiff::Timestamp::UNIX_EPOCH));
        store.save(&book).unwrap();
        assert_eq!(Store::load(&place).unwrap(), book);
        let mode = fs::metadata(place.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(place.join(FILE), r#"{"version":2,"later":[]}"#).unwrap();
        assert!(matches!(Store::load(&place), Err(StoreError::Newer(_, 2))));
        fs::write(place.join(FILE), "{").unwrap();
        assert!(matches!(Store::load(&place), Err(StoreError::Malformed(..))));
    }
}
