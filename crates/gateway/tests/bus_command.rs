//! The command `bus`, beside simulated devices at sockets and pseudo-terminals.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::program::binary;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Simulated(Child);

impl Simulated {
    fn start(arguments: &[&str], link: &Path) -> Self {
        let child =
            Command::new(binary()).arg("simulate").args(arguments).arg("--pty").arg(link).stdout(Stdio::null()).spawn();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !link.exists() {
            assert!(Instant::now() < deadline, "no port");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self(child.unwrap())
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn bus(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(binary()).arg("bus").args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text)
}

#[test]
fn a_scan_finds_who_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (modbus, mbus) = (folder.path().join("modbus"), folder.path().join("mbus"));
    let _modbus = Simulated::start(&["modbus", "--unit", "3", "--unit", "12"], &modbus);
    let _mbus = Simulated::start(&["mbus", "--unit", "1", "--unit", "7", "--unit", "8"], &mbus);
    let (modbus, mbus) = (modbus.display().to_string(), mbus.display().to_string());
    let (status, found) =
        bus(&["scan", &modbus, "--baud", "19200", "--parity", "none", "--to", "20", "--timeout", "60"]);
    assert_eq!(
        (status, &*found),
        (Some(0), "modbus 3 at 19200 baud, parity none\nmodbus 12 at 19200 baud, parity none\n")
    );
    let mbus_scan = ["scan", &mbus, "--protocol", "mbus", "--baud", "9600", "--timeout", "60"];
    let (_, found) = bus(&[&mbus_scan[..], &["--to", "9"]].concat());
    let addresses: Vec<_> = found.lines().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(addresses, ["mbus 1", "mbus 7", "mbus 8"], "{found}");
    let (_, found) = bus(&[&mbus_scan[..], &["--secondary"]].concat());
    let lines: Vec<_> = found.lines().collect();
    assert_eq!(lines.len(), 3, "{found}");
    for id in ["67452321", "69196428", "36658729"] {
        assert!(lines.iter().any(|line| line.starts_with(&format!("mbus secondary address {id}"))), "{id}: {found}");
    }
    let (status, found) =
        bus(&["scan", &modbus, "--baud", "9600", "--parity", "none", "--from", "30", "--to", "31", "--timeout", "30"]);
    assert_eq!((status, &*found), (Some(1), ""));
    let (status, found) = bus(&["scan", "/dev/there/is/none"]);
    assert!(status == Some(2) && found.contains("/dev/there/is/none"), "{found}");
}

#[test]
fn a_read_is_a_report_or_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let (port, config) = (folder.path().join("port"), folder.path().join("gateway.toml"));
    let _devices = Simulated::start(&["modbus", "--unit", "3"], &port);
    let text = format!(
        "name = \"g\"\ndata = \"data\"\n[[source]]\nkind = \"rs485\"\nname = \"bus\"\nserial = {port:?}\ntimeout = \"50ms\"\nretries = 0\n\
         [[source.meter]]\naddress = 3\nid = \"house\"\nmap = \"sunspec\"\n\
         [[source.meter]]\naddress = 4\nid = \"nobody\"\nmap = \"sunspec\"\n\
         [[sink]]\nkind = \"stdout\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let config = config.display().to_string();
    let (status, read) = bus(&["read", "--config", &config, "house"]);
    let report: serde_json::Value = serde_json::from_str(&read).unwrap();
    assert_eq!((status, &report["meter"]["address"]), (Some(0), &"modbus:house".into()));
    let (_, read) = bus(&["read", "--config", &config, "house", "--explain"]);
    for said in ["frequency", "energy.active.import", "modbus:house"] {
        assert!(read.contains(said), "{said}: {read}");
    }
    let (status, read) = bus(&["read", "--config", &config]);
    assert!(status == Some(1) && read.contains("nobody does not answer"), "{read}");
    let (status, read) = bus(&["read", "--config", &config, "else"]);
    assert!(status == Some(2) && read.contains("no such meter"), "{read}");
}
