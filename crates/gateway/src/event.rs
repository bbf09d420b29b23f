//! Events: what happened that is no reading. The gateway's own are about records that are lost by choice or by damage.

use crate::capture::Stamp;
use crate::meters::Owed;
use crate::queue::Losses;
use crate::queue::log::{Damage, Dropped};
use crate::record::{Id, Kind, Record};
use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use esh_core::Meter;
use serde_json::{Value, json};

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
    pushed_out.into_iter().chain(refused).chain(damaged).map(|dropped| record(gateway, at, "queue", dropped)).collect()
}

/// The event that tells that so many frames of a source were too many.
#[must_use]
pub fn of_limited(gateway: &str, source: &str, count: u64, at: Stamp) -> Record {
    record(gateway, at, "limits", json!({"reason": "rate", "count": count, "source": source}))
}

/// An event about a meter: it has the same id whenever it is told.
#[must_use]
pub fn of_meter(gateway: &str, meter: &Meter, owed: &Owed) -> Record {
    let (event, alarm) = (owed.happened.word(), owed.happened.alarm().map(esh_core::Alarm::name));
    let (protocol, at) = (Some(meter.protocol), owed.at);
    let meter = meter.address().to_string();
    let id = id(&[gateway, event, &meter, alarm.unwrap_or_default(), &format!("{:032x}", owed.occasion.0)]);
    let stamp = Stamp { at, synchronised: owed.synchronised };
    let mut report = head(gateway, event, id, stamp);
    report["meter"] = meter.as_str().into();
    report["alarm"] = alarm.into();
    if owed.happened.is_shown() {
        report["report"] = format!("{:032x}", owed.occasion.0).into();
    }
    let meter = Some(meter.into());
    Record { kind: Kind::Event, protocol, meter, id, received_at: at, report: report.to_string().into() }
}

fn record(gateway: &str, at: Stamp, part: &str, dropped: Value) -> Record {
    // The same losses told a second time, after a crash, are another event only if they are told at another time.
    let time = at.at.map(|at| at.to_string()).unwrap_or_default();
    let id = id(&[gateway, "dropped", &time, &dropped.to_string()]);
    let mut report = head(gateway, "dropped", id, at);
    report["dropped"] = dropped;
    let (report, received_at) = (report.to_string().into(), at.at);
    Record { kind: Kind::Event, protocol: None, meter: Some(part.into()), id, received_at, report }
}

fn id(parts: &[&str]) -> Id {
    let mut hash = Blake2b::<U16>::new();
    hash.update("event");
    for part in parts {
        hash.update("\0");
        hash.update(part);
    }
    Id(u128::from_be_bytes(hash.finalize().into()))
}

fn head(gateway: &str, event: &str, id: Id, at: Stamp) -> Value {
    json!({
        "schema": "esh.event.v1",
        "id": format!("{:032x}", id.0),
        "event": event,
        "gateway": gateway,
        "meter": null,
        "alarm": null,
        "at": at.at.map(|at| format!("{at:.3}")),
        "clock": if at.synchronised { "synchronised" } else { "unsynchronised" },
        "report": null,
    })
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
        let events = of_losses("g", &losses, at);
        assert_eq!(events.len(), 3);
        for event in &events {
            let report: serde_json::Value = serde_json::from_slice(&event.report).unwrap();
            assert!(schema.is_valid(&report), "{report}");
            assert_eq!(report["id"], format!("{:032x}", event.id.0));
        }
        let mut wrong: serde_json::Value = serde_json::from_slice(&events[0].report).unwrap();
        wrong["dropped"]["count"] = (-1).into();
        assert!(!schema.is_valid(&wrong));
        assert!(of_losses("g", &Losses::default(), at).is_empty());
    }
}
