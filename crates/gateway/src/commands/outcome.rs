//! Outcomes as records: what the line is asked to tell.

use super::desk::Outcome;
use crate::event;
use crate::record::{Kind, Record};
use esh_core::Protocol;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

/// A record that somebody wants to be told, and who waits until it is committed. An answer that never comes says that it
/// was not.
#[derive(Debug)]
pub struct Tell {
    /// The record.
    pub record: Record,
    /// Whom to tell.
    pub committed: oneshot::Sender<()>,
}

/// A result as it is told.
#[derive(Serialize)]
struct Result<'a> {
    schema: &'static str,
    id: &'a str,
    gateway: &'a str,
    protocol: &'a str,
    meter: &'a str,
    command: &'a str,
    state: &'static str,
    at: String,
    error: Option<&'a str>,
    data: Option<&'a Value>,
}

/// The record of an outcome: it has the same id whenever it is told.
pub(super) fn record(gateway: &str, outcome: &Outcome) -> Record {
    let at = format!("{:.3}", outcome.at);
    let (id, hex) = event::id(&[gateway, "result", &outcome.command, outcome.state.word(), &at]);
    let result = Result {
        schema: "esh.result.v1",
        id: &hex,
        gateway,
        protocol: &outcome.protocol,
        meter: &outcome.meter,
        command: &outcome.command,
        state: outcome.state.word(),
        at,
        error: outcome.error.as_deref(),
        data: outcome.data.as_ref(),
    };
    Record {
        kind: Kind::Result,
        protocol: Protocol::from_word(&outcome.protocol),
        meter: Some(outcome.meter.clone()),
        id,
        received_at: Some(outcome.at),
        // Texts and what was JSON before: writing them cannot fail.
        report: serde_json::to_vec(&result).unwrap_or_default().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::State;

    #[test]
    fn every_outcome_is_one_that_the_schema_knows() {
        let schema = include_str!("../../schema/esh.result.v1.json");
        let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
        for state in [State::Queued, State::Sent, State::Done, State::Failed, State::Expired] {
            let outcome = Outcome {
                command: "a".into(),
                protocol: "lorawan".into(),
                meter: "lorawan:0102030405060708".into(),
                state,
                at: jiff::Timestamp::UNIX_EPOCH,
                error: (state == State::Failed).then(|| "why".to_owned()),
                data: (state == State::Done).then(|| serde_json::json!({"answer": 1})),
            };
            let told = record("g", &outcome);
            let json: Value = serde_json::from_slice(&told.report).unwrap();
            assert!(schema.is_valid(&json), "{json}");
            assert_eq!(json["at"], "1970-01-01T00:00:00.000Z");
            assert_eq!(record("g", &outcome).id, told.id);
            let mut wrong = json;
            wrong["state"] = "lost".into();
            assert!(!schema.is_valid(&wrong));
        }
    }
}
