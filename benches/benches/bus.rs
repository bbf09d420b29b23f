//! Figures of a bus: the whole gateway beside tokio-modbus, on pseudo-terminals where octets take their time and a device
//! ignores what begins too early; and what a request over TCP costs. See `scripts/bus`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a measurement")]
#![allow(clippy::float_arithmetic, reason = "it prints figures, no readings")]

#[path = "../../checks/bus.rs"]
#[allow(dead_code, unreachable_pub, reason = "tests use more of it")]
mod bus;

use bus::{Bus, Device, State};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio_modbus::prelude::{Client, Reader, Slave};

fn main() {
    let Some(gateway) = std::env::var_os("ESH_GATEWAY").map(PathBuf::from) else {
        println!("scripts/bus runs this");
        return;
    };
    println!("A strict device, 10 registers, 5 ms turnaround, asked back to back:\n");
    println!("| baud | bound | gateway | lost | tokio-modbus | lost |");
    println!("|---|---|---|---|---|---|");
    for baud in [9600, 19_200, 115_200] {
        let bound = bound(baud);
        let (ours, early) = ours(&gateway, baud);
        let (theirs, lost) = theirs(baud);
        let part = ours * 100.0 / bound;
        println!("| {baud} | {bound:.1}/s | {ours:.1}/s, {part:.1} % | {early} | {theirs:.1}/s | {lost} of 40 |");
    }
    fair(&gateway);
    over_tcp(&gateway);
}

/// Polls a second that a line allows: request, answer and the silences around them, at ten bits a character.
fn bound(baud: u32) -> f64 {
    let character = 10.0 / f64::from(baud);
    let silence = if baud > 19_200 { 0.00175 } else { 3.5 * character };
    1.0 / (33.0 * character + 2.0 * silence + 0.005)
}

fn state(units: impl IntoIterator<Item = u8>) -> State {
    let device = |unit: u8| (unit, Device::new(vec![(0, (0..10).map(|n| u16::from(unit) * 100 + n).collect())]));
    State { devices: units.into_iter().map(device).collect::<HashMap<_, _>>(), strict: true, ..State::default() }
}

struct Gateway(Child);

impl Gateway {
    fn start(binary: &Path, folder: &Path, source: &str) -> Self {
        let text = format!(
            "name = \"g\"\ndata = {:?}\n[deduplicate]\nwindow = \"0s\"\n[[source]]\nkind = \"rs485\"\n{source}\n\
             [[sink]]\nkind = \"file\"\npath = {:?}\n",
            folder.join("data"),
            folder.join("out.jsonl")
        );
        let config = folder.join("gateway.toml");
        std::fs::write(&config, text).unwrap();
        let child = Command::new(binary).arg("run").arg("--config").arg(config).stderr(Stdio::null()).spawn();
        Self(child.unwrap())
    }

