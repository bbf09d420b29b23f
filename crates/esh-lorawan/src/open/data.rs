//! Data frames: the session is found by the MIC, for several devices may share an address.

use super::told;
use crate::{
    Data, Direction, Keys1_1, Lorawan, Session, Version,
    session::{Crypted, Outline, likeliest},
};
use esh_core::{
    Content, DecodeError, Key, Known, Layer, Learned, Meter, Opened, Purpose, Reason, Refused, Security, SecurityState,
    note::Notes,
};

/// What the session that fits makes of the frame.
struct Found {
    meter: Meter,
    counter: u64,
    plain: bool,
}

/// Opens a data frame where it lies.
pub(crate) fn data<'f>(
    carrier: &Lorawan,
    frame: &'f mut [u8],
    outline: &Outline,
    known: &dyn Known,
    notes: &mut Notes<'_, '_>,
) -> Result<Opened<'f>, Refused> {
    if notes.wanted() {
        told::sent(frame, outline, notes);
    }
    let address = outline.address.meter();
    let mut result = None;
    each_session(carrier, &address, known, &mut |session| {
        let protected = frame.get(..outline.end).unwrap_or_default();
        let Some(counter) = session.find(protected, outline, &carrier.sent, carrier.counter_high) else { return false };
        result = Some(accept(frame, outline, session, counter, &address, notes));
        true
    });
    let found = match result {
        Some(found) => found?,
        None => return Err(refuse(carrier, frame, outline, &address, known, notes)),
    };
    if outline.direction == Direction::Up {
        notes.learned(Learned::Counter { purpose: Purpose::Network, counter: found.counter });
    }
    let payload = frame.get(outline.payload_at..outline.end).unwrap_or_default();
    let content = match outline.f_port {
        Some(port @ 1..) if !payload.is_empty() && found.plain => Content::Port(port),
        _ => Content::Nothing,
    };
    Ok(Opened {
        meter: Some(found.meter),
        content,
        payload,
        offset: outline.payload_at,
        security: Security { mode: None, state: SecurityState::Decrypted, authenticated: true },
        counter: Some(found.counter),
        trailing: &[],
    })
}

/// Hands over the session whose MIC fits, and the counter with which it does.
pub(crate) fn session(
    carrier: &Lorawan,
    data: &Data<'_>,
    known: &dyn Known,
    then: &mut dyn FnMut(&Session, u32),
) -> bool {
    let outline = Outline::of(data);
    each_session(carrier, &outline.address.meter(), known, &mut |session| {
        let found = session.find(data.protected, &outline, &carrier.sent, carrier.counter_high);
        found.into_iter().for_each(|counter| then(session, counter));
        found.is_some()
    })
}

/// Decrypts a frame whose MIC fits, unless its counter was used before or its payload has no key.
fn accept(
    frame: &mut [u8],
    outline: &Outline,
    session: &Session,
    counter: u32,
    address: &Meter,
    notes: &mut Notes<'_, '_>,
) -> Result<Found, Refused> {
    let meter = *session.device().unwrap_or(address);
    let whole = u64::from(session.number()) << 32 | u64::from(counter);
    let refused = |error| Refused { meter: Some(meter), mode: None, counter: Some(whole), error };
    let fresh = session.fresh(outline, counter);
    let crypted = session.crypt(frame, outline, counter);
    if notes.wanted() {
        told::opened(frame, outline, counter, Some(true), crypted, notes);
    }
    let no_key = !crypted.payload && outline.f_port.is_some() && outline.payload_at < outline.end;
    let error = match fresh {
        Err(error) => Some(error),
        Ok(()) if no_key => Some(DecodeError {
            layer: Layer::Security,
            field: "FRMPayload",
            offset: outline.payload_at,
            reason: Reason::NoKey,
        }),
        Ok(()) => None,
    };
    if let Some(error) = error {
        session.crypt(frame, outline, counter);
        return Err(refused(error));
    }
    Ok(Found { meter, counter: whole, plain: crypted.payload })
}

