//! Profiles: those that come with the program keep their own promises, and what is wrong in a file is said with its place.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail")]

use esh_gateway::profiles::{self, Profiles};
use std::path::Path;
use std::process::Command;

/// A profile with these lines behind `[meter]`.
fn profile(rest: &str) -> String {
    format!("[meter]\ndescription = \"a meter\"\n{rest}")
}

/// A profile whose message has one field of these keys.
fn field(keys: &str) -> String {
    profile(&format!("[[message]]\n[[message.octets]]\n{keys}\n"))
}

/// What `decode lorawan` makes of a payload with the profile in that text.
fn decode(text: &str, port: u8, hex: &str) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), text).unwrap();
    let decode = Command::new(env!("CARGO_BIN_EXE_esh-gateway"))
        .args([
            "decode",
            "lorawan",
            "--profile",
            "mine",
            "--port",
            &port.to_string(),
            "--format",
            "json",
            "--profile-dir",
        ])
        .arg(folder.path())
        .arg(hex)
        .output()
        .unwrap();
    let line = decode.stdout.split(|octet| *octet == b'\n').next().unwrap();
    serde_json::from_slice(line).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&decode.stderr)))
}

/// Each reading in a line: what it is, its value, and what else there is.
fn lines(report: &serde_json::Value) -> Vec<String> {
    let readings = report["readings"].as_array().unwrap();
    let line = |reading: &serde_json::Value| {
        let mut line = format!("{} = {}", reading["quantity"].as_str().unwrap(), reading["value"]);
        if let Some(unit) = reading["unit"].as_str() {
            line += &format!(" {unit}");
        }
        for key in ["name", "at", "quality"] {
            if let Some(text) = reading[key].as_str() {
                line += &format!(", {key} {text}");
            }
        }
        for key in ["storage", "tariff", "subunit"] {
            if reading[key] != 0 {
                line += &format!(", {key} {}", reading[key]);
            }
        }
        line
    };
    readings.iter().map(line).collect()
}

