//! The APS command that brings a key, Zigbee 05-3474, clause 4.4.11.1.

use crate::write::{WriteError, Writer};
use core::fmt;
use esh_core::{DecodeError, Input, Reason};

/// The identifier of the command; table 4-28.
pub const COMMAND: u8 = 0x05;

/// A key on its way to a device. It never shows itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TransportKey<'a> {
    /// The key.
    pub key: &'a [u8; 16],
    /// What it is for.
    pub of: KeyType,
}

/// What a key is for, and for whom; table 4-12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// The key of the network.
    StandardNetwork {
        /// Which of its keys.
        sequence: u8,
        /// The device; all zeros for everybody.
        destination: u64,
        /// The trust centre.
        source: u64,
    },
    /// The link key of a device and the trust centre.
    TrustCentreLink {
        /// The device.
        destination: u64,
        /// The trust centre.
        source: u64,
    },
    /// The link key of two devices.
    ApplicationLink {
        /// The other one.
        partner: u64,
        /// Whether the one who gets this has asked for it.
        initiator: bool,
    },
}

impl fmt::Debug for TransportKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportKey({:?})", self.of)
    }
}

impl<'a> TransportKey<'a> {
    /// Reads the command behind its identifier.
    ///
    /// # Errors
    /// When it is cut off, or its key is of a type that is reserved.
    pub fn read(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        let here = *input;
        let key_type = input.u8("key type")?;
        let key = input.array("key")?;
        let mut address = |field| input.array(field).map(|octets| u64::from_le_bytes(*octets));
        let of = match key_type {
            0x01 | 0x05 => {
                let sequence = input.u8("key sequence number")?;
                let mut address = |field| input.array(field).map(|octets| u64::from_le_bytes(*octets));
                let destination = address("destination address")?;
                KeyType::StandardNetwork { sequence, destination, source: address("source address")? }
            }
            0x03 => KeyType::ApplicationLink {
                partner: address("partner address")?,
                initiator: input.u8("initiator flag")? != 0,
            },
            0x04 => KeyType::TrustCentreLink {
                destination: address("destination address")?,
                source: address("source address")?,
            },
            reserved => return Err(here.error("key type", Reason::Reserved(reserved.into()))),
        };
        Ok(Self { key, of })
    }

    /// Writes the command with its identifier.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn write(&self, into: &mut Writer<'_>) -> Result<(), WriteError> {
        into.u8(COMMAND)?;
        match self.of {
            KeyType::StandardNetwork { sequence, destination, source } => {
                into.u8(1)?.put(self.key)?.u8(sequence)?.u64(destination)?.u64(source)?
            }
            KeyType::TrustCentreLink { destination, source } => {
                into.u8(4)?.put(self.key)?.u64(destination)?.u64(source)?
            }
            KeyType::ApplicationLink { partner, initiator } => {
                into.u8(3)?.put(self.key)?.u64(partner)?.u8(initiator.into())?
            }
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::Layer;
    use std::{format, vec::Vec};

    #[test]
    fn keys_are_brought_and_do_not_show() {
        let (destination, source) = (0x0102_0304_0506_0708, 0x11);
        for of in [
            KeyType::StandardNetwork { sequence: 3, destination, source },
            KeyType::TrustCentreLink { destination, source },
            KeyType::ApplicationLink { partner: source, initiator: true },
        ] {
            let sent = TransportKey { key: &[0xa5; 16], of };
            let mut buffer = [0; 40];
            let mut writer = Writer::new(&mut buffer);
            sent.write(&mut writer).unwrap();
            let octets: Vec<u8> = writer.finish().to_vec();
            assert_eq!(octets[0], COMMAND);
            let mut input = Input::new(&octets[1..], 1, Layer::Transport);
            assert_eq!(TransportKey::read(&mut input), Ok(sent));
            assert!(input.is_empty());
            assert!(!format!("{sent:?}").contains("165"), "{sent:?}");
            assert!(TransportKey::read(&mut Input::new(&octets[1..20], 1, Layer::Transport)).is_err());
        }
        assert!(TransportKey::read(&mut Input::new(&[2; 40], 1, Layer::Transport)).is_err());
    }
}
