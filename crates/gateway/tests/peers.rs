//! Servers and clients that nobody here wrote: pymodbus and libmodbus answer the gateway, and `mbpoll` and pymodbus read the
//! simulated devices, over TCP and through pseudo-terminals. `scripts/peers` brings them; without them these tests say that
//! they are skipped, and with `ESH_NEEDS_PEERS=1` they fail.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::bus::terminals;
use common::program::{Program, binary};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program of others that is running.
struct Running(Child);

impl Running {
    fn start(program: impl AsRef<OsStr>, arguments: &[&str]) -> Self {
        Self(Command::new(program).args(arguments).stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn needed<T>(what: &str, found: Option<T>) -> Option<T> {
    if found.is_none() {
        assert!(std::env::var_os("ESH_NEEDS_PEERS").is_none(), "this test needs {what}: scripts/peers");
        println!("skipped: no {what}");
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A Python that has pymodbus and pyMeterBus.
fn python() -> Option<PathBuf> {
    needed("pymodbus", Some(root().join("target/peers/bin/python")).filter(|python| python.exists()))
}

fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name).display().to_string()
}

/// The server that is built with libmodbus.
fn libmodbus(folder: &Path) -> Option<PathBuf> {
    let out = folder.join("libmodbus_server");
    let built = Command::new("cc")
        .args(["-I/usr/include/modbus", "-o"])
        .arg(&out)
        .arg(script("libmodbus_server.c"))
        .arg("-lmodbus")
        .stderr(Stdio::null())
        .status();
    needed("libmodbus", built.is_ok_and(|status| status.success()).then_some(out))
}

fn until(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// What the servers hold, as values of several types in both tables.
const METER: &str = r#"
[[source.meter]]
address = 17
period = "300ms"
[[source.meter.register]]
address = 0
table = "input"
type = "u16"
quantity = "voltage.l1"
[[source.meter.register]]
address = 150
table = "input"
type = "u32"
order = "CDAB"
name = "two"
[[source.meter.register]]
number = 40006
type = "i16"
quantity = "current.l1"
"#;

/// The gateway reads a server several times.
fn reads(folder: &Path, port: &str) {
    let (out, data) = (folder.join("out.jsonl"), folder.join("data"));
    let config = format!(
        "name = \"g\"\ndata = {data:?}\n[[source]]\nkind = \"rs485\"\nname = \"bus\"\n{port}\n{METER}\n\
         [[sink]]\nkind = \"file\"\npath = {out:?}\n"
    );
    let reports = || -> Vec<Value> {
        let text = std::fs::read_to_string(&out).unwrap_or_default();
        let reports = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        reports.filter(|report| report["event"].is_null()).collect()
    };
    let gateway = Program::start(folder, &config, &[]);
    until("four reports", || reports().len() >= 4);
    assert!(gateway.stop(), "{}", std::fs::read_to_string(folder.join("log")).unwrap());
    for report in reports() {
        let values: Vec<_> =
            report["readings"].as_array().unwrap().iter().map(|reading| reading["value"].to_string()).collect();
        // Read as CDAB: 1151 is the high word.
        assert_eq!(values, ["1000", &(1151 * 65_536 + 1150).to_string(), "2005"], "{report}");
        assert_eq!(report["error"], Value::Null);
    }
}

#[test]
fn a_server_of_pymodbus_answers_over_tcp() {
    let Some(python) = python() else { return };
    let (folder, port) = (tempfile::tempdir().unwrap(), common::free_port());
    let _server = Running::start(python, &[&script("pymodbus_server.py"), "tcp", &port.to_string()]);
    reads(folder.path(), &format!("connect = \"tcp://127.0.0.1:{port}\"\nmode = \"tcp\""));
}

#[test]
fn a_server_of_pymodbus_answers_on_a_line() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [ours, theirs] = ["ours", "theirs"].map(|name| folder.path().join(name));
    let _line = terminals(&ours, &theirs);
    let _server =
        Running::start(python, &[&script("pymodbus_server.py"), "serial", &theirs.display().to_string(), "19200"]);
    reads(folder.path(), &format!("serial = {ours:?}\nbaud = 19200"));
}

#[test]
fn a_server_of_libmodbus_answers_over_tcp_and_on_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = libmodbus(folder.path()) else { return };
    let (over_tcp, on_a_line) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let port = common::free_port();
    let running = Running::start(&server, &["tcp", &port.to_string()]);
    reads(over_tcp.path(), &format!("connect = \"tcp://127.0.0.1:{port}\"\nmode = \"tcp\""));
    drop(running);
    let [ours, theirs] = ["ours", "theirs"].map(|name| folder.path().join(name));
    let _line = terminals(&ours, &theirs);
    let _server = Running::start(&server, &["serial", &theirs.display().to_string(), "19200"]);
    reads(on_a_line.path(), &format!("serial = {ours:?}\nbaud = 19200"));
}

/// Asks again until somebody is there: what it printed.
fn output(program: impl AsRef<OsStr>, arguments: &[&str], is: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let output = Command::new(program.as_ref()).args(arguments).stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if is(&text) {
            return text;
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(Instant::now() < deadline, "{arguments:?}: {text}{errors}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

const DEVICE: &str = r#"
[[register]]
address = 10
type = "u16"
quantity = "voltage.l1"
[[register]]
address = 11
type = "f32"
quantity = "current.l1"
[[register]]
address = 20
type = "u32"
quantity = "power.active.import"
"#;

#[test]
fn mbpoll_and_pymodbus_read_the_simulated_devices() {
    let mbpoll = needed("mbpoll", common::program("mbpoll"));
    let (folder, port) = (tempfile::tempdir().unwrap(), common::free_port());
    let (registers, link) = (folder.path().join("device.toml"), folder.path().join("port"));
    std::fs::write(&registers, DEVICE).unwrap();
    let (registers, link, at) =
        (registers.display().to_string(), link.display().to_string(), format!("tcp://127.0.0.1:{port}"));
    let device = ["simulate", "modbus", "--registers", &registers, "--unit", "5"];
    let _over_tcp = Running::start(binary(), &[&device[..], &["--listen", &at]].concat());
    let _on_a_line = Running::start(binary(), &[&device[..], &["--pty", &link]].concat());
    if let Some(mbpoll) = mbpoll {
        let tcp = ["-m", "tcp", "-p", &port.to_string(), "127.0.0.1"].map(str::to_owned);
        let rtu = ["-m", "rtu", "-b", "9600", "-P", "none", &link].map(str::to_owned);
        for way in [&tcp[..], &rtu[..]] {
            let ask = |what: &[&str], is: &str| {
                let way: Vec<_> = way.iter().map(String::as_str).collect();
                output(&mbpoll, &[what, &["-0", "-1", "-a", "5"], &way].concat(), |text| text.contains(is))
            };
            ask(&["-r", "10", "-c", "1", "-t", "4"], "[10]: \t1010");
            ask(&["-r", "11", "-c", "1", "-t", "4:float", "-B"], "[11]: \t1011");
            ask(&["-r", "20", "-c", "1", "-t", "4:int", "-B"], "[20]: \t1020");
        }
    }
    if let Some(python) = python() {
        let client = script("pymodbus_client.py");
        for way in [["tcp", &port.to_string()], ["serial", &link]] {
            let ask = |address: &str, count: &str, is: &str| {
                output(&python, &[&[client.as_str()], &way[..], &["5", address, count]].concat(), |text| {
                    text.trim() == is
                })
            };
            ask("20", "2", "0 1020");
            ask("10", "3", "1010 17532 49152");
            ask("400", "1", "exception 2");
        }
    }
}

#[test]
fn the_gateway_reads_a_simulated_device_that_says_itself_what_it_has() {
    let (folder, port) = (tempfile::tempdir().unwrap(), common::free_port());
    let at = format!("tcp://127.0.0.1:{port}");
    for mode in ["tcp", "rtu", "ascii"] {
        let running = Running::start(binary(), &["simulate", "modbus", "--unit", "9", "--listen", &at, "--mode", mode]);
        let (out, data) = (folder.path().join(format!("{mode}.jsonl")), folder.path().join(format!("data-{mode}")));
        let config = format!(
            "name = \"g\"\ndata = {data:?}\n[[source]]\nkind = \"rs485\"\nname = \"bus\"\nconnect = {at:?}\nmode = {mode:?}\n\
             [[source.meter]]\naddress = 9\nperiod = \"200ms\"\nmap = \"sunspec\"\nid = \"house\"\n\
             [[sink]]\nkind = \"file\"\npath = {out:?}\n"
        );
        let gateway = Program::start(folder.path(), &config, &[]);
        until("three reports", || std::fs::read_to_string(&out).unwrap_or_default().lines().count() >= 3);
        assert!(gateway.stop());
        drop(running);
        let text = std::fs::read_to_string(&out).unwrap();
        let report: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!((&report["meter"]["address"], &report["error"]), (&"modbus:house".into(), &Value::Null), "{report}");
        let value = |quantity: &str| {
            let all = report["readings"].as_array().unwrap();
            all.iter().find(|reading| reading["quantity"] == quantity).unwrap_or_else(|| panic!("{report}"))["value"]
                .clone()
        };
        assert_eq!(value("identification.manufacturer").as_str().unwrap().len(), 32);
        assert!(value("frequency").as_f64().unwrap() > 0.0 && value("energy.active.import").as_f64().unwrap() > 0.0);
    }
}

#[test]
fn a_master_of_pymeterbus_reads_the_simulated_meters_by_either_address() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("port").display().to_string();
    let _meters = Running::start(binary(), &["simulate", "mbus", "--unit", "1", "--unit", "7", "--pty", &link]);
    for address in ["7", "28641969FFFFFFFF"] {
        let arguments = [script("pymeterbus_client.py"), link.clone(), address.to_owned()];
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let read: Value = serde_json::from_str(&output(&python, &arguments, |text| text.contains("records"))).unwrap();
        let header = &read["body"]["header"];
        assert_eq!((&header["manufacturer"], &header["medium"]), (&"ESH".into(), &"0x16".into()), "{read}");
        assert_eq!(header["identification"], "0x28, 0x64, 0x19, 0x69", "{read}");
        let volume = read["body"]["records"][0]["value"].as_f64().unwrap();
        assert!((1.7..1.9).contains(&volume), "{read}");
    }
}

#[test]
fn the_gateway_reads_meters_of_the_m_bus_by_either_address() {
    let folder = tempfile::tempdir().unwrap();
    let (link, out) = (folder.path().join("port"), folder.path().join("out.jsonl"));
    let _meters = Running::start(
        binary(),
        &["simulate", "mbus", "--unit", "1", "--unit", "7", "--pty", &link.display().to_string()],
    );
    until("the port", || link.exists());
    let config = format!(
        "name = \"g\"\ndata = {:?}\n[[source]]\nkind = \"rs485\"\nname = \"bus\"\nserial = {link:?}\nperiod = \"200ms\"\n\
         [[source.meter]]\nprotocol = \"mbus\"\naddress = 1\n[[source.meter]]\nprotocol = \"mbus\"\naddress = \"28641969\"\n\
         [[sink]]\nkind = \"file\"\npath = {out:?}\n",
        folder.path().join("data")
    );
    let reports = || -> Vec<Value> {
        let text = std::fs::read_to_string(&out).unwrap_or_default();
        let reports = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        reports.filter(|report| report["event"].is_null()).collect()
    };
    let gateway = Program::start(folder.path(), &config, &[]);
    until("twelve reports", || reports().len() >= 12);
    assert!(gateway.stop());
    let reports = reports();
    for address in ["mbus:ESH:21234567:01:04", "mbus:ESH:28641969:01:16"] {
        let own: Vec<_> = reports.iter().filter(|report| report["meter"]["address"] == address).collect();
        assert!(own.len() >= 4, "{address}: {reports:?}");
        for pair in own.chunks_exact(2) {
            // Both telegrams of a reading are of one moment: the one that was told and its history.
            let time = |report: &Value| {
                report["readings"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .find_map(|reading| reading["time"].as_str().map(str::to_owned))
            };
            assert!(pair.iter().all(|report| report["error"].is_null()), "{pair:?}");
            assert_eq!(pair[0]["readings"][0]["storage"], 0, "{pair:?}");
            assert_eq!(pair[1]["readings"][0]["storage"], 1);
            assert_eq!(time(pair[0]), time(pair[1]));
        }
    }
}
