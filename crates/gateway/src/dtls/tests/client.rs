//! A client for tests: what it does not do, real clients in `tests/coap.rs` do.

use crate::dtls::cipher::{Cipher, Suite};
use crate::dtls::hello::{self, Handshake, message};
use crate::dtls::prf::{KeyBlock, Master, premaster, prf};
use crate::dtls::record::{self, Record, content_type};
use esh_core::{Input, Layer};
use ring::digest;

pub(crate) struct Client {
    pub(crate) suite: Suite,
    pub(crate) identity: &'static str,
    pub(crate) psk: Vec<u8>,
    pub(crate) random: [u8; 32],
    /// Our connection id, where we want one.
    pub(crate) cid: Option<Vec<u8>>,
    pub(crate) extended: bool,
    cookie: Vec<u8>,
    sequence: u64,
    transcript: Vec<u8>,
    server_random: [u8; 32],
    master: Master,
    read: Option<Cipher>,
    write: Option<Cipher>,
    /// What the server wants in our records.
    peer_cid: Vec<u8>,
    sealed: u64,
    flight: Vec<u8>,
    pub(crate) is_up: bool,
}

impl Client {
    pub(crate) fn new(suite: Suite, random: u64, cid: Option<&[u8]>) -> Self {
        let mut octets = [7; 32];
        octets[..8].copy_from_slice(&random.to_be_bytes());
        Self {
            suite,
            identity: "esh1",
            psk: b"0123456789abcdef".to_vec(),
            random: octets,
            cid: cid.map(<[u8]>::to_vec),
            extended: true,
            cookie: Vec::new(),
            sequence: 0,
            transcript: Vec::new(),
            server_random: [0; 32],
            master: Master::new([0; 48]),
            read: None,
            write: None,
            peer_cid: Vec::new(),
            sealed: 0,
            flight: Vec::new(),
            is_up: false,
        }
    }

    /// A hello, with a cookie from the second on.
    pub(crate) fn hello(&mut self, cookie: &[u8]) -> Vec<u8> {
        let mut body = Vec::from(record::VERSION);
        body.extend(self.random);
        body.push(0);
        body.push(cookie.len() as u8);
        body.extend(cookie);
        body.extend([0, 2]);
        body.extend(self.suite.number().to_be_bytes());
        body.extend([1, 0]);
        let mut extensions = Vec::new();
        if self.extended {
            extensions.extend([0, 23, 0, 0]);
        }
        if let Some(cid) = &self.cid {
            extensions.extend([0, 54, 0, cid.len() as u8 + 1, cid.len() as u8]);
            extensions.extend(cid);
        }
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        self.transcript.clear();
        hello::write(&mut self.transcript, message::CLIENT_HELLO, u16::from(!cookie.is_empty()), &body);
        let mut datagram = Vec::new();
        record::write_plain(&mut datagram, content_type::HANDSHAKE, self.sequence, &self.transcript);
        self.sequence += 1;
        datagram
    }

    /// Takes a datagram of the server: what is to be sent, and what it has said.
    pub(crate) fn receive(&mut self, datagram: &[u8]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let (mut out, mut heard) = (Vec::new(), Vec::new());
        let mut datagram = datagram.to_vec();
        let mut rest = &mut datagram[..];
        while !rest.is_empty() {
            let (record, behind) = self.split(rest);
            rest = behind;
            if record.epoch == 1 {
                let Some(read) = &self.read else { continue };
                let Some((type_, octets)) = self.open(record, read) else { continue };
                match type_ {
                    content_type::HANDSHAKE => {
                        let mut verify = [0; 12];
                        let hash = digest::digest(&digest::SHA256, &self.transcript);
                        prf(&self.master[..], b"server finished", &[hash.as_ref()], &mut verify);
                        assert_eq!(octets[12..], verify);
                        self.is_up = true;
                    }
                    content_type::APPLICATION_DATA => heard.push(octets),
                    _ => {}
                }
                continue;
            }
            if record.type_ != content_type::HANDSHAKE {
                continue;
            }
            let fragment = record.fragment.to_vec();
            let mut input = Input::new(&fragment, 0, Layer::Security);
            while !input.is_empty() {
                let said = Handshake::read(&mut input).unwrap();
                match said.type_ {
                    message::HELLO_VERIFY_REQUEST => {
                        self.cookie = said.body[3..].to_vec();
                        out.push(self.hello_again());
                    }
                    message::SERVER_HELLO if self.flight.is_empty() => {
                        self.transcript.extend(said.whole);
                        self.server_random.copy_from_slice(&said.body[2..34]);
                        if let Some(at) = said.body.windows(3).position(|octets| octets == [0, 54, 0]) {
                            self.peer_cid = said.body[at + 5..][..usize::from(said.body[at + 4])].to_vec();
                        }
                    }
                    message::SERVER_HELLO_DONE if self.flight.is_empty() => {
                        self.transcript.extend(said.whole);
                        self.exchange();
                        out.push(self.flight.clone());
                    }
                    _ => {}
                }
            }
        }
        (out, heard)
    }

