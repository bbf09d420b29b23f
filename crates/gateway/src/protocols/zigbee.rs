//! Zigbee.

use crate::capture::Framing;
use crate::sources::lines::{LineError, Members, from_json};
use esh_core::{Carrier, DecodeError, Format, Known, Opened, Out, Reason, Refused};
use esh_zigbee::zcl::{Readings, Scaling, Zcl};
use serde::Deserialize;
use std::borrow::Cow;

/// What the lines of Zigbee hold: which layer the frame begins with, and for ZCL alone what the layers below would say.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    layer: Option<Cow<'a, str>>,
    #[serde(default)]
    cluster_id: Option<u16>,
    #[serde(default)]
    endpoint: Option<u8>,
    #[serde(default)]
    scaling: Option<LineScaling>,
}

#[derive(Clone, Copy, Deserialize)]
struct LineScaling {
    #[serde(default)]
    multiplier: Option<u32>,
    #[serde(default)]
    divisor: Option<u32>,
    #[serde(default, rename = "unitOfMeasure")]
    unit_of_measure: Option<u8>,
}

pub(super) fn members(line: &str) -> Result<Members, LineError> {
    let line: Line<'_> = from_json(line)?;
    let framing = match line.layer.as_deref() {
        Some("zcl") => {
            let scaling = line.scaling.map_or_else(Scaling::default, |said| Scaling {
                multiplier: said.multiplier,
                divisor: said.divisor,
                unit_of_measure: said.unit_of_measure,
            });
            let cluster = line.cluster_id.ok_or(LineError::Member("cluster_id", "there"))?;
            let endpoint = line.endpoint.unwrap_or_default();
            Some(Framing::Zcl(Readings { cluster, endpoint, scaling }))
        }
        None => None,
        Some(_) => return Err(LineError::Member("layer", "\"zcl\"")),
    };
    Ok(Members { framing, ..Members::default() })
}

pub(super) fn open<'f>(
    framing: Option<Framing>,
    frame: &'f mut [u8],
    known: &dyn Known,
    out: &mut dyn Out<'_>,
) -> Result<Opened<'f>, Refused> {
    match framing {
        Some(Framing::Zcl(readings)) => Zcl { cluster: readings.cluster }.open(frame, known, out),
        _ => {
            Err(DecodeError { layer: esh_core::Layer::Link, field: "frame", offset: 0, reason: Reason::Unsupported }
                .into())
        }
    }
}

/// Reads a frame of a cluster.
pub(super) fn read<'p>(
    framing: Option<Framing>,
    cluster: u16,
    opened: &Opened<'p>,
    known: &'p dyn Known,
    out: &mut dyn Out<'p>,
) -> Result<(), DecodeError> {
    let readings = match framing {
        Some(Framing::Zcl(readings)) => readings,
        _ => Readings { cluster, ..Readings::default() },
    };
    readings.read(opened.meter.as_ref(), opened.payload, opened.offset, known, out)
}
