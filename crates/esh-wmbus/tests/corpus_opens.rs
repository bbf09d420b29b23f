//! Every telegram of the corpus of readings opens, and every wired frame does or says why not.
//!
//! The telegrams are not part of the project: the folder `ESH_CORPUS`, or `shared/corpus` beside the workspace, has them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../checks/corpus.rs"]
mod corpus;

use corpus::{octets, rows};
use esh_core::{Carrier, Ignore, Key, Known, Meter, Protocol, Purpose};
use esh_wmbus::Wmbus;

struct Told(Option<Key>);

impl Known for Told {
    fn keys(&self, _: &Meter, _: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        self.0.as_ref().is_some_and(each)
    }
}

#[test]
fn every_telegram_opens_whole_and_never_cut() {
    let mut wrong = Vec::new();
    for row in rows("wmbus.jsonl") {
        let told = Told(row["key"].as_str().map(|key| Key::from_hex(key).unwrap()));
        let prior = row["prior"].as_array().into_iter().flatten();
        for hex in prior.chain([&row["hex"]]).map(|hex| hex.as_str().unwrap()) {
            let frame = octets(hex);
            let opened = Wmbus::default().open(&mut frame.clone(), &told, &mut Ignore).map(|_| ());
            // Ciphers of single makers are not this crate's.
            if let Err(refused) = opened
                && !row["class"].as_str().unwrap().starts_with('E')
            {
                wrong.push(format!("{} {hex}: {}", row["driver"], refused.error));
            }
            let end = if frame[0] == 0x68 { frame.len() } else { usize::from(frame[0]) + 1 };
            // A single octet may be an acknowledgement.
            for cut in 2..end.min(frame.len()) {
                let mut cut = frame[..cut].to_vec();
                if let Ok(opened) = Wmbus::default().open(&mut cut, &told, &mut Ignore) {
                    wrong.push(format!("{} {hex}: opens when cut: {opened:?}", row["driver"]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_wired_frame_opens_or_says_why_not() {
    for row in rows("mbus-wired.jsonl") {
        let hex = row["hex"].as_str().unwrap();
        let opened = Wmbus::default().open(&mut octets(hex), &Told(None), &mut Ignore).map(|opened| {
            assert!(opened.meter.is_none_or(|meter| meter.protocol == Protocol::Mbus));
            opened.content
        });
        let opens = opened.is_ok();
        if row["set"] == "test-frames" {
            assert!(opens, "{hex}");
        }
        println!("{} {:?}", row["id"], opened.map_err(|refused| refused.error.to_string()));
    }
}
