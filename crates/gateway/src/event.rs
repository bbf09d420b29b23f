//! Events: what happened that is no reading. The gateway's own are about records that are lost by choice or by damage.

use crate::capture::Stamp;
use crate::meters::Owed;
use crate::queue::Losses;
use crate::queue::log::{Damage, Dropped};
use crate::record::{Id, Kind, Record};
use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use bytes::Bytes;
use esh_core::{Alarm, Meter};
use serde::Serialize;
use serde_json::{Value, json};

/// An event as it is told.
#[derive(Serialize)]
struct Event<'a> {
    schema: &'static str,
    id: &'a str,
    event: &'a str,
    gateway: &'a str,
    meter: Option<&'a str>,
    alarm: Option<&'a str>,
    at: Option<String>,
    clock: &'static str,
    report: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<&'a Value>,
}

impl<'a> Event<'a> {
    fn new(gateway: &'a str, event: &'a str, id: &'a str, stamp: Stamp) -> Self {
        let clock = if stamp.synchronised { "synchronised" } else { "unsynchronised" };
        let at = stamp.at.map(|at| format!("{at:.3}"));
        Self {
            schema: "esh.event.v1",
            id,
            event,
            gateway,
            meter: None,
            alarm: None,
            at,
            clock,
            report: None,
            dropped: None,
        }
    }

    fn json(&self) -> Bytes {
        // Texts alone: writing them cannot fail.
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

/// The events that tell of losses.
#[must_use]
pub fn of_losses(gateway: &str, losses: &Losses, at: Stamp) -> Vec<Record> {
    let pushed_out = losses.dropped.map(
        |Dropped { count, from, to }| json!({"reason": "quota_or_age", "count": count, "from": from.0, "to": to.0}),
    );
    let refused = (losses.refused > 0).then(|| json!({"reason": "refused", "count": losses.refused}));
    let damaged = losses.damage.iter().filter_map(|damage| {
        let Damage { file, offset, octets, lost: Some((from, to)), .. } = damage else { return None };
        let count = damage.count();
        Some(json!({"reason": "damaged", "count": count, "from": from.0, "to": to.0,
            "file": file, "offset": offset, "octets": octets}))
    });
    let all = pushed_out.into_iter().chain(refused).chain(damaged);
    all.map(|dropped| of_dropped(gateway, at, "queue", &dropped)).collect()
}

/// The event that tells that so many frames of a source were too many.
#[must_use]
pub fn of_limited(gateway: &str, source: &str, count: u64, at: Stamp) -> Record {
    of_dropped(gateway, at, "limits", &json!({"reason": "rate", "count": count, "source": source}))
}

/// The event that tells of a report that a sink's peer refuses for good, with everything that is left of it.
#[must_use]
pub fn of_refused(gateway: &str, report: Id, why: &str, at: Stamp) -> Record {
    let dropped = json!({"reason": "refused_by_peer", "count": 1, "why": why});
    let (report, time) = (format!("{:032x}", report.0), at.at.map(|at| at.to_string()).unwrap_or_default());
    let (id, hex) = id(&[gateway, "dropped", &time, &report, why]);
    let told = Event { dropped: Some(&dropped), report: Some(report), ..Event::new(gateway, "dropped", &hex, at) };
    let (report, received_at) = (told.json(), at.at);
    Record { kind: Kind::Event, protocol: None, meter: Some("sink".into()), id, received_at, report }
}

/// An event about a meter: it has the same id whenever it is told.
#[must_use]
pub fn of_meter(gateway: &str, meter: &Meter, owed: &Owed) -> Record {
    let (event, alarm) = (owed.happened.word(), owed.happened.alarm().map(Alarm::name));
    let (protocol, address) = (Some(meter.protocol), meter.address().to_string());
    let occasion = format!("{:032x}", owed.occasion.0);
    let (id, hex) = id(&[gateway, event, &address, alarm.unwrap_or_default(), &occasion]);
    let stamp = Stamp { at: owed.at, synchronised: owed.synchronised };
    let report = owed.happened.is_shown().then_some(occasion);
    let told = Event { meter: Some(&address), alarm, report, ..Event::new(gateway, event, &hex, stamp) };
    let report = told.json();
    Record { kind: Kind::Event, protocol, meter: Some(address.into()), id, received_at: owed.at, report }
}

fn of_dropped(gateway: &str, at: Stamp, part: &str, dropped: &Value) -> Record {
    // The same losses told a second time, after a crash, are another event only if they are told at another time.
    let time = at.at.map(|at| at.to_string()).unwrap_or_default();
    let (id, hex) = id(&[gateway, "dropped", &time, &dropped.to_string()]);
    let told = Event { dropped: Some(dropped), ..Event::new(gateway, "dropped", &hex, at) };
    let (report, received_at) = (told.json(), at.at);
    Record { kind: Kind::Event, protocol: None, meter: Some(part.into()), id, received_at, report }
}

/// The id of what is no frame, and as it is written.
pub(crate) fn id(parts: &[&str]) -> (Id, String) {
    let mut hash = Blake2b::<U16>::new();
    hash.update("event");
    for part in parts {
        hash.update("\0");
        hash.update(part);
    }
    let id = Id(u128::from_be_bytes(hash.finalize().into()));
    (id, format!("{:032x}", id.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::log::{Harm, Seq};

    #[test]
    fn each_loss_is_an_event_that_the_schema_knows() {
        let schema = include_str!("../schema/esh.event.v1.json");
        let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
        let (file, lost) = ("0000000000000003.segment".to_owned(), Some((Seq(7), Seq(9))));
        let losses = Losses {
            dropped: Some(Dropped { count: 5, from: Seq(1), to: Seq(5) }),
            refused: 3,
            damage: vec![Damage { file, harm: Harm::Records, offset: 4096, octets: 64, lost }],
        };
        let at = Stamp { at: jiff::Timestamp::from_second(1_700_000_000).ok(), synchronised: true };
        let mut events = of_losses("g", &losses, at);
        assert_eq!(events.len(), 3);
        events.push(of_refused("g", Id(7), "too_large", at));
        for event in &events {
            let report: serde_json::Value = serde_json::from_slice(&event.report).unwrap();
            assert!(schema.is_valid(&report), "{report}");
            assert_eq!(report["id"], format!("{:032x}", event.id.0));
        }
        let limited = of_limited("g", "air", 7, at);
        let report: Value = serde_json::from_slice(&limited.report).unwrap();
        assert!(schema.is_valid(&report), "{report}");
        assert_eq!((&*limited.meter.unwrap(), &report["dropped"]["source"]), ("limits", &json!("air")));
        let mut wrong: serde_json::Value = serde_json::from_slice(&events[0].report).unwrap();
        wrong["dropped"]["count"] = (-1).into();
        assert!(!schema.is_valid(&wrong));
        assert!(of_losses("g", &Losses::default(), at).is_empty());
    }
}
