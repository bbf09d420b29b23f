//! Every published and generated vector of security and framing is opened, or refused for its reason.
//!
//! The vectors are not part of the project: the folder `ESH_CORPUS`, or `shared/corpus` beside the workspace, has them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../checks/corpus.rs"]
mod corpus;

use corpus::{octets, rows};
use esh_core::{
    Carrier, Content, DecodeError, Field, FieldValue, Key, Known, Learned, Meter, Out, Protocol, Purpose, Reading,
    Refused,
};
use esh_wmbus::{
    Framing, Wmbus,
    fragments::{Assembler, Step},
    line, wired,
};
use serde_json::Value;
use std::{collections::HashMap, string::ToString};

fn of_chips(chips: &[u8], decode: fn(&[u8], &mut [u8]) -> usize) -> Vec<u8> {
    let mut octets = vec![0; chips.len()];
    let len = decode(chips, &mut octets);
    octets.truncate(len);
    octets
}

#[derive(Default)]
struct Told {
    key: Option<Key>,
    counter: Option<u64>,
}

impl Known for Told {
    fn keys(&self, _: &Meter, _: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        self.key.as_ref().is_some_and(each)
    }

    fn counter(&self, _: &Meter, _: Purpose) -> Option<u64> {
        self.counter
    }
}

#[derive(Default)]
struct Heard {
    fields: HashMap<String, String>,
    counter: Option<u64>,
}

