//! The fields of a frame are told one by one: where they stand, what they hold, what that means.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use esh_core::{Carrier, Field, Key, Known, Manufacturer, Medium, Meter, Out, Purpose, Reading};
use esh_wmbus::{
    Address, Framing, Wmbus,
    telegram::{Extended, Protection, Telegram},
};

struct Lines(Vec<String>);

impl<'a> Out<'a> for Lines {
    fn reading(&mut self, _: Reading<'a>) {}

    fn wants_fields(&self) -> bool {
        true
    }

    fn field(&mut self, field: Field<'_>) {
        let Field { layer, offset, len, name, key, value, meaning } = field;
        self.0.push(format!("{} {offset}+{len} {name} [{key}] {value} {meaning}", layer.word()).trim_end().to_owned());
    }
}

struct One(Key);

impl Known for One {
    fn keys(&self, _: &Meter, _: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        each(&self.0)
    }
}

fn explained(telegram: &Telegram<'_>, key: &Key) -> Vec<String> {
    let mut buffer = [0; 300];
    let mut frame = telegram.write(&mut buffer).unwrap().to_vec();
    let mut lines = Lines(Vec::new());
    Wmbus::default().open(&mut frame, &One(key.clone()), &mut lines).unwrap();
    lines.0
}

#[test]
fn every_header_field_is_told() {
    let key = Key::new(&[7; 16]).unwrap();
    let telegram = Telegram {
        framing: Framing::FormatA,
        control: 0x44,
        link: Address::new(Manufacturer(0x4493), [0x44, 0x33, 0x22, 0x11], 0x55, Medium(0x37)),
        primary: 0,
        extended: Some(Extended::Short { control: 0x20, access: 5 }),
        ci: 0x72,
        meter: Address::new(Manufacturer(0x2c2d), [0x78, 0x56, 0x34, 0x12], 0x1b, Medium::GAS),
        access: 42,
        status: 0x04,
        protection: Protection::Mode7 { key: &key, counter: 9 },
        payload: &[0x04, 0x13, 1, 0, 0, 0],
    };
    let expect = [
        "link 0+1 L-field [] 59",
        "link 1+1 C-field [c_field] 68 SND_NR",
        "link 2+2 manufacturer [link_manufacturer] QDS",
        "link 4+4 identification number [link_id] 11223344",
        "link 8+1 version [link_version] 85",
        "link 9+1 device type [link_type] 55 radio_converter",
        "extended_link 10+1 CI field [] 140 extended link layer, 2 octets",
        "extended_link 11+1 communication control field [ell_cc] 32 synchronised",
        "extended_link 12+1 access number [ell_access_number] 5",
        "authentication 13+1 CI field [] 144 authentication and fragmentation layer",
        "authentication 14+1 AFL length [] 15",
        "authentication 15+2 fragmentation control field [fcl] 11264 not fragmented",
        "authentication 17+1 message control field [mcl] 37",
        "authentication 18+4 message counter [counter] 9",
        "authentication 22+8 authentication code [mac] c0e1a8d4a96b806c",
        "transport 30+1 CI field [ci] 114 response, long header",
        "transport 31+4 identification number [id] 12345678",
        "transport 35+2 manufacturer [manufacturer] KAM",
        "transport 37+1 version [version] 27",
        "transport 38+1 device type [type] 3 gas",
        "transport 39+1 access number [access_number] 42",
        "transport 40+1 status [status] 4 battery.low",
        "transport 41+2 configuration field [configuration] 1808 security mode 7, 1 block encrypted",
        "transport 41+0 security mode [mode] 7 AES-128 in cipher block chaining, keys of this message",
        "transport 43+1 configuration field extension [configuration_extension] 10 key derivation 1, key 0",
        "security 44+16 plaintext [plaintext] 2f2f0413010000002f2f2f2f2f2f2f2f decrypted and authenticated",
        "security 44+0 authenticated [authenticated] true decrypted and authenticated",
    ];
    let found = explained(&telegram, &key);
    assert_eq!(found, expect);
    let mode_5 = Telegram { protection: Protection::Mode5 { key: &key }, ..telegram };
    assert!(
        explained(&mode_5, &key).contains(
            &"security 26+16 plaintext [plaintext] 2f2f0413010000002f2f2f2f2f2f2f2f decrypted but not authenticated"
                .to_owned()
        )
    );
}
