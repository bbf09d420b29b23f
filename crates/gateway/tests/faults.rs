//! Faults of the machine, through the whole program: a full disk, a disk that does not sync, a clock that jumps or was
//! never set, a serial line that goes and comes, clients that hold, flood and dawdle, a broker that is away for long.
//! `docs/reliability.md` has the table; `scripts/faults` runs all of it longer.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{Broker, Client, Gateway, Program, Subscriber, free_port, plain_telegram_of, rounds};
use serde_json::Value;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

/// A telegram with a number of its own, of one of a thousand meters.
fn telegram(n: u32) -> String {
    plain_telegram_of(n % 1000 + 1, n)
}

/// The number of the telegram that a report is of.
fn number(report: &Value) -> Option<u32> {
    let frame = report["frame"].as_str().filter(|frame| frame.len() == 42)?;
    u32::from_str_radix(frame.get(34..)?, 16).ok().map(u32::swap_bytes)
}

fn configure(folder: &Path, port: u16, sinks: &str, more: &str) {
    let text = format!(
        "name = \"g\"\ndata = \"data\"\n{more}\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
         listen = \"tcp://127.0.0.1:{port}\"\nack = true\nformat = \"none\"\n{sinks}\n"
    );
    fs::write(folder.join("gateway.toml"), text).unwrap();
}

fn mqtt(port: u16) -> String {
    format!("[[sink]]\nkind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{port}\"\n")
}

/// Sends telegrams by the hundred; how each was answered.
async fn send(client: &mut Client, numbers: std::ops::Range<u32>) -> Vec<(u32, String)> {
    let mut answers = Vec::new();
    let numbers: Vec<u32> = numbers.collect();
    for numbers in numbers.chunks(100) {
        let lines: String = numbers.iter().map(|n| telegram(*n) + "\n").collect();
        client.say(&lines).await;
        for n in numbers {
            answers.push((*n, client.hear().await));
        }
    }
    answers
}

async fn send_all(client: &mut Client, numbers: std::ops::Range<u32>) {
    for (n, answer) in send(client, numbers).await {
        assert_eq!(answer, "ok", "{n}");
    }
}

/// Takes messages until all of these meters have been heard; the reports, and of which other meters some were.
async fn arrive(subscriber: Subscriber, numbers: HashSet<u32>) -> (Subscriber, Vec<Value>, HashSet<u32>) {
    tokio::task::spawn_blocking(move || {
        let (mut missing, mut others, mut reports) = (numbers.clone(), HashSet::new(), Vec::new());
        while !missing.is_empty() {
            let Some(message) = subscriber.next(Duration::from_secs(30)) else {
                panic!("{} were acknowledged and did not arrive", missing.len());
            };
            let Ok(report) = serde_json::from_str::<Value>(&message.payload) else { continue };
            if let Some(number) = number(&report) {
                missing.remove(&number);
                if !numbers.contains(&number) {
                    others.insert(number);
                }
                reports.push(report);
            }
        }
        (subscriber, reports, others)
    })
    .await
    .unwrap()
}

fn stat(folder: &Path) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
    let output = command.args(["queue", "stat", "--json", "--config"]).arg(folder.join("gateway.toml")).output();
    serde_json::from_slice(&output.unwrap().stdout).unwrap()
}

