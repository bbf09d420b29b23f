//! Telegrams, written: the way back, from a payload to a frame.

use crate::{
    address::Address,
    authentication::{Authentication, Code},
    ci::{self, ControlInformation, Header},
    crc::crc,
    extended_link::ExtendedLink,
    link::{self, Framing},
    security::{
        cipher::Cipher,
        derive::{Direction, MessageKeys},
    },
    wired,
};
use esh_core::Key;

/// A telegram to be written: what stands in each layer of EN 13757-4, -7 and -2.
#[derive(Clone, Debug)]
pub struct Telegram<'a> {
    /// How the frame is laid out.
    pub framing: Framing,
    /// The C field: 44 (`SND_NR`) for what a meter sends by radio, 08 (`RSP_UD`) for its answer on a wire.
    pub control: u8,
    /// The address of the link; on a wire it is not sent.
    pub link: Address,
    /// The primary address of a wired frame.
    pub primary: u8,
    /// The extended link layer of a wireless frame.
    pub extended: Option<Extended<'a>>,
    /// The CI field, which says the header: 7A short, 72 long, 78 none.
    pub ci: u8,
    /// The meter, for the long header.
    pub meter: Address,
    /// The access number.
    pub access: u8,
    /// The status octet.
    pub status: u8,
    /// How the payload is protected.
    pub protection: Protection<'a>,
    /// The records. Modes 5 and 7 put check octets in front and fillers behind.
    pub payload: &'a [u8],
}

/// The extended link layer of a telegram to be written — EN 13757-4, 13.2.
#[derive(Clone, Debug)]
pub enum Extended<'a> {
    /// CI 8C: communication control field and access number.
    Short {
        /// The communication control field.
        control: u8,
        /// The access number.
        access: u8,
    },
    /// CI 8D: with a session number and AES-128 in counter mode.
    Encrypted {
        /// The communication control field.
        control: u8,
        /// The access number.
        access: u8,
        /// The session number without its encryption bits.
        session: u32,
        /// The key.
        key: &'a Key,
    },
}

/// How the payload of a telegram to be written is protected — EN 13757-7, 7.6.
#[derive(Clone, Debug)]
pub enum Protection<'a> {
    /// Mode 0: not at all.
    None,
    /// Mode 5: AES-128 in cipher block chaining.
    Mode5 {
        /// The key.
        key: &'a Key,
    },
    /// Mode 7: AES-128 in cipher block chaining with derived keys, and an authentication code of eight octets in the
    /// layer below.
    Mode7 {
        /// The key.
        key: &'a Key,
        /// The message counter.
        counter: u32,
    },
    /// Mode 10: AES-128-CCM with derived keys.
    Mode10 {
        /// The key.
        key: &'a Key,
        /// The message counter.
        counter: u32,
    },
}

/// A telegram that cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The buffer or the L-field is too small for it.
    TooLong,
    /// A key has not 16 octets.
    Key,
    /// The CI field is none, or has no header to hold the protection.
    Header,
}

impl core::fmt::Display for WriteError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the telegram is longer than its frame or the buffer can hold",
            Self::Key => "a key of M-Bus has 16 octets",
            Self::Header => "the CI field does not go with the protection",
        })
    }
}

impl core::error::Error for WriteError {}

const BLOCK: usize = 16;
const CHECK_OCTETS: [u8; 2] = [0x2f; 2];
const FILLER: [u8; BLOCK] = [0x2f; BLOCK];
const TAG: usize = 8;

