//! Carriers: what opens a frame.

use crate::{Decimal, DecodeError, Known, Medium, Meter, Out};

/// Opens frames of one protocol: checks them, decrypts them where they lie and says whose they are.
pub trait Carrier {
    /// Opens a frame in place.
    ///
    /// # Errors
    /// Says whose frame it was, even when it cannot be opened; the octets of the frame are then as they were.
    fn open<'f>(&self, frame: &'f mut [u8], known: &dyn Known, out: &mut dyn Out<'_>) -> Result<Opened<'f>, Refused>;
}

/// A frame that has been checked and decrypted.
#[derive(Clone, Copy, Debug)]
pub struct Opened<'f> {
    /// Whose it is; `None` where a frame names nobody.
    pub meter: Option<Meter>,
    /// What is inside.
    pub content: Content,
    /// The octets inside, in plain.
    pub payload: &'f [u8],
    /// The offset of the payload in the frame.
    pub offset: usize,
    /// How it was protected.
    pub security: Security,
    /// The message counter, where the frame has one that does not wrap within a key's life.
    pub counter: Option<u64>,
    /// Octets behind the end of the frame.
    pub trailing: &'f [u8],
}

/// What a payload is, so that the caller can choose who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Nothing to read: an acknowledgement, a request.
    Nothing,
    /// A part of a message. The payload is what the assembler of the protocol wants: the frame, checked, with the
    /// encryption of its link taken off.
    Fragment,
    /// M-Bus records, EN 13757-3, clause 6.
    Records,
    /// M-Bus records without their headers, which a full frame told before; EN 13757-3, annex G.
    CompactRecords,
    /// Record headers without values, which compact frames refer to; EN 13757-3, annex G.
    RecordLayout,
    /// The fixed data structure of the first M-Bus standard, by its status octet and medium.
    FixedData,
    /// What an application sends on a port; LoRaWAN TS001, 4.3.2. Only a profile of the meter tells its format.
    Port(u8),
    /// Registers of Modbus, most significant octet first. Only the request says from which address on.
    Registers,
    /// Requests of Modbus and what answered them, one behind the other.
    Exchanges,
    /// A payload of that Content-Format of CoAP.
    Media(u16),
    /// A frame of that cluster of ZCL.
    Cluster(u16),
    /// What a LoRaWAN network server says of a device beside its uplinks, such as its battery. The payload is the event.
    Event,
    /// Named properties of a device. The payload is the message that holds them.
    Properties,
    /// A payload of which the frame does not say what it is.
    Unstated,
    /// A format that the CI field names and that this crate does not read, such as a maker's own.
    Other(u8),
}

/// That one of several receivers has heard a frame, as whoever passes the frame on says.
#[derive(Clone, Copy, Debug)]
pub struct Reception<'a> {
    /// The receiver.
    pub gateway: &'a str,
    /// Signal strength in dBm.
    pub rssi: Option<Decimal>,
    /// Signal-to-noise ratio in dB.
    pub snr: Option<Decimal>,
    /// When, in milliseconds since 1970.
    pub at: Option<i64>,
}

/// How a frame was protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Security {
    /// The security mode in the protocol's own number; `None` where the frame has no such field.
    pub mode: Option<u8>,
    /// What became of it.
    pub state: SecurityState,
    /// Whether a message authentication code was there and fits. A decrypted frame that is not authenticated may have
    /// been altered on its way.
    pub authenticated: bool,
}

impl Security {
    /// No protection at all.
    pub const NONE: Self = Self { mode: None, state: SecurityState::None, authenticated: false };
}

/// What became of the protection of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityState {
    /// There was none.
    None,
    /// It was decrypted with a key that fits.
    Decrypted,
    /// It declares a mode, but its octets are plain already: someone decrypted it before.
    AlreadyPlain,
    /// It could not be opened.
    Refused,
}

impl SecurityState {
    /// The word that stands in a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Decrypted => "decrypted",
            Self::AlreadyPlain => "already_plain",
            Self::Refused => "refused",
        }
    }
}

/// A frame that could not be opened, and whose it was as far as could be read.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    /// Whose frame it was.
    pub meter: Option<Meter>,
    /// The security mode it declares, as far as could be read.
    pub mode: Option<u8>,
    /// The message counter it declares, as far as could be read.
    pub counter: Option<u64>,
    /// Why it could not be opened.
    pub error: DecodeError,
}

impl From<DecodeError> for Refused {
    fn from(error: DecodeError) -> Self {
        Self { meter: None, mode: None, counter: None, error }
    }
}

impl Opened<'_> {
    /// The medium of the meter, where it is known.
    #[must_use]
    pub fn medium(&self) -> Option<Medium> {
        self.meter.and_then(|meter| meter.medium)
    }
}