async fn drained(folder: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while stat(folder)["unconfirmed"] != 0 {
        assert!(Instant::now() < deadline, "{}", stat(folder));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A file system of its own for a folder, so small that it fills.
struct Mounted(PathBuf);

impl Mounted {
    fn new(folder: PathBuf, octets: u32) -> Option<Self> {
        fs::create_dir(&folder).unwrap();
        let options = format!("size={octets}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&folder).output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        println!("skipped: a small file system can only be mounted by root");
        None
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// The queue may take more than the disk has. What does not fit is refused, what was acknowledged stays, also through a
/// crash on the full disk, and the queue drains to nothing and goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_drains_and_goes_on_with_exact_counters() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let Some(mounted) = Mounted::new(folder.path().join("data"), 12 << 20) else { return };
    let Some(mut broker) = Broker::start().await else { return };
    configure(
        folder.path(),
        port,
        &mqtt(broker.port),
        "[queue]\nsize = \"1 GiB\"\nsegment = \"1 MiB\"\nwhen_full = \"drop_newest\"",
    );
    let mut program = Program::start(folder.path());
    let mut subscriber = Subscriber::start(broker.port, "esh/v1/g/readings/#").await;
    let (mut refused, mut delivered, mut next) = (0, 0, 1);
    for round in 0..rounds("ESH_FULL_DISKS", 2) {
        broker.end().await;
        let mut taken = HashSet::new();
        let mut full = false;
        while !full {
            let mut client = Client::connect(port).await;
            let answers = send(&mut client, next..next + 500).await;
            next += 500;
            full = answers.iter().all(|(_, answer)| answer == "refused queue full");
            for (n, answer) in answers {
                match answer.as_str() {
                    "ok" => drop(taken.insert(n)),
                    "refused queue full" => refused += 1,
                    other => panic!("{n}: {other}"),
                }
            }
            if full && round == 0 && program.is_alive() && refused < 1500 {
                // A crash on the full disk loses nothing either, and it starts there.
                program.kill();
                program = Program::start(folder.path());
                full = false;
            }
        }
        println!("{} fitted, {refused} refused so far", taken.len());
        assert!(taken.len() > 3000, "{} fitted", taken.len());
        assert!(program.is_alive());
        let waiting = stat(folder.path())["unconfirmed"].as_u64().unwrap();
        // Beside the readings there are events: that each of the thousand meters was discovered, and some of refusals.
        let discovered = if round == 0 { 1000 } else { 0 };
        let others = waiting - taken.len() as u64;
        assert!((discovered..discovered + 10).contains(&others), "{waiting} wait, {} were taken", taken.len());
        broker.restart().await;
        let mut client = Client::connect(port).await;
        // It takes more as soon as it drains; a broker that was away for long is tried every half minute.
        let deadline = Instant::now() + Duration::from_secs(60);
        while send(&mut client, next..next + 1).await[0].1 != "ok" {
            next += 1;
            refused += 1;
            assert!(Instant::now() < deadline, "it does not go on");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        send_all(&mut client, next + 1..next + 200).await;
        taken.extend(next..next + 200);
        next += 200;
        delivered += taken.len();
        let (again, _, others) = arrive(subscriber, taken).await;
        subscriber = again;
        assert!(others.is_empty(), "what was refused is not delivered: {others:?}");
        drained(folder.path()).await;
    }
    assert!(program.is_alive());
    println!("{delivered} lines acknowledged, {delivered} delivered; {refused} refused, none of them delivered");
    drop((program, mounted));
}

/// Builds the shim; `None`, said on the standard output, without a C compiler.
fn shim(folder: &Path) -> Option<PathBuf> {
    let library = folder.join("fsync_shim.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fsync_shim.c");
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).args([source, "-lpthread"]).status();
    match built {
        Ok(status) => assert!(status.success(), "the shim cannot be built"),
        Err(error) => {
            println!("skipped: no C compiler: {error}");
            return None;
        }
    }
    Some(library)
}

/// A sync that fails takes with it what was written. Nothing of that was acknowledged, what is acknowledged later is
/// really there, and both survive a crash.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_fails_loses_nothing_silently() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let Some(shim) = shim(folder.path()) else { return };
    let sinks = format!(
        "[[sink]]\nkind = \"file\"\npath = \"out.jsonl\"\n[[sink]]\nkind = \"archive\"\npath = \"archive\"\nwait = \"100ms\"\n{}",
        mqtt(free_port())
    );
    configure(folder.path(), port, &sinks, "[queue]\nsize = \"64 MiB\"\nsegment = \"256 KiB\"");
    let fails = folder.path().join("fails");
    let preload = |command: &mut Command| {
        command.env("LD_PRELOAD", &shim).env("ESH_FSYNC_FAILS", &fails);
    };
    let mut program = Program::with(folder.path(), preload);
    let (mut taken, mut refused, mut next) = (HashSet::new(), 0, 1);
    for round in 0..rounds("ESH_FAILED_SYNCS", 3) {
        let mut client = Client::connect(port).await;
        for healthy in [true, false, true] {
            if healthy {
                let _ = fs::remove_file(&fails);
            } else {
                fs::write(&fails, "").unwrap();
            }
            let deadline = Instant::now() + Duration::from_secs(20);
            loop {
                let answers = send(&mut client, next..next + 200).await;
                next += 200;
                let mut ok = 0;
                for (n, answer) in answers {
                    match answer.as_str() {
                        "ok" => {
                            ok += 1;
                            taken.insert(n);
                        }
                        "refused disk failure" => refused += 1,
                        other => panic!("{n}: {other}"),
                    }
                }
                // A commit that had passed may still be answered when the disk begins to fail.
                if (healthy && ok == 200) || (!healthy && ok == 0) {
                    break;
                }
                assert!(Instant::now() < deadline, "healthy {healthy}: {ok} of 200");
            }
        }
        assert!(program.is_alive());
        if round % 2 == 1 {
            fs::write(&fails, "").unwrap();
            send(&mut client, next..next + 50).await.into_iter().for_each(|(n, answer)| {
                if answer == "ok" {
                    taken.insert(n);
                }
            });
            next += 50;
        }
        program.kill();
        let _ = fs::remove_file(&fails);
        program = Program::with(folder.path(), preload);
    }
    drop(program);
    // The peer that never was there has confirmed nothing, so all of it is in the queue still, whole.
    let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
    let peek = command.args(["queue", "peek", "--json", "--from", "1", "--count", "1000000", "--config"]);
    let output = peek.arg(folder.path().join("gateway.toml")).output().unwrap();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        if let Some(number) = number(&entry["report"]) {
            taken.remove(&number);
        }
    }
    assert!(refused > 100, "{refused}");
    assert!(taken.is_empty(), "{} were acknowledged and are lost", taken.len());
}

/// The library that tells another time; `None`, said on the standard output, where it is not installed.
fn faketime() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let library = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|library| library.exists());
    if library.is_none() {
        println!("skipped: no libfaketime (Debian: apt-get install faketime)");
    }
    library
}

