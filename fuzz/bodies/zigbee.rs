//! What the fuzz targets of Zigbee hold to be true of any octets. The ordinary tests replay the seeds with the same.
#![allow(dead_code, reason = "each target uses one of them")]

#[path = "everything.rs"]
mod everything;

use esh_core::{Carrier, Content, Format, Input, Key, Known, Layer, Meter, Purpose};
use esh_zigbee::ncp::{Line, Ncp, ash, znp};
use esh_zigbee::zcl::attribute::cluster;
use esh_zigbee::zcl::{Readings, Scaling, Zcl};
use esh_zigbee::{Writer, Zigbee};
use everything::Everything;

/// Knows the same key for everybody.
struct One;

impl Known for One {
    fn keys(&self, _: &Meter, _: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        Key::new(&[0x11; 16]).is_ok_and(|key| each(&key))
    }
}

/// A frame that does not open stays as it was; one that opens can be read.
pub(crate) fn zigbee_mac(octets: &[u8]) {
    let mut frame = octets.to_vec();
    let mut everything = Everything::of(octets.len());
    let carrier = Zigbee { tell_keys: true };
    match carrier.open(&mut frame, &One, &mut everything) {
        Ok(opened) => {
            if let Content::Cluster(cluster) = opened.content {
                let readings = Readings { cluster, ..Readings::default() };
                let _ = readings.read(opened.meter.as_ref(), opened.payload, opened.offset, &One, &mut everything);
            }
        }
        Err(_) => assert_eq!(frame, octets),
    }
}

fn read(cluster: u16, octets: &[u8]) {
    let mut frame = octets.to_vec();
    let mut everything = Everything::of(octets.len());
    let scaling = Scaling { multiplier: Some(3), divisor: Some(7), unit_of_measure: None };
    let carrier = Zcl { cluster };
    if carrier.open(&mut frame, &One, &mut everything).is_ok() {
        let readings = Readings { cluster, endpoint: 1, scaling };
        let _ = readings.read(None, octets, 0, &One, &mut everything);
    }
}

/// The first octet chooses the cluster.
pub(crate) fn zcl(octets: &[u8]) {
    const CLUSTERS: [u16; 10] = [
        cluster::METERING,
        cluster::ELECTRICAL_MEASUREMENT,
        cluster::BASIC,
        cluster::POWER_CONFIGURATION,
        cluster::TEMPERATURE,
        cluster::PRESSURE,
        cluster::FLOW,
        0xfc00,
        cluster::PRICE,
        cluster::MESSAGING,
    ];
    let Some((choice, frame)) = octets.split_first() else { return };
    read(CLUSTERS[usize::from(*choice) % CLUSTERS.len()], frame);
}

pub(crate) fn tuya(octets: &[u8]) {
    read(cluster::TUYA, octets);
}

/// Opens what a coordinator says and reads what it has of a device; what does not open stays as it was.
fn said(line: Line, octets: &[u8]) {
    let mut frame = octets.to_vec();
    let mut everything = Everything::of(octets.len());
    match (Ncp { line, pan: 1 }).open(&mut frame, &One, &mut everything) {
        Ok(opened) => {
            if let Content::Cluster(cluster) = opened.content {
                let readings = Readings { cluster, ..Readings::default() };
                let _ = readings.read(opened.meter.as_ref(), opened.payload, opened.offset, &One, &mut everything);
            }
        }
        Err(_) => assert_eq!(frame, octets),
    }
}

/// A frame of ASH with EZSP inside, the same octets as a line, and EZSP alone. What is read is written again.
pub(crate) fn ash(octets: &[u8]) {
    said(Line::Ash, octets);
    said(Line::Ezsp(None), octets);
    let mut reader = ash::Reader::default();
    for octet in octets {
        let Some(Ok(frame)) = reader.put(*octet) else { continue };
        let mut room = [0; 2 * ash::LONGEST + 1];
        let mut writer = Writer::new(&mut room);
        // A frame of the line has no more octets of data than fit.
        frame.write(&mut writer).unwrap();
        let written = writer.finish();
        let mut again = ash::Reader::default();
        let (last, before) = written.split_last().unwrap();
        assert!(before.iter().all(|octet| again.put(*octet).is_none()));
        assert_eq!(again.put(*last).unwrap().unwrap(), frame);
    }
}

/// A frame of ZNP, and the same octets as a line. What is read is written again.
pub(crate) fn znp(octets: &[u8]) {
    said(Line::Znp, octets);
    let mut reader = znp::Reader::default();
    for octet in octets {
        let Some(Ok(frame)) = reader.put(*octet) else { continue };
        let mut room = [0; znp::LONGEST + 5];
        let mut writer = Writer::new(&mut room);
        frame.write(&mut writer).unwrap();
        let written = writer.finish();
        let read = znp::Frame::read(&mut Input::new(written, 0, Layer::Link)).unwrap();
        assert_eq!(read, frame);
    }
}
