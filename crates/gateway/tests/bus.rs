//! Meters on a bus, end to end: from the port through the whole gateway into a file.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::bus::{Bus, Device, State};
use common::program::Program;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// The source of a bus with these keys.
fn config(folder: &Path, bus: &str) -> String {
    let out = folder.join("out.jsonl");
    let data = folder.join("data");
    format!(
        "name = \"g\"\ndata = {data:?}\n[[source]]\nkind = \"rs485\"\nname = \"cellar\"\n{bus}\n\
         [[sink]]\nkind = \"file\"\npath = {out:?}\n"
    )
}

/// What the gateway has told, of what is wanted.
fn told(folder: &Path, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("out.jsonl")).unwrap_or_default();
    // The last line may be on its way to the disk.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(wanted).collect()
}

fn reports(folder: &Path) -> Vec<Value> {
    told(folder, |told| told["schema"] == "esh.report.v1")
}

fn until(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A meter of energy, voltage and serial number, with a gap between them.
fn meter(number: u16) -> Device {
    Device::new(vec![(0, vec![1, 4464, 2301]), (10, vec![0x4142, 0x4330 + number])])
}

const REGISTERS: &str = r#"
[[source.meter.register]]
address = 0
type = "u32"
quantity = "energy.active.import"
unit = "W.h"
[[source.meter.register]]
address = 2
type = "u16"
quantity = "voltage.l1"
scale = 0.1
[[source.meter.register]]
address = 10
type = "text"
length = 4
quantity = "identification.fabrication"
"#;

fn meters(units: impl IntoIterator<Item = u8>, keys: &str) -> String {
    units.into_iter().map(|unit| format!("[[source.meter]]\naddress = {unit}\n{keys}\n{REGISTERS}")).collect()
}

fn devices(units: impl IntoIterator<Item = u8>) -> HashMap<u8, Device> {
    units.into_iter().map(|unit| (unit, meter(unit.into()))).collect()
}

#[test]
fn a_poll_is_one_report_with_one_time_and_a_refusal_is_learned_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let state = State { devices: devices([17]), strict: true, ..State::default() };
    let bus = Bus::new(&folder.path().join("port"), 19_200, state);
    let keys = format!("serial = {:?}\nbaud = 19200\nperiod = \"500ms\"\n{}", bus.path, meters([17], ""));
    let gateway = Program::start(folder.path(), &config(folder.path(), &keys), &[]);
    until("three reports", || reports(folder.path()).len() >= 3);
    assert!(gateway.stop());
    for report in reports(folder.path()) {
        assert_eq!(report["error"], Value::Null, "{report}");
        assert_eq!((&report["protocol"], &report["meter"]["address"]), (&"modbus".into(), &"modbus:cellar.17".into()));
        let readings = report["readings"].as_array().unwrap();
        let values: Vec<_> = readings
            .iter()
            .map(|reading| (reading["quantity"].as_str().unwrap(), reading["value"].to_string()))
            .collect();
        assert_eq!(
            values,
            [
                ("energy.active.import", "70.0".to_owned()),
                ("voltage.l1", "230.1".to_owned()),
                ("identification.fabrication", "\"ABCA\"".to_owned()),
            ]
        );
        let times: Vec<_> = readings.iter().map(|reading| reading["time"].as_str().unwrap()).collect();
        assert!(times.iter().all(|time| *time == times[0]), "{times:?}");
    }
    let ids: std::collections::HashSet<_> =
        reports(folder.path()).iter().map(|report| report["id"].to_string()).collect();
    assert_eq!(ids.len(), reports(folder.path()).len(), "equal octets at other times are other readings");
    // The gap was refused once, and after a restart it is not asked for again.
    let refused = |folder: &Path| std::fs::read_to_string(folder.join("data/bus/cellar.json")).unwrap();
    assert_eq!(refused(folder.path()), r#"{"cellar.17":{"cut":[["holding",10]]}}"#);
    let (before, answered) = (reports(folder.path()).len(), bus.state().answered[&17]);
    let gateway = Program::start(folder.path(), &config(folder.path(), &keys), &[]);
    until("three more reports", || reports(folder.path()).len() >= before + 3);
    assert!(gateway.stop());
    let polls = reports(folder.path()).len() - before;
    assert!(bus.state().answered[&17] - answered <= 2 * polls as u32 + 2, "two requests each");
    assert_eq!(bus.state().early, 0);
}

#[test]
fn a_command_sets_the_period_for_good_and_another_reads_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let bus = Bus::new(&folder.path().join("port"), 19_200, State { devices: devices([17]), ..State::default() });
    let keys = format!("serial = {:?}\nbaud = 19200\nperiod = \"1h\"\n{}", bus.path, meters([17], ""));
    let keys = format!("{}\n[commands]\nenabled = true\n", config(folder.path(), &keys));
    let order = |what: Value| {
        esh_gateway::commands::put(&folder.path().join("data"), what.to_string().as_bytes()).unwrap();
    };
    let state = |id: &str| {
        esh_gateway::commands::look(&folder.path().join("data"), id)
            .unwrap()
            .map(|(state, error)| (state.word(), error))
    };
    let gateway = Program::start(folder.path(), &keys, &[]);
    until("it is read at the beginning", || !reports(folder.path()).is_empty());
    order(json!({"id": "now", "protocol": "modbus", "meter": "modbus:cellar.17", "name": "read"}));
    until("it is read once more", || reports(folder.path()).len() == 2);
    until("it is told", || state("now") == Some(("done", None)));
    order(json!({"id": "who", "protocol": "modbus", "meter": "modbus:attic.1", "name": "read"}));
    order(json!({"id": "raw", "protocol": "modbus", "meter": "modbus:cellar.17", "raw": {"hex": "0600010001"}}));
    until("nothing is written", || state("raw").is_some_and(|(state, _)| state == "failed"));
    assert!(state("raw").unwrap().1.unwrap().contains("declares"), "{:?}", state("raw"));
    assert_eq!(state("who"), Some(("queued", None)), "nobody reaches it");
    order(json!({"id": "often", "protocol": "modbus", "meter": "modbus:cellar.17", "name": "set_period",
        "args": {"seconds": 1}}));
    until("it is done", || state("often") == Some(("done", None)));
    until("it is read every second", || reports(folder.path()).len() >= 5);
    assert!(gateway.stop());
    let before = reports(folder.path()).len();
    let gateway = Program::start(folder.path(), &keys, &[]);
    until("and after a restart", || reports(folder.path()).len() >= before + 4);
    assert!(gateway.stop());
    let results = told(folder.path(), |told| told["schema"] == "esh.result.v1");
    let of = |id: &str| -> Vec<_> {
        results.iter().filter(|told| told["command"] == id).map(|told| told["state"].as_str().unwrap()).collect()
    };
    assert_eq!((of("now"), of("often")), (vec!["queued", "sent", "done"], vec!["queued", "sent", "done"]));
}

