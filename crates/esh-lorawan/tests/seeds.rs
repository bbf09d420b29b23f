//! The seeds of the fuzz targets of LoRaWAN, replayed; `write_the_seeds` writes those that our own encoder makes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../fuzz/bodies/lorawan.rs"]
mod lorawan;
#[path = "../../../fuzz/bodies/seeds.rs"]
mod seeds;

use esh_core::Key;
use esh_lorawan::{
    Asked, CfList, DevAddr, DlSettings, Eui64, FCtrl, JoinAccept, Keys1_1, MType, Plain, Session, Transmission,
    write_join_request,
};

#[test]
fn lorawan_open() {
    seeds::replay("lorawan_open", lorawan::lorawan_open);
}

#[test]
fn lpp() {
    seeds::replay("lpp", lorawan::lpp);
}

#[test]
fn jooby() {
    seeds::replay("jooby", lorawan::jooby);
}

/// Frames by name, behind an octet that says what the carrier is told.
fn frames() -> Vec<(String, Vec<u8>)> {
    let key = &Key::new(&lorawan::KEY).unwrap();
    let of_1_0 = Session::v1_0(Some(key), Some(key)).unwrap();
    let all = Keys1_1 { forwarding: Some(key), serving: Some(key), encryption: Some(key), application: Some(key) };
    let of_1_1 = Session::v1_1(&all).unwrap();
    let sent = Transmission::default();
    let mut frames = Vec::new();
    for (name, m_type, options, payload) in [
        ("up", MType::UnconfirmedDataUp, &[][..], Some((2, &b"reading"[..]))),
        ("up-confirmed", MType::ConfirmedDataUp, &[0x02, 0x03, 0x07], Some((100, &[0; 33]))),
        ("up-empty", MType::UnconfirmedDataUp, &[], Some((1, &[]))),
        ("up-no-port", MType::UnconfirmedDataUp, &[0x0d], None),
        ("up-port-0", MType::UnconfirmedDataUp, &[], Some((0, &[0x06, 0xff, 0x0a, 0x0d]))),
        ("down", MType::UnconfirmedDataDown, &[0x02, 0x07, 0x01], Some((2, &[1, 2, 3]))),
        ("down-unknown", MType::ConfirmedDataDown, &[0x80, 1, 2], Some((2, &[1]))),
    ] {
        for (told, version, session) in [(0x02, "1.0", &of_1_0), (0x01, "session", &of_1_0), (0x00, "1.1", &of_1_1)] {
            let plain = Plain {
                m_type,
                dev_addr: DevAddr(0x2601_1bda),
                f_ctrl: FCtrl(0xa0),
                counter: 0xffff,
                f_opts: options,
                payload,
            };
            let frame = plain.write(session, &sent, &mut [0; 255]).unwrap().to_vec();
            frames.push((format!("{name}-{version}"), [&[told][..], &frame].concat()));
        }
    }
    let asked = Asked { join_eui: Eui64(3), dev_eui: Eui64(2), nonce: 4, rejoin: None };
    let request = write_join_request(Eui64(3), Eui64(2), 4, key, &mut [0; 23]).unwrap().to_vec();
    frames.push(("join-request".into(), [&[0][..], &request].concat()));
    for (name, settings, cf_list) in [
        ("short", 0x03, None),
        ("frequencies", 0x23, Some(CfList::of_frequencies([867_100_000, 867_300_000, 0, 0, 0]))),
        ("masks-1.1", 0x83, Some(CfList::of_masks([0xff, 0, 0, 0, 1, 0]))),
    ] {
        let accept = JoinAccept {
            join_nonce: 5,
            net_id: 0x13,
            dev_addr: DevAddr(0x2601_1bda),
            dl_settings: DlSettings(settings),
            rx_delay: 1,
            cf_list,
        };
        let frame = accept.write(&asked, key, &mut [0; 33]).unwrap().to_vec();
        frames.push((format!("join-accept-{name}"), [&[0x50][..], &frame].concat()));
    }
    frames.push(("rejoin-0".into(), [&[0][..], &[0xc0, 0], &[1; 17]].concat()));
    frames.push(("rejoin-1".into(), [&[0][..], &[0xc0, 1], &[1; 22]].concat()));
    frames.push(("proprietary".into(), vec![0, 0xe0, 1, 2, 3]));
    frames
}

