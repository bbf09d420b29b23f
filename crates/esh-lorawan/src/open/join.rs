//! Joining, as somebody who knows the root key sees it.

use super::{Check, checked, tell_mic};
use crate::{
    Asked, CfList, Eui64, Join, JoinAccept, Lorawan, Request,
    crypto::{Cipher, join_accept_prefix, join_server_keys, same, session_keys},
    identifiers::nobody,
    join::{JoinRequest, SealedJoinAccept},
};
use esh_core::{
    DecodeError, Field, Key, Known, Layer, Learned, Meter, Opened, Purpose, Reason, Refused, SecurityState,
    note::{Notes, at},
};

const LINK: Layer = Layer::Link;

/// Checks a join request; the device may not use a nonce twice.
pub(crate) fn join_request<'f>(
    request: &JoinRequest<'_>,
    known: &dyn Known,
    notes: &mut Notes<'_, '_>,
) -> Result<Opened<'f>, Refused> {
    let meter = request.dev_eui().meter();
    let nonce = request.dev_nonce();
    let mut check = Check::NoKey;
    known.keys(&meter, Purpose::Join, &mut |key| {
        key.expose_128().is_some_and(|key| check.with(Cipher::new(key).mic(request.protected()), request.mic()))
    });
    notes.text(at(LINK, 1, 8, "JoinEUI", "join_eui"), &request.join_eui(), &"AppEUI in 1.0");
    notes.text(at(LINK, 9, 8, "DevEUI", "dev_eui"), &request.dev_eui(), &"");
    notes.number(at(LINK, 17, 2, "DevNonce", "dev_nonce"), nonce, &"used once by the device");
    tell_mic(19, request.mic(), check, notes);
    let counter = Some(nonce.into());
    check.refuse(19, Some(meter), counter)?;
    if known.nonce_used(&meter, Purpose::Join, nonce.into()) {
        let reason = Reason::Replayed { last: nonce.into(), found: nonce.into() };
        let error = DecodeError { layer: LINK, field: "DevNonce", offset: 17, reason };
        return Err(Refused { meter: Some(meter), mode: None, counter, error });
    }
    notes.learned(Learned::Nonce { purpose: Purpose::Join, nonce: nonce.into() });
    notes.learned(Learned::Request { frame: request.octets() });
    Ok(checked(Some(meter), counter, SecurityState::None))
}

/// A key that was tried on a join accept, and what it makes of it.
struct Attempt {
    accept: JoinAccept,
    root: Cipher,
    plain: [u8; 32],
    mic: [u8; 4],
}

/// Opens a join accept where it lies.
pub(crate) fn join_accept<'f>(
    carrier: &Lorawan,
    frame: &'f mut [u8],
    known: &dyn Known,
    notes: &mut Notes<'_, '_>,
) -> Result<Opened<'f>, Refused> {
    let Some((header, sealed)) = frame.split_first_mut() else { return Ok(checked(None, None, SecurityState::None)) };
    let len = sealed.len();
    let answered = if carrier.join.dev_nonce.is_none() { request(carrier, *header, sealed, known) } else { None };
    let carrier = &answered.unwrap_or(*carrier);
    let meter = carrier.join.dev_eui.map(Eui64::meter);
    let mut check = Check::NoKey;
    let mut shown: Option<Attempt> = None;
    known.keys(&meter.unwrap_or_else(nobody), Purpose::Join, &mut |key| {
        let Some((attempt, fits)) = attempt(carrier, *header, sealed, key) else { return false };
        check = if fits { Check::Fits } else { Check::Wrong };
        if fits || shown.is_none() {
            shown = Some(attempt);
        }
        fits
    });
    let Some(attempt) = shown else {
        check.refuse(1, meter, None)?;
        return Ok(checked(meter, None, SecurityState::None));
    };
    let plain = attempt.plain.get(..len).unwrap_or_default();
    if notes.wanted() {
        told(&attempt.accept, plain, notes);
    }
    tell_mic(len - 3, attempt.mic, check, notes);
    let meter = meter.or_else(|| Some(attempt.accept.dev_addr.meter()));
    let counter = Some(attempt.accept.join_nonce.into());
    check.refuse(len - 3, meter, counter)?;
    session(carrier, &attempt, meter.as_ref(), known, notes);
    sealed.copy_from_slice(plain);
    let state = if carrier.plain_join_accept { SecurityState::AlreadyPlain } else { SecurityState::Decrypted };
    Ok(checked(meter, counter, state))
}

