//! Starts every part and joins them into one line: the only file that knows all parts. `ARCHITECTURE.md` tells what each
//! task waits for.

use crate::clock;
use crate::commands::{Desk, StoreError};
use crate::config::{Config, ConfigError};
pub use crate::line::Decode;
use crate::line::{Line, Settings};
use crate::meters::Meters;
use crate::parts::{Ready, Sinks, Sources};
use crate::queue::log::LogError;
use crate::queue::{self, Joining, Opened, Queue, RestoreError};
use crate::reload::{Prepared, Reload};
use crate::service::Service;
use crate::sinks::{self, SinkError};
use crate::sources::Intake;
use crate::stop::{signal, stop};
use crate::telemetry::{Counts, Pages, PagesError, seconds};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
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
    /// The commands cannot be kept.
    #[error("the commands: {0}")]
    Commands(#[from] StoreError),
    /// The pages cannot be served.
    #[error("http: {0}")]
    Http(#[from] PagesError),
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
    run_anew(config.clone(), decode, stopped, Reload::never()).await
}

/// As [`run`], and takes the configuration anew whenever `reload` says so.
///
/// # Errors
/// When it cannot begin.
pub async fn run_anew(
    mut config: Config,
    decode: Box<dyn Decode>,
    stopped: impl Future<Output = String>,
    mut reload: Reload,
) -> Result<Ended, RunError> {
    let ready = config.sinks.iter().enumerate();
    let ready = ready.map(|(n, sink)| Ready::new(sink, &config.name).map_err(|error| RunError::Sink(n + 1, error)));
    let ready = ready.collect::<Result<Vec<_>, _>>()?;
    // Whoever holds the sender may replace what is said about meters while the line runs.
    let (of_meters, meters) = watch::channel(Arc::new(Meters::load(&config)?));
    let names: Vec<_> = config.sinks.iter().map(sinks::Config::name).collect();
    let (data, of_queue, of_parked) = (config.data.clone(), config.queue.clone(), config.parked.clone());
    let opened = blocking(move || {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        Queue::open(&data, &of_queue, &of_parked, &names)
    });
    let of_queue = |error| RunError::Queue(config.data.join(queue::FOLDER), error);
    let Opened { queue, readers, handle } = opened.await?.map_err(of_queue)?;
    let counts = Arc::new(Counts::new());
    let keys = decode.keys();
    let mut pages = Pages::new(&config.name, Arc::clone(&counts), handle.gauge(), keys.clone());
    pages.start(config.http.as_ref()).await?;

    // Whether the clock is set is known before the first frame comes.
    let set = clock::look(config.clock).await;
    if !set {
        clock::tell(set);
    }
    let asking = tokio::spawn(clock::watch(config.clock, set));

    // The sinks go on with what is there while it is read what was learned.
    let named = config.sinks.iter().map(sinks::Config::name).zip(readers).collect();
    let (mut sinks, joining) = (Sinks::new(named, &counts), handle.joining());
    sinks.set(ready, &joining).await.map_err(of_queue)?;
    let (of_line, counting) = (config.clone(), Arc::clone(&counts.line));
    let mut line = blocking(move || Line::restored(&of_line, decode, queue, meters, counting)).await??;
    let (intake, captures) = Intake::new(INTAKE);
    let intake = intake.with_keys(keys);
    let (no_more_commands, commands_stop) = stop();
    let desk = if config.commands.enabled {
        let (tell, tells) = mpsc::channel(1);
        line.hears(tells);
        let (data, gateway, of_desk, links) =
            (config.data.clone(), config.name.clone(), config.commands.clone(), intake.links());
        let desk = blocking(move || Desk::open(&data, &gateway, &of_desk, links, tell)).await??;
        // Nobody brings commands from a broker yet; those of the folder the desk finds itself.
        let (_, incoming) = mpsc::channel(16);
        Some(tokio::spawn(desk.run(incoming, commands_stop)))
    } else {
        None
    };
    let (to_line, settings) = watch::channel(None);
    let runtime = tokio::runtime::Handle::current();
    let counting = Arc::clone(&counts.line);
    let mut line = tokio::task::spawn_blocking(move || {
        counting.running.set(true);
        let back = line.run(captures, settings, &runtime);
        counting.running.set(false);
        back
    });
    let mut sources = Sources::new(intake, &counts);
    sources.set(&config.sources).await;
    let waiting = handle.unconfirmed();
    info!(gateway = %config.name, sources = config.sources.len(), sinks = config.sinks.len(), waiting, "running");
    let service = Arc::new(Service::from_environment());
    service.ready(&format!("{} sources, {} sinks", config.sources.len(), config.sinks.len()));
    let (fed, counting) = (Arc::clone(&service), Arc::clone(&counts));
    // While it stops, it is the stop that has a time.
    let beat = move || counting.line.beat.get() + if counting.stopping.get() { seconds() } else { 0 };
    let feeding = tokio::spawn(async move { fed.feed(beat).await });

    tokio::pin!(stopped);
    let mut parts = Parts { sources, sinks, joining, pages: &mut pages, to_line, of_meters };
    let why = loop {
        let (file, why) = tokio::select! {
            why = &mut stopped => break why,
            () = parts.sources.ended() => break "all sources have ended".to_owned(),
            // No sink ends while the queue is open, unless it cannot go on. Then nothing can ever leave the queue again.
            () = parts.sinks.failed() => break "a sink cannot go on".to_owned(),
            asked = reload.asked() => asked,
        };
        let prepared = Prepared::read(file, config.clone()).await;
        counts.reloads.made(prepared.is_ok());
        match prepared {
            Ok(prepared) => {
                info!(why, "the configuration is taken anew");
                if let Err(error) = service.reloading() {
                    warn!(%error, "the service manager is not told of it");
                }
                config = parts.change(prepared).await;
                reload.follow(&config);
                service.ready(&format!("{} sources, {} sinks", config.sources.len(), config.sinks.len()));
            }
            Err(error) => error!(why, %error, "the configuration is wrong, the gateway goes on with what it had"),
        }
    };
    let Parts { sources, mut sinks, .. } = parts;
    info!(%why, wait = ?config.drain.0, "stopping: what has been taken is delivered");
    counts.stopping.set(true);
    service.stopping();
    // What becomes of commands from now on is told after the next start.
    no_more_commands.stop();
    if let Some(desk) = desk {
        // It ends when the disk lets it.
        let _ = timeout(PATIENCE, desk).await;
    }
    let mut taking = sources.stop();
    sinks.stop();
    // The line gives back the queue, which is held until everything has ended.
    let mut back = None;
    let drained = timeout(config.drain.0, async {
        taking.ended().await;
        // It ends when the last source has let go of its intake.
        back = Some((&mut line).await);
        handle.close();
        sinks.ended().await;
    });
    if drained.await.is_err() {
        taking.abort();
        handle.abandon();
        if back.is_none() {
            // It ends now that it waits for room no longer, unless the disk holds it.
            back = timeout(PATIENCE, &mut line).await.ok();
        }
    }
    let ended = Ended {
        failed: taking.failed() + sinks.shutdown().await,
        records: counts.line.records.get(),
        copies: counts.line.copies.get(),
        refused: counts.line.refused.get(),
        undelivered: handle.unconfirmed(),
    };
    if ended.undelivered > 0 {
        warn!(records = ended.undelivered, "not delivered everywhere: they stay in the queue for the next start");
    }
    pages.stop().await;
    asking.abort();
    feeding.abort();
    // The cursors are saved a last time, then another process may have the folder.
    blocking(move || drop((handle, back))).await?;
    info!(records = ended.records, copies = ended.copies, refused = ended.refused, "stopped");
    Ok(ended)
}

/// The parts of a running gateway that another configuration changes.
struct Parts<'a> {
    sources: Sources,
    sinks: Sinks,
    joining: Joining,
    pages: &'a mut Pages,
    to_line: watch::Sender<Option<Arc<Settings>>>,
    of_meters: watch::Sender<Arc<Meters>>,
}

