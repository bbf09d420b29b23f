//! Joining: join request, join accept and rejoin requests; TS001, 6.2.

mod accept;
mod rejoin;
mod request;

pub use accept::{CfList, DlSettings, JoinAccept, SealedJoinAccept};
pub use rejoin::RejoinRequest;
pub use request::{JoinRequest, Request};

use crate::Eui64;
use esh_core::{DecodeError, Input};

/// The request that a join accept answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whom the device asked.
    pub join_eui: Eui64,
    /// The device.
    pub dev_eui: Eui64,
    /// The DevNonce of a join request, the RJcount of a rejoin request.
    pub nonce: u16,
    /// The type of a rejoin request.
    pub rejoin: Option<u8>,
}

/// The whole frame as an array, or an error that says how much is missing or too much.
pub(super) fn whole<'a, const N: usize>(
    frame: &'a [u8],
    field: &'static str,
    rest: &Input<'_>,
) -> Result<&'a [u8; N], DecodeError> {
    let mut input = Input::new(frame, 0, rest.layer());
    let all = input.array(field)?;
    input.end(field)?;
    Ok(all)
}

/// `N` octets of an array; zeros where it should have been shorter, which no caller asks for.
pub(super) fn octets<const N: usize, const M: usize>(all: &[u8; M], at: usize) -> [u8; N] {
    all.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}
