//! Load: a real gateway and a real Mosquitto on this machine, measured in one run, beside what the broker
//! and a bare client manage. Prints a table; see `scripts/load`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a measurement")]
#![allow(clippy::float_arithmetic, reason = "it prints figures, no readings")]

use esh_core::{Key, Manufacturer, Medium};
use esh_wmbus::telegram::{Protection, Telegram};
use esh_wmbus::{Address, Coded, Framing, RecordWriter};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const METERS: u64 = 1000;
const KEY: &str = "11111111111111111111111111111111";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let binary = PathBuf::from(arguments.next().expect("the gateway's program"));
    let (mut reports, mut backlog) = (1_000_000, 1_000_000_000);
    if arguments.next().as_deref() == Some("--quick") {
        (reports, backlog) = (100_000, 50_000_000);
    }
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench { folder: folder.path().to_owned(), binary, lines: port(), broker: port(), http: port() };
    let mut table = Table::default();
    table.row("stripped program", octets(std::fs::metadata(&bench.binary).unwrap().len()), "≤ 5 MB");
    bench.bounds(reports, &mut table);
    bench.sustained(reports, &mut table);
    bench.outage(backlog, &mut table);
    print!("\n{}", table.0);
}

struct Bench {
    folder: PathBuf,
    binary: PathBuf,
    lines: u16,
    broker: u16,
    http: u16,
}

