//! Frames of a small network, written by our own encoder.
#![allow(dead_code, unreachable_pub, reason = "each test is a crate of its own, and uses its part of it")]

use esh_zigbee::security::{AuxiliaryHeader, Cipher, KeyIdentifier, key_transport};
use esh_zigbee::transport_key::{KeyType, TransportKey};
use esh_zigbee::{Outgoing, Secured, Writer, aps, mac, nwk, zdo};

pub const PAN: u16 = 0x1a62;
pub const COORDINATOR: u64 = 0x00_12_4b_00_00_00_00_01;
pub const METER: u64 = 0x00_12_4b_00_01_02_03_04;
pub const ROUTER: u64 = 0x00_12_4b_00_0a_0b_0c_0d;
pub const NETWORK_KEY: [u8; 16] = [0x5c; 16];
pub const WELL_KNOWN: &[u8; 16] = b"ZigBeeAlliance09";
pub const REPORT: &[u8] = &[0x18, 1, 0x0a, 0, 0, 0x25, 0x40, 0xe2, 1, 0, 0, 0, 0, 4, 0x2a, 0x24, 0xfa, 0xff];

/// A frame of a device with a short address, sent on by another or by itself.
pub struct Sent<'a> {
    pub from: (u16, u64),
    pub by: (u16, u64),
    pub to: u16,
    pub counter: u32,
    pub aps: aps::Header,
    pub payload: &'a [u8],
    pub key: [u8; 16],
}

impl Sent<'_> {
    pub fn frame(&self) -> Vec<u8> {
        let cipher = Cipher::new(&self.key);
        let header = AuxiliaryHeader::new(KeyIdentifier::Network, self.counter, Some(self.by.1), 0);
        let outgoing = Outgoing {
            mac: mac::Header::data(PAN, self.to, self.by.0, 7),
            nwk: nwk::Header::data(self.to, self.from.0, 9),
            relays: &[],
            nwk_security: Some(Secured { cipher: &cipher, header, source: self.by.1 }),
            aps: Some(self.aps),
            aps_security: None,
            payload: self.payload,
        };
        outgoing.write(&mut [0; 127]).unwrap().to_vec()
    }
}

pub fn report(from: (u16, u64), by: (u16, u64), counter: u32) -> Sent<'static> {
    let aps = aps::Header::data(1, 0x0702, 0x0104, 1, 44);
    Sent { from, by, to: 0, counter, aps, payload: REPORT, key: NETWORK_KEY }
}

pub const OF_METER: (u16, u64) = (0x1234, METER);
pub const OF_ROUTER: (u16, u64) = (0x0a0b, ROUTER);

/// The network key on its way to a device that joins, under a link key.
pub fn transport(link_key: &[u8; 16]) -> Vec<u8> {
    let mut payload = [0; 40];
    let mut writer = Writer::new(&mut payload);
    let of = KeyType::StandardNetwork { sequence: 0, destination: METER, source: COORDINATOR };
    TransportKey { key: &NETWORK_KEY, of }.write(&mut writer).unwrap();
    let cipher = Cipher::new(&key_transport(link_key));
    let header = AuxiliaryHeader::new(KeyIdentifier::KeyTransport, 1, Some(COORDINATOR), 0);
    let outgoing = Outgoing {
        mac: mac::Header::data(PAN, 0x1234, 0, 7),
        nwk: nwk::Header { destination_extended: Some(METER), ..nwk::Header::data(0x1234, 0, 9) },
        relays: &[],
        nwk_security: None,
        aps: Some(aps::Header::command(5)),
        aps_security: Some(Secured { cipher: &cipher, header, source: COORDINATOR }),
        payload: writer.finish(),
    };
    outgoing.write(&mut [0; 127]).unwrap().to_vec()
}

/// A message of the device profile.
pub fn message(message: zdo::Message<'_>, room: &mut [u8]) -> (aps::Header, usize) {
    let mut writer = Writer::new(room);
    zdo::Frame { sequence: 3, message }.write(&mut writer).unwrap();
    (aps::Header::data(0, message.cluster(), 0, 0, 45), writer.len())
}