/// The energies that reports tell, by meter. Each meter counts another one.
fn energies(folder: &Path) -> HashMap<String, Vec<f64>> {
    let mut energies = HashMap::<_, Vec<_>>::new();
    for report in reports(folder) {
        let id = report["meter"]["id"].as_str().unwrap().to_owned();
        let value = report["readings"][0]["value"].as_f64().unwrap_or(f64::NAN);
        energies.entry(id).or_default().push(value);
    }
    energies
}

const ENERGY: &str =
    "[[source.meter.register]]\naddress = 0\ntype = \"u16\"\nquantity = \"energy.active.import\"\nunit = \"kW.h\"\n";
const EXPORT: &str =
    "[[source.meter.register]]\naddress = 100\ntype = \"u16\"\nquantity = \"energy.active.export\"\nunit = \"kW.h\"\n";

#[test]
fn an_answer_that_is_late_is_never_taken_for_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    // The same shape of answer to two requests, and later than the patience for it.
    let device =
        Device { late: (1, Duration::from_millis(160)), ..Device::new(vec![(0, vec![1111]), (100, vec![2222])]) };
    // Whatever is asked is answered, also what is asked while an older answer is under way.
    let state = State { devices: HashMap::from([(5, device)]), ..State::default() };
    let bus = Bus::new(&folder.path().join("port"), 19_200, state);
    let keys = format!(
        "serial = {:?}\nbaud = 19200\nperiod = \"100ms\"\n[[source.meter]]\naddress = 5\ntimeout = \"120ms\"\nmax_gap = 0\n{ENERGY}{EXPORT}",
        bus.path
    );
    let gateway = Program::start(folder.path(), &config(folder.path(), &keys), &[]);
    for n in 1..12 {
        let before = reports(folder.path()).len();
        until("a report", || reports(folder.path()).len() > before);
        // Each of the two requests is hit at some time.
        std::thread::sleep(Duration::from_millis(n * 7));
        bus.state().devices.get_mut(&5).unwrap().late.0 = 1;
    }
    assert!(gateway.stop());
    let mut whole = 0;
    for report in reports(folder.path()) {
        for reading in report["readings"].as_array().unwrap() {
            let wanted = if reading["quantity"] == "energy.active.import" { 1111 } else { 2222 };
            assert_eq!(reading["value"], wanted, "{report}");
            whole += 1;
        }
    }
    assert!(whole >= 20, "{whole}");
}