impl Telegram<'_> {
    /// Writes the frame and gives its octets.
    ///
    /// # Errors
    /// [`WriteError`] when there is no room, or parts of it do not go together.
    pub fn write<'o>(&self, into: &'o mut [u8]) -> Result<&'o [u8], WriteError> {
        let information = ControlInformation::of(self.ci).ok_or(WriteError::Header)?;
        let mut pen = Pen { octets: into, len: 0 };
        let wired = self.framing == Framing::Wired;
        if wired {
            pen.put(&[wired::LONG, 0, 0, wired::LONG, self.control, self.primary])?;
        } else {
            pen.put(&[0, self.control])?;
            pen.put(&self.link.0)?;
        }
        let extended = self.extended.as_ref().filter(|_| !wired);
        let guarded = match extended {
            None => None,
            Some(Extended::Short { control, access }) => {
                pen.put(&[0x8c, *control, *access])?;
                None
            }
            Some(Extended::Encrypted { control, access, session, key }) => {
                let number = session & 0x1fff_ffff | 1 << 29;
                pen.put(&[0x8d, *control, *access])?;
                pen.put(&number.to_le_bytes())?;
                let from = pen.len;
                pen.put(&[0; 2])?;
                let layer =
                    ExtendedLink { ci: 0x8d, control: *control, access: *access, destination: None, session: None };
                Some((from, layer.initialisation_vector(self.link, number), octets(key)?))
            }
        };
        self.message(&mut pen, information)?;
        if let Some((from, vector, key)) = guarded {
            let guarded = pen.from(from);
            if let Some((place, payload)) = guarded.split_first_chunk_mut() {
                *place = crc(payload).to_le_bytes();
            }
            Cipher::new(key).ctr(vector, guarded);
        }
        let Pen { octets, len } = pen;
        let len = if wired { close(octets, len) } else { link::lay_out(octets, len, self.framing) };
        octets.get(..len.ok_or(WriteError::TooLong)?).ok_or(WriteError::TooLong)
    }

    /// Writes the layers above the link.
    fn message(&self, pen: &mut Pen<'_>, information: ControlInformation) -> Result<(), WriteError> {
        let address = if information.header == Header::Long { self.meter } else { self.link };
        let to_meter = information.to_meter || ci::goes_to_meter(self.control);
        let direction = if to_meter { Direction::ToMeter } else { Direction::FromMeter };
        if information.header == Header::None && !matches!(self.protection, Protection::None) {
            return Err(WriteError::Header);
        }
        match &self.protection {
            Protection::None => {
                self.header(pen, information, &[0, 0])?;
                pen.put(self.payload)
            }
            Protection::Mode5 { key } => {
                let [m0, m1, a0, a1, a2, a3, a4, a5] = address.0;
                let n = self.access;
                let vector = [m0, m1, a0, a1, a2, a3, a4, a5, n, n, n, n, n, n, n, n];
                self.header(pen, information, &[self.blocks()? << 4, 5])?;
                let from = self.filled(pen)?;
                Cipher::new(octets(key)?).cbc_encrypt(vector, pen.from(from));
                Ok(())
            }
            Protection::Mode7 { key, counter } => {
                let keys = MessageKeys::derive(octets(key)?, *counter, address, direction);
                // Authentication by eight octets of CMAC, message counter present.
                let mut layer = Authentication {
                    message: Some(0x25),
                    counter: Some(*counter),
                    code: Code::new(&[0; 8]),
                    ..Authentication::default()
                };
                let layer_at = pen.len;
                let mut room = [0; 33];
                let len = layer.write(&mut room).ok_or(WriteError::TooLong)?;
                pen.put(room.get(..len).unwrap_or_default())?;
                let message_at = pen.len;
                self.header(pen, information, &[self.blocks()? << 4, 7, 0x10])?;
                let from = self.filled(pen)?;
                Cipher::new(&keys.encryption()).cbc_encrypt([0; 16], pen.from(from));
                let code = keys.code(&layer, pen.from(message_at));
                layer.code = code.get(..8).and_then(Code::new);
                layer.write(pen.from(layer_at)).map(|_| ()).ok_or(WriteError::TooLong)
            }
            Protection::Mode10 { key, counter } => {
                let keys = MessageKeys::derive(octets(key)?, *counter, address, direction);
                let message_at = pen.len;
                self.header(pen, information, &[0xff, 0x2a, 0x10, 0x01])?;
                let associated_end = pen.len;
                pen.put(&counter.to_le_bytes())?;
                let from = pen.len;
                pen.put(self.payload)?;
                let [m0, m1, a0, a1, a2, a3, a4, a5] = address.0;
                let [c0, c1, c2, c3] = counter.to_be_bytes();
                let nonce = [m0, m1, a0, a1, a2, a3, a4, a5, 0, c0, c1, c2, c3];
                let (before, text) = pen.split(from);
                let associated = before.get(message_at..associated_end).unwrap_or_default();
                let tag = Cipher::new(&keys.encryption()).ccm_seal(&nonce, associated, text, TAG);
                pen.put(tag.get(..TAG).unwrap_or_default())
            }
        }
    }

    fn header(&self, pen: &mut Pen<'_>, information: ControlInformation, rest: &[u8]) -> Result<(), WriteError> {
        pen.put(&[self.ci])?;
        if information.header == Header::None {
            return Ok(());
        }
        if information.header == Header::Long {
            pen.put(&self.meter.to_transport())?;
        }
        pen.put(&[self.access, self.status])?;
        pen.put(rest)
    }

    /// The blocks that the payload takes with its check octets.
    fn blocks(&self) -> Result<u8, WriteError> {
        let blocks = (self.payload.len() + CHECK_OCTETS.len()).div_ceil(BLOCK);
        u8::try_from(blocks).ok().filter(|blocks| *blocks < 16).ok_or(WriteError::TooLong)
    }

    /// Writes check octets, payload and fillers, and gives where they begin.
    fn filled(&self, pen: &mut Pen<'_>) -> Result<usize, WriteError> {
        let from = pen.len;
        pen.put(&CHECK_OCTETS)?;
        pen.put(self.payload)?;
        let missing = (pen.len - from).next_multiple_of(BLOCK) - (pen.len - from);
        pen.put(FILLER.get(..missing).unwrap_or_default())?;
        Ok(from)
    }
}

/// Writes the lengths of a wired long frame, its check sum and its end.
fn close(octets: &mut [u8], len: usize) -> Option<usize> {
    const HEAD: usize = 4;
    let length = u8::try_from(len.checked_sub(HEAD)?).ok()?;
    let sum = wired::sum(octets.get(HEAD..len)?);
    if let Some([_, first, second, _]) = octets.first_chunk_mut::<HEAD>() {
        (*first, *second) = (length, length);
    }
    *octets.get_mut(len..)?.first_chunk_mut()? = [sum, wired::STOP];
    Some(len + 2)
}

fn octets(key: &Key) -> Result<&[u8; 16], WriteError> {
    key.expose_128().ok_or(WriteError::Key)
}

/// Octets written so far.
struct Pen<'o> {
    octets: &'o mut [u8],
    len: usize,
}

impl Pen<'_> {
    fn put(&mut self, octets: &[u8]) -> Result<(), WriteError> {
        let end = self.len + octets.len();
        self.octets.get_mut(self.len..end).ok_or(WriteError::TooLong)?.copy_from_slice(octets);
        self.len = end;
        Ok(())
    }

    /// What has been written from a place on.
    fn from(&mut self, at: usize) -> &mut [u8] {
        self.octets.get_mut(at..self.len).unwrap_or_default()
    }

    fn split(&mut self, at: usize) -> (&[u8], &mut [u8]) {
        let (before, rest) = self.octets.split_at_mut(at.min(self.len));
        (before, rest.get_mut(..self.len.saturating_sub(at)).unwrap_or_default())
    }
}