impl Bench {
    /// What the broker takes from its own client, and from the library that the gateway uses.
    fn bounds(&self, reports: u64, table: &mut Table) {
        let _broker = self.mosquitto();
        let payload = "x".repeat(520);
        let begun = Instant::now();
        let mut child = Command::new("mosquitto_pub")
            .args(["-p", &self.broker.to_string(), "-q", "1", "-l", "-t", "esh/v1/load/readings/wmbus/bound"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("mosquitto_pub");
        let mut input = std::io::BufWriter::new(child.stdin.take().unwrap());
        let count = reports / 4;
        for _ in 0..count {
            writeln!(input, "{payload}").unwrap();
        }
        drop(input);
        assert!(child.wait().unwrap().success());
        table.row("bound: `mosquitto_pub -l -q 1`", rate(count, begun.elapsed()), "");
        table.row("bound: a bare rumqttc loop, 100 under way", bare(self.broker, count, &payload), "");
    }

    /// Lines, decoding, the queue on the disk and the broker's acknowledgement, all at once.
    fn sustained(&self, reports: u64, table: &mut Table) {
        let _broker = self.mosquitto();
        let gateway = self.gateway();
        std::thread::sleep(Duration::from_secs(3));
        table.row("resident memory, idle", octets(gateway.memory()), "≤ 10 MB");
        let lines = telegrams(0, reports);
        let begun = Instant::now();
        let taken = self.feed(&lines, reports);
        table.row("lines taken, each with its `ok` after the commit", rate(reports, taken), "");
        self.drained();
        table.row("lines → decode → queue → MQTT QoS 1", rate(reports, begun.elapsed()), "≥ 40,000/s");
        table.row("resident memory under that load", octets(gateway.memory()), "");
        let (cpu, _) = gateway.ended();
        table.row("CPU time of the gateway for a report", format!("{:.1} µs", cpu * 1e6 / reports as f64), "");
    }

    /// A gigabyte comes while the broker is away; then it is back.
    fn outage(&self, backlog: u64, table: &mut Table) {
        let gateway = self.gateway();
        let (mut next, mut peak) = (10_000_000, 0);
        while self.metric("esh_queue_octets") < backlog {
            self.feed(&telegrams(next, 50_000), 50_000);
            next += 50_000;
            peak = peak.max(gateway.memory());
        }
        std::thread::sleep(Duration::from_secs(2));
        let waiting = self.metric("esh_records_unconfirmed");
        let queued = octets(self.metric("esh_queue_octets"));
        table.row(&format!("resident memory, outage with {queued} queued"), octets(gateway.memory()), "≤ 25 MB");
        table.row("the most while they came", octets(peak.max(gateway.memory())), "≤ 25 MB");
        drop(gateway);

        let mut times: Vec<Duration> = (0..5).map(|_| self.first_publish()).collect();
        times.sort();
        let (best, worst) = (times[0].as_secs_f64() * 1e3, times[4].as_secs_f64() * 1e3);
        let middle = format!("{:.0} ms ({best:.0} to {worst:.0})", times[2].as_secs_f64() * 1e3);
        table.row("start to first publish with that backlog", middle, "< 50 ms");

        let _broker = self.mosquitto();
        let gateway = self.gateway();
        // It is counted from what is left when it has begun.
        let begun = Instant::now();
        let left = loop {
            let left = self.metric("esh_records_unconfirmed");
            if left > 0 && left < waiting {
                break left;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{left} of {waiting} are left, nothing moves");
        };
        let begun = Instant::now();
        self.drained();
        table.row("backlog → MQTT QoS 1", rate(left, begun.elapsed()), "≥ 40,000/s");
        table.row("resident memory after it", octets(gateway.memory()), "");
    }

    fn mosquitto(&self) -> Running {
        let file = self.folder.join("mosquitto.conf");
        let text = format!(
            "user root\nlistener {} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 1000\npersistence false\n",
            self.broker
        );
        std::fs::write(&file, text).unwrap();
        let child = Command::new("mosquitto").arg("-c").arg(file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let running = Running(child.expect("mosquitto"));
        drop(connect(self.broker));
        running
    }

    fn gateway(&self) -> Running {
        let running = self.start();
        drop(connect(self.lines));
        running
    }

    fn start(&self) -> Running {
        let Self { lines, broker, http, .. } = self;
        let text = format!(
            "name = \"load\"\ndata = \"data\"\nkeys = \"keys.toml\"\ndrain = \"1s\"\n[queue]\nsize = \"4 GiB\"\n\
             [[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\nformat = \"none\"\nlisten = \"tcp://127.0.0.1:{lines}\"\nack = true\n\
             [[sink]]\nkind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{broker}\"\n[http]\nlisten = \"127.0.0.1:{http}\"\n"
        );
        std::fs::write(self.folder.join("gateway.toml"), text).unwrap();
        write_private(&self.folder.join("keys.toml"), &format!("[[key]]\nmeter = \"wmbus:KAM:*\"\nkey = \"{KEY}\"\n"));
        let log = std::fs::File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        let mut command = Command::new(&self.binary);
        command.arg("run").arg("--config").arg(self.folder.join("gateway.toml")).stdout(Stdio::null()).stderr(log);
        Running(command.spawn().unwrap())
    }

    /// Sends all lines and waits for as many answers; how long that took.
    fn feed(&self, lines: &[u8], count: u64) -> Duration {
        let mut stream = connect(self.lines);
        let mut answers = BufReader::with_capacity(1 << 16, stream.try_clone().unwrap());
        let begun = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(move || stream.write_all(lines).unwrap());
            let mut answer = String::new();
            for _ in 0..count {
                answer.clear();
                answers.read_line(&mut answer).unwrap();
                assert_eq!(answer, "ok\n");
            }
        });
        begun.elapsed()
    }

    fn metric(&self, name: &str) -> u64 {
        let mut stream = connect(self.http);
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        let row = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        row.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
    }

    fn drained(&self) {
        while self.metric("esh_records_unconfirmed") > 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// From the start of the program to the first report that a broker gets. The broker is one of ours that does no more:
    /// what is measured is the gateway.
    fn first_publish(&self) -> Duration {
        let listener = TcpListener::bind(("127.0.0.1", self.broker)).unwrap();
        let begun = Instant::now();
        let _gateway = self.start();
        let (mut stream, _) = listener.accept().unwrap();
        loop {
            let mut first = [0; 1];
            stream.read_exact(&mut first).unwrap();
            let (mut size, mut shift) = (0_usize, 0);
            loop {
                let mut octet = [0; 1];
                stream.read_exact(&mut octet).unwrap();
                size |= usize::from(octet[0] & 0x7f) << shift;
                shift += 7;
                if octet[0] < 0x80 {
                    break;
                }
            }
            let mut rest = vec![0; size];
            stream.read_exact(&mut rest).unwrap();
            match first[0] >> 4 {
                1 => stream.write_all(&[0x20, 3, 0, 0, 0]).unwrap(),
                3 if rest.windows(10).any(|part| part == b"/readings/") => return begun.elapsed(),
                _ => {}
            }
        }
    }
}

/// A program, ended when it goes.
struct Running(Child);

impl Running {
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Ends it in good order; the seconds of CPU time it took, and its status.
    fn ended(mut self) -> (f64, bool) {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        // A hundred ticks are a second on every Linux there is.
        (ticks / 100.0, self.0.wait().unwrap().success())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).stderr(Stdio::null()).status();
        let _ = self.0.wait();
    }
}

/// A loop around the library and nothing else.
fn bare(port: u16, count: u64, payload: &str) -> String {
    let mut options = rumqttc::v5::MqttOptions::new("bare", "127.0.0.1", port);
    options.set_outgoing_inflight_upper_limit(100);
    let (client, mut connection) = rumqttc::v5::Client::new(options, 100);
    let payload = payload.to_owned();
    let begun = Instant::now();
    let sending = std::thread::spawn(move || {
        for _ in 0..count {
            let (topic, qos) = ("esh/v1/load/readings/wmbus/bare", rumqttc::v5::mqttbytes::QoS::AtLeastOnce);
            client.publish(topic, qos, false, payload.clone()).unwrap();
        }
        client
    });
    let mut acknowledged = 0;
    for event in connection.iter() {
        let event = event.unwrap();
        if matches!(event, rumqttc::v5::Event::Incoming(rumqttc::v5::mqttbytes::v5::Packet::PubAck(_))) {
            acknowledged += 1;
            if acknowledged == count {
                break;
            }
        }
    }
    let took = begun.elapsed();
    drop(sending.join());
    rate(count, took)
}

/// Encrypted telegrams of a thousand water meters, one reading each, as lines.
fn telegrams(from: u64, count: u64) -> Vec<u8> {
    let key = Key::from_hex(KEY).unwrap();
    let mut lines = Vec::with_capacity(count as usize * 80);
    for n in from..from + count {
        let meter = n % METERS;
        let bcd = u32::from_str_radix(&format!("{meter:08}"), 16).unwrap().to_le_bytes();
        let address = Address::new(Manufacturer(0x2c2d), bcd, 0x1b, Medium::WATER);
        let mut buffer = [0; 64];
        let mut records = RecordWriter::new(&mut buffer);
        records.number(Coded::Integer(4), 0, &[0x13], n as i64);
        let telegram = Telegram {
            framing: Framing::WithoutCrc,
            control: 0x44,
            link: address,
            primary: 0,
            extended: None,
            ci: 0x7a,
            meter: address,
            access: n as u8,
            status: 0,
            protection: Protection::Mode5 { key: &key },
            payload: records.finish().unwrap(),
        };
        for octet in telegram.write(&mut [0; 128]).unwrap() {
            write!(lines, "{octet:02x}").unwrap();
        }
        lines.push(b'\n');
    }
    lines
}

#[derive(Default)]
struct Table(String);

impl Table {
    fn row(&mut self, what: &str, figure: String, target: &str) {
        if self.0.is_empty() {
            self.0.push_str("| what | measured | target |\n|---|---|---|\n");
        }
        eprintln!("{what}: {figure}");
        self.0.push_str(&format!("| {what} | {figure} | {target} |\n"));
    }
}

fn rate(count: u64, took: Duration) -> String {
    let rate = (count as f64 / took.as_secs_f64()) as u64;
    format!("{},{:03}/s", rate / 1000, rate % 1000)
}

fn octets(octets: u64) -> String {
    format!("{}.{:02} MB", octets / 1_000_000, octets % 1_000_000 / 10_000)
}

fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn connect(port: u16) -> TcpStream {
    let begun = Instant::now();
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => return stream,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(20), "nobody listens: {error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn write_private(file: &Path, text: &str) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::File::options();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(file).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