#[test]
fn an_echo_noise_a_dead_meter_and_a_cable_that_is_pulled() {
    let folder = tempfile::tempdir().unwrap();
    let mut devices = HashMap::new();
    for unit in 1..=6 {
        devices.insert(unit, Device::new(vec![(0, vec![1000 + u16::from(unit)])]));
    }
    devices.get_mut(&4).unwrap().silent = true;
    let state = State { devices, strict: true, echo: true, noise: Some(5), ..State::default() };
    let mut bus = Bus::new(&folder.path().join("port"), 38_400, state);
    let meters: String = (1..=6)
        .map(|unit| format!("[[source.meter]]\naddress = {unit}\ntimeout = \"100ms\"\nretries = 1\n{ENERGY}"))
        .collect();
    let keys = format!("serial = {:?}\nbaud = 38400\nperiod = \"100ms\"\n{meters}", bus.path);
    let port = common::free_port();
    let config = format!("{}[http]\nlisten = \"127.0.0.1:{port}\"\n", config(folder.path(), &keys));
    let gateway = Program::start(folder.path(), &config, &[]);
    let all = |least: usize| {
        let energies = energies(folder.path());
        (1..=6)
            .filter(|unit| *unit != 4)
            .all(|unit| energies.get(&format!("cellar.{unit}")).map_or(0, Vec::len) >= least)
    };
    until("ten of each", || all(10));
    assert_eq!(bus.state().early, 0, "nothing was sent too early");
    for _ in 0..2 {
        bus.pull();
        std::thread::sleep(Duration::from_millis(300));
        let before = reports(folder.path()).len();
        bus.plug();
        until("it goes on", || reports(folder.path()).len() >= before + 10);
    }
    let metrics = {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(common::program::page(port, "/metrics")).1
    };
    let count = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name}{{source=\"cellar\"}} ")));
        line.unwrap_or_else(|| panic!("{name}: {metrics}")).parse::<u64>().unwrap()
    };
    assert_eq!(count("esh_source_meters_silent"), 1);
    assert!(count("esh_source_reconnects_total") >= 2);
    assert!(count("esh_source_timeouts_total") > 0 && count("esh_source_stray_octets_total") > 0);
    assert!(count("esh_source_polls_total") >= count("esh_source_frames_total"));
    assert!(gateway.stop());
    for (id, values) in energies(folder.path()) {
        let unit: f64 = id.strip_prefix("cellar.").unwrap().parse().unwrap();
        assert!(values.iter().all(|value| *value == 1000.0 + unit), "{id}: {values:?}");
        assert_ne!(unit, 4.0);
    }
}

