//! Links: the ends of sources that can reach meters.

use super::command::Command;
use super::desk::{Progress, State};
use esh_core::Protocol;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// The links that there are, by the names of their sources.
#[derive(Clone, Debug, Default)]
pub struct Links(Arc<Mutex<Reach>>);

/// Which protocols the source of a name reaches, and where.
type Reach = BTreeMap<String, (Vec<Protocol>, mpsc::Sender<Order>)>;

/// A command for whoever reaches its meter.
#[derive(Debug)]
pub struct Order {
    /// The command.
    pub command: Command,
    /// Whom to tell how it goes.
    pub reporter: Reporter,
    pub(super) taken: oneshot::Sender<bool>,
}

impl Order {
    /// The meter is reached here: from now on its link says what becomes of the command.
    #[must_use]
    pub fn take(self) -> (Command, Reporter) {
        // Whoever asked goes on asking others if it does not hear it; it waits for the answer, so it hears it.
        let _ = self.taken.send(true);
        (self.command, self.reporter)
    }

    /// The meter is not reached here.
    pub fn pass(self) {
        let _ = self.taken.send(false);
    }
}

/// Tells how a command goes.
#[derive(Clone, Debug)]
pub struct Reporter {
    pub(super) id: Box<str>,
    pub(super) desk: mpsc::Sender<Said>,
}

/// What a link says, and whom to tell whether it is kept.
pub(super) type Said = (Progress, oneshot::Sender<bool>);

impl Reporter {
    /// The command is about to be sent: whether it may be, which is on the disk then. It may not when its time is over.
    pub async fn sending(&self) -> bool {
        self.say(State::Sent, None, None).await
    }

    /// The meter has done it.
    pub async fn done(&self, data: Option<Value>) {
        self.say(State::Done, None, data).await;
    }

    /// It will not be done.
    pub async fn failed(&self, error: impl ToString + Send) {
        let error = error.to_string();
        self.say(State::Failed, Some(error), None).await;
    }

    async fn say(&self, state: State, error: Option<String>, data: Option<Value>) -> bool {
        let (kept, heard) = oneshot::channel();
        let progress = Progress { id: self.id.clone(), state, error, data };
        self.desk.send((progress, kept)).await.is_ok() && heard.await.unwrap_or_default()
    }
}

/// The end of a source: orders come out, and while it is held the source is known to reach meters.
#[derive(Debug)]
pub struct Link {
    name: String,
    links: Links,
    sender: mpsc::Sender<Order>,
    /// What is to be done.
    pub orders: mpsc::Receiver<Order>,
}

impl Links {
    /// From now on the source of that name may reach meters of these protocols.
    #[must_use]
    pub fn link(&self, source: &str, protocols: &[Protocol]) -> Link {
        let (sender, orders) = mpsc::channel(16);
        self.all().insert(source.to_owned(), (protocols.to_vec(), sender.clone()));
        Link { name: source.to_owned(), links: self.clone(), sender, orders }
    }

    /// Those that may reach a meter of that protocol.
    pub(super) fn of(&self, protocol: Protocol) -> Vec<mpsc::Sender<Order>> {
        self.all().values().filter(|(all, _)| all.contains(&protocol)).map(|(_, sender)| sender.clone()).collect()
    }

    fn all(&self) -> MutexGuard<'_, Reach> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let mut all = self.links.all();
        // A source that was started anew may be there already.
        if all.get(&self.name).is_some_and(|(_, sender)| sender.same_channel(&self.sender)) {
            all.remove(&self.name);
        }
    }
}
