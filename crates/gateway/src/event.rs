//! Events: what happened that is no reading. The gateway's own are about records that are lost by choice or by damage.

use crate::queue::Losses;
use crate::queue::log::{Damage, Dropped};
use crate::record::{Id, Kind, Record};
use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use serde_json::json;

/// The events that tell of losses.
#[must_use]
pub fn of_losses(gateway: &str, losses: &Losses, at: jiff::Timestamp) -> Vec<Record> {
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
    pushed_out.into_iter().chain(refused).chain(damaged).map(|dropped| record(gateway, at, None, &dropped)).collect()
}

/// The event that tells of a report that a sink's peer refuses for good, with everything that is left of it.
#[must_use]
pub fn of_refused(gateway: &str, report: Id, why: &str, at: jiff::Timestamp) -> Record {
    let dropped = json!({"reason": "refused_by_peer", "count": 1, "why": why});
    Record { meter: Some("sink".into()), ..record(gateway, at, Some(report), &dropped) }
}

fn record(gateway: &str, at: jiff::Timestamp, report: Option<Id>, dropped: &serde_json::Value) -> Record {
    let report = report.map(|id| format!("{:032x}", id.0));
    let mut hash = Blake2b::<U16>::new();
    // The same losses told a second time, after a crash, are another event only if they are told at another time.
    hash.update(format!("event\0{gateway}\0dropped\0{at}\0{dropped}{}", report.as_deref().unwrap_or_default()));
    let id = Id(u128::from_be_bytes(hash.finalize().into()));
    let report = json!({
        "schema": "esh.event.v1",
        "id": format!("{:032x}", id.0),
        "event": "dropped",
        "gateway": gateway,
        "meter": null,
        "alarm": null,
        "at": format!("{at:.3}"),
        "report": report,
        "dropped": dropped,
    });
    Record {
        kind: Kind::Event,
        protocol: None,
        meter: Some("queue".into()),
        id,
        received_at: Some(at),
        report: report.to_string().into(),
    }
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
        let at = jiff::Timestamp::from_second(1_700_000_000).unwrap();
        let mut events = of_losses("g", &losses, at);
        assert_eq!(events.len(), 3);
        events.push(of_refused("g", Id(7), "too_large", at));
        for event in &events {
            let report: serde_json::Value = serde_json::from_slice(&event.report).unwrap();
            assert!(schema.is_valid(&report), "{report}");
            assert_eq!(report["id"], format!("{:032x}", event.id.0));
        }
        let mut wrong: serde_json::Value = serde_json::from_slice(&events[0].report).unwrap();
        wrong["dropped"]["count"] = (-1).into();
        assert!(!schema.is_valid(&wrong));
        assert!(of_losses("g", &Losses::default(), jiff::Timestamp::UNIX_EPOCH).is_empty());
    }
}
