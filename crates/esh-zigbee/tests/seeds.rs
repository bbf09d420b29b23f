//! The seeds of the fuzz targets of Zigbee, replayed; `write_the_seeds` writes them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../fuzz/bodies/seeds.rs"]
mod seeds;
#[path = "../../../fuzz/bodies/zigbee.rs"]
mod zigbee;

use esh_zigbee::ncp::{ash, znp};
use esh_zigbee::security::{AuxiliaryHeader, Cipher, KeyIdentifier};
use esh_zigbee::transport_key::{KeyType, TransportKey};
use esh_zigbee::{Outgoing, Secured, Writer, aps, mac, nwk, zdo};

#[test]
fn zigbee_mac() {
    seeds::replay("zigbee_mac", zigbee::zigbee_mac);
}

#[test]
fn zcl() {
    seeds::replay("zcl", zigbee::zcl);
}

#[test]
fn tuya() {
    seeds::replay("tuya", zigbee::tuya);
}

#[test]
fn ash() {
    seeds::replay("ash", zigbee::ash);
}

#[test]
fn znp() {
    seeds::replay("znp", zigbee::znp);
}

const METER: u64 = 0x00_12_4b_00_01_02_03_04;

/// A frame of a meter, secured with the network key of the seeds.
fn sent(aps: aps::Header, payload: &[u8]) -> Vec<u8> {
    let cipher = Cipher::new(&[0x11; 16]);
    let header = AuxiliaryHeader::new(KeyIdentifier::Network, 1, Some(METER), 0);
    let frame = Outgoing {
        mac: mac::Header::data(0x1a62, 0, 0x1234, 7),
        nwk: nwk::Header::data(0, 0x1234, 9),
        relays: &[],
        nwk_security: Some(Secured { cipher: &cipher, header, source: METER }),
        aps: Some(aps),
        aps_security: None,
        payload,
    };
    frame.write(&mut [0; 127]).unwrap().to_vec()
}

/// A report of a meter.
fn secured(zcl: &[u8]) -> Vec<u8> {
    sent(aps::Header::data(1, 0x0702, 0x0104, 1, 44), zcl)
}

fn announce() -> Vec<u8> {
    let mut room = [0; 16];
    let mut writer = Writer::new(&mut room);
    let message = zdo::Message::DeviceAnnounce { short: 0x1234, extended: METER, capability: 0x8e };
    zdo::Frame { sequence: 3, message }.write(&mut writer).unwrap();
    sent(aps::Header::data(0, 0x0013, 0, 0, 45), writer.finish())
}

fn transport_key() -> Vec<u8> {
    let mut room = [0; 40];
    let mut writer = Writer::new(&mut room);
    let of = KeyType::StandardNetwork { sequence: 0, destination: METER, source: METER };
    TransportKey { key: &[0x11; 16], of }.write(&mut writer).unwrap();
    sent(aps::Header::command(5), writer.finish())
}

/// A price with its label.
const PRICE: &[u8] = &[
    0x19, 1, 0, 7, 0, 0, 0, 2, b'L', b'o', 9, 0, 0, 0, 0, 0, 0, 0, 0, 0xd2, 3, 0x42, 0x41, 60, 0, 0, 0, 30, 0, 0x39,
    0x30, 0, 0,
];

const REPORT: &[u8] = &[0x18, 1, 0x0a, 0, 0, 0x25, 0x40, 0xe2, 1, 0, 0, 0, 0, 4, 0x2a, 0x24, 0xfa, 0xff];

