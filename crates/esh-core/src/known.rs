//! What decoding is told, and what it learns.

use crate::{Key, Meter, Purpose};
use core::any::Any;

/// What the caller knows and decoding may ask for.
///
/// Decoding never writes here: what a frame teaches is handed to [`crate::Out::learned`], and the caller makes it true
/// when it has stored the frame.
pub trait Known {
    /// Offers every key for the meter and purpose, the most precise first, until one is accepted; says whether one was.
    fn keys(&self, meter: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        let _ = (meter, purpose, each);
        false
    }

    /// The last counter accepted from the meter, where replays shall be refused.
    fn counter(&self, meter: &Meter, purpose: Purpose) -> Option<u64> {
        let _ = (meter, purpose);
        None
    }

    /// Whether the meter has used a nonce before; a nonce need not grow as a counter does.
    fn nonce_used(&self, meter: &Meter, purpose: Purpose, nonce: u64) -> bool {
        let _ = (meter, purpose, nonce);
        false
    }

    /// Offers what is kept for every device that may stand behind an address until one is accepted; says whether one
    /// was. It is a type of the protocol crate, such as `esh_lorawan::Session`, which keeps keys expanded, or
    /// `esh_lorawan::Request`, which waits for its answer.
    fn sessions(&self, address: &Meter, each: &mut dyn FnMut(&dyn Any) -> bool) -> bool {
        let _ = (address, each);
        false
    }

    /// The record headers (data and value information) of the full frame that has this signature, for compact frames.
    fn layout(&self, meter: Option<&Meter>, signature: u16) -> Option<&[u8]> {
        let _ = (meter, signature);
        None
    }

    /// The device that has this address in its network now; addresses that a network gives change.
    fn device(&self, address: &Meter) -> Option<Meter> {
        let _ = address;
        None
    }

    /// A number that the meter has said of itself, such as a multiplier, by the name that its protocol gives it.
    fn number(&self, meter: Option<&Meter>, name: u32) -> Option<u64> {
        let _ = (meter, name);
        None
    }

    /// Whether the record headers of that signature need not be taught again.
    fn has_layout(&self, meter: Option<&Meter>, signature: u16) -> bool {
        self.layout(meter, signature).is_some()
    }
}

/// Knows nothing: enough for meters that send in plain.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingKnown;

impl Known for NothingKnown {}

/// What a frame teaches. It becomes true only with the record of its frame.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Learned<'a> {
    /// The meter has used this counter.
    Counter {
        /// Which of its counters.
        purpose: Purpose,
        /// The counter.
        counter: u64,
    },
    /// The meter has used this nonce.
    Nonce {
        /// Which of its nonces.
        purpose: Purpose,
        /// The nonce.
        nonce: u64,
    },
    /// A request whose answer can only be read by who knows the request.
    Request {
        /// Its octets.
        frame: &'a [u8],
    },
    /// A join has begun a session, or keys were brought to a device or a network.
    Session {
        /// Under which address its frames go.
        address: Meter,
        /// Its number: it tells sessions of one meter apart.
        number: u32,
        /// Its keys.
        keys: &'a [(Purpose, Key)],
    },
    /// A network has given this address to a device.
    Address {
        /// The address.
        address: Meter,
        /// The device.
        device: Meter,
    },
    /// The record headers of a full frame and their signature, by which compact frames refer to them.
    Layout {
        /// The CRC over the headers.
        signature: u16,
        /// The data and value information blocks, one after the other.
        headers: &'a [u8],
    },
    /// The meter has said a number of itself, such as a multiplier.
    Number {
        /// The name that the protocol gives it.
        name: u32,
        /// The number.
        number: u64,
    },
}
