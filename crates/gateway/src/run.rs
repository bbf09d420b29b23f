//! Starts every part and joins them into one line: the only file that knows all parts.
//!
//! | task | waits for |
//! |---|---|
//! | one per source | its input; a place in the intake |
//! | the line | a capture in the intake; room in the queue |
//! | one per sink | a record in the queue; its peer |

use crate::capture::Capture;
use crate::config::Config;
use crate::deduplicate::{Deduplicate, Seen};
use crate::queue::{Queue, QueueError};
use crate::record::Record;
use crate::sinks::{Sink, SinkError};
use crate::sources::{self, Intake, Taken};
use crate::stop::{signal, stop};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::{sync::mpsc, task::JoinSet, time::timeout};
use tracing::{error, info, warn};

/// What makes a record of a capture. It is pure but for what it has learned.
pub trait Decode: Send {
    /// Decodes one capture, of which so many copies have come.
    fn decode(&mut self, capture: &Capture, copies: u32) -> Record;

    /// Whether the last record could be stored: only then what its frame teaches becomes true.
    fn stored(&mut self, stored: bool);
}

/// Why a gateway cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A sink cannot begin.
    #[error("sink {0}: {1}")]
    Sink(usize, #[source] SinkError),
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
    /// Records that some sink has not delivered.
    pub undelivered: usize,
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
/// The most records of one commit.
const GROUP: usize = 64;

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
    let (stopper, stop) = stop();
    let (queue, readers) = Queue::new(&config.queue, sinks.len());
    let (intake, captures) = Intake::new(INTAKE);
    let counts = Arc::<Counts>::default();

    let mut sending = JoinSet::new();
    for (sink, reader) in sinks.into_iter().zip(readers) {
        let stop = stop.clone();
        sending.spawn(sink.run(reader, stop));
    }
    let line = Line {
        deduplicate: Deduplicate::new(&config.deduplicate),
        decode,
        queue: queue.clone(),
        counts: Arc::clone(&counts),
    };
    let mut line = tokio::spawn(line.run(captures));
    let mut taking = JoinSet::new();
    for source in config.sources.clone() {
        taking.spawn(sources::run(source, intake.clone(), stop.clone()));
    }
    // The line ends when no source holds an intake any more.
    drop(intake);
    info!(gateway = %config.name, sources = config.sources.len(), sinks = config.sinks.len(), "running");

    let (mut failed, mut dead) = (0, 0);
    let why = tokio::select! {
        why = stopped => why,
        () = all(&mut taking, &mut failed) => "all sources have ended".to_owned(),
        // No sink ends while the queue is open, unless it cannot go on. Then nothing can ever leave the queue again.
        () = first_failed(&mut sending, &mut dead) => "a sink cannot go on".to_owned(),
    };
    info!(%why, wait = ?config.drain.0, "stopping: what has been taken is delivered");
    stopper.stop();
    let drained = timeout(config.drain.0, async {
        all(&mut taking, &mut failed).await;
        // It ends when the last source has let go of its intake.
        let _ = (&mut line).await;
        queue.close();
        all(&mut sending, &mut dead).await;
    });
    if drained.await.is_err() {
        line.abort();
        warn!("not everything could be delivered in time");
    }
    let ended = Ended {
        records: counts.records.load(Relaxed),
        copies: counts.copies.load(Relaxed),
        refused: counts.refused.load(Relaxed),
        undelivered: queue.unconfirmed(),
        failed: failed + dead,
    };
    if ended.undelivered > 0 {
        error!(records = ended.undelivered, "lost: these records were only in memory and not delivered everywhere");
    }
    info!(records = ended.records, copies = ended.copies, refused = ended.refused, "stopped");
    Ok(ended)
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

/// Deduplicate, decode, queue: what every capture goes through, in the order it came.
struct Line {
    deduplicate: Deduplicate,
    decode: Box<dyn Decode>,
    queue: Queue,
    counts: Arc<Counts>,
}

/// What has gone through the line, for whoever wants to know: the place where the metrics of the next release look.
#[derive(Debug, Default)]
struct Counts {
    records: AtomicU64,
    copies: AtomicU64,
    refused: AtomicU64,
}

impl Line {
    async fn run(mut self, mut captures: mpsc::Receiver<Taken>) {
        let mut group = Vec::with_capacity(GROUP);
        let mut answers = Vec::with_capacity(GROUP);
        let mut firsts = Vec::with_capacity(GROUP);
        while captures.recv_many(&mut group, GROUP).await > 0 {
            for Taken { capture, answer } in group.drain(..) {
                let taken = match self.deduplicate.see(&capture, Instant::now()) {
                    Seen::Copy(_) => {
                        self.counts.copies.fetch_add(1, Relaxed);
                        Ok(())
                    }
                    Seen::First(frame) => {
                        let appended = self.queue.append(self.decode.decode(&capture, 1)).await;
                        self.decode.stored(appended.is_ok());
                        match appended {
                            Ok(_) => firsts.push(frame),
                            Err(_) => self.deduplicate.withdraw(frame),
                        }
                        appended.map(drop)
                    }
                };
                answers.push((answer, taken));
            }
            // A copy is acknowledged only after its original, and both only after the commit.
            let committed = self.queue.commit().await.map(drop);
            for frame in firsts.drain(..) {
                match committed {
                    Ok(()) => drop(self.counts.records.fetch_add(1, Relaxed)),
                    Err(_) => self.deduplicate.withdraw(frame),
                }
            }
            for (answer, taken) in answers.drain(..) {
                let answered: Result<(), QueueError> = taken.and(committed);
                self.counts.refused.fetch_add(answered.is_err().into(), Relaxed);
                if let Some(answer) = answer {
                    // Whoever asked may have gone.
                    let _ = answer.send(answered);
                }
            }
        }
        if self.deduplicate.forgotten() > 0 {
            let frames = self.deduplicate.forgotten();
            warn!(
                frames,
                "forgotten before their time, copies of them may have come through: raise deduplicate.entries"
            );
        }
    }
}
