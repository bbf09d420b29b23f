//! The sources and the sinks that run, each under its name with the configuration it was started with. With another
//! configuration those that changed are started anew; the others go on, with their sockets and their clients.

use crate::queue::log::LogError;
use crate::queue::{Joining, Leave, Reader};
use crate::sinks::{self, Sink, SinkError};
use crate::sources::{self, Intake, SourceError};
use crate::stop::{Stopper, stop};
use crate::telemetry::{Counts, OfSink, OfSource};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};
use tracing::{error, info, warn};

/// How long a part that is to go may take to hand over what it has taken.
const LEAVE: Duration = Duration::from_secs(3);

/// Tasks by name, each with what it was started with.
#[derive(Debug)]
struct Tasks<C, E> {
    running: HashMap<String, Running<C>>,
    tasks: JoinSet<(String, Result<(), E>)>,
    /// How many could not go on.
    failed: usize,
}

#[derive(Debug)]
struct Running<C> {
    config: C,
    stopper: Stopper,
    task: AbortHandle,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    /// It has come to its end.
    Ended,
    /// It could not go on.
    Failed,
}

impl<C: PartialEq, E: std::error::Error + Send + 'static> Tasks<C, E> {
    fn new() -> Self {
        Self { running: HashMap::new(), tasks: JoinSet::new(), failed: 0 }
    }

    fn start(
        &mut self,
        name: &str,
        config: C,
        stopper: Stopper,
        run: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let own = name.to_owned();
        let task = self.tasks.spawn(async move { (own, run.await) });
        self.running.insert(name.to_owned(), Running { config, stopper, task, state: State::Running });
    }

    /// Waits until a task has ended; whether it failed. `None` when there is none.
    async fn next(&mut self) -> Option<bool> {
        let ended = self.tasks.join_next().await?;
        Some(self.note(ended, true))
    }

    /// Notes the end of a task; whether it could not go on.
    fn note(&mut self, ended: Result<(String, Result<(), E>), JoinError>, counts: bool) -> bool {
        let (name, error) = match ended {
            Ok((name, Ok(()))) => (Some(name), None),
            Ok((name, Err(error))) => (Some(name), Some(error.to_string())),
            Err(error) if error.is_cancelled() => return false,
            Err(error) => (None, Some(error.to_string())),
        };
        if let Some(running) = name.as_ref().and_then(|name| self.running.get_mut(name)) {
            running.state = if error.is_some() { State::Failed } else { State::Ended };
        }
        let Some(error) = error else { return false };
        let part = name.unwrap_or_default();
        if counts {
            error!(%part, %error, "a part cannot go on");
            self.failed += 1;
        } else {
            warn!(%part, %error, "a part that was to go has failed");
        }
        counts
    }

    /// Whether a part has to be started, as it is new, is another one now or could not go on.
    fn is_stale(&self, name: &str, config: &C) -> bool {
        self.running.get(name).is_none_or(|running| running.config != *config || running.state == State::Failed)
    }

    /// Those that are not among these any more.
    fn others(&self, names: &HashSet<&str>) -> Vec<String> {
        self.running.keys().filter(|name| !names.contains(name.as_str())).cloned().collect()
    }

    fn stop(&self) {
        self.running.values().for_each(|running| running.stopper.stop());
    }

    /// Lets these go, and waits until they are gone.
    async fn leave(&mut self, names: &[String]) {
        let mut going = HashSet::new();
        for running in names.iter().filter_map(|name| self.running.get(name)) {
            running.stopper.stop();
            going.insert(running.task.id());
        }
        let mut deadline = Instant::now() + LEAVE;
        let mut aborted = false;
        while names.iter().filter_map(|name| self.running.get(name)).any(|running| !running.task.is_finished()) {
            let ended = match timeout_at(deadline, self.tasks.join_next_with_id()).await {
                Ok(None) => break,
                Ok(Some(ended)) => ended,
                Err(_) if aborted => break,
                Err(_) => {
                    // What it has taken and not handed over, nobody was told is safe.
                    names.iter().filter_map(|name| self.running.get(name)).for_each(|running| running.task.abort());
                    (aborted, deadline) = (true, Instant::now() + LEAVE);
                    continue;
                }
            };
            let (id, ended) = match ended {
                Ok((id, ended)) => (id, Ok(ended)),
                Err(error) => (error.id(), Err(error)),
            };
            self.note(ended, !going.contains(&id));
        }
        for name in names {
            self.running.remove(name);
        }
    }
}

/// The sources that run.
#[derive(Debug)]
pub(crate) struct Sources {
    tasks: Tasks<sources::Config, SourceError>,
    intake: Intake,
    counts: Arc<Counts>,
}