impl Parts<'_> {
    /// Goes on with another configuration, which is now the one that runs.
    async fn change(&mut self, Prepared { config, keys, meters, sinks, server, restart }: Prepared) -> Config {
        if !restart.is_empty() {
            let keys = restart.join(", ");
            warn!(%keys, "changed, but needs a restart: until then the gateway goes on with the old values");
        }
        keys.warnings().iter().for_each(|warning| warn!("{warning}"));
        if let Err(error) = self.sinks.set(sinks, &self.joining).await {
            error!(%error, "a new sink has no place in the queue, the sinks stay as they were");
        }
        let settings = Settings {
            keys,
            zone: Some(config.time_zone.0.clone()),
            deduplicate: config.deduplicate.clone(),
            queue: config.queue.clone(),
            parked: config.parked.clone(),
        };
        self.of_meters.send_replace(Arc::new(meters));
        // A line that waits for room takes them once there is some.
        self.to_line.send_replace(Some(Arc::new(settings)));
        self.sources.set(&config.sources).await;
        self.pages.change(config.http.as_ref(), server).await;
        config
    }
}

/// Does what waits for the disk, beside the tasks.
async fn blocking<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> Result<T, RunError> {
    tokio::task::spawn_blocking(what).await.map_err(|error| RunError::Runtime(std::io::Error::other(error)))
}

/// Runs a gateway until its sources end, a signal stops it or its time is over: [`run_anew`] with a runtime of its own.
/// With the `file` of the configuration it is taken anew when it is time.
///
/// # Errors
/// When it cannot begin.
pub fn until_signal(
    config: &Config,
    decode: Box<dyn Decode>,
    limit: Option<Duration>,
    file: Option<&Path>,
) -> Result<Ended, RunError> {
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
        let reload = match file {
            Some(file) => Reload::of(file, config).map_err(RunError::Runtime)?,
            None => Reload::never(),
        };
        run_anew(config.clone(), decode, stopped, reload).await
    });
    // A read of the standard input cannot be broken off; nobody shall wait for its next line.
    runtime.shutdown_background();
    ended
}