#[test]
fn others_ask_through_the_bus_and_write_nothing() {
    use std::io::{Read, Write};
    let folder = tempfile::tempdir().unwrap();
    let bus = Bus::new(
        &folder.path().join("port"),
        38_400,
        State { devices: devices([17, 18]), strict: true, ..State::default() },
    );
    let port = common::free_port();
    let keys = format!(
        "serial = {:?}\nbaud = 38400\nlisten = \"tcp://127.0.0.1:{port}\"\nperiod = \"50ms\"\n{}",
        bus.path,
        meters([17], "timeout = \"100ms\"")
    );
    let gateway = Program::start(folder.path(), &config(folder.path(), &keys), &[]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut client = runtime.block_on(common::connect(port)).into_std().unwrap();
    client.set_nonblocking(false).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut ask = |transaction: u8, unit: u8, pdu: &[u8]| {
        let mut frame = vec![0, transaction, 0, 0, 0, pdu.len() as u8 + 1, unit];
        frame.extend(pdu);
        client.write_all(&frame).unwrap();
        let mut head = [0; 7];
        client.read_exact(&mut head).unwrap();
        assert_eq!((head[1], head[6]), (transaction, unit));
        let mut pdu = vec![0; usize::from(head[5]) - 1];
        client.read_exact(&mut pdu).unwrap();
        pdu
    };
    for n in 0..20 {
        // Of a meter that the gateway reads, and of one that it does not know.
        assert_eq!(ask(n, 17, &[3, 0, 2, 0, 1]), [3, 2, 0x08, 0xfd]);
        assert_eq!(ask(n, 18, &[3, 0, 10, 0, 2]), [3, 4, 0x41, 0x42, 0x43, 0x42]);
    }
    assert_eq!(ask(1, 17, &[3, 0, 9, 0, 1]), [0x83, 2], "what a device refuses is its own answer");
    assert_eq!(ask(2, 17, &[6, 0, 2, 0, 1]), [0x86, 1], "nothing is written");
    assert_eq!(ask(3, 19, &[3, 0, 2, 0, 1]), [0x83, 11], "who does not answer");
    assert_eq!(bus.state().early, 0);
    let before = reports(folder.path()).len();
    until("the meter is read beside it", || reports(folder.path()).len() > before + 3);
    drop(bus);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(ask(4, 17, &[3, 0, 2, 0, 1]), [0x83, 10], "there is no bus");
    assert!(gateway.stop());
    assert!(reports(folder.path()).iter().all(|report| report["error"].is_null()));
}

#[test]
fn an_archive_gives_the_same_readings_with_the_same_ids() {
    let folder = tempfile::tempdir().unwrap();
    let bus = Bus::new(&folder.path().join("port"), 38_400, State { devices: devices([17]), ..State::default() });
    let archive = folder.path().join("archive");
    let keys = format!("serial = {:?}\nbaud = 38400\nperiod = \"100ms\"\n{}", bus.path, meters([17], "id = \"house\""));
    let config = format!(
        "{}[[sink]]\nkind = \"archive\"\npath = {archive:?}\n[[sink]]\nkind = \"stdout\"\n",
        config(folder.path(), &keys)
    );
    let gateway = Program::start(folder.path(), &config, &[]);
    until("five reports", || reports(folder.path()).len() >= 5);
    assert!(gateway.stop());
    let output = std::process::Command::new(common::program::binary())
        .args(["replay", "--sink", "stdout", "--config"])
        .arg(folder.path().join("gateway.toml"))
        .arg(&archive)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let again = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let again: Vec<_> = again.filter(|report| report["readings"].is_array()).collect();
    let told = |reports: &[Value]| -> HashMap<String, String> {
        reports.iter().map(|report| (report["id"].to_string(), report["readings"].to_string())).collect()
    };
    assert_eq!(told(&again), told(&reports(folder.path())), "{}", String::from_utf8_lossy(&output.stderr));
}
