//! The command `replay`: archived frames go through the whole line once more, each with the time it came at first, so
//! its report has the id it had and consumers replace what they have.
//!
//! A replay has a queue and learned state of its own, in the gateway's folder, so that counters are those of the frames'
//! own time: nothing archived is taken for a replay attack, and the running gateway learns nothing old. Of the gateway's
//! state only the layouts of compact frames are taken over, which a telegram from before the archive may have taught.
//! A frame with an old counter is left out: it was refused at first, or it stands in the archive twice.
//! It may run beside the gateway: it publishes as another client and says nothing about the gateway's status.

use crate::archive;
use crate::config::{Config, Span};
use crate::queue::{self, FOLDER};
use crate::run::{self, Decode, Ended, RunError};
use crate::sinks;
use crate::sources::{self, archive::Fed};
use crate::stop::signal;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};
use tracing::{debug, info};

/// What is replayed, and to whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// Files of an archive, or folders of them.
    pub archives: Vec<PathBuf>,
    /// The sinks by their names; none means all that are not files.
    pub sinks: Vec<String>,
}

/// Why nothing can be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// No such archive.
    #[error("{path}: {1}", path = .0.display())]
    Archive(PathBuf, #[source] io::Error),
    /// A folder without files.
    #[error("{path}: no archive is here, its files end in {suffix}", path = .0.display(), suffix = archive::SUFFIX)]
    Empty(PathBuf),
    /// No such sink.
    #[error("no sink is named `{0}`; there are {1}")]
    Sink(String, String),
    /// Only files are configured.
    #[error("the configuration has only files as sinks, which belong to the gateway: say with --sink which is meant")]
    OnlyFiles,
    /// The line.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// How a replay ended.
#[derive(Clone, Copy, Debug)]
pub struct Replayed {
    /// Frames that were fed.
    pub frames: u64,
    /// Lines and damaged places that were passed over.
    pub wrong: u64,
    /// How the line ended; `None` when it was interrupted.
    pub ended: Option<Ended>,
}

impl Display for Replayed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} frames fed", self.frames)?;
        match self.ended {
            None => f.write_str(", broken off")?,
            Some(ended) => {
                write!(f, ", {} reports delivered", ended.records.saturating_sub(ended.undelivered))?;
                if ended.copies > 0 {
                    write!(f, ", {} stood there twice", ended.copies)?;
                }
            }
        }
        if self.wrong > 0 {
            write!(f, ", {} lines or damaged places passed over", self.wrong)?;
        }
        Ok(())
    }
}

impl Replayed {
    /// Whether everything that was archived has been delivered.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.wrong == 0 && self.ended.is_some_and(|ended| ended.is_clean() && ended.refused == 0)
    }
}

/// Feeds archives to a gateway's sinks.
///
/// # Errors
/// When it cannot begin.
pub fn replay(mut config: Config, mut decode: Box<dyn Decode>, options: &Options) -> Result<Replayed, ReplayError> {
    let files = files(&options.archives)?;
    config.sinks = chosen(config.sinks, &options.sinks)?;
    config.sinks.iter_mut().for_each(sinks::Config::beside);
    let fed = Arc::<Fed>::default();
    let name = Some("archive".to_owned());
    config.sources = vec![sources::Config::Archive(sources::archive::Config { name, files, fed: Arc::clone(&fed) })];
    config.http = None;
    // Archived frames come as fast as they are read, and bring no news.
    config.limits.meter = None;
    config.limits.source = None;
    // It ends when everything has been delivered, or with a signal.
    config.drain = Span(Duration::from_secs(10 * 365 * 86_400));
    let layouts = queue::layouts(&config.data.join(FOLDER), |lesson| decode.learn(lesson));
    if let Err(error) = layouts {
        debug!(%error, "nothing is taken over of what the gateway has learned");
    }
    // Everything in it can be had again from the archive, so nothing of it is kept.
    config.data = config.data.join(format!("replay-{}", std::process::id()));
    let data = config.data.clone();
    let ended = interruptible(&config, decode);
    let _ = fs::remove_dir_all(data);
    Ok(Replayed { frames: fed.frames(), wrong: fed.wrong(), ended: ended? })
}

/// Runs the line to its end, or until a signal; then what is under way is broken off.
fn interruptible(config: &Config, decode: Box<dyn Decode>) -> Result<Option<Ended>, RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(RunError::Runtime)?;
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = run::run(config, decode, std::future::pending()) => ended.map(Some),
            name = signal() => {
                info!(?name, "broken off: begin again, what was delivered has equal ids");
                Ok(None)
            }
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    ended
}

/// The files of archives, those of a folder in their order.
fn files(archives: &[PathBuf]) -> Result<Vec<PathBuf>, ReplayError> {
    let wrong = |path: &Path| {
        let path = path.to_owned();
        move |error| ReplayError::Archive(path, error)
    };
    let mut files = Vec::new();
    for path in archives {
        if !fs::metadata(path).map_err(wrong(path))?.is_dir() {
            files.push(path.clone());
            continue;
        }
        let found = archive::files(path).map_err(wrong(path))?;
        if found.is_empty() {
            return Err(ReplayError::Empty(path.clone()));
        }
        files.extend(found.into_iter().map(|(_, path)| path));
    }
    Ok(files)
}

/// The sinks that are fed.
fn chosen(sinks: Vec<sinks::Config>, names: &[String]) -> Result<Vec<sinks::Config>, ReplayError> {
    let there = sinks.iter().map(sinks::Config::name).collect::<Vec<_>>();
    if let Some(missing) = names.iter().find(|name| !there.contains(name)) {
        return Err(ReplayError::Sink(missing.clone(), there.join(", ")));
    }
    let meant = |sink: &sinks::Config| match names {
        [] => !matches!(sink, sinks::Config::File(_) | sinks::Config::Archive(_)),
        names => names.contains(&sink.name()),
    };
    let chosen: Vec<_> = sinks.into_iter().filter(meant).collect();
    if chosen.is_empty() { Err(ReplayError::OnlyFiles) } else { Ok(chosen) }
}