/// Finds the request that a join accept answers: one of those that wait, signed with the key that opens the accept.
fn request(carrier: &Lorawan, header: u8, sealed: &[u8], known: &dyn Known) -> Option<Lorawan> {
    let mut found = None;
    known.sessions(&nobody(), &mut |waiting| {
        let Some(request) = waiting.downcast_ref::<Request>().map(Request::view) else { return false };
        let Asked { join_eui, dev_eui, nonce, rejoin } = request.asked();
        let join = Join { dev_eui: Some(dev_eui), join_eui: Some(join_eui), dev_nonce: Some(nonce), rejoin };
        let told = Lorawan { join, ..*carrier };
        let opens = known.keys(&dev_eui.meter(), Purpose::Join, &mut |key| {
            let signs = |key: &[u8; 16]| same(Cipher::new(key).mic(request.protected()), request.mic());
            key.expose_128().is_some_and(signs) && attempt(&told, header, sealed, key).is_some_and(|(_, fits)| fits)
        });
        if opens {
            found = Some(told);
        }
        opens
    });
    found
}

/// What a root key makes of a join accept, and whether its MIC fits.
fn attempt(carrier: &Lorawan, header: u8, sealed: &[u8], key: &Key) -> Option<(Attempt, bool)> {
    let root = Cipher::new(key.expose_128()?);
    let mut plain = [0; 32];
    let octets = plain.get_mut(..sealed.len())?;
    octets.copy_from_slice(sealed);
    let asked = carrier.join.asked();
    let of_device = asked.map(|asked| (asked, join_server_keys(&root, asked.dev_eui)));
    if !carrier.plain_join_accept {
        let rejoining = of_device.as_ref().filter(|(asked, _)| asked.rejoin.is_some());
        let rejoining = rejoining.map(|(_, (_, encryption))| Cipher::new(encryption));
        let cipher = rejoining.as_ref().unwrap_or(&root);
        // The join server decrypts what it sends, so that a device need only be able to encrypt; TS001, 6.2.5.
        octets.as_chunks_mut::<16>().0.iter_mut().for_each(|block| *block = cipher.encrypt(*block));
    }
    let view = match octets.len() {
        16 => SealedJoinAccept::Short(octets.first_chunk()?),
        _ => SealedJoinAccept::WithCfList(octets.first_chunk()?),
    };
    let (accept, mic) = JoinAccept::of(&view);
    let mut protected = [0; 29];
    let (first, rest) = protected.split_first_mut()?;
    *first = header;
    let body = octets.len() - 4;
    rest.get_mut(..body)?.copy_from_slice(octets.get(..body)?);
    let protected = protected.get(..=body)?;
    let computed = match &of_device {
        Some((asked, (integrity, _))) if accept.dl_settings.opt_neg() => mic_1_1(integrity, asked, protected),
        _ => root.mic(protected),
    };
    let fits = same(computed, mic);
    Some((Attempt { accept, root, plain, mic }, fits))
}

/// The MIC of a join accept of 1.1; TS001-1.1, 6.2.3.
pub(crate) fn mic_1_1(integrity: &Cipher, asked: &Asked, protected: &[u8]) -> [u8; 4] {
    let mut message = [0; 11 + 29];
    let (prefix, rest) = message.split_at_mut(11);
    prefix.copy_from_slice(&join_accept_prefix(asked));
    for (place, octet) in rest.iter_mut().zip(protected) {
        *place = *octet;
    }
    integrity.mic(message.get(..11 + protected.len()).unwrap_or_default())
}

