//! The seeds of the fuzz targets of Zigbee, replayed; `write_the_seeds` writes them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../fuzz/bodies/seeds.rs"]
mod seeds;
#[path = "../../../fuzz/bodies/zigbee.rs"]
mod zigbee;

use esh_core::{Input, Layer};
use esh_zigbee::security::{AuxiliaryHeader, Cipher};

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

/// A report of a meter, secured with the network key of the seeds.
fn secured(zcl: &[u8]) -> Vec<u8> {
    const SOURCE: u64 = 0x00_12_4b_00_01_02_03_04;
    let mut frame = vec![0x41, 0x88, 7, 0x62, 0x1a, 0, 0, 0x34, 0x12];
    let start = frame.len();
    // NWK: data, version 2, security; destination 0, source 1234, radius 30.
    frame.extend([0x08, 0x02, 0, 0, 0x34, 0x12, 30, 9]);
    let control_at = frame.len() - start;
    frame.extend([0x28, 1, 0, 0, 0]);
    frame.extend(SOURCE.to_le_bytes());
    frame.push(0);
    // APS: data to endpoint 1, cluster 0702, profile 0104.
    let mut payload = vec![0x00, 1, 0x02, 0x07, 0x04, 0x01, 1, 44];
    payload.extend(zcl);
    let headers = frame[start..].to_vec();
    let mut input = Input::new(&headers[control_at..], 0, Layer::Security);
    let auxiliary = AuxiliaryHeader::read(&mut input).unwrap();
    let mic = Cipher::new(&[0x11; 16]).seal(&headers, control_at, auxiliary, SOURCE, &mut payload).unwrap();
    frame.extend(payload);
    frame.extend(mic);
    frame.extend([0xff, 0xff]);
    frame
}

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
    seeds::write("zcl", "configure", &[1, 0x10, 9, 6, 0, 0x05, 5, 0x21, 1, 0, 10, 0, 1, 0, 1, 0x0b, 5, 0x2c, 1]);
    seeds::write(
        "tuya",
        "points",
        &[9, 7, 2, 0, 7, 1, 2, 0, 4, 0xff, 0xff, 0xff, 0xfe, 2, 1, 0, 1, 1, 5, 3, 0, 2, b'o', b'k'],
    );
}
