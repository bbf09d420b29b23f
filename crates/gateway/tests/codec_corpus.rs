//! Published codecs beside what their makers say they give: a folder laid out as the LoRaWAN device repository,
//! `vendor/*/*-codec.yaml` with the `examples` of the script it names. `ESH_CODECS` names the folder.
#![cfg(feature = "codec")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and this one counts")]

use esh_gateway::codec::{Codec, Uplink};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

#[derive(Deserialize)]
struct File {
    #[serde(rename = "uplinkDecoder")]
    uplink: Option<Script>,
}

#[derive(Deserialize)]
struct Script {
    #[serde(rename = "fileName")]
    file: String,
    #[serde(default)]
    examples: Vec<Example>,
}

#[derive(Deserialize)]
struct Example {
    input: Input,
    output: Output,
}

#[derive(Deserialize)]
struct Input {
    #[serde(rename = "fPort")]
    port: u8,
    bytes: Vec<u8>,
    #[serde(default, rename = "recvTime")]
    received_at: Option<String>,
}

#[derive(Deserialize)]
struct Output {
    #[serde(default)]
    data: Value,
    #[serde(default)]
    errors: Vec<Value>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Score {
    right: usize,
    examples: usize,
    scripts: usize,
    /// Files that cannot be read as the layout has them.
    unread: usize,
    wrong: Vec<String>,
}

fn score(folder: &Path) -> Score {
    let mut score = Score::default();
    let vendors = std::fs::read_dir(folder.join("vendor")).unwrap().map(|vendor| vendor.unwrap().path());
    let mut files: Vec<_> = vendors
        .filter_map(|vendor| Some(std::fs::read_dir(vendor).ok()?.map(|file| file.unwrap().path())))
        .flatten()
        .filter(|file| file.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        if !text.contains("uplinkDecoder") {
            continue;
        }
        let (Ok(File { uplink: Some(script) }), Some(vendor)) = (serde_norway::from_str(&text), file.parent()) else {
            score.unread += 1;
            continue;
        };
        let Ok(codec) = Codec::load(&vendor.join(&script.file)) else {
            score.unread += 1;
            continue;
        };
        score.scripts += 1;
        for (at, example) in script.examples.iter().enumerate() {
            score.examples += 1;
            if is_right(&codec, example) {
                score.right += 1;
            } else {
                score.wrong.push(format!("{} example {at}", file.display()));
            }
        }
    }
    score
}

fn is_right(codec: &Codec, Example { input, output }: &Example) -> bool {
    let received_at = input.received_at.as_ref().and_then(|time| time.parse().ok());
    let uplink = Uplink { bytes: &input.bytes, port: input.port, received_at, variables: None };
    let answer = codec.decode_uplink(&uplink);
    if !output.errors.is_empty() {
        return answer.error.is_some();
    }
    let data = answer.data.as_deref().map_or(Value::Null, |data| serde_json::from_str(data).unwrap());
    answer.error.is_none()
        && same(&output.data, &data)
        && (output.warnings.is_empty() || output.warnings == answer.warnings)
}

/// Equal to the last bit, however a number is written.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

#[test]
fn published_codecs_give_what_their_examples_say() {
    let Some(folder) = std::env::var_os("ESH_CODECS") else {
        return println!("skipped: ESH_CODECS names no folder of published codecs");
    };
    let score = score(Path::new(&folder));
    score.wrong.iter().for_each(|wrong| println!("{wrong}"));
    println!("{} of {} examples of {} scripts; {} not read", score.right, score.examples, score.scripts, score.unread);
    assert!(score.right > 0, "nothing is right");
}

#[test]
fn examples_are_counted_as_right_and_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = folder.path().join("vendor/esh");
    std::fs::create_dir_all(&vendor).unwrap();
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/codecs/water.js"), vendor.join("water.js"))
        .unwrap();
    let examples = "uplinkDecoder:
  fileName: water.js
  examples:
    - description: right, with a number written otherwise
      input: { fPort: 2, bytes: [210, 4, 0, 0, 184, 11, 0] }
      output: { data: { litres: 1234.0, battery: 3, leak: false } }
    - description: right, an error
      input: { fPort: 3, bytes: [1] }
      output: { errors: [unknown port 3] }
    - description: wrong
      input: { fPort: 2, bytes: [210, 4, 0, 0, 184, 11, 0] }
      output: { data: { litres: 1235, battery: 3, leak: false } }
    - description: wrong, a warning is missing
      input: { fPort: 2, bytes: [210, 4, 0, 0, 184, 11, 0] }
      output: { data: { litres: 1234, battery: 3, leak: false }, warnings: [battery low] }
";
    std::fs::write(vendor.join("water-codec.yaml"), examples).unwrap();
    std::fs::write(vendor.join("lost-codec.yaml"), "uplinkDecoder:\n  fileName: lost.js\n").unwrap();
    let score = score(folder.path());
    assert_eq!((score.right, score.examples, score.scripts, score.unread), (2, 4, 1, 1), "{:?}", score.wrong);
}
