//! AES-128 as LoRaWAN uses it: integrity codes, encrypted payloads, derived keys.

mod cipher;
mod derive;
mod mic;

pub(crate) use cipher::{Cipher, Decipher, same};
pub(crate) use derive::{join_server_keys, session_keys};
pub(crate) use mic::{confirmed_block, direction_block, f_opts_block, join_accept_prefix, payload_block};
