//! Simulated meters as a source: `kind = "simulate"`, for trying a configuration without a receiver.

use super::{Intake, now};
use crate::capture::Capture;
use crate::config::{Part, Span, Wrong};
use crate::simulate::Fleet;
use crate::stop::Stop;
use esh_core::Protocol;
use serde::Deserialize;
use std::{path::Path, time::Duration};

/// `kind = "simulate"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What stands in reports.
    pub name: Option<String>,
    /// How many meters there are.
    #[serde(default = "six")]
    pub meters: usize,
    /// Another seed has other meters.
    #[serde(default)]
    pub seed: u64,
    /// How long it is from one telegram to the next.
    #[serde(default = "fast")]
    pub every: Span,
}

const fn six() -> usize {
    6
}

fn fast() -> Span {
    Span(Duration::from_millis(250))
}

impl Part for Config {
    type Keys = Self;

    fn build(keys: Self, _: &Path) -> Result<Self, Wrong> {
        if keys.meters == 0 {
            return Err(Wrong::new("meters", "no meters send nothing"));
        }
        Ok(keys)
    }
}

/// Sends until it is asked to stop. The clocks of the meters show UTC.
pub async fn run(config: Config, intake: Intake, mut stop: Stop) {
    let name = config.name.as_deref().unwrap_or("simulate").into();
    let mut fleet = Fleet::new(config.meters, config.seed);
    let mut ticks = tokio::time::interval(config.every.0.max(Duration::from_micros(1)));
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.asked() => return,
        }
        let stamp = now();
        let Some(clock) = stamp.at.and_then(|at| Fleet::clock(&at.to_zoned(jiff::tz::TimeZone::UTC))) else { continue };
        let Some(sent) = fleet.send(clock) else { return };
        let capture = Capture {
            octets: sent.octets.into(),
            protocol: Protocol::Wmbus,
            framing: None,
            received_at: stamp,
            source: std::sync::Arc::clone(&name),
            rssi: Some(sent.rssi),
            radio: None,
        };
        if !intake.put(capture).await {
            return;
        }
    }
}