/// The clock starts in 1970, is set, jumps a day ahead and back: acknowledgements, deliveries and the archive go on, and
/// stamps of the clock that was not set say so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_stops_nothing_and_one_that_was_not_set_says_so() {
    let Some(faketime) = faketime() else { return };
    let Some(broker) = Broker::start().await else { return };
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let archive = "[[sink]]\nkind = \"archive\"\npath = \"archive\"\nwait = \"200ms\"\nkeep_age = \"2h\"\n";
    configure(folder.path(), port, &format!("{}{archive}", mqtt(broker.port)), "[queue]\nage = \"30d\"");
    let clock = folder.path().join("clock");
    // Written beside and renamed: it is read at any moment.
    let set = |text: &str| {
        fs::write(folder.path().join("clock.new"), text).unwrap();
        fs::rename(folder.path().join("clock.new"), &clock).unwrap();
    };
    let since_1970 = jiff::Timestamp::now().as_second() - 60;
    let mut subscriber = Subscriber::start(broker.port, "esh/v1/g/readings/#").await;
    set(&format!("-{since_1970}"));
    let mut program = Program::with(folder.path(), |command| {
        command.env("LD_PRELOAD", &faketime).env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_NO_CACHE", "1");
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    });
    let (mut next, now) = (1, jiff::Timestamp::now());
    for (offset, day, clock) in [
        (format!("-{since_1970}"), None, "unsynchronised"),
        ("+0".into(), Some(0), "synchronised"),
        ("+1d".into(), Some(1), "synchronised"),
        ("-1d".into(), Some(-1), "synchronised"),
        ("+0".into(), Some(0), "synchronised"),
    ] {
        set(&offset);
        let mut client = Client::connect(port).await;
        send_all(&mut client, next..next + 300).await;
        let (again, reports, _) = arrive(subscriber, (next..next + 300).collect()).await;
        subscriber = again;
        next += 300;
        for report in &reports {
            assert_eq!(report["clock"], clock, "{report}");
            let at: jiff::Timestamp = report["received_at"].as_str().unwrap().parse().unwrap();
            match day {
                None => assert!(at.as_second() < 86_400, "{at}"),
                Some(day) => {
                    let off = at.as_second() - now.as_second() - day * 86_400;
                    assert!((-300..300).contains(&off), "{at} is {off} s from what was set");
                }
            }
        }
        drained(folder.path()).await;
        assert!(program.is_alive());
    }
    drop(program);
    // The frames of the clock that was not set are the archive's oldest, and no jump has made them too old.
    let files = esh_gateway::archive::files(&folder.path().join("archive")).unwrap();
    assert!(files[0].0.begun.as_second() < 86_400, "{files:?}");
}

