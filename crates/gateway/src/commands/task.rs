//! The task at the desk: takes commands, keeps them, hands them to links and tells what became of them.

use super::command::{Command, CommandError};
use super::config::Config;
use super::desk::{Book, Outcome, State};
use super::links::{Links, Order, Reporter, Said};
use super::outcome::{self, Tell};
use super::store::{Store, StoreError};
use super::{FOLDER, inbox};
use crate::stop::Stop;
use jiff::Timestamp;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

/// A command as it came, and who waits until it is kept.
#[derive(Debug)]
pub struct Incoming {
    /// The protocol and the meter of its topic.
    pub topic: (String, String),
    /// Its text.
    pub json: Vec<u8>,
    /// Whom to tell that it is on the disk, or is none and was answered.
    pub kept: oneshot::Sender<()>,
}

/// Where commands lie until they are carried out.
#[derive(Debug)]
pub struct Desk {
    gateway: String,
    config: Config,
    book: Book,
    store: Store,
    links: Links,
    /// The commands that were offered to links.
    taken: HashMap<Box<str>, Offer>,
    offers: (mpsc::Sender<Answered>, mpsc::Receiver<Answered>),
    tell: mpsc::Sender<Tell>,
    reports: (mpsc::Sender<Said>, mpsc::Receiver<Said>),
}

/// How often it looks for files, for what is too old and for links that reach a meter by now.
const LOOK: Duration = Duration::from_secs(1);

impl Desk {
    /// Reads what is kept in the folder of the gateway. Results go to `tell`.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn open(
        data: &Path,
        gateway: &str,
        config: &Config,
        links: Links,
        tell: mpsc::Sender<Tell>,
    ) -> Result<Self, StoreError> {
        let folder = data.join(FOLDER);
        let store = Store::open(&folder)?;
        let book = Store::load(&folder)?;
        let (config, gateway) = (config.clone(), gateway.to_owned());
        let (taken, offers, reports) = (HashMap::new(), mpsc::channel(64), mpsc::channel(64));
        Ok(Self { gateway, config, book, store, links, taken, offers, tell, reports })
    }

    /// Works until it is asked to stop. What is not told then is told after the next start.
    pub async fn run(mut self, mut incoming: mpsc::Receiver<Incoming>, mut stop: Stop) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut telling: Option<oneshot::Receiver<()>> = None;
        let mut listening = true;
        info!(waiting = self.book.open.len(), "commands are taken");
        loop {
            if telling.is_none()
                && let Some(owed) = self.book.owed.front()
            {
                let (committed, heard) = oneshot::channel();
                let record = outcome::record(&self.gateway, owed);
                telling = self.tell.try_send(Tell { record, committed }).is_ok().then_some(heard);
            }
            tokio::select! {
                () = stop.asked() => return,
                _ = look.tick() => self.look().await,
                came = incoming.recv(), if listening => match came {
                    None => listening = false,
                    Some(Incoming { topic: (protocol, meter), json, kept }) => {
                        if self.take(Some((&protocol, &meter)), &json).await {
                            // Whoever brought it may have gone.
                            let _ = kept.send(());
                        }
                        self.offer();
                    }
                },
                Some((id, link)) = self.offers.1.recv() => match link {
                    Some(link) => drop(self.taken.insert(id, Offer::Taken(link))),
                    None => drop(self.taken.remove(&id)),
                },
                Some((progress, kept)) = self.reports.1.recv() => {
                    let known = self.book.progress(progress, now()) && self.save().await;
                    let _ = kept.send(known);
                }
                told = async { telling.as_mut().map_or_else(|| None, Some)?.await.ok() }, if telling.is_some() => {
                    telling = None;
                    if told.is_some() {
                        self.book.told();
                        self.save().await;
                    }
                }
            }
        }
    }

    /// Takes a command, or answers what is none; whether that is on the disk.
    async fn take(&mut self, topic: Option<(&str, &str)>, json: &[u8]) -> bool {
        let now = now();
        let or_else = now.saturating_add(jiff::SignedDuration::try_from(self.config.keep.0).unwrap_or_default());
        match Command::parse(topic, json, or_else.unwrap_or(Timestamp::MAX)) {
            Ok(command) => {
                self.book.accept(command, self.config.waiting, now);
            }
            Err(error) => self.refuse(topic, json, &error, now),
        }
        self.save().await
    }

    /// Answers what is no command, where its sender can be told at all.
    fn refuse(&mut self, topic: Option<(&str, &str)>, json: &[u8], error: &CommandError, now: Timestamp) {
        warn!(topic = ?topic, %error, "what came is no command");
        let (Some(command), Some((protocol, meter))) = (Command::id_of(json), topic) else { return };
        let (protocol, meter) = (protocol.into(), meter.into());
        let (state, error) = (State::Failed, Some(error.to_string()));
        self.book.tell(Outcome { command, protocol, meter, state, at: now, error, data: None });
    }

    async fn look(&mut self) {
        for (path, json) in inbox::waiting(&self.store.folder) {
            if self.take(None, &json).await
                && let Err(error) = std::fs::remove_file(&path)
            {
                warn!(path = %path.display(), %error, "a command that was taken stays where it was put");
            }
        }
        if self.book.expire(now()) {
            self.save().await;
        }
        self.offer();
    }

    /// Offers every command that nobody has taken to the links that may reach its meter, one after the other.
    fn offer(&mut self) {
        let Self { book, taken, .. } = self;
        taken.retain(|id, offer| offer.stands() && book.queued().any(|command| command.id == *id));
        let waiting: Vec<_> = book.queued().filter(|command| !taken.contains_key(&command.id)).cloned().collect();
        for command in waiting {
            let (id, links, offers) = (command.id.clone(), self.links.of(command.protocol), self.offers.0.clone());
            let reporter = Reporter { id: id.clone(), desk: self.reports.0.clone() };
            self.taken.insert(id.clone(), Offer::Asking);
            tokio::spawn(async move {
                let taken = ask(command, &reporter, links).await;
                // The desk may have ended.
                let _ = offers.send((id, taken)).await;
            });
        }
    }

    /// Puts the book on the disk; whether it is there.
    async fn save(&mut self) -> bool {
        let (store, book) = (self.store.clone(), self.book.clone());
        let saved = tokio::task::spawn_blocking(move || store.save(&book)).await;
        match saved {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                warn!(%error, "commands cannot be kept");
                false
            }
            Err(_) => false,
        }
    }
}

/// Asks one link after the other; the one that has taken the command, if any.
async fn ask(command: Command, reporter: &Reporter, links: Vec<mpsc::Sender<Order>>) -> Option<mpsc::Sender<Order>> {
    for link in links {
        let (taken, answer) = oneshot::channel();
        let order = Order { command: command.clone(), reporter: reporter.clone(), taken };
        if link.send(order).await.is_ok() && answer.await.unwrap_or_default() {
            return Some(link);
        }
    }
    None
}

/// What a link has said of a command; none when no link takes it.
type Answered = (Box<str>, Option<mpsc::Sender<Order>>);

/// How far a command has come with the links.
#[derive(Debug)]
enum Offer {
    /// They are asked.
    Asking,
    /// One has taken it.
    Taken(mpsc::Sender<Order>),
}

impl Offer {
    /// Whether it need not be made again: the source of the link is still there.
    fn stands(&self) -> bool {
        match self {
            Self::Asking => true,
            Self::Taken(link) => !link.is_closed(),
        }
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}