/// Payloads of Cayenne LPP by name, behind their port.
fn payloads() -> Vec<(String, Vec<u8>)> {
    [
        ("dynamic", &[1, 3, 0x67, 0x01, 0x10, 2, 0x68, 0x6c, 1, 0x83, 0, 0x79, 0x5b, 0x30][..]),
        ("axes", &[1, 6, 0x71, 0x04, 0xd2, 0xfb, 0x2e, 0, 0, 1, 0x88, 6, 0x76, 0x5e, 0xf2, 0x96, 0x0a, 0, 3, 0xe8]),
        ("time", &[1, 1, 0x85, 0xff, 0xff, 0xff, 0xff]),
        ("packed", &[2, 0x67, 0x01, 0x10, 0x00, 0x01]),
        ("position", &[3, 1, 2, 0x86, 0x3d, 0x30, 0xfa, 0xc2, 0x9b, 0xc8, 4, 6]),
        ("history", &[101, 0x80, 0, 0x3c, 0, 0xc8, 0x80, 0, 0, 0, 0xfa]),
        ("unknown", &[1, 1, 0x20, 1]),
    ]
    .map(|(name, octets)| (name.to_owned(), octets.to_vec()))
    .into()
}

/// Messages of Jooby's modules by name.
fn messages() -> Vec<(String, Vec<u8>)> {
    [
        ("channels", &[0x18, 5, 0x81, 0x02, 0x90, 0x4e, 7][..]),
        ("hours", &[0x17, 7, 0x31, 0x0f, 0x49, 0x02, 100, 5, 6]),
        ("weights", &[0x1f, 0x0b, 7, 0x31, 0x0f, 0x03, 0x81, 9, 0x7f, 8]),
        ("days", &[0x1f, 0x0d, 8, 0x31, 0x0f, 0x08, 2, 0x83, 0x90, 0x4e, 7]),
        ("many-hours", &[0x1f, 0x30, 7, 0x31, 0x0f, 23, 1, 1, 50, 4]),
        ("one-channel", &[0x06, 10, 0x31, 0x0f, 0, 0, 1, 0, 0x80, 0, 1, 4, 0x48, 0x31, 0x0f, 6, 0, 1, 0, 0, 3]),
        ("status", &[0x14, 12, 2, 5, 3, 1, 0xe1, 0x0c, 0x80, 0x27, 0x10, 0xf6, 127, 3]),
        ("events", &[0x15, 5, 12, 9, 0, 0x90, 0x4e, 0x0b, 6, 0, 0, 0, 60, 1, 9, 0x63, 7, 3, 0]),
        ("parameters", &[0x04, 11, 29, 2, 0, 0, 3, 0x21, 0x82, 0, 0, 9, 0x11, 0x03, 4, 0x40, 1, 0, 1]),
        ("states", &[0x1f, 0x32, 7, 4, 1, 0xf8, 0, 1, 0x58, 0xc1, 0x1f, 0x34, 6, 0xc7, 0xa3, 0xf8, 17, 2, 1]),
        ("unknown", &[0x1d, 1, 0xaa]),
    ]
    .map(|(name, octets)| (name.to_owned(), octets.to_vec()))
    .into()
}

#[test]
#[ignore = "writes fuzz/seeds anew"]
fn write_the_seeds() {
    for (target, named) in [("lorawan_open", frames()), ("lpp", payloads()), ("jooby", messages())] {
        for (name, octets) in named {
            seeds::write(target, &name, &octets);
        }
    }
}
