//! The header of the packet forwarder's UDP protocol, versions 1 and 2: what stands before the JSON text.

use crate::Eui64;
use esh_core::{DecodeError, Input, Layer, Reason};

/// What a datagram is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packet {
    /// What a gateway has received, and how it fares.
    PushData,
    /// The server has it.
    PushAck,
    /// The gateway opens the way back, and holds it open.
    PullData,
    /// Something to be transmitted.
    PullResp,
    /// The server knows the way back.
    PullAck,
    /// Whether it was transmitted.
    TxAck,
}

/// Every packet in the order of its identifiers.
const PACKETS: [Packet; 6] =
    [Packet::PushData, Packet::PushAck, Packet::PullData, Packet::PullResp, Packet::PullAck, Packet::TxAck];

impl Packet {
    /// Its name in the protocol.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PushData => "PUSH_DATA",
            Self::PushAck => "PUSH_ACK",
            Self::PullData => "PULL_DATA",
            Self::PullResp => "PULL_RESP",
            Self::PullAck => "PULL_ACK",
            Self::TxAck => "TX_ACK",
        }
    }

    /// Whether it names the gateway, as all that gateways send do.
    #[must_use]
    pub const fn names_gateway(self) -> bool {
        matches!(self, Self::PushData | Self::PullData | Self::TxAck)
    }
}

/// A datagram taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// The version of the protocol, 1 or 2.
    pub version: u8,
    /// What ties an answer to what it answers: two octets of any value.
    pub token: [u8; 2],
    /// What it is for.
    pub packet: Packet,
    /// Which gateway sent it.
    pub gateway: Option<Eui64>,
    /// The JSON text, without the NULs and blanks that some forwarders append; empty where there is none.
    pub text: &'a [u8],
    /// Where the JSON text begins.
    pub text_at: usize,
}

impl<'a> Datagram<'a> {
    /// Takes a datagram apart.
    ///
    /// # Errors
    /// When it is too short, or of another version or kind.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(datagram, 0, Layer::Link);
        let at = input;
        let version = input.u8("protocol version")?;
        if !matches!(version, 1 | 2) {
            return Err(at.error("protocol version", Reason::UnknownFormat(version.into())));
        }
        let token = *input.array("token")?;
        let at = input;
        let identifier = input.u8("identifier")?;
        let packet = *PACKETS
            .get(usize::from(identifier))
            .ok_or_else(|| at.error("identifier", Reason::UnknownFormat(identifier.into())))?;
        let gateway = match packet.names_gateway() {
            true => Some(Eui64(u64::from_be_bytes(*input.array("gateway")?))),
            false => None,
        };
        let text_at = input.offset();
        let mut text = input.rest();
        while let [rest @ .., 0 | b' ' | b'\t' | b'\r' | b'\n'] = text {
            text = rest;
        }
        Ok(Self { version, token, packet, gateway, text, text_at })
    }

    /// The answer that a gateway waits for: PUSH_ACK or PULL_ACK; `None` for what has none.
    #[must_use]
    pub const fn acknowledgement(&self) -> Option<[u8; 4]> {
        let identifier = match self.packet {
            Packet::PushData => Packet::PushAck,
            Packet::PullData => Packet::PullAck,
            _ => return None,
        };
        let [t0, t1] = self.token;
        Some([self.version, t0, t1, identifier as u8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn datagrams_are_taken_apart() {
        let push = b"\x02\x7b\x01\x00\x01\x02\x03\x04\x05\x06\x07\x08{}\0";
        let datagram = Datagram::parse(push).unwrap();
        assert_eq!((datagram.packet, datagram.text, datagram.text_at), (Packet::PushData, &b"{}"[..], 12));
        assert_eq!(datagram.gateway, Some(Eui64(0x0102_0304_0506_0708)));
        assert_eq!(datagram.acknowledgement(), Some([2, 0x7b, 1, 1]));
        let pull = Datagram::parse(&[1, 9, 9, 2, 1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        assert_eq!((pull.acknowledgement(), pull.text), (Some([1, 9, 9, 4]), &[][..]));
        let acknowledgement = Datagram::parse(&[2, 9, 9, 1]).unwrap();
        assert_eq!((acknowledgement.gateway, acknowledgement.acknowledgement()), (None, None));
    }

    #[test]
    fn what_is_no_datagram_is_refused() {
        for (octets, error) in [
            (&[][..], "link layer, octet 0 (protocol version): needs 1 octet, 0 left"),
            (&[3, 0, 0, 0], "link layer, octet 0 (protocol version): format 03 is not known"),
            (&[2, 0, 0], "link layer, octet 3 (identifier): needs 1 octet, 0 left"),
            (&[2, 0, 0, 6], "link layer, octet 3 (identifier): format 06 is not known"),
            (&[2, 0, 0, 5, 1, 2, 3], "link layer, octet 4 (gateway): needs 8 octets, 3 left"),
        ] {
            assert_eq!(Datagram::parse(octets).unwrap_err().to_string(), error);
        }
    }
}
