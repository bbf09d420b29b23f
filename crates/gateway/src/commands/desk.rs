//! What waits and what became of it: a plain value, which its task keeps on the disk.

use super::command::Command;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::VecDeque;

/// How far a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for its meter.
    Queued,
    /// It has been sent, or was about to be when the gateway stopped: it is not sent again.
    Sent,
    /// The meter has done it, as far as its protocol can tell.
    Done,
    /// It was not done, and will not be.
    Failed,
    /// Its time was over before it was sent.
    Expired,
}

impl State {
    /// The word that stands in a result.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    /// Whether nothing follows.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Expired)
    }
}

/// What a link says of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Which command.
    pub id: Box<str>,
    /// How far it is.
    pub state: State,
    /// Why it failed.
    pub error: Option<String>,
    /// What the meter answered.
    pub data: Option<Value>,
}

/// What is told of a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) command: Box<str>,
    pub(super) protocol: Box<str>,
    pub(super) meter: Box<str>,
    pub(super) state: State,
    pub(super) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<Value>,
}

/// A command that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) command: Command,
    pub(super) last: Outcome,
}

/// All commands that wait, those that came to an end lately, and what is still to be told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Book {
    pub(super) open: Vec<Held>,
    pub(super) finished: VecDeque<Outcome>,
    pub(super) owed: VecDeque<Outcome>,
}

/// Of how many commands that came to an end it is known that they are not to be carried out again.
const FINISHED: usize = 2000;
/// How many results may wait to be told. A gateway whose queue takes nothing for so long forgets the oldest.
const OWED: usize = 4000;

impl Book {
    /// Takes a command; whether it is new.
    pub(super) fn accept(&mut self, command: Command, limit: usize, now: Timestamp) -> bool {
        let known = self.open.iter().map(|held| &held.last).chain(&self.finished);
        if let Some(last) = known.into_iter().find(|last| last.command == command.id) {
            let again = last.clone();
            self.tell(again);
            return false;
        }
        let mut outcome = Outcome {
            command: command.id.clone(),
            protocol: command.protocol.word().into(),
            meter: command.meter.clone(),
            state: State::Queued,
            at: now,
            error: None,
            data: None,
        };
        if command.expires_at <= now {
            outcome.state = State::Expired;
            self.finish(outcome);
            return false;
        }
        if self.open.len() >= limit {
            // It is not remembered: it may come again when there is room.
            outcome.state = State::Failed;
            outcome.error = Some(format!("{limit} commands wait already"));
            self.tell(outcome);
            return false;
        }
        self.tell(outcome.clone());
        self.open.push(Held { command, last: outcome });
        true
    }

    /// Takes note of what a link says; whether that changes anything.
    pub(super) fn progress(&mut self, progress: Progress, now: Timestamp) -> bool {
        let Progress { id, state, error, data } = progress;
        let Some(at) = self.open.iter().position(|held| held.command.id == id) else { return false };
        let Some(held) = self.open.get_mut(at) else { return false };
        let outcome = Outcome { state, at: now, error, data, ..held.last.clone() };
        if state.is_final() {
            self.open.remove(at);
            self.finish(outcome);
        } else {
            held.last = outcome.clone();
            self.tell(outcome);
        }
        true
    }

    /// Ends those whose time is over: what was sent may have arrived, and nobody has said so.
    pub(super) fn expire(&mut self, now: Timestamp) -> bool {
        let (over, open): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.open).into_iter().partition(|held| held.command.expires_at <= now);
        self.open = open;
        let any = !over.is_empty();
        for Held { last, .. } in over {
            let (state, error) = match last.state {
                State::Sent => (State::Failed, Some("it was sent, and no answer came in its time".to_owned())),
                _ => (State::Expired, last.error.clone()),
            };
            self.finish(Outcome { state, error, at: now, ..last });
        }
        any
    }

    /// The first that is still to be told has been.
    pub(super) fn told(&mut self) {
        self.owed.pop_front();
    }

    /// Those that no link has yet, in the order they came.
    pub(super) fn queued(&self) -> impl Iterator<Item = &Command> {
        self.open.iter().filter(|held| held.last.state == State::Queued).map(|held| &held.command)
    }

    fn finish(&mut self, outcome: Outcome) {
        self.finished.push_back(outcome.clone());
        while self.finished.len() > FINISHED {
            self.finished.pop_front();
        }
        self.tell(outcome);
    }

    pub(super) fn tell(&mut self, outcome: Outcome) {
        self.owed.push_back(outcome);
        while self.owed.len() > OWED {
            self.owed.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Does, command::Raw};
    use esh_core::Protocol;

    fn command(id: &str, expires: i64) -> Command {
        let raw = Raw { port: Some(1), hex: "00".into(), confirmed: false };
        Command {
            id: id.into(),
            protocol: Protocol::Lorawan,
            meter: "lorawan:01".into(),
            does: Does::Raw { raw },
            expires_at: Timestamp::from_second(expires).unwrap(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn told(book: &mut Book) -> Vec<(String, &'static str)> {
        book.owed.drain(..).map(|outcome| (outcome.command.into(), outcome.state.word())).collect()
    }

    fn says(id: &str, state: State) -> Progress {
        Progress { id: id.into(), state, error: None, data: None }
    }

    #[test]
    fn the_same_id_is_carried_out_once() {
        let mut book = Book::default();
        assert!(book.accept(command("a", 100), 10, at(1)));
        assert!(!book.accept(command("a", 100), 10, at(2)));
        assert_eq!(told(&mut book), [("a".into(), "queued"), ("a".into(), "queued")]);
        assert_eq!(book.queued().count(), 1);
        assert!(book.progress(says("a", State::Sent), at(3)));
        assert_eq!(book.queued().count(), 0);
        assert!(book.progress(says("a", State::Done), at(4)));
        assert!(!book.progress(says("a", State::Done), at(5)), "it has come to its end");
        assert!(!book.accept(command("a", 100), 10, at(6)));
        let words: Vec<_> = told(&mut book).into_iter().map(|(_, word)| word).collect();
        assert_eq!(words, ["sent", "done", "done"]);
        assert_eq!(book.queued().count(), 0);
    }

    #[test]
    fn what_is_too_old_or_too_much_ends() {
        let mut book = Book::default();
        assert!(!book.accept(command("old", 1), 2, at(1)));
        assert!(book.accept(command("a", 10), 2, at(1)));
        assert!(book.accept(command("b", 20), 2, at(1)));
        assert!(!book.accept(command("c", 20), 2, at(1)));
        book.progress(says("a", State::Sent), at(2));
        assert!(!book.expire(at(9)));
        assert!(book.expire(at(20)));
        let told = told(&mut book);
        let words: Vec<_> = told.iter().map(|(id, word)| (id.as_str(), *word)).collect();
        assert_eq!(
            words,
            [
                ("old", "expired"),
                ("a", "queued"),
                ("b", "queued"),
                ("c", "failed"),
                ("a", "sent"),
                ("a", "failed"),
                ("b", "expired")
            ]
        );
        assert!(book.accept(command("c", 30), 2, at(21)), "it was not remembered");
        let kept = serde_json::to_vec(&book).unwrap();
        assert_eq!(serde_json::from_slice::<Book>(&kept).unwrap(), book);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut book = Book::default();
        for n in 0..FINISHED + OWED {
            book.accept(command(&n.to_string(), 0), 10, at(1));
        }
        assert_eq!((book.finished.len(), book.owed.len()), (FINISHED, OWED));
    }
}
