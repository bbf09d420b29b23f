//! tshark, which knows Zigbee from elsewhere, reads the frames that our encoder writes, and agrees. Without it these tests
//! say that they are skipped; with `ESH_NEEDS_TSHARK=1` they fail.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{COORDINATOR, METER, NETWORK_KEY, OF_METER, OF_ROUTER, Sent, WELL_KNOWN, message, report, transport};
use esh_core::Decimal;
use esh_zigbee::zcl::{Command, DataType, Direction, FrameType, Header, Record, Value};
use esh_zigbee::zdo::{Binding, Message, Target};
use esh_zigbee::{Writer, aps};
use std::process::{Command as Process, Stdio};

/// A capture of IEEE 802.15.4 frames with their check sequence.
fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2, 0, 4, 0]);
    for number in [0u32, 0, 256, 195] {
        file.extend(number.to_le_bytes());
    }
    for (second, frame) in (1u32..).zip(frames) {
        for number in [second, 0, frame.len() as u32, frame.len() as u32] {
            file.extend(number.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

/// What tshark finds in fields of each frame; `None` where there is no tshark.
fn tshark(frames: &[Vec<u8>], keys: &[[u8; 16]], fields: &[&str]) -> Option<Vec<Vec<String>>> {
    let folder = std::env::temp_dir().join(format!("esh-tshark-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("frames.pcap");
    std::fs::write(&file, pcap(frames)).unwrap();
    let mut tshark = Process::new("tshark");
    // A configuration of its own: what someone has set up here is not asked.
    tshark.env("HOME", &folder).env("XDG_CONFIG_HOME", &folder).stdin(Stdio::null());
    tshark.arg("-r").arg(&file).args(["-T", "fields", "-E", "separator=|", "-E", "occurrence=a", "-E", "aggregator=,"]);
    for key in keys {
        let hex: Vec<String> = key.iter().map(|octet| format!("{octet:02x}")).collect();
        tshark.args(["-o", &format!("uat:zigbee_pc_keys:\"{}\",\"Normal\",\"key\"", hex.join(":"))]);
    }
    for field in fields {
        tshark.args(["-e", field]);
    }
    let output = tshark.output();
    std::fs::remove_dir_all(&folder).unwrap();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            assert!(std::env::var_os("ESH_NEEDS_TSHARK").is_none(), "there must be a tshark: {error}");
            println!("skipped: no tshark: {error}");
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect())
}

/// A general command to or of the Metering cluster.
fn general(direction: Direction, command: Command, records: &[Record<'_>]) -> Vec<u8> {
    let id = (0..=0x16).find(|id| Command::from_id(*id) == Some(command)).unwrap();
    let mut room = [0; 80];
    let mut writer = Writer::new(&mut room);
    Header::new(FrameType::Global, direction, 77, id).write(&mut writer).unwrap();
    for (at, record) in records.iter().enumerate() {
        record.write(command, at == 0, &mut writer).unwrap();
    }
    writer.finish().to_vec()
}

#[test]
fn tshark_reads_what_we_write() {
    let mut room = [0; 64];
    let announce = Message::DeviceAnnounce { short: 0x1234, extended: METER, capability: 0x8e };
    let (announce_aps, len) = message(announce, &mut room);
    let announced = room[..len].to_vec();
    let target = Target::Endpoint(COORDINATOR, 1);
    let bind = Message::BindRequest(Binding { source: METER, endpoint: 1, cluster: 0x0702, target });
    let (bind_aps, len) = message(bind, &mut room);
    let bound = room[..len].to_vec();
    let number = |number: i64| Some(Value::Number(Decimal::from(number)));
    let asked = Record {
        direction: Some(0),
        attribute: Some(0x0400),
        data_type: Some(DataType(0x2a)),
        minimum_interval: Some(10),
        maximum_interval: Some(300),
        reportable_change: number(5),
        ..Record::default()
    };
    let configure = general(Direction::ToServer, Command::ConfigureReporting, &[asked]);
    let status = |id, data_type, value| Record {
        attribute: Some(id),
        status: Some(0),
        data_type: Some(DataType(data_type)),
        value: Some(value),
        ..Record::default()
    };
    let answer = general(
        Direction::ToClient,
        Command::ReadAttributesResponse,
        &[
            status(0x0301, 0x22, Value::Number(Decimal::from(1_i64))),
            status(0x0302, 0x22, Value::Number(Decimal::from(1000_i64))),
            status(0x0300, 0x30, Value::Code(0)),
        ],
    );
    let of = |sent: Sent<'_>| sent.frame();
    let coordinator = (0, COORDINATOR);
    let to_meter = |counter| Sent { to: 0x1234, ..report(coordinator, coordinator, counter) };
    let part = |block, first, counter, payload| {
        let fragment = Some(aps::Fragment { first, block, acknowledged: None });
        let aps = aps::Header { fragment, ..aps::Header::data(1, 0x0702, 0x0104, 1, 46) };
        of(Sent { aps, payload, ..report(OF_METER, OF_METER, counter) })
    };
    let (first, second) = answer.split_at(11);
    let frames = [
        transport(WELL_KNOWN),
        of(Sent { to: 0xfffd, aps: announce_aps, payload: &announced, ..report(OF_METER, OF_METER, 5) }),
        of(Sent { aps: bind_aps, payload: &bound, ..to_meter(1) }),
        of(Sent { payload: &configure, ..to_meter(2) }),
        of(report(OF_METER, OF_METER, 6)),
        of(report(OF_METER, OF_ROUTER, 1)),
        of(Sent { payload: &answer, ..report(OF_METER, OF_METER, 7) }),
        part(2, true, 8, first),
        part(1, false, 9, second),
    ];
    let fields = [
        "_ws.expert.message",
        "wpan.dst_pan",
        "zbee_nwk.src",
        "zbee.sec.src64",
        "zbee.sec.counter",
        "zbee_aps.counter",
        "zbee_aps.cmd.key",
        "zbee_zdp.ext_addr",
        "zbee_zdp.cluster",
        "zbee_zcl.cmd.tsn",
        "zbee_zcl_se.met.attr_id",
        "zbee_zcl.attr.uint48",
        "zbee_zcl.attr.int24",
        "zbee_zcl.attr.maxint",
        "zbee_zcl.attr.uint24",
    ];
    // It is told the well-known key alone: the key of the network it takes from the first frame.
    let Some(found) = tshark(&frames, &[*WELL_KNOWN], &fields) else { return };
    let (of_coordinator, of_meter, of_router) =
        ("00:12:4b:00:00:00:00:01", "00:12:4b:00:01:02:03:04", "00:12:4b:00:0a:0b:0c:0d");
    let key = "5c".repeat(16);
    let expected = [
        ["0000", of_coordinator, "1", "5", &key, "", "", "", "", "", "", "", ""],
        ["1234", of_meter, "5", "45", "", of_meter, "", "", "", "", "", "", ""],
        ["0000", of_coordinator, "1", "45", "", "", "0x0702", "", "", "", "", "", ""],
        ["0000", of_coordinator, "2", "44", "", "", "", "77", "0x0400", "", "5", "300", ""],
        ["1234", of_meter, "6", "44", "", "", "", "1", "0x0000,0x0400", "123456", "-1500", "", ""],
        ["1234", of_router, "1", "44", "", "", "", "1", "0x0000,0x0400", "123456", "-1500", "", ""],
        ["1234", of_meter, "7", "44", "", "", "", "77", "0x0301,0x0302,0x0300", "", "", "", "1,1000"],
        ["1234", of_meter, "8", "46", "", "", "", "", "", "", "", "", ""],
        ["1234", of_meter, "9", "46", "", "", "", "77", "0x0301,0x0302,0x0300", "", "", "", "1,1000"],
    ];
    assert_eq!(found.len(), expected.len());
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        // No complaint: the check sequence fits, and nothing is malformed.
        assert_eq!((found[0].as_str(), found[1].as_str()), ("", "0x1a62"), "frame {at}");
        assert_eq!(found[2], format!("0x{}", expected[0]), "frame {at}");
        assert_eq!(found[3..], expected[1..], "frame {at}");
    }
    let mut broken = frames[4].clone();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    let found = tshark(&[broken], &[NETWORK_KEY], &fields).unwrap();
    assert_ne!(found[0][0], "", "it does look at the check sequence");
}
