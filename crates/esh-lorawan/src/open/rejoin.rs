//! Rejoin requests of 1.1: types 0 and 2 are checked with a key of the session, type 1 with one of the join server.

use super::{Check, checked, tell_mic};
use crate::{
    Session,
    crypto::{Cipher, join_server_keys},
    join::RejoinRequest,
};
use esh_core::{
    Known, Layer, Opened, Purpose, Refused, SecurityState,
    note::{Notes, at},
};

const LINK: Layer = Layer::Link;

/// Checks a rejoin request.
pub(crate) fn rejoin_request<'f>(
    request: &RejoinRequest<'_>,
    known: &dyn Known,
    notes: &mut Notes<'_, '_>,
) -> Result<Opened<'f>, Refused> {
    let device = request.dev_eui();
    let meter = device.meter();
    let mut check = Check::NoKey;
    let mut fits = |cipher: &Cipher| check.with(cipher.mic(request.protected()), request.mic());
    if request.rejoin_type() == 1 {
        known.keys(&meter, Purpose::Join, &mut |key| {
            // A join server may hand out the JSIntKey alone and keep the NwkKey, which it comes from.
            key.expose_128().map(Cipher::new).is_some_and(|key| fits(&join_server_keys(&key, device).0) || fits(&key))
        });
    } else {
        let of_session = known.sessions(&meter, &mut |session| {
            session.downcast_ref::<Session>().and_then(Session::serving).is_some_and(&mut fits)
        });
        let _ = of_session
            || known.keys(&meter, Purpose::NetworkIntegrity, &mut |key| {
                key.expose_128().is_some_and(|key| fits(&Cipher::new(key)))
            });
    }
    notes.number(at(LINK, 1, 1, "rejoin type", "rejoin_type"), request.rejoin_type(), &"");
    let mut offset = 2;
    if let Some(net_id) = request.net_id() {
        notes.text(at(LINK, 2, 3, "NetID", "net_id"), &format_args!("{net_id:06x}"), &"");
        offset = 5;
    }
    if let Some(join_eui) = request.join_eui() {
        notes.text(at(LINK, 2, 8, "JoinEUI", "join_eui"), &join_eui, &"");
        offset = 10;
    }
    notes.text(at(LINK, offset, 8, "DevEUI", "dev_eui"), &device, &"");
    let count = if request.rejoin_type() == 1 { "RJcount1" } else { "RJcount0" };
    notes.number(at(LINK, offset + 8, 2, count, "rjcount"), request.rj_count(), &"rejoin requests so far");
    let mic_at = request.protected().len();
    tell_mic(mic_at, request.mic(), check, notes);
    // Only the counter of type 1 does not begin anew with each session.
    let counter = (request.rejoin_type() == 1).then(|| request.rj_count().into());
    check.refuse(mic_at, Some(meter), counter)?;
    Ok(checked(Some(meter), counter, SecurityState::None))
}
