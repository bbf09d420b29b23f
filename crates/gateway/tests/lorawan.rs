//! LoRaWAN as `decode` shows it: frames, datagrams of packet forwarders, messages of stations, events of network
//! servers; the corpora of each; and the seeds of their fuzz target.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test panics")]
#![allow(unreachable_pub, reason = "the fuzz target uses it too")]

mod common;
#[path = "../../../fuzz/bodies/lorawan_text.rs"]
mod lorawan_text;

use common::corpus;
use esh_core::{Key, Protocol};
use esh_gateway::protocols;
use esh_lorawan::{
    Asked, DevAddr, DlSettings, Eui64, FCtrl, JoinAccept, MType, Plain, Session, Transmission, write_join_request,
};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

/// A report for each line, valid against the schema and the same in its owned form.
fn decode(protocol: Protocol, lines: &[Value]) -> Vec<Value> {
    let lines: Vec<_> = lines.iter().map(Value::to_string).collect();
    common::reports::decode(protocol, &lines).into_iter().map(|(report, _)| report).collect()
}

#[test]
fn every_message_of_the_corpus_says_whose_it_is() {
    let Some(rows) = corpus("lorawan-lns.jsonl") else { return };
    for (row, report) in rows.iter().zip(decode(Protocol::Lns, &rows)) {
        let (message, opened) = (&row["json"], &report["opened"]);
        assert_eq!(report["error"], Value::Null, "{report}");
        let members: &[&str] = match message["msgtype"].as_str() {
            Some("updf") => &["devaddr", "fcnt", "fport", "frm_raw", "fopts_raw", "mic"],
            Some("jreq") => &["dev_eui", "join_eui", "dev_nonce", "mic"],
            Some("propdf") => &["proprietary"],
            _ => &["msgtype"],
        };
        assert!(members.iter().all(|member| opened.get(member).is_some()), "{report}");
        assert_eq!(report["meter"].is_object(), ["DevEui", "DevAddr"].iter().any(|name| message.get(name).is_some()));
    }
}

#[test]
fn every_event_of_the_corpus_says_whose_it_is() {
    let Some(rows) = corpus("lorawan-events.jsonl") else { return };
    for (row, report) in rows.iter().zip(decode(Protocol::Events, &rows)) {
        let opened = &report["opened"];
        assert_eq!(report["error"], Value::Null, "{report}");
        assert_eq!(report["meter"]["id"], opened["dev_eui"], "{report}");
        let is_number = |member: &str| opened[member].is_u64();
        assert!(is_number("fport") && is_number("fcnt") && opened["frm"].is_string(), "{}: {report}", row["id"]);
    }
}

const KEY: &str = "11111111111111111111111111111111";

