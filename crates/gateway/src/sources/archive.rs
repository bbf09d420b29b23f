//! Archives as a source: what the command `replay` feeds the line with. Only whole members are fed, in the order they
//! stand, each capture with the time it came at first.

use super::Intake;
use crate::archive::{self, ArchiveLine};
use crate::stop::Stop;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{io, io::Read as _};
use tokio::runtime::Handle;
use tracing::{info, warn};

/// Which archives are fed, and what became of them.
#[derive(Clone, Debug)]
pub struct Config {
    /// What stands in the log.
    pub name: Option<String>,
    /// The files, in the order they are fed.
    pub files: Vec<PathBuf>,
    /// What was fed and what was not.
    pub fed: Arc<Fed>,
}

impl PartialEq for Config {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.files == other.files
    }
}

impl Eq for Config {}

/// What was fed and what was not.
#[derive(Debug, Default)]
pub struct Fed {
    frames: AtomicU64,
    /// Lines that are none, and places that are damaged.
    wrong: AtomicU64,
}

impl Fed {
    /// How many frames were fed.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// How many lines and damaged places were passed over.
    #[must_use]
    pub fn wrong(&self) -> u64 {
        self.wrong.load(Ordering::Relaxed)
    }
}

/// An archive cannot be fed.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}: {1}", path = .0.display())]
pub struct ArchiveError(PathBuf, #[source] io::Error);

/// Feeds all files, then ends.
///
/// # Errors
/// When one cannot be read.
pub async fn run(config: Config, intake: Intake, stop: Stop) -> Result<(), ArchiveError> {
    let runtime = Handle::current();
    // Files are read on a thread that may wait for them, and for room in the line.
    let feeding = tokio::task::spawn_blocking(move || {
        let feeding = Feeding { fed: &config.fed, intake, stop, runtime };
        config.files.iter().try_for_each(|path| feeding.file(path).map_err(|error| ArchiveError(path.clone(), error)))
    });
    // It does not panic; and when the runtime ends first, nobody is left to tell.
    feeding.await.unwrap_or(Ok(()))
}

struct Feeding<'a> {
    fed: &'a Fed,
    intake: Intake,
    stop: Stop,
    runtime: Handle,
}

impl Feeding<'_> {
    fn file(&self, path: &Path) -> io::Result<()> {
        let mut file = File::open(path)?;
        let members = archive::walk(&file)?;
        for harm in &members.harm {
            warn!(file = %path.display(), %harm, "an archive is not whole");
            if matches!(harm, archive::Harm::Damaged(_)) {
                self.fed.wrong.fetch_add(1, Ordering::Relaxed);
            }
        }
        let before = self.fed.frames();
        for member in &members.sound {
            archive::read_lines(&mut file.by_ref(), member, |line| self.line(path, line))?;
        }
        info!(file = %path.display(), frames = self.fed.frames() - before, "an archive was fed");
        Ok(())
    }

    /// Feeds a line; `false` when no more shall come.
    fn line(&self, path: &Path, line: &[u8]) -> bool {
        match ArchiveLine::read(line) {
            Ok(capture) => {
                self.fed.frames.fetch_add(1, Ordering::Relaxed);
                !self.stop.is_asked() && self.runtime.block_on(self.intake.put(capture))
            }
            Err(error) => {
                self.fed.wrong.fetch_add(1, Ordering::Relaxed);
                warn!(file = %path.display(), %error, "a line of an archive is passed over");
                true
            }
        }
    }
}
