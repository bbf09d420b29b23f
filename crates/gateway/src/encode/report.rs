//! The report, written straight from what decoding finds: no tree, one buffer that the caller reuses.

use super::{Fields, reading};
use crate::capture::{Framing, Radio, Reception, Stamp};
use crate::codec::Answer;
use crate::meters::Listed;
use crate::record::Id;
use esh_core::json::Json;
use esh_core::{Alarms, Decimal, DecodeError, Medium, Meter, Out, Protocol, Reading, Security};
use jiff::tz::TimeZone;
use std::fmt::Display;

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
    /// Whom those who passed it on say to have heard it.
    pub heard: &'a [Heard],
    /// Why it could not be decoded, or not to its end.
    pub error: Option<&'a DecodeError>,
    /// What a payload codec gave; its error stands before `error`.
    pub answer: Option<&'a Answer>,
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
    /// How it was heard on the air, where the source tells more of it.
    pub radio: Option<&'a Radio>,
}

/// A receiver that has heard a frame, as those who passed the frame on say.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The receiver.
    pub gateway: Box<str>,
    /// Signal strength in dBm.
    pub rssi: Option<Decimal>,
    /// Signal-to-noise ratio in dB.
    pub snr: Option<Decimal>,
    /// When.
    pub at: Option<jiff::Timestamp>,
}

/// Writes one report: the head when it is made, readings as they come, the rest at the end.
#[derive(Debug)]
pub struct ReportWriter<'b> {
    json: Json<'b>,
    medium: Option<Medium>,
    zone: Option<&'b TimeZone>,
    alarms: Alarms,
    /// The moment of readings that have none of their own.
    polled: Option<jiff::Timestamp>,
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
        Self { json, medium, zone, alarms: Alarms::NONE, polled: None, readings: 0 }
    }

    /// The readings were asked for at this moment.
    pub const fn polled(&mut self, at: Option<jiff::Timestamp>) {
        self.polled = at;
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
        if let Some(answer) = tail.answer {
            write_answer(&mut json, answer);
        }
        json.key("frame").hex(tail.frame);
        let nobody = (!tail.heard.is_empty()).then_some(Source {
            name: None,
            rssi: None,
            copies: 1,
            framing: None,
            radio: None,
        });
        match tail.source.or(nobody) {
            Some(source) => json.key("source").object(|json| {
                if let Some(name) = source.name {
                    json.key("name").text(name);
                }
                let best = best(tail.heard);
                if let Some(rssi) = source.rssi.or_else(|| best?.rssi?.to_i64()?.try_into().ok()) {
                    json.key("rssi").signed(rssi.into());
                }
                json.key("copies").number(source.copies.into());
                if let Some(framing) = source.framing {
                    json.key("format").display(&framing);
                }
                match (best, source.radio) {
                    (Some(best), _) => write_heard(json, best, tail.heard),
                    (None, Some(radio)) => write_radio(json, radio),
                    (None, None) => {}
                }
            }),
            None => json.raw(b"\"source\":null"),
        }
        match (tail.answer.and_then(|answer| answer.error.as_ref()), tail.error) {
            (Some(error), _) => write_error(&mut json, &error.as_decode_error(), error),
            (None, Some(error)) => write_error(&mut json, error, error),
            (None, None) => json.raw(b"\"error\":null"),
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
        reading::write(&mut self.json, &reading, self.medium, self.zone, self.polled);
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

/// Who heard it best.
fn best(heard: &[Heard]) -> Option<&Heard> {
    let rssi = |heard: &&Heard| heard.rssi.and_then(|rssi| rssi.scale10(3)?.to_i64());
    heard.iter().max_by_key(rssi)
}

fn write_heard(json: &mut Json<'_>, best: &Heard, all: &[Heard]) {
    if !best.gateway.is_empty() {
        json.key("gateway").text(&best.gateway);
    }
    if let Some(snr) = best.snr {
        json.key("snr").raw(snr.text().as_octets());
    }
    if all.len() < 2 {
        return;
    }
    write_receptions(json, all.iter().map(|Heard { gateway, rssi, snr, at }| (&**gateway, *rssi, *snr, *at)));
}

fn write_radio(json: &mut Json<'_>, radio: &Radio) {
    let Radio { gateway, snr, frequency, data_rate, receptions, .. } = radio;
    if let Some(gateway) = gateway {
        json.key("gateway").text(gateway);
    }
    if let Some(snr) = snr {
        json.key("snr").raw(snr.text().as_octets());
    }
    if let Some(frequency) = frequency {
        json.key("frequency").number((*frequency).into());
    }
    if let Some(data_rate) = data_rate {
        json.key("data_rate").display(data_rate);
    }
    if receptions.is_empty() {
        return;
    }
    let each = receptions.iter();
    let each = each
        .map(|Reception { gateway, rssi, snr, at }| (&**gateway, rssi.map(|rssi| i64::from(rssi).into()), *snr, *at));
    write_receptions(json, each);
}

/// Who has heard a frame, how well, and when it was told.
type Told<'a> = (&'a str, Option<Decimal>, Option<Decimal>, Option<jiff::Timestamp>);

fn write_receptions<'a>(json: &mut Json<'_>, all: impl Iterator<Item = Told<'a>>) {
    json.key("receptions").array(|json| {
        for (gateway, rssi, snr, at) in all {
            json.object(|json| {
                json.key("gateway").text(gateway);
                if let Some(rssi) = rssi {
                    json.key("rssi").raw(rssi.text().as_octets());
                }
                if let Some(snr) = snr {
                    json.key("snr").raw(snr.text().as_octets());
                }
                if let Some(at) = at {
                    json.key("at").display(&format_args!("{at:.3}"));
                }
            });
        }
    });
}

fn write_answer(json: &mut Json<'_>, answer: &Answer) {
    if let Some(data) = &answer.data {
        json.key("data").raw(data.as_bytes());
    }
    if !answer.warnings.is_empty() {
        json.key("warnings").array(|json| answer.warnings.iter().for_each(|warning| json.text(warning)));
    }
}

fn write_error(json: &mut Json<'_>, error: &DecodeError, message: &dyn Display) {
    json.key("error").object(|json| {
        json.key("layer").word(error.layer.word());
        json.key("octet").number(error.offset as u64);
        json.key("field").text(error.field);
        json.key("reason").word(error.reason.word());
        json.key("message").display(message);
    });
}
