//! Starts every part and joins them into one line: the only file that knows all parts.
//!
//! | task | waits for |
//! |---|---|
//! | one per source | its input; a place in the intake |
//! | the line, on a thread of its own | a capture in the intake; the disk; room in the queue |
//! | one per sink | a record in the queue; its peer |
//! | the watchdog's, where the service manager has one | time |
//! | the pages, where `[http]` is, and one per connection | who asks |
//! | the one who asks whether the clock is set | those who set it; a minute |
//! | the cursors of the sinks, on a thread of their own | a confirmation; the disk |

use crate::clock;
use crate::config::{Config, ConfigError};
pub use crate::line::Decode;
use crate::line::Line;
use crate::meters::Meters;
use crate::queue::log::LogError;
use crate::queue::{self, Opened, Queue, RestoreError};
use crate::service::Service;
use crate::sinks::{self, Sink, SinkError};
use crate::sources::{self, Intake};
use crate::status_page::{Access, AccessError, Page};
use crate::stop::{signal, stop};
use crate::telemetry::{Counts, Server, View, seconds};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::{sync::watch, task::JoinSet, time::timeout};
use tracing::{error, info, warn};

/// Why a gateway cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A sink cannot begin.
    #[error("sink {0}: {1}")]
    Sink(usize, #[source] SinkError),
    /// What is said about meters.
    #[error(transparent)]
    Meters(#[from] ConfigError),
    /// The queue cannot be opened.
    #[error("the queue in {path}: {1}", path = .0.display())]
    Queue(PathBuf, #[source] LogError),
    /// What was learned does not come back.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// Nobody can ask how it is.
    #[error("cannot listen at {0}: {1}")]
    Http(SocketAddr, #[source] std::io::Error),
    /// Nobody could ever look in.
    #[error("http: {0}")]
    Access(#[from] AccessError),
    /// The machine gives no threads.
    #[error("cannot begin: {0}")]
    Runtime(#[source] std::io::Error),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Captures that became records.
    pub records: u64,
    /// Captures that were copies of others.
    pub copies: u64,
    /// Captures that were refused.
    pub refused: u64,
    /// Records that some sink has not delivered. They stay in the queue for the next start.
    pub undelivered: u64,
    /// Sources and sinks that could not go on.
    pub failed: usize,
}

impl Ended {
    /// Whether everything that came in has gone out.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.undelivered == 0 && self.failed == 0
    }
}

/// The most captures between sources and line.
const INTAKE: usize = 1024;
/// How long a stop waits for the disk, beyond what it waits for sinks.
const PATIENCE: Duration = Duration::from_secs(5);
/// Runs a gateway until all sources have ended, or until `stopped` says why to stop; what has been taken until then is
/// delivered, as long as the configuration allows for it.
///
/// # Errors
/// When it cannot begin.
pub async fn run(
    config: &Config,
    decode: Box<dyn Decode>,
    stopped: impl Future<Output = String>,
) -> Result<Ended, RunError> {
    let sinks = config
        .sinks
        .iter()
        .enumerate()
        .map(|(n, sink)| Sink::new(sink, &config.name).map_err(|error| RunError::Sink(n + 1, error)));
    let sinks = sinks.collect::<Result<Vec<_>, _>>()?;
    // Whoever holds the sender may replace what is said about meters while the line runs.
    let (_meters, meters) = watch::channel(Arc::new(Meters::load(config)?));
    let (stopper, stop) = stop();
    let names: Vec<_> = config.sinks.iter().map(sinks::Config::name).collect();
    let (data, of_queue) = (config.data.clone(), config.queue.clone());
    let opened = blocking(move || {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        Queue::open(&data, &of_queue, &names)
    });
    let opened = opened.await?.map_err(|error| RunError::Queue(config.data.join(queue::FOLDER), error))?;
    let Opened { queue, readers, handle } = opened;
    let of_sources = config.sources.iter().map(|source| source.name().unwrap_or_default().to_owned());
    let counts = Arc::new(Counts::new(of_sources, config.sinks.iter().map(sinks::Config::name)));
    let mut serving = JoinSet::new();
    if let Some(http) = &config.http {
        let access = Access::new(&config.name, http)?;
        let server = Server::bind(http.listen).await.map_err(|error| RunError::Http(http.listen, error))?;
        let view = View::new(&config.name, Arc::clone(&counts), handle.gauge());
        serving.spawn(server.run(Page::new(view, access, decode.keys())));
    }

    // Whether the clock is set is known before the first frame comes.
    let set = clock::look(config.clock).await;
    if !set {
        clock::tell(set);
    }
    let asking = tokio::spawn(clock::watch(config.clock, set));

    // The sinks go on with what is there while it is read what was learned.
    let mut sending = JoinSet::new();
    for ((sink, reader), counts) in sinks.into_iter().zip(readers).zip(&counts.sinks) {
        let (stop, reader) = (stop.clone(), reader.counting(Arc::clone(counts)));
        sending.spawn(sink.run(reader, stop));
    }
    let (of_line, counting) = (config.clone(), Arc::clone(&counts.line));
    let line = blocking(move || Line::restored(&of_line, decode, queue, meters, counting)).await??;
    let (intake, captures) = Intake::new(INTAKE);
    let runtime = tokio::runtime::Handle::current();
    let counting = Arc::clone(&counts.line);
    let mut line = tokio::task::spawn_blocking(move || {
        counting.running.set(true);
        let back = line.run(captures, &runtime);
        counting.running.set(false);
        back
    });
    let mut taking = JoinSet::new();
    for (source, counts) in config.sources.iter().zip(&counts.sources) {
        taking.spawn(sources::run(source.clone(), intake.counting(counts), stop.clone()));
    }
    // The line ends when no source holds an intake any more.
    drop(intake);
    let waiting = handle.unconfirmed();
    info!(gateway = %config.name, sources = config.sources.len(), sinks = config.sinks.len(), waiting, "running");
    let service = Arc::new(Service::from_environment());
    service.ready(&format!("{} sources, {} sinks", config.sources.len(), config.sinks.len()));
    let (fed, counting) = (Arc::clone(&service), Arc::clone(&counts));
    // While it stops, it is the stop that has a time.
    let beat = move || counting.line.beat.get() + if counting.stopping.get() { seconds() } else { 0 };
    serving.spawn(async move { fed.feed(beat).await });

    let (mut failed, mut dead) = (0, 0);
    let why = tokio::select! {
        why = stopped => why,
        () = all(&mut taking, &mut failed) => "all sources have ended".to_owned(),
        // No sink ends while the queue is open, unless it cannot go on. Then nothing can ever leave the queue again.
        () = first_failed(&mut sending, &mut dead) => "a sink cannot go on".to_owned(),
    };
    info!(%why, wait = ?config.drain.0, "stopping: what has been taken is delivered");
    counts.stopping.set(true);
    service.stopping();
    stopper.stop();
    // The line gives back the queue, which is held until everything has ended.
    let mut back = None;
    let drained = timeout(config.drain.0, async {
        all(&mut taking, &mut failed).await;
        // It ends when the last source has let go of its intake.
        back = Some((&mut line).await);
        handle.close();
        all(&mut sending, &mut dead).await;
    });
    if drained.await.is_err() {
        taking.abort_all();
        handle.abandon();
        if back.is_none() {
            // It ends now that it waits for room no longer, unless the disk holds it.
            back = timeout(PATIENCE, &mut line).await.ok();
        }
        sending.shutdown().await;
    }
    let ended = Ended {
        records: counts.line.records.get(),
        copies: counts.line.copies.get(),
        refused: counts.line.refused.get(),
        undelivered: handle.unconfirmed(),
        failed: failed + dead,
    };
    if ended.undelivered > 0 {
        warn!(records = ended.undelivered, "not delivered everywhere: they stay in the queue for the next start");
    }
    serving.shutdown().await;
    asking.abort();
    // The cursors are saved a last time, then another process may have the folder.
    blocking(move || drop((handle, back))).await?;
    info!(records = ended.records, copies = ended.copies, refused = ended.refused, "stopped");
    Ok(ended)
}

/// Does what waits for the disk, beside the tasks.
async fn blocking<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> Result<T, RunError> {
    tokio::task::spawn_blocking(what).await.map_err(|error| RunError::Runtime(std::io::Error::other(error)))
}

/// Runs a gateway until its sources end, a signal stops it or its time is over: [`run`] with a runtime of its own.
///
/// # Errors
/// When it cannot begin.
pub fn until_signal(config: &Config, decode: Box<dyn Decode>, limit: Option<Duration>) -> Result<Ended, RunError> {
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(2, 4);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = runtime.map_err(RunError::Runtime)?;
    let ended = runtime.block_on(async {
        let signal = async {
            match signal().await {
                Ok(name) => name.to_owned(),
                Err(error) => format!("signals cannot be caught: {error}"),
            }
        };
        let stopped = async {
            match limit {
                Some(limit) => timeout(limit, signal).await.unwrap_or_else(|_| "its time is over".to_owned()),
                None => signal.await,
            }
        };
        run(config, decode, stopped).await
    });
    // A read of the standard input cannot be broken off; nobody shall wait for its next line.
    runtime.shutdown_background();
    ended
}

/// Waits for all tasks, and counts those that could not go on.
async fn all<E: std::error::Error + 'static>(tasks: &mut JoinSet<Result<(), E>>, failed: &mut usize) {
    while let Some(task) = tasks.join_next().await {
        count(task, failed);
    }
}

async fn first_failed(tasks: &mut JoinSet<Result<(), SinkError>>, failed: &mut usize) {
    while let Some(task) = tasks.join_next().await {
        if count(task, failed) {
            return;
        }
    }
    std::future::pending::<()>().await;
}

fn count<E: std::error::Error>(task: Result<Result<(), E>, tokio::task::JoinError>, failed: &mut usize) -> bool {
    let error = match task {
        Ok(Ok(())) => return false,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    error!(%error, "a part cannot go on");
    *failed += 1;
    true
}