    /// Processor time so far, in seconds.
    fn processor(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn meter(unit: u8, more: &str) -> String {
    format!(
        "[[source.meter]]\naddress = {unit}\nperiod = \"10ms\"\n{more}\n[[source.meter.register]]\naddress = 0\ntype = \"text\"\nlength = 20\nname = \"all\"\n"
    )
}

/// What the gateway polls a second, and how many of its requests were ignored.
fn ours(binary: &Path, baud: u32) -> (f64, u32) {
    let folder = tempfile::tempdir().unwrap();
    let bus = Bus::new(&folder.path().join("port"), baud, state([1]));
    let source = format!("serial = {:?}\nbaud = {baud}\n{}", bus.path, meter(1, ""));
    let _gateway = Gateway::start(binary, folder.path(), &source);
    while bus.state().log.len() < 3 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let before = bus.state().log.len();
    let begun = Instant::now();
    std::thread::sleep(Duration::from_secs(10));
    let state = bus.state();
    ((state.log.len() - before) as f64 / begun.elapsed().as_secs_f64(), state.early)
}

/// The same with tokio-modbus, forty times.
fn theirs(baud: u32) -> (f64, u32) {
    let folder = tempfile::tempdir().unwrap();
    let bus = Bus::new(&folder.path().join("port"), baud, state([1]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let path = bus.path.display().to_string();
    runtime.block_on(async {
        let port = tokio_serial::SerialStream::open(&tokio_serial::new(path, baud)).unwrap();
        let mut client = tokio_modbus::client::rtu::attach_slave(port, Slave(1));
        let (begun, mut lost) = (Instant::now(), 0);
        for _ in 0..40 {
            let read = client.read_holding_registers(0, 10);
            match tokio::time::timeout(Duration::from_secs(1), read).await {
                Ok(Ok(Ok(_))) => {}
                _ => lost += 1,
            }
        }
        let _ = client.disconnect().await;
        (f64::from(40 - lost) / begun.elapsed().as_secs_f64(), lost)
    })
}

/// What becomes of nine meters when the tenth is dead.
fn fair(binary: &Path) {
    let rate = |dead: bool| {
        let folder = tempfile::tempdir().unwrap();
        let mut state = state(1..=10);
        state.devices.get_mut(&4).unwrap().silent = dead;
        let bus = Bus::new(&folder.path().join("port"), 9600, state);
        let meters: String = (1..=10).map(|unit| meter(unit, "timeout = \"500ms\"\nretries = 1")).collect();
        let source = format!("serial = {:?}\nbaud = 9600\n{meters}", bus.path);
        let _gateway = Gateway::start(binary, folder.path(), &source);
        std::thread::sleep(Duration::from_secs(30));
        let state = bus.state();
        let others = |unit: &u8| *unit != 4;
        state.answered.iter().filter(|(unit, _)| others(unit)).map(|(_, count)| f64::from(*count)).sum::<f64>() / 30.0
    };
    let (before, after) = (rate(false), rate(true));
    println!(
        "\nTen meters at 9600 baud: nine of them are read {before:.1} times a second together; when the tenth is dead, {after:.1} times ({:.0} %).",
        after * 100.0 / before
    );
}

/// What a request over TCP costs: the gateway with all it does behind it, and tokio-modbus alone.
fn over_tcp(binary: &Path) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let served = std::sync::Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, served) = (stream.unwrap(), std::sync::Arc::clone(&served));
            stream.set_nodelay(true).unwrap();
            std::thread::spawn(move || {
                let mut request = [0; 12];
                while stream.read_exact(&mut request).is_ok() {
                    let mut answer = vec![request[0], request[1], 0, 0, 0, 23, request[6], request[7], 20];
                    answer.extend([0x30; 20]);
                    if stream.write_all(&answer).is_err() {
                        break;
                    }
                    served.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let registers: String = (0..100)
        .map(|n| {
            format!("[[source.meter.register]]\naddress = {}\ntype = \"text\"\nlength = 20\nname = \"v{n}\"\n", n * 10)
        })
        .collect();
    let source = format!(
        "connect = \"tcp://127.0.0.1:{port}\"\nmode = \"tcp\"\n[[source.meter]]\naddress = 1\nperiod = \"10ms\"\nmax_registers = 10\n{registers}"
    );
    let gateway = Gateway::start(binary, folder.path(), &source);
    std::thread::sleep(Duration::from_secs(2));
    let (before, from) = (gateway.processor(), count.load(std::sync::atomic::Ordering::Relaxed));
    std::thread::sleep(Duration::from_secs(8));
    let (took, requests) = (gateway.processor() - before, count.load(std::sync::atomic::Ordering::Relaxed) - from);
    drop(gateway);
    println!(
        "\nModbus TCP, 100 requests of 10 registers a report: the gateway takes {:.1} µs of processor time a request, to the file ({requests} requests).",
        took * 1e6 / requests as f64
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let requests = 100_000;
    let processor = || {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    };
    let took = runtime.block_on(async {
        let address = format!("127.0.0.1:{port}").parse().unwrap();
        let mut client = tokio_modbus::client::tcp::connect(address).await.unwrap();
        let before = processor();
        for _ in 0..requests {
            client.read_holding_registers(0, 10).await.unwrap().unwrap();
        }
        processor() - before
    });
    println!("tokio-modbus, which only asks: {:.1} µs.", took * 1e6 / f64::from(requests));
}