/// A serial adapter is pulled out and comes back under the same name; bursts of rubbish come before and between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_serial_line_that_goes_comes_back_within_seconds() {
    use tokio_serial::SerialPort as _;
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("by-id");
    let out = folder.path().join("out.jsonl");
    let config = format!(
        "name = \"g\"\ndata = \"data\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\nserial = {device:?}\n\
         baud = 115200\n[[sink]]\nkind = \"file\"\npath = {out:?}\n"
    );
    let gateway = Gateway::start(&config);
    let heard = |n: u32| fs::read_to_string(&out).unwrap_or_default().contains(&telegram(n));
    let mut rubbish = 0x2545_f491_u32;
    for round in 0..rounds("ESH_SERIAL_LOSSES", 3) {
        let (mut receiver, port) = tokio_serial::SerialStream::pair().unwrap();
        let name = port.name().unwrap();
        // The gateway opens it by the name that stays the same.
        let _ = fs::remove_file(&device);
        std::os::unix::fs::symlink(&name, &device).unwrap();
        drop(port);
        let plugged = Instant::now();
        let line = format!("{}\n", telegram(round));
        let burst: Vec<u8> = std::iter::repeat_with(|| {
            rubbish = rubbish.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (rubbish >> 24) as u8
        })
        .take(2_000)
        .collect();
        while !heard(round) {
            assert!(plugged.elapsed() < Duration::from_secs(20), "round {round}: nothing is heard again");
            // A terminal holds little: nobody may read it yet.
            let write = async {
                receiver.write_all(&burst).await?;
                receiver.write_all(b"\n").await?;
                receiver.write_all(line.as_bytes()).await
            };
            let _ = tokio::time::timeout(Duration::from_millis(500), write).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        println!("heard again after {} ms", plugged.elapsed().as_millis());
        drop(receiver);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    gateway.stop().await;
}

/// Hundreds of clients that only hold places, send without end, or an octet now and then: memory stays bounded, and a
/// receiver gets its place and its answers within seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_hold_flood_and_dawdle_keep_nobody_out() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let sinks = "[[sink]]\nkind = \"file\"\npath = \"out.jsonl\"\n";
    configure(folder.path(), port, &format!("max_clients = 64\nline_timeout = \"1s\"\n{sinks}"), "");
    let mut program = Program::start(folder.path());
    let mut first = Client::connect(port).await;
    send_all(&mut first, 1..200).await;
    let quiet = program.memory();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut flood = tokio::task::JoinSet::new();
    for n in 0..rounds("ESH_FLOOD", 300) {
        flood.spawn(async move {
            while Instant::now() < deadline {
                let Ok(mut stream) = tokio::net::TcpStream::connect(("127.0.0.1", port)).await else { continue };
                let piece = vec![b'0'; 65_536];
                loop {
                    let done = match n % 3 {
                        // It only holds its place.
                        0 => tokio::time::timeout(Duration::from_secs(1), stream.readable()).await.is_ok(),
                        1 => stream.write_all(&piece).await.is_err(),
                        _ => {
                            tokio::time::sleep(Duration::from_millis(100)).await;
                            stream.write_all(b"2").await.is_err()
                        }
                    };
                    if done {
                        break;
                    }
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    // Who has sent frames keeps its place, and a newcomer gets one.
    send_all(&mut first, 200..300).await;
    let (mut attempts, asked) = (0, Instant::now());
    let mut client = loop {
        attempts += 1;
        let mut client = Client::connect(port).await;
        let _ = client.output.write_all(format!("{}\n", telegram(300)).as_bytes()).await;
        if client.hear().await == "ok" {
            break client;
        }
        assert!(asked.elapsed() < Duration::from_secs(15), "no place after {attempts} attempts");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    println!("a place after {} ms and {attempts} attempts", asked.elapsed().as_millis());
    send_all(&mut client, 301..400).await;
    let loud = program.memory();
    println!("{} KiB at rest, {} KiB in the flood", quiet >> 10, loud >> 10);
    assert!(loud < quiet + (24 << 20), "{} MiB", loud >> 20);
    flood.abort_all();
    while flood.join_next().await.is_some() {}
    send_all(&mut client, 400..500).await;
    assert!(program.is_alive());
}

/// The broker is away while telegrams go on coming: memory stays as it was, and everything arrives in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_for_long_costs_no_memory() {
    let Some(mut broker) = Broker::start().await else { return };
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    configure(folder.path(), port, &mqtt(broker.port), "");
    let mut program = Program::start(folder.path());
    let subscriber = Subscriber::start(broker.port, "esh/v1/g/readings/#").await;
    let mut client = Client::connect(port).await;
    send_all(&mut client, 1..1000).await;
    broker.end().await;
    let (mut next, mut first) = (1000, 0);
    let until = Instant::now() + Duration::from_secs(rounds("ESH_AWAY_SECONDS", 5).into());
    while Instant::now() < until {
        send_all(&mut client, next..next + 1000).await;
        next += 1000;
        if next == 5000 {
            first = program.memory();
        }
    }
    let last = program.memory();
    println!("{next} telegrams; {} KiB soon after it went, {} KiB at the end", first >> 10, last >> 10);
    // What is known of meters and of the last minute grows to its bound, not with the backlog.
    assert!(first == 0 || last < first + (32 << 20), "{} KiB, then {} KiB", first >> 10, last >> 10);
    broker.restart().await;
    let (_, _, _) = arrive(subscriber, (1..next).collect()).await;
    drained(folder.path()).await;
    assert!(program.is_alive());
}
