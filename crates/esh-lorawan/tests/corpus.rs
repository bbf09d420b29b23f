//! The corpus of frames, through the carrier and through `lrwn`.
//!
//! The frames are not part of the project: the folder `ESH_CORPUS`, or `shared/corpus` beside the workspace, has them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../checks/corpus.rs"]
mod corpus;

use corpus::{octets, rows};
use esh_core::{Carrier, Field, FieldValue, Key, Known, Meter, Out, Purpose, Reading};
use esh_lorawan::{Join, Lorawan, PhyPayload, Transmission, Version};
use serde_json::{Map, Value};

/// The keys of a row.
struct Keys(Vec<(Purpose, Key)>);

impl Known for Keys {
    fn keys(&self, _: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        self.0.iter().any(|(of, key)| *of == purpose && each(key))
    }
}

/// The outermost fields of a frame as the corpus names them.
#[derive(Default)]
struct Fields {
    members: Map<String, Value>,
    depth: usize,
}

impl Out<'_> for Fields {
    fn reading(&mut self, _: Reading<'_>) {}

    fn wants_fields(&self) -> bool {
        true
    }

    fn field(&mut self, field: Field<'_>) {
        match field.value {
            FieldValue::Object | FieldValue::Array => self.depth += 1,
            FieldValue::End => self.depth -= 1,
            _ if self.depth > 0 => {}
            value => {
                let value = match value {
                    FieldValue::Number(number) => number.into(),
                    FieldValue::Flag(flag) => flag.into(),
                    FieldValue::Null => Value::Null,
                    value => value.to_string().into(),
                };
                self.members.entry(field.key).or_insert(value);
            }
        }
    }
}

fn keys(row: &Value) -> Keys {
    let root = if row["nwkKey"].is_string() { Purpose::JoinApplication } else { Purpose::Join };
    let names = [
        ("nwkSKey", Purpose::Network),
        ("fNwkSIntKey", Purpose::Network),
        ("sNwkSIntKey", Purpose::NetworkIntegrity),
        ("nwkSEncKey", Purpose::NetworkEncryption),
        ("appSKey", Purpose::Application),
        ("nwkKey", Purpose::Join),
        ("appKey", root),
    ];
    let of = |(name, purpose)| Some((purpose, Key::from_hex(row.get(name)?.as_str()?).unwrap()));
    Keys(names.into_iter().filter_map(of).collect())
}

fn carrier(row: &Value) -> Lorawan {
    let number = |name: &str| row[name].as_u64();
    Lorawan {
        version: Some(if row["version"] == "1.1" { Version::V1_1 } else { Version::V1_0 }),
        counter_high: number("fhi").map(|high| high as u16),
        sent: Transmission {
            data_rate: number("dr").unwrap_or_default() as u8,
            channel: number("ch").unwrap_or_default() as u8,
            confirmed: number("conf").map(|counter| counter as u16),
        },
        join: Join { dev_nonce: number("devNonce").map(|nonce| nonce as u16), ..Join::default() },
        plain_join_accept: row["ja_plain"] == true,
        tell_keys: true,
    }
}

#[test]
fn every_frame_opens_as_expected() {
    for row in rows("lorawan-phy.jsonl") {
        let expect = row["expect"].as_object().unwrap();
        let sent = octets(row["hex"].as_str().unwrap());
        let mut frame = sent.clone();
        let mut fields = Fields::default();
        let opened = carrier(&row).open(&mut frame, &keys(&row), &mut fields);
        if expect.contains_key("error") {
            let error = opened.unwrap_err().error;
            assert!(error.offset <= sent.len(), "{}: {error}", row["id"]);
            continue;
        }
        for (name, value) in expect.iter().filter(|(_, value)| !value.is_array()) {
            assert_eq!(fields.members.get(name).unwrap_or(&Value::Null), value, "{} {name}", row["id"]);
        }
        let fits = expect.get("mic_ok").map(|fits| fits == true);
        assert_eq!(fields.members.get("mic_ok").and_then(Value::as_bool), fits, "{}", row["id"]);
        match opened {
            Ok(opened) => {
                assert!(fits == Some(true) && opened.security.authenticated || expect["mtype"] == "Proprietary");
            }
            Err(refused) => {
                assert_eq!(frame, sent, "a refused frame is left as it was");
                let word = refused.error.reason.word();
                // A frame may be authentic and its payload closed.
                let closed = fits == Some(true) && word == "no_key";
                let expected = if fits == Some(false) { "authentication" } else { "no_key" };
                assert!(closed || fits != Some(true) && word == expected, "{}: {}", row["id"], refused.error);
            }
        }
    }
}

#[test]
fn lrwn_agrees_about_what_is_a_frame() {
    for row in rows("lorawan-phy.jsonl") {
        let frame = octets(row["hex"].as_str().unwrap());
        let theirs = lrwn::PhyPayload::from_slice(&frame);
        // Version 4.13.0 takes a join accept of any length, and no proprietary frame whose other bits are set.
        let known = matches!(frame.first(), Some(0x20 | 0xe1..));
        assert!(known || theirs.is_ok() == PhyPayload::parse(&frame).is_ok(), "{}: {theirs:?}", row["id"]);
    }
}