fn uplink(payload: &[u8]) -> Vec<u8> {
    let key = Key::from_hex(KEY).unwrap();
    let session = Session::v1_0(Some(&key), Some(&key)).unwrap();
    let plain = Plain {
        m_type: MType::UnconfirmedDataUp,
        dev_addr: DevAddr(0x2601_1bda),
        f_ctrl: FCtrl(0x80),
        counter: 0x1_0002,
        f_opts: &[2],
        payload: Some((2, payload)),
    };
    plain.write(&session, &Transmission::default(), &mut [0; 255]).unwrap().to_vec()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn a_frame_is_told_as_far_as_its_keys_reach() {
    let frame = hex(&uplink(b"abc"));
    let altered = hex(&{
        let mut frame = uplink(b"abc");
        frame[10] ^= 1;
        frame
    });
    let reports = decode(
        Protocol::Lorawan,
        &[
            json!({"hex": frame, "nwkSKey": KEY, "appSKey": KEY}),
            json!({"hex": frame, "nwkSKey": KEY, "appSKey": KEY, "fhi": 0}),
            json!({"hex": altered, "nwkSKey": KEY, "appSKey": KEY, "fhi": 1}),
            json!({"hex": frame}),
            json!({"hex": frame, "nwkSKey": "11"}),
            json!({"hex": frame, "version": "2.0"}),
            json!({"hex": frame, "devEui": "0102"}),
        ],
    );
    let told = |at: usize, member: &str| reports[at]["opened"].get(member).cloned();
    let reason = |at: usize| reports[at]["error"]["reason"].clone();
    assert_eq!(
        (told(0, "fcnt"), told(0, "mic_ok"), reason(0)),
        (Some(json!(0x1_0002)), Some(json!(true)), Value::Null)
    );
    assert_eq!(told(0, "frm"), Some(json!("616263")));
    assert_eq!(reports[0]["counter"], json!(0x1_0002));
    // The upper half of the counter is not what the frame was signed with.
    assert_eq!(
        (told(1, "fcnt"), told(1, "mic_ok"), reason(1)),
        (Some(json!(2)), Some(json!(false)), json!("authentication"))
    );
    assert_eq!(
        (told(2, "mic_ok"), reason(2), told(2, "frm").is_some()),
        (Some(json!(false)), json!("authentication"), true)
    );
    assert_eq!((told(3, "mic_ok"), reason(3), told(3, "frm")), (None, json!("no_key"), None));
    for (at, field) in [(4, "nwkSKey"), (5, "version"), (6, "devEui")] {
        assert_eq!((&reports[at]["error"]["field"], &reports[at]["error"]["layer"]), (&json!(field), &json!("line")));
    }
    assert!(reports.iter().all(|report| report["readings"] == json!([])));
}

#[test]
fn a_join_teaches_later_lines_its_session() {
    let root = Key::from_hex(KEY).unwrap();
    let asked = |nonce| Asked { join_eui: Eui64(3), dev_eui: Eui64(2), nonce, rejoin: None };
    let request = |nonce| hex(write_join_request(Eui64(3), Eui64(2), nonce, &root, &mut [0; 23]).unwrap());
    for settings in [0x00, 0x80] {
        let accept = JoinAccept {
            join_nonce: 9,
            net_id: 0x13,
            dev_addr: DevAddr(7),
            dl_settings: DlSettings(settings),
            rx_delay: 1,
            cf_list: None,
        };
        let sealed = hex(accept.write(&asked(5), &root, &mut [0; 33]).unwrap());
        let session = Session::joined(&accept, &asked(5), &root, Some(&root)).unwrap();
        let plain = Plain {
            m_type: MType::ConfirmedDataUp,
            dev_addr: DevAddr(7),
            f_ctrl: FCtrl(0),
            counter: 1,
            f_opts: &[2],
            payload: Some((2, b"abc")),
        };
        let data = hex(plain.write(&session, &Transmission::default(), &mut [0; 255]).unwrap());
        // In 1.1 the root key of the application is another member.
        let keys = |hex: &str| {
            if settings == 0 {
                json!({"hex": hex, "appKey": KEY})
            } else {
                json!({"hex": hex, "nwkKey": KEY, "appKey": KEY})
            }
        };
        let lines = [json!({"hex": data}), keys(&request(4)), keys(&request(5)), keys(&sealed), json!({"hex": data})];
        let reports = decode(Protocol::Lorawan, &lines);
        let reason = |at: usize| reports[at]["error"]["reason"].clone();
        assert_eq!(reason(0), json!("no_key"), "nothing has been taught yet");
        assert_eq!((reason(1), reason(2), reason(3)), (Value::Null, Value::Null, Value::Null));
        if settings == 0 {
            // A nonce is no part of the MIC in 1.0: the newest request of the device is the one that is answered.
            assert_eq!(reports[3]["meter"]["id"], json!("0000000000000002"));
        }
        assert_eq!(reports[4]["opened"]["frm"], json!("616263"), "{}", reports[4]);
        assert_eq!(reports[4]["meter"]["id"], json!("0000000000000002"));
        assert_eq!(reports[4]["counter"], json!(9u64 << 32 | 1));
    }
}

/// Datagrams, messages and events by name, as text where they are text.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let push = |json: Value| [&[2, 7, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8][..], json.to_string().as_bytes()].concat();
    let key = Key::from_hex(KEY).unwrap();
    let join = write_join_request(Eui64(3), Eui64(2), 4, &key, &mut [0; 23]).unwrap().to_vec();
    assert_eq!(join.len(), 23);
    let packet = json!({
        "tmst": 3_512_348_611u32, "time": "2026-11-24T12:00:00.000001Z", "chan": 2, "rfch": 0, "freq": 868.1, "stat": 1,
        "modu": "LORA", "datr": "SF7BW125", "codr": "4/5", "rssi": -35, "lsnr": 5.1, "size": 4, "data": "QABCwA",
    });
    let fsk = json!({"freq": 868.8, "stat": 0, "modu": "FSK", "datr": 50000, "rssi": -75, "size": 3, "data": "-_=="});
    let fhss = json!({
        "freq": 868.1, "stat": -1, "modu": "LR-FHSS", "datr": "M0CW137", "codr": "4/6", "hpw": 8, "size": 0, "data": "",
        "rsig": [{"ant": 0, "chan": 7, "rssic": -75, "lsnr": 30, "etime": "42QMzOlYSSPMMeqVPrY0fQ=="}],
    });
    let stat = json!({"time": "2026-11-24 12:00:00 GMT", "rxnb": 2, "rxok": 2, "rxfw": 2, "ackr": 100.0, "dwnb": 2});
    let json = |value: Value| value.to_string().into_bytes();
    vec![
        ("push-data", push(json!({"rxpk": [packet, fsk], "stat": stat}))),
        ("push-data-fhss", push(json!({"rxpk": [fhss, 7, {"datr": "SFxBWy"}]}))),
        ("push-data-cut", b"\x02\x07\x09\x00\x01\x02\x03\x04\x05\x06\x07\x08{\"rxpk\":[".to_vec()),
        ("push-ack", vec![2, 7, 9, 1]),
        ("pull-data", vec![1, 7, 9, 2, 1, 2, 3, 4, 5, 6, 7, 8]),
        (
            "pull-resp",
            [&[2, 0, 0, 3][..], json!({"txpk": {"imme": true, "freq": 869.525}}).to_string().as_bytes()].concat(),
        ),
        ("tx-ack", [&[2, 7, 9, 5, 1, 2, 3, 4, 5, 6, 7, 8][..], b"{\"txpk_ack\":{\"error\":\"TOO_LATE\"}}\0"].concat()),
        (
            "jreq",
            json(json!({
                "msgtype": "jreq", "MHdr": 0, "JoinEui": "::3", "DevEui": "0-0-0-2", "DevNonce": 4, "MIC": -77, "DR": 5,
            })),
        ),
        (
            "jreq-eui",
            json(json!({
                "msgtype": "jreq", "MHdr": 0, "JoinEui": "::3", "DevEui": "00-00-00-00-00-00-00-02", "DevNonce": 4,
                "MIC": -77, "DR": 5, "upinfo": {"rssi": -60.5, "xtime": 12_666_373_963_464_220u64},
            })),
        ),
        (
            "updf",
            json(json!({
                "msgtype": "updf", "MHdr": 64, "DevAddr": -10, "FCtrl": 128, "FCnt": 400, "FOpts": "0102", "FPort": -1,
                "FRMPayload": "", "MIC": -20, "DR": 5, "Freq": 868_100_000,
            })),
        ),
        ("propdf", json(json!({"msgtype": "propdf", "FRMPayload": "e001020304"}))),
        ("dnmsg", json(json!({"msgtype": "dnmsg", "DevEui": "01-01-01-01-01-01-01-01", "pdu": "01020304"}))),
        ("router", json(json!({"router": "0102:0304:0506:0708"}))),
        (
            "version",
            json(json!({"msgtype": "version", "station": "2.0.6(rpi/std)", "protocol": 2, "features": "rmtsh"})),
        ),
        ("timesync", json(json!({"msgtype": "timesync", "txtime": 123.5}))),
        ("dntxed", json(json!({"msgtype": "dntxed", "diid": 1234, "xtime": 12_666_373_963_464_220u64}))),
        (
            "chirpstack",
            json(json!({
                "deviceInfo": {"devEui": "0102030405060708"}, "devAddr": "26011bda", "fCnt": 4, "fPort": 2, "data": "ARI=",
                "rxInfo": [{"gatewayId": "0016c001f1500000", "rssi": -35, "snr": 11.5}], "confirmed": true,
                "txInfo": {"frequency": 868_500_000},
            })),
        ),
        ("chirpstack-3", json(json!({"devEUI": "AQIDBAUGBwg=", "fCnt": 4, "fPort": 2, "data": null}))),
        (
            "tts",
            json(json!({
                "end_device_ids": {"dev_eui": "0102030405060708", "dev_addr": "26011BDA"},
                "uplink_message": {"f_port": 2, "frm_payload": "ARI=", "rx_metadata": [{"snr": 7}]},
            })),
        ),
        (
            "loriot",
            json(json!({"cmd": "rx", "EUI": "0102030405060708", "fcnt": 3, "port": 2, "data": "0112", "rssi": -38})),
        ),
        (
            "thingpark",
            json(json!({
                "DevEUI_uplink": {"DevEUI": "0102030405060708", "FCntUp": 3, "FPort": "2", "payload_hex": "0112",
                    "Lrrs": {"Lrr": [{"Lrrid": "100019D4", "LrrRSSI": "-114.0"}]}, "Frequency": 902.5},
            })),
        ),
    ]
}

