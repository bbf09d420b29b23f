//! Messages that wait: for the queue, for room in the line, for an acknowledgement.

use super::answer::{Asked, LONGEST, Reply, Wire};
use super::server::{Peer, Told};
use crate::queue::QueueError;
use crate::sources::{Answer, Intake, Taken};
use esh_nbiot::coap::exchange::{Due, Transmission};
use esh_nbiot::coap::{Code, Type};
use std::collections::{HashMap, HashSet, VecDeque};
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

/// A confirmable request that is not answered by then gets an empty acknowledgement, and its answer later: a client
/// sends it again after 2 to 3 s.
const ANSWER_WITHIN: u64 = 1000;
/// The most captures that wait for room in the line; when there are more, messages are not taken and come again.
const BACKLOG: usize = 4096;
/// The most answers that wait for an acknowledgement.
const OUTSTANDING: usize = 8192;

/// What waits for the queue.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) what: What,
    /// When it came.
    pub(super) since: u64,
    pub(super) answer: oneshot::Receiver<Answer>,
}

/// What is done once the queue has it.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// A request is answered.
    Request(Asked),
    /// A notification is acknowledged.
    Notification { peer: Peer, exchange: u64, id: u16, confirmable: bool },
}

/// All that waits.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// In the order they came, which is that of their answers.
    pending: VecDeque<Pending>,
    /// So many of them, the first, need no empty acknowledgement any more.
    looked: usize,
    /// The exchanges of those that have had one.
    acknowledged: HashSet<u64>,
    backlog: VecDeque<Taken>,
    outstanding: HashMap<(Peer, u16), Outstanding>,
    /// When the first of them is due.
    due: Option<u64>,
}

/// An answer in a confirmable message of our own.
#[derive(Debug)]
struct Outstanding {
    octets: Box<[u8]>,
    transmission: Transmission,
    budget: usize,
}

impl Waiting {
    /// Hands a capture to the line; `false` when it cannot be taken now.
    pub(super) fn put(&mut self, intake: &Intake, taken: Taken, pending: Pending) -> bool {
        let full = if self.backlog.is_empty() {
            match intake.sender.try_send(taken) {
                Ok(()) => None,
                Err(TrySendError::Full(taken)) => Some(taken),
                Err(TrySendError::Closed(_)) => return false,
            }
        } else {
            Some(taken)
        };
        if let Some(taken) = full {
            if self.backlog.len() >= BACKLOG {
                return false;
            }
            self.backlog.push_back(taken);
        }
        self.pending.push_back(pending);
        true
    }

    /// Whether captures wait for room in the line.
    pub(super) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// There is room for one.
    pub(super) fn feed(&mut self, room: mpsc::Permit<'_, Taken>) {
        if let Some(taken) = self.backlog.pop_front() {
            room.send(taken);
        }
    }

    /// The line has ended: what waits for room waits for nothing.
    pub(super) fn no_room(&mut self) {
        self.backlog.clear();
    }

    /// Whether anything waits for the queue.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// What the line has told of the one that waits longest.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<(Pending, Told)> {
        let Some(first) = self.pending.front_mut() else { return Poll::Pending };
        let answer = ready!(std::pin::Pin::new(&mut first.answer).poll(context));
        let told = match answer {
            Ok(Ok(())) => Told::Taken,
            Ok(Err(QueueError::Rate)) => Told::Refused(Code::TOO_MANY_REQUESTS, Some(60)),
            Ok(Err(QueueError::TooLarge)) => Told::Refused(Code::REQUEST_ENTITY_TOO_LARGE, None),
            Ok(Err(_)) | Err(_) => Told::Refused(Code::SERVICE_UNAVAILABLE, Some(30)),
        };
        let Some(first) = self.pending.pop_front() else { return Poll::Pending };
        self.looked = self.looked.saturating_sub(1);
        if let What::Request(Asked { exchange, acknowledged: true, .. }) = first.what {
            self.acknowledged.remove(&exchange);
        }
        Poll::Ready((first, told))
    }

    /// The next one of which the line has told already.
    pub(super) fn next(&mut self) -> Option<(Pending, Told)> {
        match self.poll(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(told) => Some(told),
            Poll::Pending => None,
        }
    }

    /// A copy has come of what still waits.
    pub(super) fn again(&self, asked: &Asked, wire: &mut dyn Wire) {
        if asked.confirmable && self.acknowledged.contains(&asked.exchange) {
            wire.acknowledge(asked.peer, asked.id);
        }
    }

    /// Sends the answer to a request whose acknowledgement was empty; RFC 7252, clause 5.2.2.
    pub(super) fn separate(&mut self, now: u64, asked: &Asked, reply: Reply<'_>, id: u16, wire: &mut dyn Wire) {
        let mut buffer = [0; LONGEST];
        let Ok(octets) = asked.write(&mut buffer, Type::Confirmable, id, reply) else { return };
        let Some(budget) = asked.budget.checked_sub(octets.len()).filter(|_| !asked.leaves_out(reply.code)) else {
            return;
        };
        wire.send(asked.peer, octets);
        if self.outstanding.len() < OUTSTANDING {
            let transmission = Transmission::new(now, id.wrapping_mul(0x9e37));
            let octets = octets.into();
            self.outstanding.insert((asked.peer, id), Outstanding { octets, transmission, budget });
            self.due = Some(self.due.map_or(now, |due| due.min(now)));
        }
    }

    /// A peer has heard an answer.
    pub(super) fn acknowledged(&mut self, peer: Peer, id: u16) {
        self.outstanding.remove(&(peer, id));
    }

    /// When there is something to do.
    pub(super) fn due(&self) -> Option<u64> {
        let first = self.pending.get(self.looked).map(|pending| pending.since + ANSWER_WITHIN);
        first.into_iter().chain(self.due).min()
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: u64, wire: &mut dyn Wire) {
        while let Some(pending) = self.pending.get_mut(self.looked)
            && pending.since + ANSWER_WITHIN <= now
        {
            self.looked += 1;
            if let What::Request(asked) = &mut pending.what
                && asked.confirmable
                && asked.budget >= 4
            {
                asked.acknowledged = true;
                asked.budget -= 4;
                self.acknowledged.insert(asked.exchange);
                wire.acknowledge(asked.peer, asked.id);
            }
        }
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        let mut next = None;
        self.outstanding.retain(|(peer, _), outstanding| {
            if outstanding.transmission.poll(now) == Due::Again {
                let Some(budget) = outstanding.budget.checked_sub(outstanding.octets.len()) else { return false };
                outstanding.budget = budget;
                wire.send(*peer, &outstanding.octets);
            }
            match outstanding.transmission.poll(now) {
                Due::At(due) => {
                    next = Some(next.map_or(due, |next: u64| next.min(due)));
                    true
                }
                Due::Again | Due::GivenUp => false,
            }
        });
        self.due = next;
    }
}
