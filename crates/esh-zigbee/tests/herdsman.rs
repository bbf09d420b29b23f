//! zigbee-herdsman as a peer: frames that it encodes are read here, and frames that are written here it reads. Without it
//! these tests say that they are skipped; with `ESH_NEEDS_HERDSMAN=1` they fail. `scripts/herdsman` fetches it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use esh_core::{Decimal, Input, Layer};
use esh_zigbee::Writer;
use esh_zigbee::zcl::{Command, DataType, Direction, FrameType, Header, Record, Records, Value};
use esh_zigbee::zdo::{self, Binding, Clusters, Message, NodeDescriptor, SimpleDescriptor, Status, Target};
use serde_json::{Value as Json, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command as Process, Stdio};

const CLUSTER: u16 = 0x0702;
const METER: u64 = 0x00_12_4b_00_01_02_03_04;

/// What zigbee-herdsman answers; `None` where there is none.
fn herdsman(questions: &[Json]) -> Option<Vec<Json>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = package.join("../../target/herdsman/node_modules");
    if !modules.join("zigbee-herdsman").is_dir() {
        assert!(std::env::var_os("ESH_NEEDS_HERDSMAN").is_none(), "there must be zigbee-herdsman: scripts/herdsman");
        println!("skipped: no zigbee-herdsman in {}", modules.display());
        return None;
    }
    let mut node = Process::new("node")
        .arg(package.join("tests/peers/herdsman.cjs"))
        .arg(modules.canonicalize().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    node.stdin.take().unwrap().write_all(Json::from(questions).to_string().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn octets(text: &Json) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// Numbers of every type of them, as far as they are values: type, number.
fn numbers() -> Vec<(u8, i128)> {
    let mut all = Vec::new();
    for len in 1..=8u8 {
        let bits = u32::from(len) * 8;
        let most = (1i128 << bits) - 1;
        all.extend([0, 1, most / 3, most - 1].map(|number| (0x1f + len, number)));
        let half = 1i128 << (bits - 1);
        all.extend([0, -1, half - 1, 1 - half, half / 3].map(|number| (0x27 + len, number)));
    }
    all
}

/// A number as the two sides tell it to each other: those of seven and eight octets are of another kind there.
fn told(data_type: u8, number: i128) -> Json {
    let is_big = matches!(data_type, 0x26 | 0x27 | 0x2e | 0x2f);
    if is_big { json!(format!("{number}n")) } else { json!(i64::try_from(number).unwrap()) }
}

fn record(attribute: u16, data_type: u8, value: Value<'_>) -> Record<'_> {
    let (attribute, data_type, value) = (Some(attribute), Some(DataType(data_type)), Some(value));
    Record { attribute, data_type, value, ..Record::default() }
}

fn written(command: Command, records: &[Record<'_>]) -> Vec<u8> {
    let id = (0..=0x16).find(|id| Command::from_id(*id) == Some(command)).unwrap();
    let mut room = [0; 256];
    let mut writer = Writer::new(&mut room);
    Header::new(FrameType::Global, Direction::ToClient, 77, id).write(&mut writer).unwrap();
    for (at, record) in records.iter().enumerate() {
        record.write(command, at == 0, &mut writer).unwrap();
    }
    writer.finish().to_vec()
}

#[test]
fn numbers_of_every_type_both_ways() {
    let numbers = numbers();
    let mut questions = Vec::new();
    for (data_type, number) in &numbers {
        let value = told(*data_type, *number);
        questions
            .push(json!({"zcl": ["report", "seMetering", [{"attrId": 7, "dataType": data_type, "attrData": value}]]}));
        let number = Value::Number(Decimal::new(*number, 0));
        let ours = written(Command::ReportAttributes, &[record(7, *data_type, number)]);
        questions.push(json!({"read": hex(&ours), "cluster": CLUSTER}));
    }
    let Some(answers) = herdsman(&questions) else { return };
    for ((data_type, number), pair) in numbers.iter().zip(answers.chunks(2)) {
        let theirs = octets(&pair[0]);
        let mut input = Input::new(&theirs, 0, Layer::Application);
        let header = Header::read(&mut input).unwrap();
        assert_eq!((header.sequence(), header.command(), header.direction()), (77, 0x0a, Direction::ToClient));
        let found = Records::new(Command::ReportAttributes, input).next_record().unwrap().unwrap();
        assert_eq!(found.value, Some(Value::Number(Decimal::new(*number, 0))), "type {data_type:02x}");
        // Of a number of more than 53 bits it makes a text.
        let value = match told(*data_type, *number) {
            Json::String(_) => json!(number.to_string()),
            value => value,
        };
        let payload = json!([{"attrId": 7, "dataType": data_type, "attrData": value}]);
        assert_eq!(pair[1], json!({"tsn": 77, "command": "report", "payload": payload}), "type {data_type:02x}");
    }
    println!("{} numbers both ways", numbers.len());
}

#[test]
fn general_commands_both_ways() {
    let of = |attribute, data_type, value| Record { status: Some(0), ..record(attribute, data_type, value) };
    let asked = Record {
        direction: Some(0),
        minimum_interval: Some(10),
        maximum_interval: Some(300),
        reportable_change: Some(Value::Number(Decimal::new(5, 0))),
        value: None,
        ..record(0x0400, 0x2a, Value::NoValue)
    };
    let cases: [(Command, &str, Vec<Record<'_>>, Json); 6] = [
        (
            Command::ReadAttributes,
            "read",
            vec![Record { attribute: Some(0x0301), ..Record::default() }],
            json!([{"attrId": 0x0301}]),
        ),
        (
            Command::ReadAttributesResponse,
            "readRsp",
            vec![
                of(5, 0x42, Value::Text("model")),
                Record { attribute: Some(6), status: Some(0x86), ..Record::default() },
                of(0x0300, 0x30, Value::Code(1)),
                of(0x0200, 0x18, Value::Bits(0x82)),
                of(9, 0x10, Value::Flag(true)),
            ],
            json!([
                {"attrId": 5, "status": 0, "dataType": 0x42, "attrData": "model"},
                {"attrId": 6, "status": 0x86},
                {"attrId": 0x0300, "status": 0, "dataType": 0x30, "attrData": 1},
                {"attrId": 0x0200, "status": 0, "dataType": 0x18, "attrData": 0x82},
                {"attrId": 9, "status": 0, "dataType": 0x10, "attrData": 1},
            ]),
        ),
        (
            Command::ConfigureReporting,
            "configReport",
            vec![asked],
            json!([{"direction": 0, "attrId": 0x0400, "dataType": 0x2a, "minRepIntval": 10, "maxRepIntval": 300, "repChange": 5}]),
        ),
        (
            Command::ConfigureReportingResponse,
            "configReportRsp",
            vec![Record { status: Some(0x8c), direction: Some(0), attribute: Some(0x0400), ..Record::default() }],
            json!([{"status": 0x8c, "direction": 0, "attrId": 0x0400}]),
        ),
        (
            Command::DefaultResponse,
            "defaultRsp",
            vec![Record { command: Some(6), status: Some(0x81), ..Record::default() }],
            json!({"cmdId": 6, "statusCode": 0x81}),
        ),
        (
            Command::ReportAttributes,
            "report",
            vec![record(0x0000, 0x25, Value::NoValue), record(4, 0x39, Value::Octets(&[0, 0, 0xc0, 0x3f]))],
            // The code for no value is a number there, and none here.
            json!([
                {"attrId": 0, "dataType": 0x25, "attrData": 0xffff_ffff_ffff_u64},
                {"attrId": 4, "dataType": 0x39, "attrData": 1.5},
            ]),
        ),
    ];
    let mut questions = Vec::new();
    for (command, name, records, payload) in &cases {
        questions.push(json!({"zcl": [name, "seMetering", payload]}));
        questions.push(json!({"read": hex(&written(*command, records)), "cluster": CLUSTER}));
    }
    let Some(answers) = herdsman(&questions) else { return };
    for ((command, name, records, payload), pair) in cases.iter().zip(answers.chunks(2)) {
        let theirs = octets(&pair[0]);
        assert_eq!(theirs, written(*command, records), "{name}: octet for octet");
        let mut input = Input::new(&theirs, 0, Layer::Application);
        Header::read(&mut input).unwrap();
        let mut read = Records::new(*command, input);
        for record in records {
            let found = read.next_record().unwrap().unwrap();
            assert_eq!((found.attribute, found.status), (record.attribute, record.status), "{name}");
            let expected = match record.value {
                // A float is a number once it is read.
                Some(Value::Octets(_)) => Some(Value::Number(Decimal::new(15, -1))),
                other => other,
            };
            assert_eq!(found.value, expected, "{name}");
            assert_eq!(found.reportable_change, record.reportable_change, "{name}");
        }
        assert_eq!(read.next_record(), Ok(None));
        assert_eq!(pair[1], json!({"tsn": 77, "command": name, "payload": payload}));
    }
}

#[test]
fn the_device_profile_both_ways() {
    let target = Target::Endpoint(0x11, 1);
    let binding = Binding { source: METER, endpoint: 1, cluster: CLUSTER, target };
    let requests = [
        (
            json!([0x0021, "0x00124b0001020304", 1, CLUSTER, 3, "0x0000000000000011", 0, 1]),
            Message::BindRequest(binding),
        ),
        (
            json!([0x0022, "0x00124b0001020304", 1, CLUSTER, 1, "0x0000000000000000", 5, 0]),
            Message::UnbindRequest(Binding { target: Target::Group(5), ..binding }),
        ),
        (json!([0x0002, 0x1234]), Message::NodeDescriptorRequest { of: 0x1234 }),
        (json!([0x0004, 0x1234, 1]), Message::SimpleDescriptorRequest { of: 0x1234, endpoint: 1 }),
        (json!([0x0005, 0x1234]), Message::ActiveEndpointsRequest { of: 0x1234 }),
        (json!([0x0034, "0x00124b0001020304", 0x80]), Message::LeaveRequest { device: METER, flags: 0x80 }),
        (json!([0x0036, 60, 1, []]), Message::PermitJoiningRequest { duration: 60, trust_centre: 1 }),
        (json!([0x0001, 0x1234, false, 0]), Message::IeeeAddressRequest { of: 0x1234, kind: 0, start: 0 }),
    ];
    let clusters = [0, 0, 2, 7, 4, 11];
    let (status, of) = (Status::SUCCESS, 0x1234);
    let simple = SimpleDescriptor {
        endpoint: 1,
        profile: 0x0104,
        device: 0x51,
        version: 1,
        input: Clusters::of(&clusters),
        output: Clusters::of(&[10, 0]),
    };
    let node = NodeDescriptor {
        flags: 1,
        band: 0x40,
        capability: 0x8e,
        manufacturer: 0x115f,
        buffer: 82,
        incoming: 255,
        server: 0x2c00,
        outgoing: 255,
        descriptors: 0,
    };
    let answers = [
        (
            Message::DeviceAnnounce { short: of, extended: METER, capability: 0x8e },
            json!({"nwkAddress": of, "eui64": "0x00124b0001020304"}),
        ),
        (
            Message::SimpleDescriptorResponse { status, of, descriptor: Some(simple) },
            json!({"nwkAddress": of, "endpoint": 1, "profileId": 0x0104, "deviceId": 0x51, "deviceVersion": 1,
                   "inClusterList": [0, 0x0702, 0x0b04], "outClusterList": [10]}),
        ),
        (
            Message::ActiveEndpointsResponse { status, of, endpoints: &[1, 242] },
            json!({"nwkAddress": of, "endpointList": [1, 242]}),
        ),
        (
            Message::NodeDescriptorResponse { status, of, descriptor: Some(node) },
            json!({"nwkAddress": of, "logicalType": 1, "manufacturerCode": 0x115f, "maxBufSize": 82}),
        ),
    ];
    let ours = |message: Message<'_>| {
        let mut room = [0; 80];
        let mut writer = Writer::new(&mut room);
        zdo::Frame { sequence: 0, message }.write(&mut writer).unwrap();
        writer.finish().to_vec()
    };
    let mut questions: Vec<Json> = requests.iter().map(|(arguments, _)| json!({"zdo": arguments})).collect();
    questions.extend(
        answers.iter().map(|(message, _)| json!({"answer": hex(&ours(*message)), "cluster": message.cluster()})),
    );
    let Some(found) = herdsman(&questions) else { return };
    let (encoded, decoded) = found.split_at(requests.len());
    for ((arguments, message), theirs) in requests.iter().zip(encoded) {
        let theirs = octets(theirs);
        assert_eq!(arguments[0], message.cluster());
        let read = zdo::Frame::read(message.cluster(), &mut Input::new(&theirs, 0, Layer::Application));
        assert_eq!(read.unwrap(), Some(zdo::Frame { sequence: 0, message: *message }), "{}", hex(&theirs));
    }
    for ((message, expected), found) in answers.iter().zip(decoded) {
        assert_eq!(found["status"], 0, "{message:?}");
        for (member, value) in expected.as_object().unwrap() {
            assert_eq!(&found["answer"][member], value, "{member} of {message:?}: {found}");
        }
    }
}
