//! The schema of the report lists exactly the words that the code can write.
//!
//! `ESH_BLESS=1 cargo test -p esh-gateway --test schema` writes the lists anew after a change of the vocabulary.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use esh_core::{Alarm, Protocol, Qualifier, Quality, Quantity, Reason, Unit};

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/esh.report.v1.json");

fn lists() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![
        ("protocol", Protocol::ALL.iter().map(|word| word.word()).collect()),
        ("quantity", Quantity::ALL.iter().map(|word| word.name()).collect()),
        ("unit", Unit::ALL.iter().map(|unit| unit.ucum()).filter(|text| !text.is_empty()).collect()),
        ("alarm", Alarm::ALL.iter().map(|word| word.name()).collect()),
        ("qualifier", Qualifier::ALL.iter().map(|word| word.word()).collect()),
        ("quality", Quality::ALL.iter().map(|word| word.word()).filter(|word| *word != "good").collect()),
        ("reason", Reason::WORDS.to_vec()),
    ]
}

#[test]
fn the_schema_lists_every_word_and_no_other() {
    let text = std::fs::read_to_string(SCHEMA).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (name, words) in lists() {
        let start = format!("    \"{name}\": {{ \"enum\": [");
        let line = lines.iter_mut().find(|line| line.starts_with(&start)).unwrap();
        let null = if name == "unit" { ", null" } else { "" };
        let comma = if line.ends_with(',') { "," } else { "" };
        let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
        *line = format!("{start}{}{null}] }}{comma}", words.join(", "));
    }
    let wanted = lines.join("\n") + "\n";
    if std::env::var_os("ESH_BLESS").is_some() {
        std::fs::write(SCHEMA, &wanted).unwrap();
    }
    assert_eq!(text, wanted, "ESH_BLESS=1 writes it anew");
}
