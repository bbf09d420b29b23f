use super::*;
use std::{format, string::String, string::ToString, vec::Vec};

fn resolved(text: &str) -> Result<Vec<String>, String> {
    let pack = Pack::parse(Encoding::Json, text.as_bytes(), 0).map_err(|error| error.to_string())?;
    Ok(pack
        .records()
        .map(|record| {
            let number = |name, number: Option<Decimal>| number.map_or(String::new(), |n| format!(" {name}={n}"));
            let value = match record.value {
                None => String::new(),
                Some(Value::Number(number)) => format!(" v={number}"),
                Some(Value::Text(text) | Value::ObjectLink(text)) => format!(" {text:?}"),
                Some(Value::Flag(flag)) => format!(" {flag}"),
                Some(Value::Data(data)) => format!(" {data}"),
            };
            let unit = record.unit.map_or(String::new(), |unit| format!(" {unit}"));
            format!("{}{value}{unit}{}{}", record.name, number("t", record.time), number("s", record.sum))
        })
        .collect())
}

#[test]
fn base_fields_are_applied() {
    let pack = r#"[{"bn":"/3424/0/","bt":1700000000,"bu":"m3","n":"1","v":12.3450},{"n":"1","t":-3600,"v":12.300},
        {"bn":"/3424/1/","bv":1000,"bs":5,"n":"1","u":"L","v":0.5,"s":1e1},{"n":"1"},{"n":"x","vs":"a\"b"}]"#;
    assert_eq!(
        resolved(pack).unwrap(),
        [
            "/3424/0/1 v=12.3450 m3 t=1700000000",
            "/3424/0/1 v=12.300 m3 t=1699996400",
            "/3424/1/1 v=1000.5 L t=1700000000 s=15",
            "/3424/1/1 v=1000 m3 t=1700000000 s=5",
            "/3424/1/x \"a\"b\" m3 t=1700000000 s=5",
        ]
    );
}

#[test]
fn a_base_record_says_nothing_itself() {
    assert_eq!(resolved(r#"[{"bn":"a:","bt":5},{"n":"b","vb":true}]"#).unwrap(), ["a:b true t=5"]);
}

#[test]
fn names_alone_are_paths() {
    let pack = Pack::parse(Encoding::Json, br#"[{"bn":"/3/0/","n":"0"},{"n":"9"}]"#, 0).unwrap();
    assert!(pack.is_only_paths());
    assert_eq!(pack.records().map(|record| record.name.to_string()).collect::<Vec<_>>(), ["/3/0/0", "/3/0/9"]);
}

#[test]
fn what_is_no_pack_is_refused() {
    for (text, told) in [
        ("{}", "octet 1 (SenML pack): not a valid value"),
        ("[1]", "octet 2 (SenML record): not a valid value"),
        (r#"[{"n":"a","v":1,"vs":"b"}]"#, "octet 16 (label that stands twice): not a valid value"),
        (r#"[{"n":"a","v":"1"}]"#, "octet 17 (value of a field): not a valid value"),
        (r#"[{"n":"a","vd":"?"}]"#, "octet 18 (data value): not a valid value"),
        (r#"[{"n":"a","v":1,"must_":0}]"#, "octet 16 (label that must be understood): defined, but not decoded here"),
        (r#"[{"bver":11,"n":"a","v":1}]"#, "octet 26 (base version): format 0b is not known"),
        (r#"[{"n":"a","v":1},{"n":"b"}]"#, "octet 26 (record without a value): not a valid value"),
        (r#"[{"n":"a","t":1}]"#, "octet 16 (time without a value): not a valid value"),
        (r#"[{"n":"a","v":1}],"#, "octet 17 (JSON text): 1 octet too many"),
    ] {
        assert_eq!(resolved(text).unwrap_err(), format!("application layer, {told}"), "{text}");
    }
}

#[test]
fn cbor_says_the_same() {
    // RFC 8428, clause 6: labels are numbers. [{-2: "/3303/0/", -3: 1700000000, 0: "5700", 2: 4([-1, 215])}, …]
    let mut pack = std::vec![0x82, 0xa4, 0x21, 0x68];
    pack.extend(b"/3303/0/");
    pack.extend([0x22, 0x1a, 0x65, 0x53, 0xf1, 0x00, 0x00, 0x64]);
    pack.extend(b"5700");
    pack.extend([0x02, 0xc4, 0x82, 0x20, 0x18, 0xd7, 0xa2, 0x00, 0x61, b'x', 0x08, 0x42, 0xab, 0xcd]);
    let mut records = Pack::parse(Encoding::Cbor, &pack, 0).unwrap().records();
    let first = records.next().unwrap();
    assert_eq!((first.name.to_string().as_str(), first.unix_time()), ("/3303/0/5700", Some(1_700_000_000)));
    assert_eq!(first.value, Some(Value::Number(Decimal::new(215, -1))));
    assert_eq!(
        records.next().unwrap().value.map(|value| match value {
            Value::Data(data) => data.to_string(),
            _ => String::new(),
        }),
        Some("hex:abcd".into())
    );
    assert!(records.next().is_none());
    for cut in 0..pack.len() {
        assert!(Pack::parse(Encoding::Cbor, &pack[..cut], 0).is_err(), "cut at {cut}");
    }
}

#[test]
fn a_time_near_zero_is_relative() {
    let time =
        |text: &str| Pack::parse(Encoding::Json, text.as_bytes(), 0).unwrap().records().next().unwrap().unix_time();
    assert_eq!(time(r#"[{"n":"a","t":-5,"v":1}]"#), None);
    assert_eq!(time(r#"[{"n":"a","t":268435456,"v":1}]"#), Some(268_435_456));
    assert_eq!(time(r#"[{"n":"a","t":1276020076.001,"v":1}]"#), Some(1_276_020_076));
}
