//! Frames that our writer makes, read by `lrwn` and `lorawan`, and read again by ourselves.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use esh_core::{
    Carrier, Content, DecodeError, Ignore, Key, Known, Learned, Meter, Out, Purpose, Reading, Reason, SecurityState,
};
use esh_lorawan::{
    Asked, CfList, DevAddr, DlSettings, Eui64, FCtrl, Join, JoinAccept, Keys1_1, Lorawan, MType, PhyPayload, Plain,
    Session, Transmission, Version, write_join_request,
};
use lorawan::parser::DataHeader;
use lrwn::{AES128Key, EUI64, MACVersion};
use proptest::prelude::*;

/// Four keys: forwarding, serving, encryption, application.
type Keys = [[u8; 16]; 4];

fn session(version: Version, keys: &Keys) -> Session {
    let [forwarding, serving, encryption, application] = keys.map(|key| Key::new(&key).unwrap());
    match version {
        Version::V1_0 => Session::v1_0(Some(&forwarding), Some(&application)).unwrap(),
        Version::V1_1 => Session::v1_1(&Keys1_1 {
            forwarding: Some(&forwarding),
            serving: Some(&serving),
            encryption: Some(&encryption),
            application: Some(&application),
        })
        .unwrap(),
    }
}

#[derive(Clone, Debug)]
struct Case {
    keys: Keys,
    version: Version,
    m_type: MType,
    address: u32,
    bits: u8,
    counter: u32,
    options: Vec<u8>,
    payload: Option<(u8, Vec<u8>)>,
    sent: Transmission,
}

impl Case {
    fn frame(&self) -> Vec<u8> {
        let plain = Plain {
            m_type: self.m_type,
            dev_addr: DevAddr(self.address),
            f_ctrl: FCtrl(self.bits << 4),
            counter: self.counter,
            f_opts: &self.options,
            payload: self.payload.as_ref().map(|(port, octets)| (*port, octets.as_slice())),
        };
        plain.write(&session(self.version, &self.keys), &self.sent, &mut [0; 255]).unwrap().to_vec()
    }

    fn up(&self) -> bool {
        matches!(self.m_type, MType::UnconfirmedDataUp | MType::ConfirmedDataUp)
    }

