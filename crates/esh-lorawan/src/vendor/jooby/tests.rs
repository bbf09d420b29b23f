//! Messages of modules and what they mean. Each gets its LRC here.

use super::*;
use esh_core::{Alarms, NothingKnown, Reading, Value};
use std::{
    format,
    string::{String, ToString},
    vec::Vec,
};

#[derive(Default)]
struct Lines(Vec<String>, Alarms);

impl<'a> Out<'a> for Lines {
    fn reading(&mut self, reading: Reading<'a>) {
        let value = match reading.value {
            Value::Number(number) => format!("{number}"),
            Value::Time(time) => format!("{time}"),
            Value::Text(text) => format!("{text}"),
            other => format!("{other:?}"),
        };
        let label = reading.label.map(|label| format!("{label}")).unwrap_or_default();
        let at = reading.at.map(|at| format!(" @{at}")).unwrap_or_default();
        let unit = reading.unit.ucum();
        self.0.push(format!("{}/{label} {value} {unit}{at}", reading.register.subunit));
    }

    fn alarms(&mut self, alarms: Alarms) {
        self.1 = self.1.and(alarms);
    }
}

fn sealed(commands: &[u8]) -> Vec<u8> {
    let mut message = commands.to_vec();
    message.push(commands.iter().fold(LRC_START, |lrc, octet| lrc ^ octet));
    message
}

fn read(message: &[u8]) -> (Vec<String>, Option<DecodeError>, String) {
    let mut lines = Lines::default();
    let error = JoobyAnalog.read(None, message, 9, &NothingKnown, &mut lines).err();
    (lines.0, error, format!("{:?}", lines.1))
}

#[test]
fn commands_read_as_they_were_meant() {
    for (commands, expected) in [
        // Channels 1 and 9: the set of channels takes two octets.
        (&[0x18, 5, 0x81, 0x02, 0x90, 0x4e, 7][..], &["1/count 10000 {pulse}", "9/count 7 {pulse}"][..]),
        (&[0x16, 4, 0x31, 0x0f, 0x04, 0x2a], &["0/date 2024-08-15 ", "3/count 42 {pulse} @2024-08-15"]),
        // Two hours behind nine o'clock, in UTC.
        (
            &[0x17, 7, 0x31, 0x0f, 0x49, 0x02, 100, 5, 6],
            &[
                "0/date 2024-08-15 ",
                "2/count 100 {pulse} @2024-08-15T09:00:00Z",
                "2/count 105 {pulse} @2024-08-15T10:00:00Z",
                "2/count 111 {pulse} @2024-08-15T11:00:00Z",
            ],
        ),
        (
            &[0x1b, 6, 0x31, 0x0f, 0x01, 2, 10, 12],
            &["0/date 2024-08-15 ", "1/count 10 {pulse} @2024-08-15", "1/count 12 {pulse} @2024-08-16"],
        ),
        // With the weight of a pulse: a code, and a number.
        (
            &[0x1f, 0x0b, 7, 0x31, 0x0f, 0x03, 0x81, 9, 0x7f, 8],
            &[
                "0/date 2024-08-15 ",
                "1/pulse weight 5 ",
                "1/count 9 {pulse} @2024-08-15",
                "2/pulse weight 127 ",
                "2/count 8 {pulse} @2024-08-15",
            ],
        ),
        (
            &[0x1f, 0x30, 7, 0x31, 0x0f, 23, 1, 1, 50, 4],
            &[
                "0/date 2024-08-15 ",
                "1/count 50 {pulse} @2024-08-15T23:00:00Z",
                "1/count 54 {pulse} @2024-08-16T00:00:00Z",
            ],
        ),
        (
            &[0x06, 10, 0x31, 0x0f, 0, 0, 1, 0, 0x80, 0, 1, 4],
            &["0/date 2024-08-15 ", "0/count 256 {pulse} @2024-08-15", "0/count 260 {pulse} @2024-08-16"],
        ),
        (
            &[0x48, 0x31, 0x0f, 0x06, 0, 1, 0, 0x00, 0x03],
            &[
                "0/date 2024-08-15 ",
                "0/count 256 {pulse} @2024-08-15T06:00:00Z",
                "0/count 259 {pulse} @2024-08-15T07:00:00Z",
            ],
        ),
        (
            &[0x15, 6, 3, 9, 0, 0, 0, 60],
            &["0/event activated ", "0/sequence number 9 1", "0/happened 2000-01-01T00:01:00Z "],
        ),
        (&[0x04, 3, 30, 2, 1], &["0/parameter 30 ", "3/channel 3 ", "3/absolute data 1 "]),
        (&[0x04, 5, 1, 0, 0, 0, 6], &["0/parameter 1 ", "0/reporting period 3600 s"]),
        // A command that nobody has described, between two.
        (&[0x19, 0, 0x1d, 1, 0xaa, 0x0c, 1, 1], &["0/command Octets([29, 1, 170]) ", "0/status 1 "]),
    ] {
        let (lines, error, _) = read(&sealed(commands));
        assert_eq!(lines, expected, "{commands:02x?}");
        assert_eq!(error, None);
        // Documents show commands without an LRC.
        assert_eq!(read(commands).0, expected);
    }
}

