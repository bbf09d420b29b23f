//! What the page asks for, as JSON.

use super::Page;
use crate::analyse::{Explained, Heard, explained};
use crate::sources::lines::Line;
use crate::telemetry::{Series, Telegram, Told, milliseconds};
use esh_core::json::Json;

impl Page {
    /// The line at a glance. It may read the disk.
    pub(crate) fn status(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(2048);
        Json::new(&mut text).object(|json| {
            let view = &self.view;
            json.key("gateway").text(&view.gateway);
            json.key("version").text(env!("CARGO_PKG_VERSION"));
            json.key("started").number(view.counts.started);
            json.key("now").number(milliseconds());
            json.key("token").flag(self.access.has_token());
            json.key("obstacles").array(|json| view.obstacles().iter().for_each(|obstacle| json.text(obstacle)));
            self.sources(json);
            self.line(json);
            self.queue(json);
            self.sinks(json);
            let ((meters, frames), recent) = (view.counts.line.recent.counts(), &view.counts.line.recent);
            json.key("meters").number(meters as u64);
            json.key("frames").number(frames as u64);
            json.key("forgotten").number(recent.forgotten.get());
        });
        text
    }

    fn sources(&self, json: &mut Json<'_>) {
        json.key("sources").array(|json| {
            for source in self.view.counts.sources.all() {
                json.object(|json| {
                    json.key("name").text(&source.name);
                    json.key("frames").number(source.frames.get());
                    json.key("unreadable").number(source.unreadable.get());
                    json.key("reconnects").number(source.reconnects.get());
                });
            }
        });
    }

    fn line(&self, json: &mut Json<'_>) {
        let line = &*self.view.counts.line;
        json.key("line").object(|json| {
            json.key("running").flag(line.running.get());
            json.key("decoded").number(line.decoded.get());
            json.key("failed").object(|json| {
                for (reason, count) in line.failures().into_iter().filter(|(_, count)| *count > 0) {
                    json.key(reason).number(count);
                }
            });
            json.key("unread").number(line.unread.get());
            json.key("copies").number(line.copies.get());
            json.key("refused").number(line.refused.get());
            json.key("records").number(line.records.get());
        });
    }

    fn queue(&self, json: &mut Json<'_>) {
        let line = &*self.view.counts.line;
        json.key("queue").object(|json| {
            json.key("octets").number(self.view.octets());
            json.key("waiting").number(self.view.unconfirmed());
            json.key("oldest").number(self.view.oldest_age());
            json.key("full").flag(line.full.get());
            json.key("broken").flag(line.broken.get());
            json.key("made_room").number(line.made_room.get());
            json.key("no_room").number(line.no_room.get());
            json.key("damaged").number(line.damaged.get());
        });
    }

    fn sinks(&self, json: &mut Json<'_>) {
        let behind = self.view.behind();
        json.key("sinks").array(|json| {
            for (n, sink) in self.view.counts.sinks.all().iter().enumerate() {
                json.object(|json| {
                    json.key("name").text(&sink.name);
                    json.key("acknowledged").number(sink.acknowledged.get());
                    json.key("reconnects").number(sink.reconnects.get());
                    json.key("last").number(sink.last());
                    json.key("away").flag(sink.away.get());
                    if let Some(behind) = behind.get(n) {
                        json.key("behind").number(*behind);
                    }
                    if let Some((fault, at)) = sink.last_fault() {
                        json.key("fault").text(&fault);
                        json.key("fault_at").number(at);
                    }
                });
            }
        });
    }

    /// The meters, shortly.
    pub(crate) fn meters(&self) -> Vec<u8> {
        list(&self.view.counts.line.recent.meters())
    }

    /// The frames that could not be decoded, the newest first.
    pub(crate) fn frames(&self) -> Vec<u8> {
        list(&self.view.counts.line.recent.failures())
    }

    /// A meter with everything its last telegram says; `None` when it is not kept.
    pub(crate) fn meter(&self, number: u64) -> Option<Vec<u8>> {
        self.look();
        let telegram = self.view.counts.line.recent.meter(number)?;
        let series = self.history().of(number).to_vec();
        self.detail(&telegram, &series)
    }

    /// A frame that could not be decoded, explained; `None` when it is not kept.
    pub(crate) fn frame(&self, number: u64) -> Option<Vec<u8>> {
        self.detail(&self.view.counts.line.recent.failure(number)?, &[])
    }

    fn detail(&self, telegram: &Telegram, series: &[Series]) -> Option<Vec<u8>> {
        let told: Told<'_> = serde_json::from_slice(&telegram.report).ok()?;
        let explained = self.explain(telegram, &told);
        // As it decodes now: a key may have come since.
        let now = explained.as_ref().and_then(|explained| serde_json::from_slice::<Told<'_>>(&explained.report).ok());
        let mut text = Vec::with_capacity(16 << 10);
        Json::new(&mut text).object(|json| {
            json.key("telegram");
            told.write(telegram, json);
            json.key("hex").text(&told.frame);
            json.key("readings");
            now.as_ref().unwrap_or(&told).write_readings(json);
            json.key("error").raw(now.as_ref().unwrap_or(&told).error.get().as_bytes());
            json.key("series").array(|json| series.iter().for_each(|series| write_series(series, json)));
            if let Some(explained) = &explained {
                json.key("fields").array(|json| write_fields(explained, json));
            }
        });
        Some(text)
    }

    /// Explains a telegram with the keys that are in force, of which none is told.
    fn explain(&self, telegram: &Telegram, told: &Told<'_>) -> Option<Explained> {
        let frame = heard(telegram, told)?;
        let meters = || self.view.counts.line.recent.meters().into_iter();
        let others = std::iter::once_with(meters).flatten();
        let others = others.filter_map(|other| heard(&other, &serde_json::from_slice(&other.report).ok()?));
        Some(explained(&frame, &self.keys.get(), others))
    }
}

fn heard(telegram: &Telegram, told: &Told<'_>) -> Option<Heard> {
    let protocol = telegram.protocol?;
    let octets = Line::parse(protocol, told.frame.as_bytes()).ok()?.octets;
    Some(Heard { protocol, framing: telegram.framing, octets })
}

/// Telegrams, shortly.
fn list(telegrams: &[Telegram]) -> Vec<u8> {
    let mut text = Vec::with_capacity(telegrams.len() * 512 + 2);
    Json::new(&mut text).array(|json| telegrams.iter().for_each(|telegram| write(telegram, json)));
    text
}

/// A telegram, shortly.
pub(super) fn write(telegram: &Telegram, json: &mut Json<'_>) {
    // The report was written here; should it not read back, the telegram is not shown.
    if let Ok(told) = serde_json::from_slice::<Told<'_>>(&telegram.report) {
        told.write(telegram, json);
    }
}

fn write_series(series: &Series, json: &mut Json<'_>) {
    json.object(|json| {
        json.key("label").text(&series.label);
        json.key("unit").text(&series.unit);
        json.key("points").array(|json| {
            for point in &series.points {
                json.array(|json| {
                    json.number(point.at.into());
                    json.text(point.value().text().as_str());
                });
            }
        });
    });
}

fn write_fields(explained: &Explained, json: &mut Json<'_>) {
    for row in &explained.rows {
        let octets = row.octets(&explained.octets);
        json.object(|json| {
            json.key("layer").word(row.layer.word());
            json.key("octet").number(row.offset as u64);
            json.key("hex").hex(octets);
            json.key("name").text(row.name);
            json.key("value").text(row.value(octets));
            json.key("meaning").text(&row.meaning);
        });
    }
}