    /// What a device sent before this frame.
    fn before(&self) -> Option<u32> {
        self.counter.checked_sub(1)
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let types = prop::sample::select(vec![
        MType::UnconfirmedDataUp,
        MType::ConfirmedDataUp,
        MType::UnconfirmedDataDown,
        MType::ConfirmedDataDown,
    ]);
    let versions = prop::sample::select(vec![Version::V1_0, Version::V1_1]);
    let payload = prop::option::of((any::<u8>(), prop::collection::vec(any::<u8>(), 0..=222)));
    let sent = (any::<u8>(), any::<u8>(), any::<u16>()).prop_map(|(data_rate, channel, confirmed)| Transmission {
        data_rate,
        channel,
        confirmed: Some(confirmed),
    });
    let counter = prop_oneof![any::<u32>(), 0..0x2_0004u32];
    let options = prop::collection::vec(any::<u8>(), 0..=15);
    (any::<Keys>(), versions, types, any::<u32>(), 0..16u8, counter, options, payload, sent).prop_map(
        |(keys, version, m_type, address, bits, counter, options, payload, sent)| {
            let options = if matches!(payload, Some((0, _))) { Vec::new() } else { options };
            Case { keys, version, m_type, address, bits, counter, options, payload, sent }
        },
    )
}

/// What `lrwn` makes of a frame: the payload and the MAC commands of the header, in plain, and whether the MIC fits.
fn by_lrwn(case: &Case, frame: &[u8]) -> (Option<Vec<u8>>, Vec<u8>, bool) {
    let keys = case.keys.map(AES128Key::from_bytes);
    let [forwarding, serving, encryption, application] = keys;
    let mut phy = lrwn::PhyPayload::from_slice(frame).unwrap();
    let lrwn::Payload::MACPayload(mac) = &mut phy.payload else { panic!("no data") };
    mac.fhdr.f_cnt = case.counter;
    let ack = mac.fhdr.f_ctrl.ack;
    let confirmed = if ack { case.sent.confirmed.unwrap().into() } else { 0 };
    let (version, serving, encryption) = match case.version {
        Version::V1_0 => (MACVersion::LoRaWAN1_0, forwarding, forwarding),
        Version::V1_1 => (MACVersion::LoRaWAN1_1, serving, encryption),
    };
    let fits = if case.up() {
        phy.validate_uplink_data_mic(version, confirmed, case.sent.data_rate, case.sent.channel, &forwarding, &serving)
    } else {
        phy.validate_downlink_data_mic(version, confirmed, &serving)
    };
    let lrwn::Payload::MACPayload(mac) = &phy.payload else { panic!("no data") };
    let (address, payload, port) = (mac.fhdr.devaddr, mac.frm_payload.clone(), mac.f_port);
    let key = if port == Some(0) { encryption } else { application };
    let payload = port.map(|_| match payload {
        Some(lrwn::FRMPayload::Raw(octets)) => {
            lrwn::encrypt_frm_payload(&key, case.up(), &address, case.counter, &octets).unwrap()
        }
        None => Vec::new(),
        other => panic!("{other:?}"),
    });
    let options = &frame[8..8 + case.options.len()];
    let options = match case.version {
        Version::V1_0 => options.to_vec(),
        Version::V1_1 => {
            let application = !case.up() && port.is_some_and(|port| port > 0);
            lrwn::encrypt_f_opts(&encryption, application, case.up(), &address, case.counter, options).unwrap()
        }
    };
    (payload, options, fits.unwrap())
}

proptest! {
    #[test]
    fn lrwn_reads_what_we_write(case in cases()) {
        let frame = case.frame();
        let (payload, options, fits) = by_lrwn(&case, &frame);
        prop_assert!(fits);
        prop_assert_eq!(options, case.options);
        prop_assert_eq!(payload, case.payload.map(|(_, octets)| octets));
    }

    #[test]
    fn lorawan_reads_what_we_write_for_1_0(case in cases()) {
        let case = Case { version: Version::V1_0, ..case };
        let mut frame = case.frame();
        let lorawan::parser::PhyPayload::Data(lorawan::parser::DataPayload::Encrypted(data)) =
            lorawan::parser::parse(&mut frame).unwrap()
        else {
            panic!("no data");
        };
        let network = lorawan::keys::AES128(case.keys[0]);
        let application = lorawan::keys::AES128(case.keys[3]);
        prop_assert!(data.validate_mic(&network, case.counter));
        // Of a frame with a port and an empty payload, version 0.9.0 says that it has no port.
        if let Some((port, octets)) = case.payload.as_ref().filter(|(_, octets)| !octets.is_empty()) {
            prop_assert_eq!(data.f_port(), Some(*port));
            let key = if *port == 0 { &network } else { &application };
            let plain = data.decrypt(Some(key), Some(key), case.counter).unwrap();
            match plain.frm_payload() {
                lorawan::parser::FRMPayload::Data(data) => prop_assert_eq!(data, octets),
                lorawan::parser::FRMPayload::MACCommands(commands) => prop_assert_eq!(commands.data(), octets),
                lorawan::parser::FRMPayload::None => panic!("no payload"),
            }
        }
    }

    #[test]
    fn we_read_what_we_write(case in cases()) {
        let sent = case.frame();
        let session = session(case.version, &case.keys).after_uplink(if case.up() { case.before() } else { None });
        let mut frame = sent.clone();
        let opened = session.open(&mut frame, &case.sent);
        // The way down has no memory: its counter is looked for a few rollovers far.
        if case.up() || case.counter >> 16 < 16 {
            let opened = opened.unwrap();
            prop_assert_eq!((opened.counter, opened.dev_addr), (case.counter, DevAddr(case.address)));
            prop_assert_eq!(opened.f_port, case.payload.as_ref().map(|(port, _)| *port));
            prop_assert_eq!(opened.payload, case.payload.map(|(_, octets)| octets).unwrap_or_default());
            prop_assert_eq!(&frame[8..8 + case.options.len()], case.options);
        } else {
            prop_assert_eq!(opened.unwrap_err().reason, Reason::Authentication);
            prop_assert_eq!(frame, sent);
        }
    }

    #[test]
    fn altered_octets_are_refused_and_stay(case in cases(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut sent = case.frame();
        let session = session(case.version, &case.keys).after_uplink(case.before());
        let at = at.index(sent.len());
        sent[at] ^= 1 << bit;
        let mut frame = sent.clone();
        // Of the way down, a counter may be one of sixteen; a MIC of four octets is chance enough.
        prop_assert!(session.open(&mut frame, &case.sent).is_err());
        prop_assert_eq!(frame, sent);
    }

    #[test]
    fn a_counter_that_was_used_is_a_replay(case in cases(), behind in 0..200_000u32) {
        let m_type = MType::UnconfirmedDataUp;
        let case = Case { m_type, counter: case.counter % 0x10_0000, ..case };
        let last = case.counter + behind;
        let session = session(case.version, &case.keys).after_uplink(Some(last));
        let mut frame = case.frame();
        let reason = session.open(&mut frame, &case.sent).unwrap_err().reason;
        if behind < 0x1_0000 {
            prop_assert_eq!(reason, Reason::Replayed { last: last.into(), found: case.counter.into() });
        } else {
            prop_assert!(["replayed", "authentication"].contains(&reason.word()));
        }
    }

    #[test]
    fn joins_are_what_lrwn_says(
        root in any::<[u8; 16]>(), application in any::<[u8; 16]>(), join_eui in any::<u64>(), dev_eui in any::<u64>(),
        nonce in any::<u16>(), join_nonce in 0..0x100_0000u32, net_id in 0..0x100_0000u32, address in any::<u32>(),
        settings in any::<u8>(), rx_delay in 0..16u8, list in prop::option::of(any::<[u16; 6]>()),
        rejoin in prop::option::of(0..3u8),
    ) {
        let (root_key, application_key) = (Key::new(&root).unwrap(), Key::new(&application).unwrap());
        let (join, device) = (Eui64(join_eui), Eui64(dev_eui));
        let lrwn_root = AES128Key::from_bytes(root);
        let (their_join, their_device) =
            (EUI64::from_be_bytes(join_eui.to_be_bytes()), EUI64::from_be_bytes(dev_eui.to_be_bytes()));

        let mut buffer = [0; 64];
        let request = write_join_request(join, device, nonce, &root_key, &mut buffer).unwrap().to_vec();
        let theirs = lrwn::PhyPayload::from_slice(&request).unwrap();
        prop_assert!(theirs.validate_join_request_mic(&lrwn_root).unwrap());
        let mut copy = request.clone();
        let lorawan::parser::PhyPayload::JoinRequest(theirs) = lorawan::parser::parse(&mut copy).unwrap() else {
            panic!("no join request")
        };
        prop_assert!(theirs.validate_mic(&lorawan::keys::AES128(root)));

        let opt_neg = settings & 0x80 != 0;
        let accept = JoinAccept {
            join_nonce,
            net_id,
            dev_addr: DevAddr(address),
            dl_settings: DlSettings(settings),
            rx_delay,
            cf_list: list.map(CfList::of_masks),
        };
        // Only a network of 1.1 answers rejoin requests.
        let rejoin = rejoin.filter(|_| opt_neg);
        let asked = Asked { join_eui: join, dev_eui: device, nonce, rejoin };
        let frame = accept.write(&asked, &root_key, &mut buffer).unwrap().to_vec();
        let mut theirs = lrwn::PhyPayload::from_slice(&frame).unwrap();
        let encryption =
            if rejoin.is_some() { lrwn::keys::get_js_enc_key(&their_device, &lrwn_root).unwrap() } else { lrwn_root };
        theirs.decrypt_join_accept_payload(&encryption).unwrap();
        let mic_key = if opt_neg { lrwn::keys::get_js_int_key(&their_device, &lrwn_root).unwrap() } else { lrwn_root };
        let kind = match rejoin {
            None => lrwn::JoinType::Join,
            Some(0) => lrwn::JoinType::RejoinType0,
            Some(1) => lrwn::JoinType::RejoinType1,
            Some(_) => lrwn::JoinType::RejoinType2,
        };
        prop_assert!(theirs.validate_join_accept_mic(kind, &their_join, nonce, &mic_key).unwrap());

        // The keys that a session of each side has make the same frames.
        let network = lrwn::NetID::from_be_bytes([(net_id >> 16) as u8, (net_id >> 8) as u8, net_id as u8]);
        let lrwn_application = if opt_neg { AES128Key::from_bytes(application) } else { lrwn_root };
        use lrwn::keys::{get_app_s_key, get_f_nwk_s_int_key, get_nwk_s_enc_key, get_s_nwk_s_int_key};
        let lrwn_keys = [
            get_f_nwk_s_int_key(opt_neg, &lrwn_root, &network, &their_join, join_nonce, nonce),
            get_s_nwk_s_int_key(opt_neg, &lrwn_root, &network, &their_join, join_nonce, nonce),
            get_nwk_s_enc_key(opt_neg, &lrwn_root, &network, &their_join, join_nonce, nonce),
            get_app_s_key(opt_neg, &lrwn_application, &network, &their_join, join_nonce, nonce),
        ]
        .map(|key| key.unwrap().to_bytes());
        let version = if opt_neg { Version::V1_1 } else { Version::V1_0 };
        let ours = Session::joined(&accept, &asked, &root_key, Some(&application_key)).unwrap();
        prop_assert_eq!((ours.version(), ours.number()), (version, join_nonce));
        let plain = Plain {
            m_type: MType::UnconfirmedDataUp,
            dev_addr: DevAddr(address),
            f_ctrl: FCtrl(0),
            counter: 1,
            f_opts: &[2],
            payload: Some((1, b"reading")),
        };
        let sent = Transmission::default();
        let ours = plain.write(&ours, &sent, &mut buffer).unwrap().to_vec();
        let theirs = plain.write(&session(version, &lrwn_keys), &sent, &mut buffer).unwrap().to_vec();
        prop_assert_eq!(ours, theirs);

        // And the carrier says the same of the accept, with the keys that it teaches.
        let known = Roots { join: root_key, application: application_key };
        let carrier = Lorawan {
            join: Join { dev_eui: Some(device), join_eui: Some(join), dev_nonce: Some(nonce), rejoin },
            ..Lorawan::default()
        };
        let mut taught = Taught(Vec::new());
        let mut frame = frame;
        let opened = carrier.open(&mut frame, &known, &mut taught).unwrap();
        prop_assert_eq!(opened.meter, Some(device.meter()));
        prop_assert_eq!(opened.security.state, SecurityState::Decrypted);
        let purposes: &[Purpose] = if opt_neg {
            &[Purpose::Network, Purpose::NetworkIntegrity, Purpose::NetworkEncryption, Purpose::Application]
        } else {
            &[Purpose::Network, Purpose::Application]
        };
        prop_assert_eq!(taught.0.iter().map(|(purpose, _)| *purpose).collect::<Vec<_>>(), purposes);
        for (purpose, key) in &taught.0 {
            let place = match purpose {
                Purpose::Network => 0,
                Purpose::NetworkIntegrity => 1,
                Purpose::NetworkEncryption => 2,
                _ => 3,
            };
            prop_assert_eq!(key.as_slice(), &lrwn_keys[place]);
        }
    }
}

struct Roots {
    join: Key,
    application: Key,
}

impl Known for Roots {
    fn keys(&self, _: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        match purpose {
            Purpose::Join => each(&self.join),
            Purpose::JoinApplication => each(&self.application),
            _ => false,
        }
    }
}

struct Taught(Vec<(Purpose, Vec<u8>)>);

impl Out<'_> for Taught {
    fn reading(&mut self, _: Reading<'_>) {}

    fn learned(&mut self, learned: Learned<'_>) {
        if let Learned::Session { keys, .. } = learned {
            self.0.extend(keys.iter().map(|(purpose, key)| (*purpose, key.expose().to_vec())));
        }
    }
}

/// Several devices behind one address: sessions that are kept, then single keys.
struct Neighbours {
    sessions: Vec<Session>,
    keys: Vec<(Purpose, Key)>,
    used: Option<u64>,
}

impl Known for Neighbours {
    fn keys(&self, _: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        self.keys.iter().any(|(of, key)| *of == purpose && each(key))
    }

    fn sessions(&self, address: &Meter, each: &mut dyn FnMut(&dyn std::any::Any) -> bool) -> bool {
        assert_eq!(address.id.as_str(), "00000007");
        self.sessions.iter().any(|session| each(session))
    }

    fn nonce_used(&self, _: &Meter, _: Purpose, nonce: u64) -> bool {
        self.used == Some(nonce)
    }
}

fn keys(n: u8) -> Keys {
    [[n; 16], [n | 0x40; 16], [n | 0x80; 16], [n | 0xc0; 16]]
}

fn case(n: u8, counter: u32) -> Case {
    Case {
        keys: keys(n),
        version: Version::V1_0,
        m_type: MType::UnconfirmedDataUp,
        address: 7,
        bits: 0,
        counter,
        options: vec![2],
        payload: Some((2, b"abc".to_vec())),
        sent: Transmission::default(),
    }
}

#[test]
fn devices_that_share_an_address_are_told_apart() {
    let session = |n: u8| session(Version::V1_0, &keys(n)).of_device(Eui64(n.into())).numbered(3).after_uplink(Some(9));
    let pair = |n: u8| {
        let [network, .., application] = keys(n).map(|key| Key::new(&key).unwrap());
        [(Purpose::Network, network), (Purpose::Application, application)]
    };
    let keys = [3, 4].into_iter().flat_map(pair).collect();
    let known = Neighbours { sessions: vec![session(1), session(2)], keys, used: None };
    for (n, meter, counter) in [
        (1, "0000000000000001", 3 << 32 | 10),
        (2, "0000000000000002", 3 << 32 | 10),
        (3, "00000007", 10),
        (4, "00000007", 10),
    ] {
        let mut frame = case(n, 10).frame();
        let opened = Lorawan::default().open(&mut frame, &known, &mut Ignore).unwrap();
        assert_eq!(opened.meter.unwrap().id.as_str(), meter);
        assert_eq!((opened.payload, opened.content), (&b"abc"[..], Content::Port(2)));
        assert_eq!((opened.counter, opened.security.authenticated), (Some(counter), true));
    }
    let refused = |mut frame: Vec<u8>| -> DecodeError {
        let before = frame.clone();
        let error = Lorawan::default().open(&mut frame, &known, &mut Ignore).unwrap_err().error;
        assert_eq!(frame, before);
        error
    };
    assert_eq!(refused(case(5, 10).frame()).reason, Reason::Authentication);
    assert_eq!(refused(case(1, 9).frame()).reason, Reason::Replayed { last: 9, found: 9 });
    let nobody = Neighbours { sessions: Vec::new(), keys: Vec::new(), used: None };
    let refused = Lorawan::default().open(&mut case(1, 9).frame(), &nobody, &mut Ignore).unwrap_err();
    assert_eq!(refused.error.to_string(), "security layer, octet 13 (MIC): no key for this meter");
}

#[test]
fn a_payload_without_its_key_is_not_read() {
    let network = Key::new(&[1; 16]).unwrap();
    let known = Neighbours { sessions: vec![Session::v1_0(Some(&network), None).unwrap()], keys: vec![], used: None };
    let sent = case(1, 1).frame();
    let mut frame = sent.clone();
    let error = Lorawan::default().open(&mut frame, &known, &mut Ignore).unwrap_err().error;
    assert_eq!((error.reason, error.field, frame), (Reason::NoKey, "FRMPayload", sent));
}

#[test]
fn a_nonce_is_used_once() {
    let key = Key::new(&[5; 16]).unwrap();
    let mut frame = write_join_request(Eui64(1), Eui64(2), 700, &key, &mut [0; 23]).unwrap().to_vec();
    let known = |used| Neighbours { sessions: vec![], keys: vec![(Purpose::Join, key.clone())], used };
    let opened = Lorawan::default().open(&mut frame, &known(Some(699)), &mut Ignore).unwrap();
    assert_eq!((opened.counter, opened.meter.unwrap().id.as_str()), (Some(700), "0000000000000002"));
    let error = Lorawan::default().open(&mut frame, &known(Some(700)), &mut Ignore).unwrap_err().error;
    assert_eq!((error.field, error.reason.word()), ("DevNonce", "replayed"));
}

#[test]
fn rejoin_requests_of_lrwn_are_checked() {
    let secret = [0x5a; 16];
    let key = AES128Key::from_bytes(secret);
    let device = EUI64::from_be_bytes([0, 0, 0, 0, 0, 0, 0, 9]);
    let types = [(lrwn::JoinType::RejoinType0, 0), (lrwn::JoinType::RejoinType2, 2), (lrwn::JoinType::RejoinType1, 1)];
    for (kind, number) in types {
        let payload = if number == 1 {
            lrwn::Payload::RejoinRequestType1(lrwn::RejoinRequestType1Payload {
                rejoin_type: kind,
                join_eui: EUI64::from_be_bytes([1; 8]),
                dev_eui: device,
                rj_count_1: 219,
            })
        } else {
            lrwn::Payload::RejoinRequestType02(lrwn::RejoinRequestType02Payload {
                rejoin_type: kind,
                netid: lrwn::NetID::from_be_bytes([1, 2, 3]),
                dev_eui: device,
                rj_count_0: 219,
            })
        };
        let mhdr = lrwn::MHDR { f_type: lrwn::FType::RejoinRequest, major: lrwn::Major::LoRaWANR1 };
        let mut phy = lrwn::PhyPayload { mhdr, payload, mic: None };
        // Type 1 is signed with what comes of the NwkKey, the others with a key of the session.
        let signing = if number == 1 { lrwn::keys::get_js_int_key(&device, &key).unwrap() } else { key };
        phy.set_join_request_mic(&signing).unwrap();
        let mut frame = phy.to_vec().unwrap();
        let purpose = if number == 1 { Purpose::Join } else { Purpose::NetworkIntegrity };
        let keys = |purpose, octets: [u8; 16]| vec![(purpose, Key::new(&octets).unwrap())];
        let known = |keys| Keyring { keys };
        let opened = Lorawan::default().open(&mut frame, &known(keys(purpose, secret)), &mut Ignore).unwrap();
        assert_eq!(opened.meter, Some(Eui64(9).meter()));
        assert_eq!(opened.counter, (number == 1).then_some(219));
        let refused = |keys, frame: &mut [u8]| {
            Lorawan::default().open(frame, &known(keys), &mut Ignore).unwrap_err().error.reason
        };
        assert_eq!(refused(keys(purpose, [1; 16]), &mut frame), Reason::Authentication);
        assert_eq!(refused(Vec::new(), &mut frame), Reason::NoKey);
    }
}

/// Keys for anybody.
struct Keyring {
    keys: Vec<(Purpose, Key)>,
}

impl Known for Keyring {
    fn keys(&self, _: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        self.keys.iter().any(|(of, key)| *of == purpose && each(key))
    }
}

#[test]
fn frames_that_are_none_are_refused() {
    for (octets, error) in [
        (&[][..], "link layer, octet 0 (MHDR): needs 1 octet, 0 left"),
        (&[0x40, 1, 2, 3], "link layer, octet 1 (MIC): needs 4 octets, 3 left"),
        (&[0x40, 1, 2, 3, 4, 0, 0, 0, 9, 9, 9], "link layer, octet 1 (FHDR): needs 7 octets, 6 left"),
        (&[0x40, 1, 2, 3, 4, 1, 0, 0, 9, 9, 9, 9], "link layer, octet 8 (FOpts): needs 1 octet, 0 left"),
        (&[0; 22], "link layer, octet 0 (join request): needs 23 octets, 22 left"),
        (&[0; 24], "link layer, octet 23 (join request): 1 octet too many"),
        (&[0x20; 16], "link layer, octet 1 (join accept): needs 16 octets, 15 left"),
        (&[0x20; 30], "link layer, octet 1 (CFList): needs 32 octets, 29 left"),
        (&[0x20; 34], "link layer, octet 33 (join accept): 1 octet too many"),
        (&[0xc0, 3], "link layer, octet 1 (rejoin type): format 03 is not known"),
        (&[0x61; 20], "link layer, octet 0 (major version): format 01 is not known"),
        (&[0x40; 256], "link layer, octet 0 (PHYPayload): 256 where at most 255 are allowed"),
    ] {
        assert_eq!(PhyPayload::parse(octets).unwrap_err().to_string(), error);
    }
}
