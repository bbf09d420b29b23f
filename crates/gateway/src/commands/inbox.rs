//! Commands from this machine: files in a folder that only the gateway's own user may write.

use super::command::{Command, CommandError, LARGEST};
use super::desk::{Book, Outcome};
use super::store::{Store, StoreError};
use super::{FOLDER, State};
use jiff::Timestamp;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Why a command cannot be put there.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// It is none.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The disk.
    #[error("{path}: {1}", path = .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// What became of commands cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const IN: &str = "in";

/// Puts a command where the gateway whose folder this is looks for it, every second.
///
/// # Errors
/// When it is no command, or the folder cannot be written.
pub fn put(data: &Path, json: &[u8]) -> Result<(), InboxError> {
    let command = Command::parse(None, json, Timestamp::MAX)?;
    let folder = data.join(FOLDER).join(IN);
    let write = || {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let name = file_name(&command.id);
        let new = folder.join(format!("{name}.new"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(json)?;
        file.sync_all()?;
        fs::rename(&new, folder.join(format!("{name}.json")))
    };
    write().map_err(|error| InboxError::Io(folder.clone(), error))
}

/// How far a command is; `None` when the gateway has not seen it yet.
///
/// # Errors
/// When what is kept cannot be read.
pub fn look(data: &Path, id: &str) -> Result<Option<(State, Option<String>)>, InboxError> {
    let Book { open, finished, .. } = Store::load(&data.join(FOLDER))?;
    let found = open.into_iter().map(|held| held.last).chain(finished).find(|last| &*last.command == id);
    Ok(found.map(|Outcome { state, error, .. }| (state, error)))
}

/// A file name for an id: ids may hold what file names may not.
fn file_name(id: &str) -> String {
    let hash = crate::event::id(&["command", id]).1;
    let plain: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(40).collect();
    format!("{plain}-{hash}")
}

/// What lies in the folder, the oldest first: the file and its octets.
pub(super) fn waiting(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(files) = fs::read_dir(folder.join(IN)) else { return Vec::new() };
    let mut files: Vec<_> = files
        .filter_map(|file| {
            let file = file.ok()?;
            let path = file.path();
            let named = path.extension().is_some_and(|extension| extension == "json");
            (named && file.file_type().ok()?.is_file())
                .then(|| (file.metadata().and_then(|of| of.modified()).ok(), path))
        })
        .collect();
    files.sort();
    files.truncate(1000);
    let read = |path: &Path| {
        let mut octets = Vec::new();
        fs::File::open(path)?.take(LARGEST as u64 + 1).read_to_end(&mut octets)?;
        Ok::<_, io::Error>(octets)
    };
    files.into_iter().filter_map(|(_, path)| read(&path).ok().map(|octets| (path, octets))).collect()
}