/// Why a frame fits no session; whoever looks at its fields sees it decrypted as the first of them would.
fn refuse(
    carrier: &Lorawan,
    frame: &mut [u8],
    outline: &Outline,
    address: &Meter,
    known: &dyn Known,
    notes: &mut Notes<'_, '_>,
) -> Refused {
    let (mut tried, mut checked) = (false, false);
    let mut counter = likeliest(None, outline.f_cnt, carrier.counter_high);
    each_session(carrier, address, known, &mut |session| {
        let can_check = session.has_integrity_keys(outline.direction);
        checked |= can_check;
        if !tried {
            tried = true;
            counter = session.likeliest(outline, carrier.counter_high);
            if notes.wanted() {
                let mic_ok = can_check.then_some(false);
                let crypted = session.crypt(frame, outline, counter);
                told::opened(frame, outline, counter, mic_ok, crypted, notes);
                session.crypt(frame, outline, counter);
            }
        }
        false
    });
    if !tried && notes.wanted() {
        let plain = carrier.version != Some(Version::V1_1);
        let crypted = Crypted { f_opts: plain, payload: false };
        told::opened(frame, outline, counter, None, crypted, notes);
    }
    let reason = if checked { Reason::Authentication } else { Reason::NoKey };
    Refused { meter: Some(*address), mode: None, counter: Some(counter.into()), error: outline.mic_error(reason) }
}

/// Offers the sessions that are kept for the address, then those that its keys make.
fn each_session(carrier: &Lorawan, address: &Meter, known: &dyn Known, each: &mut dyn FnMut(&Session) -> bool) -> bool {
    known.sessions(address, &mut |session| session.downcast_ref().is_some_and(&mut *each))
        || made_of_keys(carrier, address, known, each)
}

/// Sessions out of single keys. The n-th key for one purpose belongs with the n-th for another, a lone one with all.
fn made_of_keys(carrier: &Lorawan, address: &Meter, known: &dyn Known, each: &mut dyn FnMut(&Session) -> bool) -> bool {
    let last = known.counter(address, Purpose::Network).and_then(|last| u32::try_from(last).ok());
    let mut offer = |forwarding: Option<&Key>, n: usize| {
        let other = |purpose| nth(known, address, purpose, n);
        let (serving, application) = (other(Purpose::NetworkIntegrity), other(Purpose::Application));
        let encryption = other(Purpose::NetworkEncryption);
        if forwarding.or(serving.as_ref()).or(encryption.as_ref()).or(application.as_ref()).is_none() {
            return false;
        }
        // Who has the keys of 1.1 may have them for other devices.
        let versions: &[Version] = match carrier.version {
            Some(Version::V1_0) => &[Version::V1_0],
            Some(Version::V1_1) => &[Version::V1_1],
            None if serving.is_some() => &[Version::V1_1, Version::V1_0],
            None => &[Version::V1_0],
        };
        versions.iter().any(|version| {
            let session = match version {
                Version::V1_0 => Session::v1_0(forwarding, application.as_ref()),
                Version::V1_1 => Session::v1_1(&Keys1_1 {
                    forwarding,
                    serving: serving.as_ref(),
                    encryption: encryption.as_ref(),
                    application: application.as_ref(),
                }),
            };
            session.is_ok_and(|session| each(&session.after_uplink(last)))
        })
    };
    let mut count = 0;
    let found = known.keys(address, Purpose::Network, &mut |key| {
        count += 1;
        offer(Some(key), count - 1)
    });
    found || count == 0 && offer(None, 0)
}

/// The n-th key for a purpose, or the only one.
fn nth(known: &dyn Known, address: &Meter, purpose: Purpose, n: usize) -> Option<Key> {
    let (mut first, mut wanted, mut count) = (None, None, 0);
    known.keys(address, purpose, &mut |key| {
        if count == 0 {
            first = Some(key.clone());
        }
        if count == n {
            wanted = Some(key.clone());
        }
        count += 1;
        false
    });
    wanted.or(if count == 1 { first } else { None })
}
