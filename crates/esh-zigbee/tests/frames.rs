//! Frames that our own encoder writes, as a sniffer hears them: what they teach opens those that come later.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{COORDINATOR, METER, NETWORK_KEY, OF_METER, OF_ROUTER, PAN, REPORT, Sent, WELL_KNOWN, report, transport};
use esh_core::{Carrier, Content, Key, Known, Learned, Meter, Out, Purpose, Reading};
use esh_zigbee::security::link_key_of;
use esh_zigbee::zdo;
use esh_zigbee::{Writer, Zigbee, aps, mac, names};

/// What is known, and learns what a frame teaches once it is opened.
#[derive(Default)]
struct Memory {
    keys: Vec<(Meter, Purpose, Key)>,
    devices: Vec<(Meter, Meter)>,
    counters: Vec<(Meter, Purpose, u64)>,
    /// Where keys are taken from whoever they are for.
    any: Vec<(Purpose, Key)>,
}

impl Known for Memory {
    fn keys(&self, meter: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        let own = self.keys.iter().filter(|(of, for_what, _)| of == meter && *for_what == purpose).map(|(.., key)| key);
        own.chain(self.any.iter().filter(|(of, _)| *of == purpose).map(|(_, key)| key)).any(each)
    }

    fn device(&self, address: &Meter) -> Option<Meter> {
        self.devices.iter().rev().find(|(of, _)| of == address).map(|(_, device)| *device)
    }

    fn counter(&self, meter: &Meter, purpose: Purpose) -> Option<u64> {
        self.counters.iter().rev().find(|(of, for_what, _)| of == meter && *for_what == purpose).map(|(.., last)| *last)
    }
}

#[derive(Default)]
struct Lessons {
    keys: Vec<(Meter, Purpose, Key)>,
    devices: Vec<(Meter, Meter)>,
    counters: Vec<(Purpose, u64)>,
    fields: Vec<String>,
}