impl Sources {
    /// None yet.
    pub(crate) fn new(intake: Intake, counts: &Arc<Counts>) -> Self {
        Self { tasks: Tasks::new(), intake, counts: Arc::clone(counts) }
    }

    /// From now on these run: those that are the same go on.
    pub(crate) async fn set(&mut self, configs: &[sources::Config]) {
        let name = |config: &sources::Config| config.name().unwrap_or_default().to_owned();
        let names: Vec<_> = configs.iter().map(name).collect();
        let stale: Vec<_> =
            configs.iter().zip(&names).filter(|(config, name)| self.tasks.is_stale(name, config)).collect();
        let mut gone = self.tasks.others(&names.iter().map(String::as_str).collect());
        gone.iter().for_each(|source| info!(%source, "this source is no longer configured: it ends"));
        gone.extend(stale.iter().map(|(_, name)| (*name).clone()));
        self.tasks.leave(&gone).await;
        let before = self.counts.sources.all();
        let count = |name: &String| {
            let known = before.iter().find(|counts| counts.name == *name);
            known.map_or_else(|| Arc::new(OfSource::new(name.clone())), Arc::clone)
        };
        let counts: Vec<_> = names.iter().map(count).collect();
        for (config, name) in stale {
            let Some(counts) = counts.iter().find(|counts| counts.name == *name) else { continue };
            let (stopper, stop) = stop();
            let run = sources::run(config.clone(), self.intake.counting(counts), stop);
            self.tasks.start(name, config.clone(), stopper, run);
        }
        self.counts.sources.set(counts);
    }

    /// Waits until all have ended.
    pub(crate) async fn ended(&mut self) {
        while self.tasks.next().await.is_some() {}
    }

    /// All shall end. The line ends when the last one has.
    pub(crate) fn stop(mut self) -> Ending {
        self.tasks.stop();
        Ending(std::mem::replace(&mut self.tasks, Tasks::new()))
    }
}

/// Sources that are asked to end. None of them holds an intake once it has.
#[derive(Debug)]
pub(crate) struct Ending(Tasks<sources::Config, SourceError>);

impl Ending {
    /// Waits until all have ended.
    pub(crate) async fn ended(&mut self) {
        while self.0.next().await.is_some() {}
    }

    /// They shall wait for nothing any more.
    pub(crate) fn abort(&mut self) {
        self.0.tasks.abort_all();
    }

    /// How many could not go on.
    pub(crate) const fn failed(&self) -> usize {
        self.0.failed
    }
}

/// The sinks that run.
#[derive(Debug)]
pub(crate) struct Sinks {
    tasks: Tasks<Told, SinkError>,
    /// The ends of the queue that they read from.
    readers: HashMap<String, (Reader, Leave)>,
    counts: Arc<Counts>,
}

/// What a sink was told: its configuration, and a hash of the files that belong to it.
type Told = (sinks::Config, u128);

/// A sink that is ready to run.
#[derive(Debug)]
pub(crate) struct Ready {
    /// What it was made of.
    pub(crate) told: Told,
    /// The sink.
    pub(crate) sink: Sink,
}

impl Ready {
    /// Reads everything that a sink needs.
    pub(crate) fn new(config: &sinks::Config, gateway: &str) -> Result<Self, SinkError> {
        let files = crate::reload::print(config.files());
        Ok(Self { told: (config.clone(), files), sink: Sink::new(config, gateway)? })
    }
}

impl Sinks {
    /// None yet; these are the ends of the queue for those that come first.
    pub(crate) fn new(readers: Vec<(String, Reader)>, counts: &Arc<Counts>) -> Self {
        let readers = readers.into_iter().map(|(name, reader)| {
            let leave = reader.leave();
            (name, (reader, leave))
        });
        Self { tasks: Tasks::new(), readers: readers.collect(), counts: Arc::clone(counts) }
    }

