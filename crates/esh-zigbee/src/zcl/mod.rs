//! ZCL frames, Zigbee Cluster Library 07-5123, clause 2.4.

pub mod attribute;
mod data_type;
mod general;
mod open;
mod read;
pub mod smart_energy;
mod status;
mod write;

pub use attribute::{Attribute, Scale};
pub use data_type::{DataType, Elements, Value};
pub use general::{Attributes, Command, Record, Records, Reported};
pub use open::Zcl;
pub(crate) use open::{Eui64, tell};
pub use read::{Readings, Scaling};

use esh_core::{DecodeError, Input};

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client of a cluster to its server.
    ToServer,
    /// From the server, which has the attributes, to a client.
    ToClient,
}

/// What the commands of a frame belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameType {
    /// Every cluster.
    Global,
    /// The cluster of the frame.
    Cluster,
    /// Reserved.
    Reserved(u8),
}

impl FrameType {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Cluster => "cluster",
            Self::Reserved(_) => "reserved",
        }
    }
}

/// The header of a frame; ZCL, clause 2.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    control: u8,
    manufacturer: Option<u16>,
    sequence: u8,
    command: u8,
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    /// When it is cut off.
    #[inline]
    pub fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let control = input.u8("frame control")?;
        let manufacturer = if control & 4 == 0 { None } else { Some(input.u16_le("manufacturer code")?) };
        let sequence = input.u8("transaction sequence number")?;
        let command = input.u8("command identifier")?;
        Ok(Self { control, manufacturer, sequence, command })
    }

    /// What its command belongs to.
    #[must_use]
    pub const fn frame_type(self) -> FrameType {
        match self.control & 3 {
            0 => FrameType::Global,
            1 => FrameType::Cluster,
            other => FrameType::Reserved(other),
        }
    }

    /// Which way it goes.
    #[must_use]
    pub const fn direction(self) -> Direction {
        if self.control & 8 == 0 { Direction::ToServer } else { Direction::ToClient }
    }

    /// Whether no default response is wanted.
    #[must_use]
    pub const fn disables_default_response(self) -> bool {
        self.control & 0x10 != 0
    }

    /// The maker whose own command or attributes it has.
    #[must_use]
    pub const fn manufacturer(self) -> Option<u16> {
        self.manufacturer
    }

    /// Its transaction sequence number.
    #[must_use]
    pub const fn sequence(self) -> u8 {
        self.sequence
    }

    /// The identifier of its command.
    #[must_use]
    pub const fn command(self) -> u8 {
        self.command
    }
}
