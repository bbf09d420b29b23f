//! How fast the log is: `cargo test --release -p esh-gateway queue::log::tests::measure -- --ignored --nocapture`.
//!
//! `ESH_MEASURE_FOLDER` says on which disk.

use super::*;

const PAYLOAD: usize = 300;

#[test]
#[ignore = "writes more than a gigabyte and prints figures"]
fn figures() {
    let base = std::env::var("ESH_MEASURE_FOLDER").map_or_else(|_| std::env::temp_dir(), Into::into);
    let dir = tempfile::tempdir_in(base).unwrap();
    println!("resident at the start: {} KiB", resident());
    for (batch, total) in [(1, 5_000), (64, 200_000), (1024, 1_000_000)] {
        let (rate, slowest) = append(&dir.path().join(batch.to_string()), batch, total);
        println!("append, batch {batch:>4}: {rate:>9.0} entries/s, p99 commit {slowest:.2} ms");
    }
    let path = dir.path().join("backlog");
    let entries = (1 << 30) / (PAYLOAD as u64 + 36);
    append(&path, 1024, entries);
    println!("resident after 1 GiB appended: {} KiB", resident());
    let begin = Instant::now();
    let (log, mut reader, damage) = one(&path, &large());
    let opened = begin.elapsed();
    assert!(reader.next().unwrap().is_some() && damage.is_empty());
    let first = begin.elapsed();
    println!("open with {} segments: {opened:?}, first entry after {first:?}", segments(&path).len());
    let begin = Instant::now();
    let (mut count, mut peak) = (1_u64, 0);
    while let Some(entry) = reader.next().unwrap() {
        let seq = entry.seq;
        count += 1;
        if seq.0.is_multiple_of(256) {
            reader.confirm(seq);
        }
        if seq.0.is_multiple_of(65_536) {
            reader.save().unwrap();
            peak = peak.max(resident());
        }
    }
    assert_eq!(count, entries);
    let rate = count as f64 / begin.elapsed().as_secs_f64();
    println!("drain: {rate:.0} entries/s, resident at most {peak} KiB, segments left {}", segments(&path).len());
    drop(log);
    let begin = Instant::now();
    let verified = inspect::verify(&dir.path().join("1024")).unwrap();
    println!("verify: {} entries in {:?}", verified.entries, begin.elapsed());
}

fn large() -> Config {
    Config { quota: 4 << 30, ..Config::default() }
}

#[expect(clippy::float_arithmetic, reason = "these numbers are printed, not billed")]
fn append(path: &Path, batch: u64, total: u64) -> (f64, f64) {
    let (mut log, _reader, _) = one(path, &large());
    let payload = [0x61; PAYLOAD];
    let mut commits = Vec::new();
    let begin = Instant::now();
    for seq in 1..=total {
        log.append(1, now(), &[&payload]).unwrap();
        if seq.is_multiple_of(batch) || seq == total {
            let begin = Instant::now();
            log.commit().unwrap();
            commits.push(begin.elapsed());
        }
    }
    let rate = total as f64 / begin.elapsed().as_secs_f64();
    commits.sort_unstable();
    (rate, commits[commits.len() * 99 / 100].as_secs_f64() * 1000.0)
}

/// Resident memory in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}