    /// Whether our last flight has been sent.
    pub(crate) fn has_flight(&self) -> bool {
        !self.flight.is_empty()
    }

    /// The hello that is to be sent when no answer comes: the client has a cookie or has none.
    pub(crate) fn hello_again(&mut self) -> Vec<u8> {
        let cookie = self.cookie.clone();
        self.hello(&cookie)
    }

    /// Our last flight, once more: its last record has a number of its own.
    pub(crate) fn again(&mut self) -> Vec<u8> {
        self.last(false)
    }

    fn exchange(&mut self) {
        let mut body = (self.identity.len() as u16).to_be_bytes().to_vec();
        body.extend(self.identity.as_bytes());
        let before = self.transcript.len();
        hello::write(&mut self.transcript, message::CLIENT_KEY_EXCHANGE, 2, &body);
        let secret = premaster(&self.psk);
        if self.extended {
            let hash = digest::digest(&digest::SHA256, &self.transcript);
            prf(&secret, b"extended master secret", &[hash.as_ref()], &mut self.master[..]);
        } else {
            prf(&secret, b"master secret", &[&self.random, &self.server_random], &mut self.master[..]);
        }
        let block = KeyBlock::new(&self.master, &self.server_random, &self.random).0;
        let cipher = |key: usize, salt: usize| {
            Cipher::new(self.suite, block[key..key + 16].try_into().unwrap(), block[salt..salt + 4].try_into().unwrap())
        };
        (self.write, self.read) = (cipher(0, 32), cipher(16, 36));
        record::write_plain(&mut self.flight, content_type::HANDSHAKE, self.sequence, &self.transcript[before..]);
        self.flight = self.last(true);
    }

    fn last(&mut self, first: bool) -> Vec<u8> {
        let mut datagram = self.flight.clone();
        if !first {
            // Up to its change of keys it is the same.
            let end = datagram.windows(14).position(|octets| octets[0] == 20 && octets[13] == 1).unwrap();
            datagram.truncate(end);
        }
        record::write_plain(&mut datagram, content_type::CHANGE_CIPHER_SPEC, self.sequence + 1, &[1]);
        let transcript =
            if first { self.transcript.clone() } else { self.transcript[..self.transcript.len() - 24].to_vec() };
        let (hash, mut verify) = (digest::digest(&digest::SHA256, &transcript), [0; 12]);
        prf(&self.master[..], b"client finished", &[hash.as_ref()], &mut verify);
        let mut finished = Vec::new();
        hello::write(&mut finished, message::FINISHED, 3, &verify);
        if first {
            self.transcript.extend(&finished);
        }
        self.put(&mut datagram, content_type::HANDSHAKE, &finished);
        datagram
    }

    fn put(&mut self, into: &mut Vec<u8>, type_: u8, octets: &[u8]) {
        let write = self.write.as_ref().unwrap();
        assert!(record::write_sealed(into, write, &self.peer_cid, type_, self.sealed, octets));
        self.sealed += 1;
    }

    pub(crate) fn seal(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::new();
        self.put(&mut datagram, content_type::APPLICATION_DATA, octets);
        datagram
    }

    pub(crate) fn close(&mut self) -> Vec<u8> {
        let mut datagram = Vec::new();
        self.put(&mut datagram, content_type::ALERT, &[1, 0]);
        datagram
    }

    /// Records for us have our connection id, of the length that we chose: the tests choose the length of the server's.
    fn split<'a>(&self, octets: &'a mut [u8]) -> (Record<'a>, &'a mut [u8]) {
        Record::split(octets).unwrap()
    }

    fn open(&self, record: Record<'_>, read: &Cipher) -> Option<(u8, Vec<u8>)> {
        record.open(read).map(|(type_, octets)| (type_, octets.to_vec()))
    }
}