#[test]
fn the_seeds_say_what_was_put_into_them() {
    let all = seeds();
    let of = |protocol, names: &[&str]| -> Vec<Value> {
        let line = |name: &&str| {
            let octets = &all.iter().find(|(of, _)| of == name).unwrap().1;
            json!({"hex": hex(octets)})
        };
        decode(protocol, &names.iter().map(line).collect::<Vec<_>>())
    };
    let opened = of(Protocol::Gwmp, &["push-data", "push-data-fhss", "push-data-cut", "tx-ack"]);
    let packets = &opened[0]["opened"]["rxpk"];
    assert_eq!((&packets[0]["freq_hz"], &packets[0]["phy"]), (&json!(868_100_000), &json!("400042c0")));
    assert_eq!(
        (&packets[0]["sf"], &packets[0]["bw_hz"], &packets[0]["size_ok"]),
        (&json!(7), &json!(125_000), &json!(true))
    );
    assert_eq!(
        (&packets[1]["phy_error"], &packets[1]["crc"], &packets[1]["datr"]),
        (&json!("bad_base64"), &json!("none"), &json!(50000))
    );
    assert_eq!(opened[0]["opened"]["stat"]["ackr"], json!(100.0));
    let packets = &opened[1]["opened"]["rxpk"];
    assert_eq!((&packets[0]["ocw_hz"], &packets[0]["crc"]), (&json!(137_000), &json!("bad")));
    assert_eq!(packets[0]["rsig"][0]["rssic"], json!(-75));
    assert_eq!(packets[1]["phy_error"], json!("bad_json"), "one packet that is none leaves the others");
    assert_eq!(
        (&opened[2]["error"]["reason"], &opened[2]["opened"]["type"]),
        (&json!("malformed"), &json!("PUSH_DATA"))
    );
    assert_eq!(opened[3]["opened"]["txpk_ack"]["error"], json!("TOO_LATE"));

    // What the sources of a running gateway make of the same.
    let brought = |name: &str| protocols::brings(&all.iter().find(|(of, _)| *of == name).unwrap().1);
    let names =
        ["push-data", "push-data-fhss", "push-data-cut", "tx-ack", "pull-data", "jreq", "jreq-eui", "updf", "version"];
    assert_eq!(names.map(brought), [2, 3, 0, 1, 0, 0, 1, 1, 0]);

    let opened = of(Protocol::Lns, &["jreq", "jreq-eui", "updf", "propdf", "dnmsg", "router"]);
    assert_eq!(opened[0]["error"]["field"], json!("DevEui"), "four groups are no EUI when dashes part them");
    assert_eq!(opened[1]["opened"]["phy"], json!("0003000000000000000200000000000000 0400 b3ffffff".replace(' ', "")));
    assert_eq!(opened[1]["opened"]["upinfo"]["xtime"], json!(12_666_373_963_464_220u64));
    assert_eq!(opened[2]["opened"]["phy"], json!("40f6ffffff8290010102ecffffff"));
    assert_eq!(opened[3]["opened"]["proprietary"], json!("01020304"));
    assert_eq!(
        (&opened[4]["opened"]["pdu"], &opened[4]["meter"]["id"]),
        (&json!("01020304"), &json!("0101010101010101"))
    );
    assert_eq!(opened[5]["opened"]["router"], json!("0102030405060708"));

    let opened = of(Protocol::Events, &["chirpstack", "chirpstack-3", "tts", "loriot", "thingpark"]);
    for (report, counter) in opened.iter().zip([4, 4, 0, 3, 3]) {
        let told = &report["opened"];
        assert_eq!(report["meter"]["address"], json!("lorawan:0102030405060708"), "{report}");
        let payload = if told["platform"] == "chirpstack" && counter == 4 && told["frm"] == "" { "" } else { "0112" };
        assert_eq!((&told["fcnt"], &told["fport"], &told["frm"]), (&json!(counter), &json!(2), &json!(payload)));
    }
    assert_eq!(opened[4]["opened"]["freq_hz"], json!(902_500_000));
    assert_eq!(opened[0]["opened"]["receptions"][0]["snr"], json!(11.5));
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/gwmp")
}

#[test]
fn gwmp() {
    for seed in fs::read_dir(folder()).unwrap() {
        lorawan_text::gwmp(&fs::read(seed.unwrap().path()).unwrap());
    }
}

#[test]
#[ignore = "writes fuzz/seeds anew"]
fn write_the_seeds() {
    fs::create_dir_all(folder()).unwrap();
    for (name, octets) in seeds() {
        fs::write(folder().join(name), octets).unwrap();
    }
}
