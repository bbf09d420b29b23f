use super::option::number::*;
use super::*;
use proptest::prelude::*;
use std::{string::ToString, vec::Vec};

fn octets(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|two| u8::from_str_radix(core::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

#[test]
fn a_request_is_read() {
    // CON POST coap://…/t/r, Content-Format 60, four octets of payload.
    let message = octets("4402beef01020304b1740172113cffdeadbeef");
    let message = Message::parse(&message).unwrap();
    assert_eq!((message.type_(), message.code(), message.id()), (Type::Confirmable, Code::POST, 0xbeef));
    assert_eq!((message.token(), message.payload()), (&[1, 2, 3, 4][..], &[0xde, 0xad, 0xbe, 0xef][..]));
    assert_eq!(message.uri_path().collect::<Vec<_>>(), ["t", "r"]);
    assert_eq!(message.content_format(), Some(60));
    assert_eq!(message.refused_option(&[URI_PATH, CONTENT_FORMAT]), None);
    assert_eq!(message.refused_option(&[CONTENT_FORMAT]).map(|option| option.number), Some(URI_PATH));
}

#[test]
fn what_breaks_the_format_is_refused_with_its_place() {
    for (hex, told) in [
        ("", "message layer, octet 0 (header): needs 4 octets, 0 left"),
        ("80010000", "message layer, octet 0 (version): code 02 is reserved"),
        ("49010000010203040506070809", "message layer, octet 0 (token length): code 09 is reserved"),
        ("4d01000000", "message layer, octet 0 (token length): code 0d is reserved"),
        ("4401000001", "message layer, octet 4 (token): needs 4 octets, 1 left"),
        ("40000000ff00", "message layer, octet 4 (empty message): 2 octets too many"),
        ("4100000000", "message layer, octet 4 (empty message): 1 octet too many"),
        ("40010000b36161", "message layer, octet 4 (option): needs 4 octets, 3 left"),
        ("40010000f0", "message layer, octet 4 (option delta): code 0f is reserved"),
        ("400100001f", "message layer, octet 4 (option length): code 0f is reserved"),
        ("40010000d0", "message layer, octet 5 (option): needs 1 octet, 0 left"),
        ("40010000e0fffe10", "message layer, octet 4 (option number): larger than can be held"),
        ("40010000e0fef210", "message layer, octet 7 (option number): larger than can be held"),
        ("40010000ff", "message layer, octet 4 (payload): needs 2 octets, 1 left"),
    ] {
        assert_eq!(Message::parse(&octets(hex)).unwrap_err().to_string(), told, "{hex}");
    }
}

#[test]
fn long_tokens_are_for_peers_that_agreed_on_them() {
    let mut message = octets("4d01000005");
    message.extend([7; 18]);
    assert!(Message::parse(&message).is_err());
    assert_eq!(Message::parse_with_extended_token(&message).unwrap().token(), [7; 18]);
}

#[test]
fn a_message_that_does_not_fit_is_not_written() {
    let mut buffer = [0; 12];
    assert!(Writer::new(&mut buffer, Type::Confirmable, Code::GET, 1, &[0; 9]).is_err());
    let mut writer = Writer::new(&mut buffer, Type::Confirmable, Code::GET, 1, &[]).unwrap();
    writer.option(URI_PATH, b"t").unwrap();
    assert!(writer.option(URI_PORT, b"").is_err(), "options come in the order of their numbers");
    assert!(writer.payload(b"too long").is_err());
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        bits in 0u8..4,
        code in 1u8..,
        id: u16,
        token in prop::collection::vec(any::<u8>(), 0..=8),
        mut options in prop::collection::vec((any::<u16>(), prop::collection::vec(any::<u8>(), 0..300)), 0..6),
        payload in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        options.sort_by_key(|(number, _)| *number);
        let mut buffer = [0; 4096];
        let (type_, code) = (Type::from_bits(bits), Code(code));
        let mut writer = Writer::new(&mut buffer, type_, code, id, &token).unwrap();
        for (number, value) in &options {
            writer.option(*number, value).unwrap();
        }
        let message = Message::parse(writer.payload(&payload).unwrap()).unwrap();
        prop_assert_eq!((message.type_(), message.code(), message.id()), (type_, code, id));
        prop_assert_eq!((message.token(), message.payload()), (&token[..], &payload[..]));
        let read: Vec<_> = message.options().map(|option| (option.number, option.value.to_vec())).collect();
        prop_assert_eq!(read, options);
    }

    #[test]
    fn anything_is_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(message) = Message::parse(&octets) {
            let of_options: usize = message.options().map(|option| option.value.len() + 1).sum();
            prop_assert!(4 + message.token().len() + of_options + message.payload().len() <= octets.len());
        }
    }
}