#[test]
fn a_secured_report_is_opened_to_its_readings() {
    use esh_core::{Carrier, Content, Key, Known, Meter, Out, Purpose, Reading};
    struct One(u8);
    impl Known for One {
        fn keys(&self, _: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
            purpose == Purpose::Network && each(&Key::new(&[self.0; 16]).unwrap())
        }
    }
    struct Nothing;
    impl<'a> Out<'a> for Nothing {
        fn reading(&mut self, _: Reading<'a>) {}
    }
    let mut frame = secured(REPORT);
    let opened = esh_zigbee::Zigbee::default().open(&mut frame, &One(0x11), &mut Nothing).unwrap();
    assert_eq!((opened.content, opened.payload), (Content::Cluster(0x0702), REPORT));
    assert_eq!(opened.meter.unwrap().address().to_string(), "zigbee:00124b0001020304");
    assert!(opened.security.authenticated);
    let (mut frame, sent) = (secured(REPORT), secured(REPORT));
    let refused = esh_zigbee::Zigbee::default().open(&mut frame, &One(0x12), &mut Nothing).unwrap_err();
    assert_eq!(
        refused.error.to_string(),
        "security layer, octet 57 (authentication code): none of the known keys opens it"
    );
    assert_eq!((frame, refused.meter.unwrap().id.as_str()), (sent, "00124b0001020304"));
}

#[test]
#[ignore = "writes the seeds that our own encoder makes into the source tree"]
fn write_the_seeds() {
    seeds::write("zigbee_mac", "secured_report", &secured(REPORT));
    seeds::write(
        "zigbee_mac",
        "green_power",
        &[1, 8, 185, 0xff, 0xff, 0xff, 0xff, 0x8c, 0x10, 1, 2, 3, 4, 5, 0, 0, 0, 0x22, 9, 9, 9, 9, 0xff, 0xff],
    );
    seeds::write("zcl", "report", &[&[0][..], REPORT].concat());
    seeds::write(
        "zcl",
        "scales",
        &[
            0, 0x18, 1, 1, 1, 3, 0, 0x22, 1, 0, 0, 2, 3, 0, 0x22, 0xe8, 3, 0, 0, 3, 0, 0x30, 0x81, 0, 0, 0, 0x25, 1, 2,
            3, 4, 5, 6,
        ],
    );
    seeds::write(
        "zcl",
        "structure",
        &[7, 0x1c, 0x5f, 0x11, 3, 0x0a, 1, 0xff, 0x4c, 2, 0, 0x10, 1, 0x48, 0x20, 2, 0, 1, 2],
    );
    seeds::write("zigbee_mac", "transport_key", &transport_key());
    seeds::write("zigbee_mac", "announce", &announce());
    seeds::write("zcl", "price", &[&[8][..], PRICE].concat());
    seeds::write("zcl", "message", &[9, 0x19, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 10, 0, 2, b'H', b'i']);
    // incomingMessageHandler of version 13, in a data frame of ASH and alone.
    let message = [
        &[0x27, 0x90, 1, 0x45, 0, 0, 4, 1, 2, 7, 1, 1, 0, 1, 0, 0, 0x70, 255, 0xc4, 0x34, 0x12, 255, 255][..],
        &[REPORT.len() as u8],
        REPORT,
    ]
    .concat();
    let mut room = [0; 300];
    let mut writer = Writer::new(&mut room);
    ash::Frame::Data { number: 3, again: false, awaited: 2, ezsp: &message }.write(&mut writer).unwrap();
    ash::Frame::ResetAck { version: 2, code: 11 }.write(&mut writer).unwrap();
    seeds::write("ash", "message", writer.finish());
    seeds::write("ash", "ezsp", &message);
    let data =
        [&[0, 0, 2, 7, 0x34, 0x12, 1, 1, 0, 90, 0, 1, 2, 3, 4, 9, REPORT.len() as u8][..], REPORT, &[0x34, 0x12, 29]]
            .concat();
    let mut writer = Writer::new(&mut room);
    let kind = znp::Kind::AsynchronousRequest;
    znp::Frame { kind, subsystem: znp::subsystem::AF, command: 0x81, data: &data }.write(&mut writer).unwrap();
    seeds::write("znp", "message", writer.finish());
    seeds::write("znp", "ping", &[0xfe, 0, 0x21, 1, 0x20]);
    seeds::write("zcl", "configure", &[1, 0x10, 9, 6, 0, 0x05, 5, 0x21, 1, 0, 10, 0, 1, 0, 1, 0x0b, 5, 0x2c, 1]);
    seeds::write(
        "tuya",
        "points",
        &[9, 7, 2, 0, 7, 1, 2, 0, 4, 0xff, 0xff, 0xff, 0xfe, 2, 1, 0, 1, 1, 5, 3, 0, 2, b'o', b'k'],
    );
}
