//! A process that is killed at any moment has lost nothing it acknowledged.

use super::*;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const FOLDER: &str = "ESH_TEST_LOG_FOLDER";
const HOW: &str = "ESH_TEST_LOG_BATCH";

/// What the child does until it is killed: appends, commits, says what is committed, drains on the way.
#[test]
fn child() {
    let (Ok(folder), Ok(batch)) = (std::env::var(FOLDER), std::env::var(HOW)) else {
        return;
    };
    let batch: u64 = batch.parse().unwrap();
    let config = Config { snapshots: true, ..small() };
    let mut opened = Log::open(folder.as_ref(), &config, &["mqtt"]).unwrap();
    let (log, reader) = (&mut opened.log, &mut opened.readers[0]);
    loop {
        for _ in 0..batch {
            let seq = log.next;
            // Under a shim that lets syncs fail, what is not committed is not acknowledged; and the child goes on.
            let _ = log.append(1, now(), &[&payload(seq)]);
        }
        let Ok(committed) = log.commit() else { continue };
        println!("acknowledged {committed}");
        let mut last = 0;
        for _ in 0..batch {
            let Some(entry) = reader.next().unwrap() else { break };
            assert_eq!(entry.payload, payload(entry.seq.0));
            last = entry.seq.0;
        }
        if committed.0.is_multiple_of(3) {
            reader.confirm(Seq(last));
            let _ = reader.save().and_then(|()| log.snapshot(Seq(last), 1, &last.to_le_bytes()));
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let (mut acknowledged, mut confirmed) = (0, 0);
    for round in 0..20_u64 {
        let batch = [1, 7, 64][round as usize % 3];
        let said = killed_after(dir.path(), batch, Duration::from_millis(20 + round * 7919 % 180));
        acknowledged = acknowledged.max(said);
        let config = Config { snapshots: true, ..small() };
        let opened = Log::open(dir.path(), &config, &["mqtt"]).unwrap();
        // A kill while a snapshot is written spoils that one; the other is still there.
        let harmless = |harm: &Harm| matches!(harm, Harm::Tail | Harm::Snapshot);
        assert!(opened.damage.iter().all(|damage| harmless(&damage.harm)), "{:?}", opened.damage);
        let committed = opened.log.committed().0;
        assert!(committed >= acknowledged, "{committed} < {acknowledged}");
        let mut reader = opened.readers.into_iter().next().unwrap();
        let cursor = reader.confirmed().0;
        assert!(cursor >= confirmed);
        confirmed = cursor;
        assert_eq!(drain(&mut reader), (cursor + 1..=committed).collect::<Vec<_>>());
        assert_eq!(reader.damage(), []);
        if let Some(snapshot) = opened.snapshot {
            assert_eq!(snapshot.content, snapshot.seq.0.to_le_bytes());
            assert!(snapshot.seq.0 <= cursor);
        }
    }
    assert!(acknowledged > 0);
    println!("20 kills, {acknowledged} acknowledged, {confirmed} confirmed, 0 lost");
}

/// Starts a child, kills it, and gives the last entry it said was acknowledged.
fn killed_after(folder: &Path, batch: u64, time: Duration) -> u64 {
    let name = std::any::type_name_of_val(&child);
    let (_, name) = name.split_once("::").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(HOW, batch.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let reading = std::thread::spawn(move || {
        // The last line may be cut: a number that is not whole is smaller than the one before.
        let lines = out.lines().map_while(Result::ok);
        lines.filter_map(|line| line.split_once("acknowledged ")?.1.parse().ok()).fold(0, u64::max)
    });
    std::thread::sleep(time);
    child.kill().unwrap();
    child.wait().unwrap();
    reading.join().unwrap()
}
