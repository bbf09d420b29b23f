//! Data frames: MHDR, FHDR, FPort, FRMPayload, MIC; TS001, 4.3.

use crate::{DevAddr, MType};
use esh_core::{DecodeError, Input, Reason};

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the device.
    Up,
    /// To the device.
    Down,
}

impl Direction {
    pub(crate) const fn bit(self) -> u8 {
        match self {
            Self::Up => 0,
            Self::Down => 1,
        }
    }
}

/// The frame control octet, TS001, 4.3.1; what a bit says depends on the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FCtrl(pub u8);

impl FCtrl {
    /// Adaptive data rate is on.
    #[must_use]
    pub const fn adr(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// Up: the device asks whether the network still hears it.
    #[must_use]
    pub const fn adr_ack_req(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// The last confirmed frame of the other side came.
    #[must_use]
    pub const fn ack(self) -> bool {
        self.0 & 0x20 != 0
    }

    /// Up: the device listens as class B. Bit 4 is `FPending` on the way down.
    #[must_use]
    pub const fn class_b(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// Down: more is waiting for the device.
    #[must_use]
    pub const fn f_pending(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// How many octets of MAC commands the header carries.
    #[must_use]
    pub const fn f_opts_len(self) -> u8 {
        self.0 & 0x0f
    }
}

/// The frame header without its options: DevAddr, FCtrl, FCnt.
#[derive(Clone, Copy, Debug)]
pub struct Fhdr<'a>(&'a [u8; 7]);

impl Fhdr<'_> {
    /// The address of the device.
    #[must_use]
    pub const fn dev_addr(&self) -> DevAddr {
        let [a, b, c, d, ..] = *self.0;
        DevAddr::from_air([a, b, c, d])
    }

    /// The frame control octet.
    #[must_use]
    pub const fn f_ctrl(&self) -> FCtrl {
        FCtrl(self.0[4])
    }

    /// The lower 16 bits of the frame counter.
    #[must_use]
    pub const fn f_cnt(&self) -> u16 {
        u16::from_le_bytes([self.0[5], self.0[6]])
    }
}

/// A data frame of either direction, as sent.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    /// Its message type.
    pub m_type: MType,
    /// Which way it goes.
    pub direction: Direction,
    /// The frame header.
    pub fhdr: Fhdr<'a>,
    /// MAC commands in the header; in 1.1 they are encrypted.
    pub f_opts: &'a [u8],
    /// The port; 0 means that the payload is MAC commands.
    pub f_port: Option<u8>,
    /// The payload, encrypted.
    pub frm_payload: &'a [u8],
    /// The octets that the MIC protects.
    pub protected: &'a [u8],
    /// The message integrity code.
    pub mic: [u8; 4],
}

impl<'a> Data<'a> {
    /// Where the MAC commands of the header begin.
    pub(crate) const F_OPTS: usize = 8;

    /// Reads what stands behind the MAC header of `frame`.
    #[inline]
    pub(crate) fn read(
        frame: &'a [u8],
        m_type: MType,
        direction: Direction,
        mut input: Input<'a>,
    ) -> Result<Self, DecodeError> {
        let end = input;
        let Some((protected, mic)) = frame.split_last_chunk::<4>().filter(|(protected, _)| !protected.is_empty())
        else {
            return Err(end.error("MIC", Reason::Truncated { needed: 4, left: end.len() }));
        };
        let body = input.sub("MACPayload", protected.len() - 1)?;
        let mut input = body;
        let fhdr = Fhdr(input.array("FHDR")?);
        let f_opts = input.take("FOpts", fhdr.f_ctrl().f_opts_len().into())?;
        let (f_port, frm_payload) = match input.rest() {
            [] => (None, &[][..]),
            [port, payload @ ..] => (Some(*port), payload),
        };
        Ok(Self { m_type, direction, fhdr, f_opts, f_port, frm_payload, protected, mic: *mic })
    }

    /// Where the payload begins.
    pub(crate) fn payload_at(&self) -> usize {
        self.protected.len() - self.frm_payload.len()
    }
}