impl<'a> Out<'a> for Heard {
    fn reading(&mut self, _: Reading<'a>) {}

    fn learned(&mut self, learned: Learned<'_>) {
        if let Learned::Counter { counter, .. } = learned {
            self.counter = Some(counter);
        }
    }

    fn wants_fields(&self) -> bool {
        true
    }

    fn field(&mut self, field: Field<'_>) {
        let _ = (field.meaning.to_string(), field.value.to_string());
        if let FieldValue::Octets(octets) = field.value {
            assert_eq!(octets.len(), field.len, "{}", field.name);
        }
        self.fields.insert(field.key.to_owned(), field.value.to_string());
    }
}

type Plain = (Option<Meter>, Content, Vec<u8>, esh_core::Security, Option<u64>);

/// What a frame came to.
struct Seen {
    result: Result<Plain, Refused>,
    heard: Heard,
}

fn open(framing: Framing, frame: &mut [u8], told: &Told) -> Seen {
    let before = frame.to_vec();
    let mut heard = Heard::default();
    let result = Wmbus { framing }
        .open(frame, told, &mut heard)
        .map(|opened| (opened.meter, opened.content, opened.payload.to_vec(), opened.security, opened.counter));
    if let Err(refused) = &result {
        assert_eq!(frame, before, "a refused frame is as it was");
        assert!(refused.error.offset <= frame.len());
    }
    Seen { result, heard }
}

/// Opens a frame of the corpus, with its line code, and puts fragments together.
fn take(assembler: &mut Assembler<4, 1024>, format: &str, hex: &str, told: &Told, recognise: bool) -> Seen {
    let sent = octets(hex);
    let (framing, mut frame) = match format {
        "A" => (Framing::FormatA, sent),
        "B" => (Framing::FormatB, sent),
        "none" => (Framing::WithoutCrc, sent),
        "wired" => (Framing::Wired, sent),
        "3of6" => (Framing::FormatA, of_chips(&sent, line::three_out_of_six)),
        "manchester" => (Framing::FormatA, of_chips(&sent, line::manchester)),
        other => panic!("{other}"),
    };
    let framing = if recognise { Framing::Recognise } else { framing };
    let seen = open(framing, &mut frame, told);
    let Ok((meter, Content::Fragment, fragment, ..)) = &seen.result else { return seen };
    let wanting = |error: DecodeError| Refused { meter: *meter, mode: None, counter: None, error };
    let refused = match assembler.put(0, fragment) {
        Ok(Step::Whole(frame)) => return open(Framing::Assembled, frame, told),
        Ok(Step::Waiting(error)) | Err(error) => wanting(error),
    };
    Seen { result: Err(refused), ..seen }
}

fn judge(row: &Value, recognise: bool) -> Result<(), String> {
    let expect = &row["expect"];
    let format = row["format"].as_str().unwrap();
    let key = row["key"].as_str().map(|key| Key::from_hex(key).unwrap());
    let mut told = Told { key, counter: None };
    let mut assembler = Assembler::new(60_000);
    for prior in row["prior"].as_array().into_iter().flatten() {
        let seen = take(&mut assembler, format, prior.as_str().unwrap(), &told, recognise);
        if row["replay_check"] == true {
            told.counter = seen.heard.counter.or(told.counter);
        }
    }
    let seen = take(&mut assembler, format, row["hex"].as_str().unwrap(), &told, recognise);
    let want = |what: &str, found: &dyn std::fmt::Debug, wanted: &dyn std::fmt::Debug, right: bool| {
        if right { Ok(()) } else { Err(format!("{what}: found {found:?}, wanted {wanted:?}")) }
    };
    let state = expect["security_state"].as_str().unwrap();
    let (meter, mode, counter) = match &seen.result {
        Err(refused) => {
            let found = refused.error.reason.word();
            let wanted = expect["reason_any"].as_array().map_or_else(|| vec![expect["reason"].clone()], Clone::clone);
            let right = wanted.iter().any(|reason| reason == found);
            want("reason", &refused.error.to_string(), &wanted, state == "refused" && right)?;
            (refused.meter, refused.mode, refused.counter)
        }
        Ok((meter, content, payload, security, counter)) => {
            if state == "refused" {
                // The check sum over the records of a compact frame is a reader's business.
                let readers = expect["reason"] == "checksum" && *content == Content::CompactRecords;
                want("state", &(content, security), &expect["reason"], readers)?;
            } else {
                let plain = state == "already_plain" && security.state.word() == "none";
                want("state", security, &state, plain || security.state.word() == state)?;
            }
            if let Some(plaintext) = expect["plaintext"].as_str() {
                let found = &seen.heard.fields["plaintext"];
                want("plaintext", found, &plaintext, found.eq_ignore_ascii_case(plaintext))?;
                assert!(octets(plaintext).ends_with(payload));
            }
            if let Some(selection) = expect.get("selection") {
                want("content", content, &"selection", *content == Content::Other(0x52))?;
                let mut input = esh_core::Input::new(payload, 0, esh_core::Layer::Application);
                let selected = wired::Selection::read(&mut input).unwrap();
                let id = esh_core::Id::from_bcd(selected.id).to_string().to_uppercase();
                want("selection", &id, &selection["id"], selection["id"] == id)?;
                if let Some(device) = row.get("device") {
                    let hex = |key: &str| octets(device[key].as_str().unwrap());
                    let maker = hex("manufacturer");
                    let meter = Meter {
                        protocol: Protocol::Mbus,
                        manufacturer: Some(esh_core::Manufacturer(u16::from_le_bytes([maker[0], maker[1]]))),
                        id: esh_core::Id::new(device["id"].as_str().unwrap()).unwrap(),
                        version: Some(hex("version")[0]),
                        medium: Some(esh_core::Medium(hex("type")[0])),
                    };
                    let matches = selected.matches(&meter);
                    want("matches", &(selected, meter), &expect["matches"], expect["matches"] == matches)?;
                }
            }
            (*meter, security.mode, *counter)
        }
    };
    if let Some(id) = expect["id"].as_str() {
        let meter = meter.ok_or("no meter")?;
        want("id", &meter, &id, meter.id.as_str().eq_ignore_ascii_case(id))?;
        let maker = meter.manufacturer.unwrap().to_string();
        want("manufacturer", &maker, &expect["manufacturer"], expect["manufacturer"] == maker)?;
        want("version", &meter, &expect["version"], expect["version"] == meter.version.unwrap())?;
        want("type", &meter, &expect["type"], expect["type"] == meter.medium.unwrap().0)?;
    }
    if let Some(link_id) = expect["link_id"].as_str() {
        let found = seen.heard.fields.get("link_id");
        want("link_id", &found, &link_id, found.is_some_and(|id| id.eq_ignore_ascii_case(link_id)))?;
    }
    match &expect["mode"] {
        Value::Null => {}
        Value::String(name) => {
            let found = seen.heard.fields.get("mode");
            // A vector cut before it says so names its mode all the same.
            let cut = matches!(&seen.result, Err(refused) if refused.error.reason.word() != "key_rejected");
            want("mode", &found, name, found == Some(name) || cut)?;
        }
        wanted => want("mode", &mode, wanted, *wanted == mode.unwrap_or(0))?,
    }
    if let Some(wanted) = expect["counter"].as_u64() {
        want("counter", &counter, &wanted, counter == Some(wanted))?;
    }
    Ok(())
}

#[test]
fn every_security_vector_opens_or_is_refused_for_its_reason() {
    let rows = rows("wmbus-security.jsonl");
    let mut wrong = Vec::new();
    for row in &rows {
        if let Err(why) = judge(row, false) {
            wrong.push(format!("{} ({}): {why}", row["id"], row["what"]));
        }
        if row["expect"]["security_state"] != "refused"
            && let Err(why) = judge(row, true)
        {
            wrong.push(format!("{} ({}), recognised: {why}", row["id"], row["what"]));
        }
    }
    println!("{} vectors, {} wrong", rows.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
