//! Reports as `decode` writes them.

use esh_core::Protocol;
use esh_core::report::Report;
use esh_gateway::analyse::{Keys, Options, decode_lines};
use serde_json::Value;

/// A report for each line, valid against the schema and the same in its owned form.
pub fn decode(protocol: Protocol, lines: &[String]) -> Vec<(Value, Report)> {
    let schema = include_str!("../../schema/esh.report.v1.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let options = Options::of(protocol, Keys::default());
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let mut output = Vec::new();
    let print = |report: &[u8], into: &mut Vec<u8>| into.extend_from_slice(report);
    decode_lines(&options, 2, text.as_bytes(), &mut output, &print).unwrap();
    let reports: Vec<_> = String::from_utf8(output)
        .unwrap()
        .lines()
        .map(|report| {
            let owned: Report = serde_json::from_str(report).unwrap();
            assert_eq!(serde_json::to_string(&owned).unwrap(), report, "the owned form writes the same octets");
            let value: Value = serde_json::from_str(report).unwrap();
            if let Some(error) = schema.iter_errors(&value).next() {
                panic!("{error} at {} in {report}", error.instance_path);
            }
            (value, owned)
        })
        .collect();
    assert_eq!(reports.len(), lines.len());
    reports
}
