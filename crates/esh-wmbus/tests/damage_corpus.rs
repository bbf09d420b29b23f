//! Real telegrams, damaged: what is cut gives an error or fewer readings, what is altered never opens silently.
//!
//! The telegrams are not part of the project: the folder `ESH_CORPUS`, or `shared/corpus` beside the workspace, has them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../checks/corpus.rs"]
mod corpus;

use corpus::{octets, rows};
use esh_core::{Carrier, Content, Ignore, Key, Known, Learned, Meter, Opened, Out, Purpose, Reading, Value};
use esh_wmbus::{Framing, Wmbus, format_for};
use serde_json::Value as Json;
use std::collections::HashMap;

/// The frames that a row wants to be fed first, and its own.
fn frames(row: &Json) -> Vec<Vec<u8>> {
    let prior = row["prior"].as_array().into_iter().flatten();
    prior.chain([&row["hex"]]).filter_map(Json::as_str).map(octets).collect()
}

/// A key, and the layouts that frames before have taught.
struct Told {
    key: Option<Key>,
    layouts: HashMap<u16, Vec<u8>>,
}

impl Told {
    fn of(row: &Json) -> Self {
        Self { key: row["key"].as_str().and_then(|key| Key::from_hex(key).ok()), layouts: HashMap::new() }
    }
}

impl Known for Told {
    fn keys(&self, _: &Meter, _: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        self.key.as_ref().is_some_and(each)
    }

    fn layout(&self, _: Option<&Meter>, signature: u16) -> Option<&[u8]> {
        self.layouts.get(&signature).map(Vec::as_slice)
    }
}

#[derive(Default)]
struct Heard {
    /// What each reading says. Its time is left out: the date it comes from may stand behind the cut. So are octets of
    /// the maker, which have no length of their own and are not a number.
    readings: Vec<String>,
    layouts: HashMap<u16, Vec<u8>>,
}

impl<'a> Out<'a> for Heard {
    fn reading(&mut self, reading: Reading<'a>) {
        let Reading { quantity, value, unit, function, register, qualifiers, .. } = reading;
        let value = if let Value::Octets(_) = value { "octets".into() } else { format!("{value:?}") };
        self.readings.push(format!("{quantity:?} {value} {unit:?} {function:?} {register:?} {qualifiers:?}"));
    }

    fn learned(&mut self, learned: Learned<'_>) {
        if let Learned::Layout { signature, headers } = learned {
            self.layouts.insert(signature, headers.to_vec());
        }
    }
}

fn read(content: Content, meter: Option<&Meter>, payload: &[u8], told: &Told) -> (Heard, bool) {
    let mut heard = Heard::default();
    let whole = format_for(content).is_none_or(|format| format.read(meter, payload, 0, told, &mut heard).is_ok());
    (heard, whole)
}

#[test]
fn a_cut_telegram_gives_an_error_or_fewer_readings() {
    let mut cuts = 0;
    for name in ["wmbus.jsonl", "mbus-wired.jsonl", "mbus-records.jsonl"] {
        for row in rows(name) {
            let mut told = Told::of(&row);
            for sent in frames(&row) {
                let mut frame = sent.clone();
                let Ok(opened) = Wmbus::default().open(&mut frame, &told, &mut Ignore) else { continue };
                let Opened { content, meter, payload, .. } = opened;
                let (all, whole) = read(content, meter.as_ref(), payload, &told);
                for end in 0..payload.len() {
                    let (part, still_whole) = read(content, meter.as_ref(), &payload[..end], &told);
                    let place = format!("{name} {} cut after {end} of {} octets", row["id"], payload.len());
                    assert!(all.readings.starts_with(&part.readings), "{place}: {:#?}", part.readings);
                    let fewer = part.readings.len() < all.readings.len();
                    let fillers = payload[end..].iter().all(|octet| matches!(octet, 0x0f | 0x1f | 0x2f));
                    let maker = all.readings.last().is_some_and(|last| last.contains("ManufacturerSpecific"));
                    let silent = whole && still_whole && !all.readings.is_empty();
                    assert!(!silent || fewer || fillers || maker, "{place}: nothing is missed");
                    cuts += 1;
                }
                for end in 0..sent.len() {
                    let mut cut = sent[..end].to_vec();
                    let Ok(opened) = Wmbus::default().open(&mut cut, &told, &mut Ignore) else { continue };
                    let (part, _) = read(opened.content, opened.meter.as_ref(), opened.payload, &told);
                    let place = format!("{name} {} cut after {end} of {} octets", row["id"], sent.len());
                    assert!(all.readings.starts_with(&part.readings), "{place}: {:#?}", part.readings);
                    cuts += 1;
                }
                told.layouts.extend(all.layouts);
            }
        }
    }
    println!("{cuts} cuts");
}

/// Opens a frame and gives what it says: its payload, how it is protected, its counter.
fn told_by(framing: Framing, frame: &[u8], told: &Told) -> Option<(Content, Vec<u8>, esh_core::Security, Option<u64>)> {
    let mut frame = frame.to_vec();
    let opened = Wmbus::new(framing).open(&mut frame, told, &mut Ignore).ok()?;
    Some((opened.content, opened.payload.to_vec(), opened.security, opened.counter))
}

#[test]
fn a_flipped_bit_is_never_accepted_silently() {
    let (mut flips, mut shut) = (0, 0);
    for row in rows("wmbus-security.jsonl") {
        let told = Told::of(&row);
        let (framing, guarded) = match row["format"].as_str() {
            Some("A") => (Framing::FormatA, true),
            Some("B") => (Framing::FormatB, true),
            Some("wired") => (Framing::Wired, true),
            Some("none") => (Framing::WithoutCrc, false),
            _ => continue,
        };
        let frame = octets(row["hex"].as_str().unwrap());
        let Some((content, payload, security, counter)) = told_by(framing, &frame, &told) else { continue };
        if content == Content::Fragment || !guarded && !security.authenticated {
            // Nothing guards these: mode 5 alone is known to open when identification or access number are altered.
            continue;
        }
        let len = esh_wmbus::link::recognise(&frame, framing).unwrap().len;
        for bit in 0..len * 8 {
            let mut altered = frame.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            flips += 1;
            let found = told_by(framing, &altered, &told);
            if guarded {
                assert!(found.is_none(), "{} bit {bit} opens", row["id"]);
                // Nor does it when its framing has to be recognised. Of format B, damage to the only CRC makes a frame
                // without CRCs, and nothing can tell: the receiver has to say that its frames have CRCs.
                if framing != Framing::FormatB || len > 128 {
                    let found = told_by(Framing::Recognise, &altered, &told);
                    assert!(found.is_none(), "{} bit {bit} opens when recognised: {found:x?}", row["id"]);
                }
            } else if let Some((_, altered_payload, altered_security, altered_counter)) = found {
                // Nothing guards the link, nor the octet that says that there is protection at all; but what is said to
                // be authenticated is what the meter said.
                let same = (altered_payload, altered_counter) == (payload.clone(), counter);
                assert!(!altered_security.authenticated || same, "{} bit {bit} alters what is authentic", row["id"]);
                continue;
            }
            shut += 1;
        }
    }
    println!("{flips} flipped bits, {shut} stayed shut");
}
