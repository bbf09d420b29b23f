//! What the fuzz targets of NB-IoT hold to be true of any octets. The ordinary tests replay the seeds with the same.
#![allow(dead_code, reason = "each target uses one of them")]

#[path = "everything.rs"]
mod everything;

use esh_core::{Carrier, Format, NothingKnown};
use esh_nbiot::coap::{Coap, Message, Writer};
use esh_nbiot::lwm2m::{Lwm2m, Path};
use esh_nbiot::senml::{Encoding, Pack, Senml};
use everything::Everything;

/// What opens can be read, and nothing is said of octets that are not there.
fn opens_and_reads(carrier: &dyn Carrier, format: &dyn Format, octets: &[u8]) {
    let mut frame = octets.to_vec();
    let mut everything = Everything::of(octets.len());
    if let Ok(opened) = carrier.open(&mut frame, &NothingKnown, &mut everything) {
        let _ = format.read(None, opened.payload, opened.offset, &NothingKnown, &mut everything);
    }
}

/// A message that is read can be written again, and reads the same.
pub(crate) fn coap_message(octets: &[u8]) {
    let mut frame = octets.to_vec();
    let mut everything = Everything::of(octets.len());
    let _ = Coap { extended_tokens: true }.open(&mut frame, &NothingKnown, &mut everything);
    let Ok(message) = Message::parse(octets) else { return };
    let mut buffer = vec![0; octets.len() + 16];
    let mut writer = Writer::new(&mut buffer, message.type_(), message.code(), message.id(), message.token()).unwrap();
    for option in message.options() {
        writer.option(option.number, option.value).unwrap();
    }
    let written = writer.payload(message.payload()).unwrap();
    let again = Message::parse(written).unwrap();
    assert_eq!((again.code(), again.id(), again.token()), (message.code(), message.id(), message.token()));
    assert!(again.options().eq(message.options()));
    assert_eq!(again.payload(), message.payload());
}

/// The first octet chooses the path.
pub(crate) fn lwm2m_tlv(octets: &[u8]) {
    const PATHS: [&str; 8] = ["/3", "/3/0", "/3424/0", "/3331/0", "/10266/0", "/2", "/3/0/6", "/65535"];
    let Some((choice, payload)) = octets.split_first() else { return };
    let path = Path::parse(PATHS[usize::from(*choice) % PATHS.len()]).unwrap();
    for content_format in [11542, 0, 42, 60, 11543] {
        let lwm2m = Lwm2m { content_format, path };
        opens_and_reads(&lwm2m, &lwm2m, payload);
    }
}

/// A pack that is checked has either values or mere names.
fn senml(encoding: Encoding, octets: &[u8]) {
    opens_and_reads(&Senml { encoding }, &Senml { encoding }, octets);
    if let Ok(pack) = Pack::parse(encoding, octets, 0) {
        assert!(pack.records().all(|record| record.is_path_only() == pack.is_only_paths()));
    }
}

pub(crate) fn senml_json(octets: &[u8]) {
    senml(Encoding::Json, octets);
}

pub(crate) fn senml_cbor(octets: &[u8]) {
    senml(Encoding::Cbor, octets);
}

/// Four octets are a step: what happens, to whom, how much later. An exchange that is under way is never begun again,
/// one that was answered is answered the same, and a body never outgrows its limit.
pub(crate) fn coap_exchange(octets: &[u8]) {
    use esh_nbiot::coap::exchange::{Bucket, Due, Freshness, Memory, Seen, Step, Transfer, Transmission, part};
    use esh_nbiot::coap::{Block, Code, link::Links};
    const LIMIT: usize = 4096;
    let mut memory = Memory::new([Bucket::EMPTY; 4]);
    let mut model: std::collections::HashMap<u64, Option<Code>> = std::collections::HashMap::new();
    let (mut transfer, mut body, mut now) = (Transfer::new(0), Vec::new(), 0u64);
    let (mut transmission, mut freshness) = (Transmission::new(0, 0), Freshness::default());
    let mut sent = 0;
    for step in octets.chunks_exact(4) {
        now += u64::from(step[2]);
        let (exchange, number) = (u64::from(step[1]), u32::from(step[1]));
        match step[0] % 8 {
            0..=2 => {
                let forgotten = memory.forgotten();
                match (memory.see(now, exchange, 10_000), model.get(&exchange)) {
                    (Seen::UnderWay, under_way) => assert_eq!(under_way, Some(&None)),
                    (Seen::Answered(code), answered) => assert_eq!(answered, Some(&Some(code))),
                    (Seen::New, known) => {
                        assert_ne!(known, Some(&None), "what is under way is not begun again");
                        model.insert(exchange, None);
                    }
                    (Seen::Full, known) => {
                        assert_ne!(known, Some(&None));
                        assert!(model.values().filter(|code| code.is_none()).count() >= Bucket::PLACES);
                    }
                }
                assert!(memory.forgotten() <= forgotten + 1);
            }
            3 => {
                memory.answer(exchange, Code(step[3]));
                if let Some(code @ None) = model.get_mut(&exchange) {
                    *code = Some(Code(step[3]));
                }
            }
            4 => {
                memory.withdraw(exchange);
                if model.get(&exchange) == Some(&None) {
                    model.remove(&exchange);
                }
            }
            5 => {
                let value = number << 4 | u32::from(step[3]);
                let Some(block) = Block::from_uint(value.into()) else { continue };
                let len = if step[0] & 64 == 0 { block.size() } else { usize::from(step[2]) };
                match transfer.take(now, block, len, LIMIT, 4) {
                    Step::More { at, answer } | Step::Whole { at, answer } => {
                        assert!(at <= body.len() && len <= block.size());
                        assert_eq!(answer.number, block.number);
                        body.truncate(at);
                        body.resize(at + len, 0);
                    }
                    Step::Refused(code) => assert_eq!(code.class(), 4),
                }
                assert!(body.len() <= LIMIT);
                if let Some((octets, Some(given))) = part(&body, Some(block), 4) {
                    assert!(octets.len() <= given.size() && given.offset() + octets.len() <= body.len());
                }
            }
            6 => {
                if transmission.poll(now) == Due::Again {
                    sent += 1;
                }
                assert!(sent <= 4);
            }
            _ => {
                let newer = freshness.is_newer(number, now);
                assert!(!newer || !freshness.is_newer(number, now), "no notification is newer than itself");
            }
        }
    }
    if let Ok(links) = Links::parse(octets, 0) {
        let text: usize = links.map(|link| link.target.len() + link.attributes().count()).sum();
        assert!(text <= octets.len());
    }
}
