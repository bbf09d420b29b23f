//! What joins teach: requests that wait for their answer, and the sessions that answers begin. Kept in memory alone: they
//! are secrets.

use crate::protocols::zigbee::{BroughtKey, BroughtKeys};
use esh_core::{Key, Learned, Meter, Protocol, Purpose};
use esh_lorawan::{Eui64, Keys1_1, Lorawan, Request, Session};
use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

/// Something that a frame of a join teaches, kept until it becomes true.
#[derive(Clone, Debug)]
pub enum JoinLesson {
    /// A request that waits for its answer.
    Request(Box<Request>),
    /// A session under an address.
    Session(Meter, Arc<Session>),
    /// A key that a frame of Zigbee brought.
    Key(BroughtKey),
}

/// Requests and sessions, the newest first. Anyone can send requests: the oldest goes out.
#[derive(Debug, Default)]
pub struct Joins {
    requests: VecDeque<Request>,
    sessions: VecDeque<(Meter, Arc<Session>)>,
    brought: BroughtKeys,
}

/// Requests kept: an answer comes within seconds.
const REQUESTS: usize = 256;

/// Sessions kept: more devices than one radio hears.
const SESSIONS: usize = 16_384;

impl JoinLesson {
    /// What a frame of the meter teaches; `None` for what is not about joining.
    #[must_use]
    pub fn of(meter: Option<&Meter>, learned: &Learned<'_>) -> Option<Self> {
        match learned {
            Learned::Request { frame } => Request::new(frame).map(|request| Self::Request(Box::new(request))),
            Learned::Session { address, number, keys } if address.protocol == Protocol::Lorawan => {
                let session = session(keys)?.numbered(*number);
                let device = meter.filter(|meter| meter.id.as_str().len() == 16);
                let device = device.and_then(|meter| u64::from_str_radix(meter.id.as_str(), 16).ok());
                let session = match device {
                    Some(device) => session.of_device(Eui64(device)),
                    None => session,
                };
                Some(Self::Session(*address, Arc::new(session)))
            }
            learned => BroughtKey::of(learned).map(Self::Key),
        }
    }
}

fn session(keys: &[(Purpose, Key)]) -> Option<Session> {
    let of = |purpose| keys.iter().find(|(of, _)| *of == purpose).map(|(_, key)| key);
    let (forwarding, application) = (of(Purpose::Network), of(Purpose::Application));
    let session = match of(Purpose::NetworkIntegrity) {
        None => Session::v1_0(forwarding, application),
        serving => {
            Session::v1_1(&Keys1_1 { forwarding, serving, encryption: of(Purpose::NetworkEncryption), application })
        }
    };
    session.ok()
}

impl Joins {
    /// Takes a lesson.
    pub fn learn(&mut self, lesson: &JoinLesson) {
        match lesson {
            JoinLesson::Request(request) => {
                self.requests.push_front(**request);
                self.requests.truncate(REQUESTS);
            }
            JoinLesson::Session(address, session) => {
                self.sessions.push_front((*address, Arc::clone(session)));
                self.sessions.truncate(SESSIONS);
            }
            JoinLesson::Key(brought) => self.brought.learn(brought.clone()),
        }
    }

    /// Offers the keys that frames brought to a network or a device until one is accepted; says whether one was.
    pub fn offer_keys(&self, of: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        self.brought.offer(of, purpose, each)
    }

    /// Offers the sessions of an address, or the requests that wait, until one is accepted; says whether one was.
    pub fn offer(&self, address: &Meter, each: &mut dyn FnMut(&dyn Any) -> bool) -> bool {
        if *address == Lorawan::nobody() {
            return self.requests.iter().any(|request| each(request));
        }
        self.sessions.iter().filter(|(of, _)| of == address).any(|(_, session)| each(&**session))
    }
}
