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
