//! The seeds of the fuzz targets of NB-IoT, replayed; `write_the_seeds` writes them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../fuzz/bodies/nbiot.rs"]
mod nbiot;
#[path = "../../../fuzz/bodies/seeds.rs"]
mod seeds;

use esh_nbiot::coap::{Block, Code, Type, Writer, option::number};

#[test]
fn coap_message() {
    seeds::replay("coap_message", nbiot::coap_message);
}

#[test]
fn coap_exchange() {
    seeds::replay("coap_exchange", nbiot::coap_exchange);
}

#[test]
fn lwm2m_tlv() {
    seeds::replay("lwm2m_tlv", nbiot::lwm2m_tlv);
}

#[test]
fn senml_json() {
    seeds::replay("senml_json", nbiot::senml_json);
}

#[test]
fn senml_cbor() {
    seeds::replay("senml_cbor", nbiot::senml_cbor);
}

fn messages() -> Vec<(&'static str, Vec<u8>)> {
    let written = |type_, code, token: &[u8], options: &[(u16, &[u8])], payload: &[u8]| {
        let mut buffer = [0; 1200];
        let mut writer = Writer::new(&mut buffer, type_, code, 0x1234, token).unwrap();
        for (number, value) in options {
            writer.option(*number, value).unwrap();
        }
        writer.payload(payload).unwrap().to_vec()
    };
    let block = Block { number: 3, more: true, size_exponent: 5 }.to_uint().to_be_bytes();
    vec![
        ("empty_ack", written(Type::Acknowledgement, Code::EMPTY, &[], &[], &[])),
        (
            "post",
            written(
                Type::Confirmable,
                Code::POST,
                &[1, 2, 3, 4],
                &[(number::URI_PATH, b"t"), (number::URI_PATH, b"r"), (number::CONTENT_FORMAT, &[42])],
                &[0xab; 40],
            ),
        ),
        (
            "register",
            written(
                Type::Confirmable,
                Code::POST,
                &[9; 8],
                &[
                    (number::URI_PATH, b"rd"),
                    (number::CONTENT_FORMAT, &[40]),
                    (number::URI_QUERY, b"lwm2m=1.1"),
                    (number::URI_QUERY, b"ep=urn:imei:490154203237518"),
                    (number::URI_QUERY, b"lt=86400"),
                ],
                b"</>;rt=\"oma.lwm2m\";ct=110,</1/0>,</3/0>,</3424/0>",
            ),
        ),
        ("block", written(Type::Confirmable, Code::PUT, &[7], &[(number::BLOCK1, &block[7..])], &[0; 512])),
        ("far_option", written(Type::NonConfirmable, Code::GET, &[], &[(2000, &[1; 300]), (65_535, b"")], b"x")),
    ]
}

const PACK: &[u8] = br#"[{"bver":10,"bn":"/3424/0/","bt":1700000000,"n":"1","v":12.3450,"u":"m3","s":1e1},
{"n":"1","t":-3600,"v":-1.2E+1},{"n":"x","vs":"a\"\u00b3","ut":60},{"n":"b","vb":false},{"n":"d","vd":"q83v"},{"n":"l","vlo":"3:0"}]"#;

#[test]
#[ignore = "writes the seeds that our own encoder makes into the source tree"]
fn write_the_seeds() {
    for (name, octets) in messages() {
        seeds::write("coap_message", name, &octets);
    }
    let steps: [(&str, &[u8]); 4] = [
        ("copies", &[0, 7, 0, 0, 0, 7, 9, 0, 3, 7, 0, 0x44, 0, 7, 1, 0, 4, 7, 1, 0, 0, 7, 255, 0]),
        ("crowd", &[0, 1, 0, 0, 0, 5, 0, 0, 0, 9, 0, 0, 0, 13, 0, 0, 0, 17, 0, 0, 3, 9, 1, 68, 0, 21, 0, 0]),
        ("blocks", &[5, 0, 0, 8, 5, 1, 0, 8, 5, 1, 0, 8, 69, 2, 5, 0, 5, 0, 0, 14, 6, 0, 255, 0, 7, 3, 0, 0]),
        ("links", b"</>;rt=\"oma.lwm2m\";ct=110,</1/0>,</3424/0>;ver=1.1;obs;title=\"a \\\"b\\\"\""),
    ];
    for (name, octets) in steps {
        seeds::write("coap_exchange", name, octets);
    }
    let tlvs: [(&str, &[u8]); 5] = [
        ("device", &[1, 0xc3, 0x00, b'e', b's', b'h', 0x86, 0x06, 0x41, 0, 1, 0x41, 1, 5, 0xc1, 9, 100]),
        ("water", &[2, 0xc4, 1, 0x41, 0x48, 0, 0, 0xe4, 0x15, 0x8e, 0x65, 0x53, 0xf1, 0, 0xc1, 11, 1]),
        ("energy", &[3, 0xe4, 0x16, 0x44, 0x44, 0x9a, 0x50, 0, 0xe2, 0x16, 0x45, b'W', b'h']),
        ("intervals", &[4, 0xe8, 0x17, 0x8d, 19, 2, 0, 0, 0x65, 0x53, 0xf1, 0, 0, 0, 14, 16, 0, 2, 1, 16, 1, 2, 3, 4]),
        ("instances", &[5, 0x03, 0, 0xc1, 0, 1, 0x03, 2, 0xc1, 0, 3]),
    ];
    for (name, octets) in tlvs {
        seeds::write("lwm2m_tlv", name, octets);
    }
    seeds::write("senml_json", "every_label", PACK);
    seeds::write("senml_json", "paths", br#"[{"bn":"/3/0/","n":"0"},{"n":"9"}]"#);
    let cbor: [(&str, &[u8]); 2] = [
        (
            "labels",
            &[
                0x82, 0xa5, 0x20, 10, 0x21, 0x62, b'/', b'3', 0x22, 0x1a, 0x65, 0x53, 0xf1, 0, 0, 0x61, b'9', 2, 0xc4,
                0x82, 0x20, 0x18, 0xd7, 0xa2, 0, 0x61, b'x', 8, 0x42, 0xab, 0xcd,
            ],
        ),
        (
            "floats",
            &[
                0x82, 0xa2, 0, 0x61, b'a', 2, 0xf9, 0x3c, 0, 0xa2, 0, 0x61, b'b', 2, 0xfb, 0x40, 0x37, 0x19, 0x99,
                0x99, 0x99, 0x99, 0x9a,
            ],
        ),
    ];
    for (name, octets) in cbor {
        seeds::write("senml_cbor", name, octets);
    }
}
