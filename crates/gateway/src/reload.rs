//! The configuration while the gateway runs: when it is taken anew, and whether it can be.
//!
//! It is taken anew on SIGHUP, and when a file that it consists of has changed and then stayed as it is for a moment: what is
//! just being written is not read half. What is wrong changes nothing: the gateway goes on with what it had.

use crate::config::{self, ConfigError};
use crate::keys::{KeyStore, KeysError};
use crate::meters::Meters;
use crate::parts::Ready;
use crate::profiles;
use crate::sinks::SinkError;
use crate::telemetry::Server;
use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use serde::Deserialize;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// `[reload]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether a changed file is noticed; SIGHUP is heard either way.
    pub watch: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { watch: true }
    }
}

/// Why the configuration stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// What a sink needs.
    #[error("sink {0}: {1}")]
    Sink(usize, #[source] SinkError),
    /// Somebody else listens there.
    #[error("cannot listen at {0}: {1}")]
    Listen(String, #[source] io::Error),
}

/// Everything that is read before anything changes.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) config: config::Config,
    pub(crate) keys: KeyStore,
    pub(crate) meters: Meters,
    pub(crate) sinks: Vec<Ready>,
    /// Where it listens from now on, where that is another address than before.
    pub(crate) server: Option<Server>,
    /// What has changed and needs a restart.
    pub(crate) restart: Vec<&'static str>,
}

impl Prepared {
    /// Reads the configuration and everything it names.
    pub(crate) async fn read(file: PathBuf, running: config::Config) -> Result<Self, ReloadError> {
        let (before, named) = (running.clone(), file.clone());
        let read = tokio::task::spawn_blocking(move || read(&file, &running)).await;
        let mut read = read.map_err(|_| ConfigError::whole(&named, "it could not be read to its end"))??;
        let address = |config: &config::Config| config.http.as_ref().map(|http| http.listen);
        if let Some(address) = address(&read.config).filter(|new| Some(*new) != address(&before)) {
            let bound = Server::bind(address).await;
            read.server = Some(bound.map_err(|error| ReloadError::Listen(address.to_string(), error))?);
        }
        Ok(read)
    }
}

fn read(file: &Path, running: &config::Config) -> Result<Prepared, ReloadError> {
    let mut config = config::Config::load(file)?;
    let changed = [
        ("name", config.name != running.name),
        ("data", config.data != running.data),
        ("log", config.log != running.log),
        ("clock", config.clock != running.clock),
    ];
    let restart = changed.into_iter().filter_map(|(key, changed)| changed.then_some(key)).collect();
    config.name.clone_from(&running.name);
    config.data.clone_from(&running.data);
    config.log = running.log;
    config.clock = running.clock;
    let keys = match &config.keys {
        Some(path) => KeyStore::load(path)?,
        None => KeyStore::default(),
    };
    let meters = Meters::load(&config)?;
    let sinks = config.sinks.iter().enumerate();
    let sinks = sinks.map(|(n, sink)| Ready::new(sink, &config.name).map_err(|error| ReloadError::Sink(n + 1, error)));
    let sinks = sinks.collect::<Result<_, _>>()?;
    let held: Vec<_> = running.sources.iter().filter_map(|source| source.listens()).collect();
    for tcp in config.sources.iter().filter_map(|source| source.listens()).filter(|tcp| !held.contains(tcp)) {
        std::net::TcpListener::bind((tcp.host.as_str(), tcp.port))
            .map_err(|error| ReloadError::Listen(tcp.to_string(), error))?;
    }
    Ok(Prepared { config, keys, meters, sinks, server: None, restart })
}

/// Says when the configuration is to be taken anew.
#[derive(Debug, Default)]
pub struct Reload {
    from: Option<From>,
}

#[derive(Debug)]
struct From {
    file: PathBuf,
    hangup: Signal,
    watch: Option<Watch>,
    ticks: Interval,
}

/// How often files are looked at: one that has changed is read when it was the same twice.
const TICK: Duration = Duration::from_secs(1);

impl Reload {
    /// Never.
    #[must_use]
    pub fn never() -> Self {
        Self::default()
    }

