//! Published vectors of AES-CCM*, of the keyed hashes and of install codes. `ESH_CORPUS` names their folder.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../checks/corpus.rs"]
mod corpus;

use corpus::{octets, rows};
use esh_core::{Input, Layer};
use esh_zigbee::security::{AuxiliaryHeader, Cipher, key_load, key_transport, link_key_of, verify};

fn key(hex: &serde_json::Value) -> [u8; 16] {
    octets(hex.as_str().unwrap()).try_into().unwrap()
}

#[test]
fn ccm_vectors() {
    let vectors: Vec<_> = rows("zigbee-frames.jsonl").into_iter().filter(|row| row["kind"] == "ccm_vector").collect();
    for row in &vectors {
        let headers = octets(row["aad"].as_str().unwrap());
        let nonce = octets(row["nonce"].as_str().unwrap());
        let control = *nonce.last().unwrap();
        let source = u64::from_le_bytes(nonce[..8].try_into().unwrap());
        let counter = &nonce[8..12];
        // The auxiliary header is where its control and its counter stand.
        let wanted: Vec<u8> = [&[control][..], counter].concat();
        let control_at = headers.windows(5).rposition(|five| five == wanted).unwrap();
        let mut sent = headers.clone();
        sent[control_at] &= !7;
        let mut input = Input::new(&sent, 0, Layer::Security);
        input.take("header", control_at).unwrap();
        let auxiliary = AuxiliaryHeader::read(&mut input).unwrap();
        let mut payload = octets(row["ciphertext_and_mic"].as_str().unwrap());
        let mic = payload.split_off(payload.len() - 4);
        let sealed = payload.clone();
        let cipher = Cipher::new(&key(&row["ccm_key"]));
        let plain = octets(row["plaintext"].as_str().unwrap());
        assert!(cipher.open(&mut sent, control_at, auxiliary, source, &mut payload, &mic), "{}", row["test"]);
        assert_eq!(payload, plain, "{}", row["test"]);
        let tag = cipher.seal(&sent, control_at, auxiliary, source, &mut payload).unwrap();
        assert_eq!((payload, tag.to_vec()), (sealed.clone(), mic.clone()));
        let mut altered = sealed.clone();
        if let Some(first) = altered.first_mut() {
            *first ^= 1;
            let before = altered.clone();
            assert!(!cipher.open(&mut sent, control_at, auxiliary, source, &mut altered, &mic));
            assert_eq!(altered, before, "a payload that does not open stays as it was");
        }
    }
    println!("{} vectors", vectors.len());
}

#[test]
fn hashes_and_install_codes() {
    for row in rows("zigbee-frames.jsonl") {
        match row["kind"].as_str().unwrap() {
            "key_hash_vector" => {
                let link = key(&row["link_key"]);
                let expected = key(&row["expected"]);
                assert!([key_transport(&link), key_load(&link), verify(&link)].contains(&expected), "{}", row["name"]);
            }
            "install_code" => {
                let code = octets(row["install_code_with_crc"].as_str().unwrap());
                assert_eq!(link_key_of(&code).unwrap(), key(&row["link_key"]));
            }
            _ => {}
        }
    }
}