#[test]
fn every_profile_that_comes_with_the_program_does_what_its_tests_say() {
    let output = Command::new(env!("CARGO_BIN_EXE_esh-gateway")).args(["profile", "test"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(Profiles::built_in().all().count() > 0);
}

#[test]
fn a_test_that_does_not_hold_says_what_came() {
    let text = field("type = \"u8\"\nquantity = \"volume\"\nunit = \"L\"");
    let folder = tempfile::tempdir().unwrap();
    for (test, said) in [
        ("payload = \"05\"\nreadings = [{ value = 6 }]", "no such reading; the nearest has value 0.005"),
        ("payload = \"05\"\ncount = 2", "there are 1 readings"),
        ("payload = \"05\"\nalarms = [\"leak\"]", "the alarms are []"),
        ("payload = \"05\"\nerror = \"truncated\"", "the error is none"),
        ("payload = \"05\"\nerror = \"trunkated\"", "did you mean `truncated`?"),
        ("payload = \"0\"", "odd number"),
        ("description = \"x\"", "one of `payload`, `frame` and `registers`"),
        ("frame = \"00\"", "no protocol"),
    ] {
        let file = folder.path().join("mine.toml");
        std::fs::write(&file, format!("{text}[[test]]\n{test}\n")).unwrap();
        let output =
            Command::new(env!("CARGO_BIN_EXE_esh-gateway")).args(["profile", "test"]).arg(&file).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{test}");
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(told.contains(said) && told.contains("mine.toml:"), "{told}\nshould say {said}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, said) in [
        ("x = 1".to_owned(), "mine.toml:1:1: unknown key `x`"),
        (profile("[[mesage]]"), "did you mean `message`?"),
        (profile(""), "no [[message]], no [[record]] and no [[register]]"),
        (profile("[[message]]\nprot = 1"), "mine.toml:4:1: unknown key `prot`"),
        (profile("[[message]]"), "a message without fields"),
        (profile("match = [\"EBZ:*\"]\n[[message]]\n[[message.octets]]\ntype = \"u8\""), "mine.toml:3:10: a mask"),
        (field("type = \"u33\""), "mine.toml:5:8: `u33` is no type"),
        (field("type = \"u8\"\nquantity = \"volum\""), "did you mean `volume`?"),
        (field("type = \"u8\"\nunit = \"m³\""), "UCUM"),
        (field("type = \"u8\"\nscale = \"a\""), "mine.toml:6:9: write an exact decimal"),
        (field("type = \"u8\"\nbits = [6, 3]"), "mine.toml:6:8: bits are [first, count] within 0 to 7"),
        (field("type = \"u8\"\nlength = 1"), "the type says how long it is"),
        (field("type = \"text\""), "`text` needs a `length`"),
        (field("type = \"time\""), "a time needs `clock`"),
        (field("type = \"time\"\nclock = \"unix\"\nepoch = \"soon\""), "such as \"2000-01-01\""),
        (field("type = \"time\"\nclock = \"mbus\""), "times of M-Bus need `length`"),
        (field("type = \"u8\"\ntime = \"clock\""), "no field here is called `clock`"),
        (field("type = \"u8\"\nwhen = { at = 0 }"), "say what it must be"),
        (field("type = \"u8\"\nwhen = { equals = 0 }"), "a condition has one of"),
        (
            field(
                "type = \"u8\"\nwhen = { field = \"a\", equals = 0 }\n[[message.octets]]\nname = \"a\"\ntype = \"u8\"",
            ),
            "`a` stands behind",
        ),
        (field("type = \"u8\"\ninvalid = [\"all_one\"]"), "did you mean `all_ones`?"),
        (field("type = \"u8\"\nenum = { x = \"a\" }"), "write a whole number"),
        (field("type = \"u8\"\ndivisor = 0"), "divided by zero"),
        (field("type = \"u8\"\ndelta = \"b\""), "no field here is called `b`"),
        (field("type = \"hex\"\nlength = 2\nscale = 2"), "are for numbers"),
        (
            field("type = \"u8\"\n[[alarm]]\nfield = \"x\"\nbit = 1\nalarm = \"leak\""),
            "no field or record is called `x`",
        ),
        (
            field("type = \"u8\"\nname = \"x\"\n[[alarm]]\nfield = \"x\"\nbit = 1\nalarm = \"leek\""),
            "did you mean `leak`?",
        ),
        (field("type = \"u8\"\nname = \"x\"\n[[alarm]]\nfield = \"x\"\nalarm = \"leak\""), "an alarm has `bit = 3`"),
        (field("type = \"u8\"\nname = \"x\"\n[[derive]]\nsum = [\"x\", \"y\"]"), "no message and no records"),
        (field("type = \"u8\"\nname = \"x\"\n[[derive]]\nsum = [\"x\"]\ncopy = \"x\""), "exactly one of"),
        (profile("[[message]]\n[[message.repeat]]\ncount = 2"), "a group without fields"),
        (
            profile("[[message]]\n[[message.repeat]]\ncount = \"many\"\n[[message.repeat.octets]]\ntype = \"u8\""),
            "\"rest\"",
        ),
        (
            profile("[[message]]\n[[message.stream]]\n[[message.stream.head]]\ntype = \"u8\""),
            "no field of the head is called `tag`",
        ),
        (profile("[[message]]\n[[message.nested]]\nformat = \"mbus-record\""), "did you mean `mbus-records`?"),
        (profile("[[record]]\nquantity = \"volume\""), "say which record"),
        (profile("[[record]]\nheader = \"4\""), "write DIF to last VIFE"),
    ] {
        let error = profiles::compile(Path::new("mine.toml"), &text).unwrap_err().to_string();
        assert!(error.contains(said), "{error}\nshould say {said}\nof {text}");
    }
}

#[test]
fn fields_of_every_kind() {
    let text = profile(
        "order = \"big\"\n[[message]]\nport = 2\ntime = \"clock\"\n\
         [[message.octets]]\ntype = \"u16\"\nquantity = \"volume\"\nunit = \"L\"\nscale = 0.1\noffset = \"-1\"\n\
         [[message.octets]]\ntype = \"i8\"\nquantity = \"temperature.medium\"\ninvalid = { 0x80 = \"not_available\" }\n\
         [[message.octets]]\nname = \"valve\"\ntype = \"u8\"\nbits = [4, 4]\nenum = { 1 = \"open\" }\n\
         [[message.octets]]\nname = \"channel\"\nat = \"same\"\ntype = \"u8\"\nbits = [0, 4]\nreport = false\n\
         [[message.octets]]\ntype = \"bcd16\"\norder = \"little\"\nquantity = \"pulse.count\"\nsubunit = { field = \"channel\", plus = 1 }\n\
         [[message.octets]]\ntype = \"f32\"\nquantity = \"pressure\"\n\
         [[message.octets]]\nname = \"clock\"\ntype = \"time\"\nclock = \"unix\"\nepoch = \"2000-01-01\"\n\
         [[message.octets]]\nname = \"serial\"\ntype = \"digits\"\nlength = 2\ntime = \"none\"\n\
         [[message.octets]]\nname = \"tail\"\ntype = \"text\"\nlength = \"rest\"\nwhen = { left = 2 }\ntime = \"none\"\n",
    );
    let wanted = [
        "volume = 0.099 m3, at 2000-01-01T00:00:01Z",
        "temperature.medium = null Cel, at 2000-01-01T00:00:01Z, quality not_available",
        "unknown = \"open\", name valve, at 2000-01-01T00:00:01Z",
        "pulse.count = 1234 {pulse}, at 2000-01-01T00:00:01Z, subunit 4",
        "pressure = 1.5 bar, at 2000-01-01T00:00:01Z",
        "time.device = \"2000-01-01T00:00:01Z\", name clock",
        "unknown = \"0042\", name serial",
        "unknown = \"ab\", name tail",
    ];
    let report = decode(&text, 2, "03e8 80 13 3412 3fc00000 00000001 0042 6162");
    assert_eq!(lines(&report), wanted);
    assert_eq!((report["profile"].as_str(), &report["error"]), (Some("mine"), &serde_json::Value::Null));
    // One octet is left where the text needs two: nobody explains it, and it is told.
    let report = decode(&text, 2, "03e8 80 13 3412 3fc00000 00000001 0042 61");
    assert_eq!(lines(&report)[7], "unknown = \"61\"");
    // What was there before the end stays.
    let report = decode(&text, 2, "03e8 10 13 34");
    assert_eq!(
        lines(&report)[1..],
        ["temperature.medium = 16 Cel", "unknown = \"open\", name valve", "unknown = \"34\""]
    );
    assert_eq!(report["error"]["reason"], "truncated");
    // Another port is another message, of which nothing is said.
    let report = decode(&text, 3, "0102");
    assert_eq!(lines(&report), ["unknown = \"0102\""]);
    assert_eq!(report["error"]["reason"], "unknown_format");
}

#[test]
fn groups_count_from_their_base() {
    let text = |newest: bool| {
        profile(&format!(
            "[[message]]\n[[message.octets]]\nname = \"t\"\ntype = \"time\"\nclock = \"civil\"\nlength = 2\n\
             parts = {{ year = [9, 7], month = [5, 4], day = [0, 5] }}\n\
             [[message.octets]]\nname = \"base\"\ntype = \"u8\"\nquantity = \"volume\"\ntime = \"t\"\n\
             [[message.repeat]]\ncount = \"rest\"\nend = -1\nnewest_first = {newest}\ntime = \"t\"\nevery = \"1 mo\"\nfirst = 1\nstorage_step = 1\n\
             [[message.repeat.octets]]\ntype = \"u8\"\nquantity = \"volume\"\nstorage = 1\ndelta = \"base\"\ninvalid = [\"all_ones\"]\n\
             [[message.octets]]\ntype = \"skip\"\nlength = 1\n"
        ))
    };
    // 2024-03-31: 24 << 9 | 3 << 5 | 31.
    let wanted = [
        "time.device = \"2024-03-31\", name t",
        "volume = 100 m3, name base, at 2024-03-31",
        "volume = 95 m3, at 2024-02-29, storage 1",
        "volume = 92 m3, at 2024-01-31, storage 2",
        "volume = null m3, at 2023-12-31, quality invalid, storage 3",
        "volume = null m3, at 2023-11-30, quality not_available, storage 4",
    ];
    assert_eq!(lines(&decode(&text(true), 1, "7f30 64 05 03 ff 01 00")), wanted);
    let report = decode(&text(false), 1, "7f30 64 05 03 00");
    assert_eq!(
        lines(&report)[2..],
        ["volume = 105 m3, at 2024-04-30, storage 1", "volume = 108 m3, at 2024-05-31, storage 2",]
    );
    assert_eq!(report["error"], serde_json::Value::Null);
}

#[test]
fn packed_bits_run_on_over_octets() {
    let text = |order: &str| {
        profile(&format!(
            "[[message]]\n[[message.repeat]]\ncount = 2\nbits = 12\n[[message.repeat.octets]]\ntype = \"u16\"\norder = \"{order}\"\nquantity = \"pulse.count\"\n"
        ))
    };
    assert_eq!(
        lines(&decode(&text("little"), 1, "21 43 65")),
        ["pulse.count = 801 {pulse}", "pulse.count = 1620 {pulse}"]
    );
    assert_eq!(lines(&decode(&text("big"), 1, "21 43 65")), ["pulse.count = 532 {pulse}", "pulse.count = 869 {pulse}"]);
    assert_eq!(decode(&text("big"), 1, "21 43")["error"]["reason"], "truncated");
}

#[test]
fn entries_with_tags() {
    let channels = profile(
        "[[message]]\n[[message.stream]]\n[[message.stream.head]]\nname = \"tag\"\ntype = \"u16\"\norder = \"big\"\n\
         [[message.stream.entry]]\nwhen = { field = \"tag\", bits = [0, 8], equals = 0x67 }\n\
         [[message.stream.entry.octets]]\ntype = \"i16\"\nscale = 0.1\nquantity = \"temperature.ambient\"\nsubunit = { field = \"tag\", bits = [8, 8] }\n",
    );
    let report = decode(&channels, 85, "0367 0a01 0567 f6ff 0901 aabb");
    assert_eq!(
        lines(&report),
        [
            "temperature.ambient = 26.6 Cel, subunit 3",
            "temperature.ambient = -1.0 Cel, subunit 5",
            "unknown = \"0901aabb\"",
        ]
    );
    assert_eq!(report["error"]["reason"], "unknown_format");
    let lengths = profile(
        "[[message]]\n[[message.stream]]\n[[message.stream.head]]\nname = \"tag\"\ntype = \"u8\"\n\
         [[message.stream.head]]\nname = \"length\"\ntype = \"u8\"\n\
         [[message.stream.entry]]\ntag = [1, 2]\n[[message.stream.entry.octets]]\ntype = \"u8\"\nquantity = \"humidity\"\n",
    );
    let report = decode(&lengths, 1, "01 01 32  07 02 aabb  02 02 33 ff");
    assert_eq!(lines(&report), ["humidity = 50 %", "unknown = \"0702aabb\"", "humidity = 51 %", "unknown = \"ff\""]);
    assert_eq!(report["error"], serde_json::Value::Null);
    assert_eq!(decode(&lengths, 1, "01 09 32")["error"]["reason"], "truncated");
}

#[test]
fn records_inside_are_corrected() {
    let text = profile(
        "[[message]]\n[[message.octets]]\ntype = \"skip\"\nlength = 1\n[[message.nested]]\nformat = \"mbus-records\"\n\
         [[record]]\nname = \"a\"\nheader = \"04 13\"\nscale = 10\n\
         [[record]]\nselect = { quantity = \"temperature.supply\" }\ndrop = true\n\
         [[record]]\nname = \"b\"\nheader = \"44 13\"\ntime = { field = \"day\", month_end = 1 }\n\
         [[record]]\nname = \"day\"\nheader = \"02 6c\"\n\
         [[record]]\nheader = \"0f\"\n[[record.octets]]\nname = \"low\"\ntype = \"flags8\"\n\
         [[derive]]\nname = \"used\"\ndifference = [\"a\", \"b\"]\nquantity = \"volume\"\n",
    );
    let report = decode(&text, 1, "00 0413e8030000 025a6400 4413d0070000 026c7f2c 0f 81 02");
    assert_eq!(
        lines(&report),
        [
            "volume = 10.0 m3, name a",
            "volume = 2.0 m3, name b, at 2019-11-30, storage 1",
            "time.device = \"2019-12-31\", name day",
            "unknown = 129, name low",
            "unknown = \"02\"",
            "volume = 8.0 m3, name used",
        ]
    );
}

#[test]
fn a_user_s_own_profile_takes_the_place_of_one_that_came_with_the_program() {
    let name = Profiles::built_in().all().next().unwrap().profile.name;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("lorawan")).unwrap();
    let file = folder.path().join("lorawan").join(format!("{name}.toml"));
    std::fs::write(&file, field("type = \"u8\"\nquantity = \"humidity\"")).unwrap();
    let all = Profiles::with_folder(Some(folder.path())).unwrap();
    assert_eq!(all.by_name(name).unwrap().file, file);
    assert_eq!(all.replaced().map(|(replaced, _)| replaced).collect::<Vec<_>>(), [name]);
    // The same text is the same profile.
    let again = Profiles::with_folder(Some(folder.path())).unwrap();
    assert!(std::ptr::eq(all.by_name(name).unwrap(), again.by_name(name).unwrap()));
    assert!(Profiles::built_in().unknown("zenner-ed").contains("no profile is called"));
}

#[test]
fn a_wireless_meter_is_known_by_its_address() {
    let decode = Command::new(env!("CARGO_BIN_EXE_esh-gateway"))
        .args(["decode", "wmbus", "--format", "json"])
        .arg("1e44 5a14 78563412 0102 7a2a000000 04a9ff01e8030000 04a9ff02d0070000".replace(' ', ""))
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(decode.stdout.trim_ascii()).unwrap();
    assert_eq!(report["profile"], "ebz-wmbe");
    // Without the third phase there is no sum.
    assert_eq!(
        lines(&report),
        ["power.active.l1 = 0.01 kW, name power L1", "power.active.l2 = 0.02 kW, name power L2"]
    );
}

/// What `profile show --rust` says of a profile that has every key, as the compiler reads it.
mod constant {
    #![allow(missing_docs, unused_imports, unreachable_pub, reason = "it is written for other programs")]
    include!("profiles/every-key.const");
}

#[test]
fn the_source_of_a_profile_is_the_profile() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/profile_file/every-key.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(constant::PROFILE, *profiles::compile(&file, &text).unwrap());
    let shown = Command::new(env!("CARGO_BIN_EXE_esh-gateway")).args(["profile", "show", "--rust"]).arg(&file).output();
    let source = include_str!("profiles/every-key.const");
    assert_eq!(String::from_utf8_lossy(&shown.unwrap().stdout), source, "write tests/profiles/every-key.const anew");
}
