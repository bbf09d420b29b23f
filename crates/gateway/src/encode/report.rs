//! The report, written straight from what decoding finds: no tree, one buffer that the caller reuses.

use super::{Fields, reading};
use crate::capture::{Framing, Stamp};
use crate::meters::Listed;
use crate::record::Id;
use esh_core::json::Json;
use esh_core::{Alarms, DecodeError, Medium, Meter, Out, Protocol, Reading, Security};
use jiff::tz::TimeZone;

/// What stands before the readings.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The report's id.
    pub id: Id,
    /// The protocol.
    pub protocol: Protocol,
    /// The gateway's name; `None` with `decode`.
    pub gateway: Option<&'a str>,
    /// When the frame came.
    pub received_at: Stamp,
    /// Whose it is.
    pub meter: Option<&'a Meter>,
    /// What is said about it.
    pub listed: Option<&'a Listed>,
    /// Its message counter.
    pub counter: Option<u64>,
    /// How it was protected.
    pub security: Security,
}

/// What stands behind the readings.
#[derive(Clone, Copy, Debug)]
pub struct Tail<'a> {
    /// The octets as received.
    pub frame: &'a [u8],
    /// Who heard it, if it was heard.
    pub source: Option<Source<'a>>,
    /// Why it could not be decoded, or not to its end.
    pub error: Option<&'a DecodeError>,
    /// What the carrier found.
    pub opened: Option<&'a Fields>,
    /// Octets behind the frame.
    pub trailing: &'a [u8],
    /// The id of the line, JSON already.
    pub input: Option<&'a [u8]>,
    /// The profile that read it.
    pub profile: Option<&'a str>,
}

/// Who heard a frame.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The source's name.
    pub name: Option<&'a str>,
    /// Signal strength in dBm.
    pub rssi: Option<i16>,
    /// How often the frame was heard by now.
    pub copies: u32,
    /// How the receiver lays frames out, where it says so.
    pub framing: Option<Framing>,
}

/// Writes one report: the head when it is made, readings as they come, the rest at the end.
#[derive(Debug)]
pub struct ReportWriter<'b> {
    json: Json<'b>,
    medium: Option<Medium>,
    zone: Option<&'b TimeZone>,
    alarms: Alarms,
    /// Readings written so far.
    pub readings: usize,
}

impl<'b> ReportWriter<'b> {
    /// Begins a report at the end of a buffer. Civil times become instants in `zone`.
    #[must_use]
    pub fn begin(buffer: &'b mut Vec<u8>, head: &Head<'_>, zone: Option<&'b TimeZone>) -> Self {
        let mut json = Json::new(buffer);
        json.open(b'{');
        json.raw(b"\"schema\":\"esh.report.v1\"");
        json.key("id").hex(&head.id.0.to_be_bytes());
        json.key("protocol").word(head.protocol.word());
        match head.gateway {
            Some(gateway) => json.key("gateway").text(gateway),
            None => json.raw(b"\"gateway\":null"),
        }
        match head.received_at.at {
            Some(at) => {
                json.key("received_at").display(&format_args!("{at:.3}"));
                json.key("clock").word(if head.received_at.synchronised { "synchronised" } else { "unsynchronised" });
            }
            None => json.raw(b"\"received_at\":null"),
        }
        match head.meter {
            Some(meter) => write_meter(&mut json, meter, head.listed),
            None => json.raw(b"\"meter\":null"),
        }
        if let Some(counter) = head.counter {
            json.key("counter").number(counter);
        }
        json.key("security").object(|json| {
            match head.security.mode {
                Some(mode) => json.key("mode").number(mode.into()),
                None => json.raw(b"\"mode\":null"),
            }
            json.key("state").word(head.security.state.word());
            json.key("authenticated").flag(head.security.authenticated);
        });
        json.key("readings").open(b'[');
        let medium = head.meter.and_then(|meter| meter.medium);
        Self { json, medium, zone, alarms: Alarms::NONE, readings: 0 }
    }

    /// Ends the report.
    pub fn end(self, tail: &Tail<'_>) {
        let Self { mut json, alarms, .. } = self;
        json.close(b']');
        if alarms.is_empty() {
            json.raw(b"\"alarms\":[]");
        } else {
            json.key("alarms").array(|json| alarms.iter().for_each(|alarm| json.word(alarm.name())));
        }
        match tail.profile {
            Some(profile) => json.key("profile").text(profile),
            None => json.raw(b"\"profile\":null"),
        }
        json.key("frame").hex(tail.frame);
        match tail.source {
            Some(source) => json.key("source").object(|json| {
                if let Some(name) = source.name {
                    json.key("name").text(name);
                }
                if let Some(rssi) = source.rssi {
                    json.key("rssi").signed(rssi.into());
                }
                json.key("copies").number(source.copies.into());
                if let Some(framing) = source.framing {
                    json.key("format").display(&framing);
                }
            }),
            None => json.raw(b"\"source\":null"),
        }
        match tail.error {
            Some(error) => write_error(&mut json, error),
            None => json.raw(b"\"error\":null"),
        }
        if let Some(opened) = tail.opened {
            json.key("opened").object(|json| {
                if !opened.members().is_empty() {
                    json.raw(opened.members());
                }
                if !tail.trailing.is_empty() {
                    json.key("trailing").hex(tail.trailing);
                }
            });
        }
        if let Some(input) = tail.input {
            json.key("input").raw(input);
        }
        json.close(b'}');
    }
}

impl Out<'_> for ReportWriter<'_> {
    fn reading(&mut self, reading: Reading<'_>) {
        self.readings += 1;
        reading::write(&mut self.json, &reading, self.medium, self.zone);
    }

    fn alarms(&mut self, alarms: Alarms) {
        self.alarms = self.alarms.and(alarms);
    }
}

fn write_meter(json: &mut Json<'_>, meter: &Meter, listed: Option<&Listed>) {
    json.key("meter").object(|json| {
        json.key("id").text(meter.id.as_str());
        if let Some(manufacturer) = meter.manufacturer {
            json.key("manufacturer").display(&manufacturer);
        }
        if let Some(medium) = meter.medium {
            json.key("medium").word(medium.word());
        }
        if let Some(version) = meter.version {
            json.key("version").number(version.into());
        }
        json.key("address").display(&meter.address());
        if let Some(listed) = listed.filter(|listed| !listed.members.is_empty()) {
            json.raw(&listed.members);
        }
    });
}

fn write_error(json: &mut Json<'_>, error: &DecodeError) {
    json.key("error").object(|json| {
        json.key("layer").word(error.layer.word());
        json.key("octet").number(error.offset as u64);
        json.key("field").text(error.field);
        json.key("reason").word(error.reason.word());
        json.key("message").display(error);
    });
}