impl<'a> Out<'a> for Lessons {
    fn reading(&mut self, _: Reading<'a>) {}

    fn learned(&mut self, learned: Learned<'_>) {
        match learned {
            Learned::Session { address, keys, .. } => {
                self.keys.extend(keys.iter().map(|(purpose, key)| (address, *purpose, key.clone())));
            }
            Learned::Address { address, device } => self.devices.push((address, device)),
            Learned::Counter { purpose, counter } => self.counters.push((purpose, counter)),
            _ => {}
        }
    }

    fn wants_fields(&self) -> bool {
        true
    }

    fn field(&mut self, field: esh_core::Field<'_>) {
        self.fields.push(format!("{} {}", field.key, field.value));
    }
}

/// Opens a frame; whose it is, what it holds, or why not.
fn heard(memory: &mut Memory, frame: &[u8]) -> Result<(String, Content, Vec<u8>, Vec<String>), String> {
    let (mut octets, mut lessons) = (frame.to_vec(), Lessons::default());
    match Zigbee::default().open(&mut octets, memory, &mut lessons) {
        Ok(opened) => {
            let meter = opened.meter.unwrap();
            let counters = lessons.counters.iter().map(|(purpose, counter)| (meter, *purpose, *counter));
            memory.counters.extend(counters);
            memory.keys.extend(lessons.keys);
            memory.devices.extend(lessons.devices);
            Ok((meter.id.as_str().to_owned(), opened.content, opened.payload.to_vec(), lessons.fields))
        }
        Err(refused) => {
            assert_eq!(octets, frame, "what does not open stays as it was");
            Err(refused.error.to_string())
        }
    }
}

fn whose(memory: &mut Memory, frame: &[u8]) -> Result<String, String> {
    heard(memory, frame).map(|(id, ..)| id)
}

#[test]
fn the_key_that_a_sniffer_hears_opens_what_comes_later() {
    let mut memory = Memory::default();
    let later = report(OF_METER, OF_METER, 5).frame();
    assert_eq!(
        whose(&mut memory, &later).unwrap_err(),
        "security layer, octet 17 (security control): no key for this meter"
    );
    let (_, content, _, fields) = heard(&mut memory, &transport(WELL_KNOWN)).unwrap();
    assert_eq!(content, Content::Nothing);
    assert!(fields.contains(&"key withheld".to_owned()), "{fields:?}");
    assert!(!fields.concat().contains("5c5c"), "{fields:?}");
    let (id, content, payload, _) = heard(&mut memory, &later).unwrap();
    assert_eq!((id.as_str(), content, payload.as_slice()), ("00124b0001020304", Content::Cluster(0x0702), REPORT));
    // Another network has another key.
    let mut other = later.clone();
    other[3] ^= 1;
    assert!(whose(&mut memory, &other).is_err());
}

#[test]
fn an_install_code_opens_the_transport_of_the_key() {
    let mut code = 0x83fed340_7a939723_a5c639b2_6916d505_u128.to_be_bytes().to_vec();
    code.extend([0xc3, 0xb5]);
    let sent = transport(&link_key_of(&code).unwrap());
    assert!(whose(&mut Memory::default(), &sent).unwrap_err().ends_with("none of the known keys opens it"));
    // It stands in the keys as it is printed on the device it belongs to.
    let of_meter = (names::device(METER), Purpose::Link, Key::new(&code).unwrap());
    let mut memory = Memory { keys: vec![of_meter], ..Memory::default() };
    whose(&mut memory, &sent).unwrap();
    whose(&mut memory, &report(OF_METER, OF_METER, 5).frame()).unwrap();
}

#[test]
fn who_announces_itself_is_known_behind_a_relay() {
    let any = vec![(Purpose::Network, Key::new(&NETWORK_KEY).unwrap())];
    let mut memory = Memory { any, ..Memory::default() };
    let relayed = report(OF_METER, OF_ROUTER, 5).frame();
    assert_eq!(whose(&mut memory, &relayed).unwrap(), "1a62-1234", "nobody has said who that is");
    let mut payload = [0; 16];
    let mut writer = Writer::new(&mut payload);
    let announce = zdo::Message::DeviceAnnounce { short: 0x1234, extended: METER, capability: 0x8e };
    zdo::Frame { sequence: 3, message: announce }.write(&mut writer).unwrap();
    let aps = aps::Header::data(0, announce.cluster(), 0, 0, 45);
    let sent = Sent { to: 0xfffd, counter: 6, aps, payload: writer.finish(), ..report(OF_METER, OF_ROUTER, 0) };
    let (.., fields) = heard(&mut memory, &sent.frame()).unwrap();
    assert!(
        fields.contains(&"command Device_annce".to_owned()) && fields.contains(&"ieee 0x00124b0001020304".to_owned())
    );
    assert_eq!(whose(&mut memory, &relayed).unwrap(), "00124b0001020304");
}

#[test]
fn an_old_counter_is_a_replay_and_a_new_key_begins_anew() {
    let any =
        vec![(Purpose::Network, Key::new(&NETWORK_KEY).unwrap()), (Purpose::Network, Key::new(&[7; 16]).unwrap())];
    let mut memory = Memory { any, ..Memory::default() };
    whose(&mut memory, &report(OF_METER, OF_METER, 5).frame()).unwrap();
    for counter in [5, 4] {
        let error = whose(&mut memory, &report(OF_METER, OF_METER, counter).frame()).unwrap_err();
        assert_eq!(
            error,
            format!(
                "security layer, octet 18 (frame counter): counter {counter} is not above 5, the last one accepted"
            )
        );
    }
    whose(&mut memory, &report(OF_METER, OF_METER, 6).frame()).unwrap();
    // Another device has a counter of its own, and so has another key.
    whose(&mut memory, &report(OF_ROUTER, OF_ROUTER, 1).frame()).unwrap();
    whose(&mut memory, &Sent { key: [7; 16], ..report(OF_METER, OF_METER, 1) }.frame()).unwrap();
    // A relay's counter is not that of whose frame it sends on.
    whose(&mut memory, &report(OF_METER, OF_ROUTER, 2).frame()).unwrap();
    assert!(memory.counters.iter().all(|(meter, ..)| meter.id.as_str().len() == 16));
}

#[test]
fn a_tunnel_brings_a_key_to_who_is_behind_a_router() {
    let any = vec![(Purpose::Network, Key::new(&[7; 16]).unwrap())];
    let mut memory = Memory { any, ..Memory::default() };
    let whole = transport(WELL_KNOWN);
    // The frame of APS inside the one that goes to the device itself: behind MAC 9, NWK 16; before the check.
    let inside = [&[0x0e][..], &METER.to_le_bytes(), &whole[9 + 16..whole.len() - 2]].concat();
    let sent = Sent {
        to: 0x0a0b,
        aps: aps::Header::command(6),
        payload: &inside,
        key: [7; 16],
        ..report((0, COORDINATOR), (0, COORDINATOR), 9)
    };
    whose(&mut memory, &sent.frame()).unwrap();
    whose(&mut memory, &report(OF_METER, OF_METER, 5).frame()).unwrap();
}

#[test]
fn a_frame_between_networks_is_read() {
    let aps = aps::Header { control: aps::FrameControl(0x0b), ..aps::Header::data(0, 0x0702, 0x0104, 0, 0) };
    let mut octets = [0; 127];
    let mut writer = Writer::new(&mut octets);
    let mac = mac::Header {
        source: Some(mac::Address::Extended(METER)),
        control: mac::FrameControl(0xc841),
        ..mac::Header::data(PAN, 0xffff, 0, 1)
    };
    mac.write(&mut writer).unwrap();
    writer.put(&[0x0b, 0]).unwrap();
    aps.write(false, &mut writer).unwrap();
    writer.put(REPORT).unwrap();
    let mut frame = writer.finish().to_vec();
    frame.extend(mac::check(&frame).to_le_bytes());
    let (id, content, payload, _) = heard(&mut Memory::default(), &frame).unwrap();
    assert_eq!((id.as_str(), content, payload.as_slice()), ("00124b0001020304", Content::Cluster(0x0702), REPORT));
}

#[test]
fn a_message_in_parts_is_put_together() {
    use esh_zigbee::fragments::{Assembler, Part, Step};
    let any = vec![(Purpose::Network, Key::new(&NETWORK_KEY).unwrap())];
    let mut memory = Memory { any, ..Memory::default() };
    let mut assembler = Assembler::<4, 8>::new(10_000);
    let (first, second) = REPORT.split_at(11);
    let mut whole = None;
    for (counter, first_block, block, payload) in [(7, false, 1, second), (8, true, 2, first)] {
        let fragment = Some(aps::Fragment { first: first_block, block, acknowledged: None });
        let aps = aps::Header { fragment, ..aps::Header::data(1, 0x0702, 0x0104, 1, 44) };
        let sent = Sent { aps, payload, ..report(OF_METER, OF_METER, counter) };
        let (_, content, payload, _) = heard(&mut memory, &sent.frame()).unwrap();
        assert_eq!(content, Content::Fragment);
        if let Step::Whole(octets) = assembler.put(0, Part::read(&payload).unwrap()).unwrap() {
            whole = Some(octets.to_vec());
        }
    }
    assert_eq!(whole.unwrap(), REPORT);
}