    /// On SIGHUP, and when the configuration in this file, or a file that belongs to it, has changed.
    ///
    /// # Errors
    /// When the signal cannot be caught.
    pub fn of(file: &Path, config: &config::Config) -> io::Result<Self> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let from = From { file: file.to_owned(), hangup: signal(SignalKind::hangup())?, watch: None, ticks };
        let mut reload = Self { from: Some(from) };
        reload.follow(config);
        Ok(reload)
    }

    /// Waits until it is time; gives the file, and why.
    pub(crate) async fn asked(&mut self) -> (PathBuf, &'static str) {
        let Some(from) = &mut self.from else { return std::future::pending().await };
        loop {
            tokio::select! {
                Some(()) = from.hangup.recv() => {
                    // Before they are read: what is written from now on is noticed.
                    from.watch.iter_mut().for_each(Watch::renew);
                    return (from.file.clone(), "SIGHUP");
                }
                _ = from.ticks.tick(), if from.watch.is_some() => {
                    if from.watch.as_mut().is_some_and(Watch::look) {
                        return (from.file.clone(), "a file has changed");
                    }
                }
            }
        }
    }

    /// From now on these files belong to it; those that belonged to it before, as they were when it was time.
    pub(crate) fn follow(&mut self, config: &config::Config) {
        let Some(from) = &mut self.from else { return };
        let before = from.watch.take();
        let notes = config.keys.as_deref().map(KeyStore::notes).unwrap_or_default();
        from.watch = config.reload.watch.then(|| {
            let more = [&config.keys, &config.meters].into_iter().flatten();
            let more = more.map(PathBuf::as_path).chain(config.sinks.iter().flat_map(|sink| sink.files()));
            let profiles = config.profiles.as_deref().map(profiles::watched).unwrap_or_default();
            let more = more.chain(profiles.iter().chain(&notes).map(PathBuf::as_path));
            let files = std::iter::once(from.file.as_path()).chain(more);
            let known = |file: &Path| before.as_ref()?.files.iter().find(|known| known.path == file).cloned();
            let files = files.map(|file| known(file).unwrap_or_else(|| Watched::new(file))).collect();
            Watch { files }
        });
    }
}

/// Files that are looked at.
#[derive(Debug)]
struct Watch {
    files: Vec<Watched>,
}

/// A file that is looked at.
#[derive(Clone, Debug)]
struct Watched {
    path: PathBuf,
    /// How it was when it was read last, and what stood in it.
    read: (Stamp, u128),
    /// How it was at the last look.
    last: Stamp,
}

/// What changes with a file: when it was written, its length and which file it is; nothing where there is none.
type Stamp = Option<(i64, i64, u64, u64)>;

impl Watched {
    fn new(path: &Path) -> Self {
        // The stamp comes first: what is written meanwhile is noticed.
        let stamp = stamp(path);
        Self { path: path.to_owned(), read: (stamp, print([path])), last: stamp }
    }
}

impl Watch {
    /// Whether files have changed and are written to no longer.
    fn look(&mut self) -> bool {
        let (mut still, mut changed) = (true, false);
        for file in &mut self.files {
            let now = stamp(&file.path);
            still &= now == file.last;
            changed |= now != file.read.0;
            file.last = now;
        }
        if !still || !changed {
            return false;
        }
        let before: Vec<_> = self.files.iter().map(|file| file.read.1).collect();
        self.renew();
        self.files.iter().zip(before).any(|(file, before)| file.read.1 != before)
    }

    /// They are read now.
    fn renew(&mut self) {
        self.files.iter_mut().for_each(|file| *file = Watched::new(&file.path));
    }
}

fn stamp(file: &Path) -> Stamp {
    let about = std::fs::metadata(file).ok()?;
    Some((about.mtime(), about.mtime_nsec(), about.len(), about.ino()))
}

/// A hash of what stands in these files, which tells nothing of it.
pub(crate) fn print<'a>(files: impl IntoIterator<Item = &'a Path>) -> u128 {
    let mut hash = Blake2b::<U16>::new();
    for file in files {
        match std::fs::read(file) {
            Ok(octets) => {
                hash.update([1]);
                hash.update((octets.len() as u64).to_le_bytes());
                hash.update(&octets);
                // It may be a secret.
                drop(zeroize::Zeroizing::new(octets));
            }
            // Of a folder what it has.
            Err(_) => match std::fs::read_dir(file) {
                Ok(entries) => {
                    let mut names: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
                    names.sort();
                    hash.update([2]);
                    for name in names {
                        hash.update(name.as_encoded_bytes());
                        hash.update([0]);
                    }
                }
                Err(_) => hash.update([0]),
            },
        }
    }
    u128::from_le_bytes(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_when_it_has_changed_and_is_written_to_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let (file, keys) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&file, "1").unwrap();
        let mut watch = Watch { files: vec![Watched::new(&file), Watched::new(&keys)] };
        assert!(!watch.look() && !watch.look());
        std::fs::write(&file, "12").unwrap();
        assert!(!watch.look(), "it may not be all");
        std::fs::write(&file, "123").unwrap();
        assert!(!watch.look(), "it was not");
        assert!(watch.look());
        assert!(!watch.look(), "once");
        // A file that comes, and one that is replaced by one of the same length.
        std::fs::write(&keys, "k").unwrap();
        assert!(!watch.look() && watch.look() && !watch.look());
        std::fs::write(folder.path().join("c"), "124").unwrap();
        std::fs::rename(folder.path().join("c"), &file).unwrap();
        assert!(!watch.look() && watch.look() && !watch.look());
        // Written again with what stood there: nothing to do.
        std::fs::write(&file, "12").unwrap();
        std::fs::write(&file, "124").unwrap();
        assert!(!watch.look() && !watch.look() && !watch.look());
        std::fs::remove_file(&keys).unwrap();
        assert!(!watch.look() && watch.look());
    }
}