/// The session that a join accept begins, where the nonce of its request is known.
fn session(carrier: &Lorawan, attempt: &Attempt, meter: Option<&Meter>, known: &dyn Known, notes: &mut Notes<'_, '_>) {
    let Attempt { accept, root, .. } = attempt;
    let opt_neg = accept.dl_settings.opt_neg();
    let (Some(meter), Some(nonce)) = (meter, carrier.join.dev_nonce) else { return };
    let Some(join_eui) = carrier.join.join_eui.or(if opt_neg { None } else { Some(Eui64(0)) }) else { return };
    let mut application = None;
    known.keys(meter, Purpose::JoinApplication, &mut |key| {
        application = key.expose_128().map(Cipher::new);
        application.is_some()
    });
    let keys = session_keys(accept, join_eui, nonce, root, application.as_ref());
    let [forwarding, serving, encryption] = &*keys.network;
    if carrier.tell_keys && notes.wanted() {
        let mut tell = |name, key, value: &[u8; 16]| {
            notes.octets(at(Layer::Security, 1, 0, name, key), value, &"derived");
        };
        if opt_neg {
            tell("FNwkSIntKey", "derived_fNwkSIntKey", forwarding);
            tell("SNwkSIntKey", "derived_sNwkSIntKey", serving);
            tell("NwkSEncKey", "derived_nwkSEncKey", encryption);
        } else {
            tell("NwkSKey", "derived_nwkSKey", forwarding);
        }
        if let Some(application) = &keys.application {
            tell("AppSKey", "derived_appSKey", application);
        }
    }
    let key = |octets: &[u8; 16]| Key::new(octets).ok();
    let (Some(forwarding), Some(serving), Some(encryption)) = (key(forwarding), key(serving), key(encryption)) else {
        return;
    };
    let application = keys.application.as_deref().and_then(key);
    let (address, number) = (accept.dev_addr.meter(), accept.join_nonce);
    let mut learn = |keys: &[(Purpose, Key)]| notes.learned(Learned::Session { address, number, keys });
    let network = (Purpose::Network, forwarding);
    let others = [(Purpose::NetworkIntegrity, serving), (Purpose::NetworkEncryption, encryption)];
    match (opt_neg, application.map(|key| (Purpose::Application, key)), others) {
        (false, Some(application), _) => learn(&[network, application]),
        (false, None, _) => learn(&[network]),
        (true, Some(application), [serving, encryption]) => learn(&[network, serving, encryption, application]),
        (true, None, [serving, encryption]) => learn(&[network, serving, encryption]),
    }
}

#[cold]
fn told(accept: &JoinAccept, plain: &[u8], notes: &mut Notes<'_, '_>) {
    let JoinAccept { join_nonce, net_id, dev_addr, dl_settings, rx_delay, cf_list } = accept;
    notes.octets(at(Layer::Security, 1, plain.len(), "join accept", "decrypted"), plain, &"in plain");
    notes.text(at(LINK, 1, 3, "JoinNonce", "join_nonce"), &format_args!("{join_nonce:06x}"), &"AppNonce in 1.0");
    notes.text(at(LINK, 4, 3, "NetID", "net_id"), &format_args!("{net_id:06x}"), &"");
    notes.text(at(LINK, 7, 4, "DevAddr", "devaddr"), dev_addr, &"");
    let (offset, rate) = (dl_settings.rx1_dr_offset(), dl_settings.rx2_data_rate());
    let version = if dl_settings.opt_neg() { "1.1" } else { "1.0" };
    let meaning = format_args!("version {version}, first window {offset} slower, second at data rate {rate}");
    notes.number(at(LINK, 11, 1, "DLSettings", "dl_settings"), dl_settings.0, &meaning);
    notes.number(at(LINK, 12, 1, "RxDelay", "rx_delay"), *rx_delay, &"seconds; 0 means 1");
    if let Some(list) = cf_list {
        told_channels(list, notes);
    }
}

fn told_channels(list: &CfList, notes: &mut Notes<'_, '_>) {
    const AT: usize = 13;
    if let Some(frequencies) = list.frequencies() {
        notes.array(at(LINK, AT, 15, "CFList", "cflist_freqs"), |notes| {
            for (n, frequency) in frequencies.into_iter().enumerate() {
                notes.number(at(LINK, AT + 3 * n, 3, "frequency", Field::ELEMENT), frequency, &"Hz");
            }
        });
    }
    if let Some(masks) = list.masks() {
        notes.array(at(LINK, AT, 15, "CFList", "cflist_masks"), |notes| {
            for (n, mask) in masks.into_iter().enumerate() {
                let meaning = format_args!("channels from {}", 16 * n);
                notes.number(at(LINK, AT + 2 * n, 2, "ChMask", Field::ELEMENT), mask, &meaning);
            }
        });
    }
    notes.number(at(LINK, AT + 15, 1, "CFListType", "cflist_type"), list.list_type(), &"");
}