#[test]
fn a_status_tells_the_battery_or_that_nothing_is_known_of_it() {
    let (lines, _, _) = read(&sealed(&[0x14, 12, 2, 5, 3, 1, 0xe1, 0x0c, 0x80, 0x27, 0x10, 0xf6, 127, 3]));
    assert_eq!(
        lines[4..],
        [
            "0/under low load 3.600 V",
            "1/under high load 3.200 V",
            "0/resistance of the battery in mOhm 10000 ",
            "0/temperature -10 Cel",
            "0/remaining battery 50 %",
            "0/sequence number 3 1",
        ]
    );
    let (lines, _, _) = read(&sealed(&[0x14, 12, 2, 5, 3, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 20, 255, 3]));
    assert_eq!(lines.iter().filter(|line| line.contains("Absent")).count(), 4);
}

#[test]
fn states_are_alarms_where_the_type_of_the_module_does_not_matter() {
    let (_, _, alarms) = read(&sealed(&[0x62, 7, 0x03]));
    assert!(alarms.contains("BatteryLow") || alarms.contains("battery.low"), "{alarms}");
    let (_, _, of_two_octets) = read(&sealed(&[0x63, 7, 0x03, 0]));
    assert_eq!(of_two_octets, format!("{:?}", Alarms::default()));
    // A magnet of now is one, that of an archive is none.
    let (_, _, now) = read(&sealed(&[0x07, 4, 0x80, 0, 0, 1]));
    assert_ne!(now, format!("{:?}", Alarms::default()));
    let (_, _, past) = read(&sealed(&[0x06, 6, 0x31, 0x0f, 0x80, 0, 0, 1]));
    assert_eq!(past, format!("{:?}", Alarms::default()));
}

#[test]
fn what_is_wrong_is_said() {
    let mut message = sealed(&[0x18, 2, 0x01, 0x05]);
    let last = message.len() - 1;
    message[last] ^= 1;
    let (lines, error, _) = read(&message);
    assert!(lines.is_empty(), "{lines:?}");
    assert!(error.unwrap().to_string().contains("LRC"));
    let (_, error, _) = read(&[0x18, 9, 0x01, 0x05]);
    assert_eq!(error.unwrap().to_string(), "application layer, octet 11 (command data): needs 9 octets, 2 left");
    // A value that never ends.
    let (_, error, _) = read(&sealed(&[0x18, 11, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
    assert!(error.is_some());
    assert_eq!(read(&[]), (Vec::new(), None, format!("{:?}", Alarms::default())));
}

#[test]
fn archives_are_records_of_values() {
    let octets = [
        &[0, 0, 0, 9, 0, 0, 0x0e, 0x10, 3, 0x41, 0x20, 0, 0, 4, 0x7f, 0xc0, 0, 0, 0][..],
        &[0, 0, 0, 8, 0, 0, 0x1c, 0x20, 3, 0x3f, 0xc0, 0, 0],
    ]
    .concat();
    let mut lines = Lines::default();
    JoobyArchive { of_meters: true }.read(None, &octets, 0, &NothingKnown, &mut lines).unwrap();
    assert_eq!(
        lines.0,
        [
            "0/meter 9 ",
            "0/OBIS number 3  @2000-01-01T01:00:00Z",
            "0/value 10  @2000-01-01T01:00:00Z",
            "0/OBIS number 4  @2000-01-01T01:00:00Z",
            "0/value Absent  @2000-01-01T01:00:00Z",
            "0/meter 8 ",
            "0/OBIS number 3  @2000-01-01T02:00:00Z",
            "0/value 1.5  @2000-01-01T02:00:00Z",
        ]
    );
    let mut of_one = Lines::default();
    let error =
        JoobyArchive { of_meters: false }.read(None, &octets[4..11], 0, &NothingKnown, &mut of_one).unwrap_err();
    assert_eq!(error.to_string(), "application layer, octet 5 (value): needs 4 octets, 2 left");
}

#[test]
fn no_command_has_two_rows() {
    for (index, row) in COMMANDS.iter().enumerate() {
        assert!(COMMANDS[..index].iter().all(|other| other.id != row.id), "{:04x}", row.id);
    }
}

proptest::proptest! {
    #[test]
    fn no_octets_make_it_fall_over(octets: Vec<u8>) {
        let (_, error, _) = read(&octets);
        if let Some(error) = error {
            proptest::prop_assert!(error.offset >= 9 && error.offset <= 9 + octets.len());
        }
        let (_, error, _) = read(&sealed(&octets));
        proptest::prop_assert!(error.is_none_or(|error| error.offset <= 10 + octets.len()));
    }
}