    /// From now on these run: those that are the same go on. A new one begins with the oldest record there is; of one
    /// that is gone the queue keeps nothing any more.
    pub(crate) async fn set(&mut self, sinks: Vec<Ready>, queue: &Joining) -> Result<(), LogError> {
        let names: Vec<_> = sinks.iter().map(|ready| ready.told.0.name()).collect();
        // First those that come: without any cursor the queue would keep nothing.
        for name in &names {
            if !self.readers.contains_key(name) {
                let (queue, new) = (queue.clone(), name.clone());
                let added = tokio::task::spawn_blocking(move || queue.add(&new)).await;
                let reader = added.map_err(|error| LogError::Io {
                    doing: "add",
                    file: name.clone(),
                    source: std::io::Error::other(error),
                })??;
                let leave = reader.leave();
                self.readers.insert(name.clone(), (reader, leave));
            }
        }
        let stale: Vec<_> =
            sinks.into_iter().zip(&names).filter(|(ready, name)| self.tasks.is_stale(name, &ready.told)).collect();
        let gone = self.tasks.others(&names.iter().map(String::as_str).collect());
        let mut leaving = gone.clone();
        leaving.extend(stale.iter().map(|(_, name)| (*name).clone()));
        for (_, leave) in leaving.iter().filter_map(|name| self.readers.get(name)) {
            leave.ask();
        }
        self.tasks.leave(&leaving).await;
        for name in gone {
            warn!(sink = %name, "this sink is no longer configured: the queue keeps nothing for it any more");
            if let Some((reader, _)) = self.readers.remove(&name) {
                let forgotten = tokio::task::spawn_blocking(move || reader.forget()).await;
                if let Ok(Err(error)) = forgotten {
                    warn!(sink = %name, %error, "its place in the queue stays until the next start");
                }
            }
        }
        let before = self.counts.sinks.all();
        let count = |name: &String| {
            let known = before.iter().find(|counts| counts.name == *name);
            known.map_or_else(|| Arc::new(OfSink::new(name.clone())), Arc::clone)
        };
        let counts: Vec<_> = names.iter().map(count).collect();
        for (Ready { told, sink }, name) in stale {
            let (Some(counts), Some((reader, leave))) =
                (counts.iter().find(|counts| counts.name == *name), self.readers.get_mut(name))
            else {
                continue;
            };
            let (stopper, stop) = stop();
            let reader = reader.again().counting(Arc::clone(counts));
            *leave = reader.leave();
            self.tasks.start(name, told, stopper, sink.run(reader, stop));
        }
        self.counts.sinks.set(counts);
        Ok(())
    }

    /// Waits until one cannot go on.
    pub(crate) async fn failed(&mut self) {
        while let Some(failed) = self.tasks.next().await {
            if failed {
                return;
            }
        }
        // All have ended without a fault: the queue is closed.
        std::future::pending::<()>().await;
    }

    /// They shall wait no longer than they must.
    pub(crate) fn stop(&self) {
        self.tasks.stop();
    }

    /// Waits until all have delivered everything and ended.
    pub(crate) async fn ended(&mut self) {
        while self.tasks.next().await.is_some() {}
    }

    /// Breaks all of them off; tells how many could not go on.
    pub(crate) async fn shutdown(mut self) -> usize {
        self.tasks.tasks.shutdown().await;
        self.tasks.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::path::Path;

    #[test]
    fn a_sink_with_another_password_is_another_sink() {
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, "one").unwrap();
        let text = format!(
            "name = \"g\"\ndata = \"data\"\n[[source]]\nkind = \"simulate\"\n[[sink]]\nkind = \"mqtt\"\n\
             url = \"mqtt://127.0.0.1\"\nuser = \"me\"\npassword = {{ file = {password:?} }}\n"
        );
        let config = Config::parse(Path::new("gateway.toml"), &text).unwrap();
        let ready = || Ready::new(&config.sinks[0], "g").unwrap().told;
        let before = ready();
        assert_eq!(ready(), before);
        std::fs::write(&password, "two").unwrap();
        assert_ne!(ready(), before);
        assert_eq!(config.sinks[0].files(), [password.as_path()]);
    }

    #[tokio::test]
    async fn a_part_that_does_not_leave_is_broken_off_and_others_go_on() {
        let mut tasks = Tasks::<u32, std::io::Error>::new();
        for (name, config) in [("stays", 1), ("hangs", 2), ("leaves", 3)] {
            let (stopper, mut stop) = stop();
            tasks.start(name, config, stopper, async move {
                match name {
                    "leaves" => stop.asked().await,
                    _ => std::future::pending().await,
                }
                Ok(())
            });
        }
        assert!(!tasks.is_stale("stays", &1) && tasks.is_stale("stays", &2) && tasks.is_stale("new", &1));
        assert_eq!(tasks.others(&HashSet::from(["stays", "hangs"])), ["leaves"]);
        tasks.leave(&["hangs".to_owned(), "leaves".to_owned()]).await;
        assert_eq!((tasks.running.len(), tasks.tasks.len(), tasks.failed), (1, 1, 0));
        let (stopper, _) = stop();
        tasks.start("fails", 4, stopper, async { Err(std::io::Error::other("no")) });
        assert_eq!(tasks.next().await, Some(true));
        assert!(tasks.is_stale("fails", &4), "it is started again at the next reload");
        assert_eq!(tasks.failed, 1);
    }
}
