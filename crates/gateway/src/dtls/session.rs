//! Sessions that stand, and handshakes on their way there.

use super::cipher::{Cipher, Suite};
use super::hello::{self, ClientHello, message};
use super::prf::{KeyBlock, Master, premaster, prf};
use super::record::{self, Record, Window, content_type};
use super::{Identity, Path};
use esh_core::Key;
use ring::digest;

/// A session: what is left of a handshake, in about a kilobyte.
pub(super) struct Session {
    /// Where its peer was last.
    pub(super) path: Path,
    pub(super) identity: Identity,
    read: Cipher,
    write: Cipher,
    window: Window,
    sequence: u64,
    /// What the peer wants to stand in our records; `None` when no connection ids were agreed on.
    cid: Option<Box<[u8]>>,
    /// When it was last heard.
    pub(super) heard: u64,
    /// Our last flight, until the peer has shown that it came.
    finished: Option<Box<[u8]>>,
}

impl Session {
    /// Opens a record of it; with its type, and whether it is newer than all before.
    pub(super) fn open<'a>(&mut self, record: Record<'a>) -> Option<(u8, &'a mut [u8], bool)> {
        // RFC 9146, clause 3: whoever has agreed on connection ids sends them.
        if record.epoch != 1 || record.cid.is_some() != self.cid.is_some() || !self.window.admits(record.sequence) {
            return None;
        }
        let sequence = record.sequence;
        let (type_, octets) = record.open(&self.read)?;
        let newest = self.window.take(sequence);
        if type_ == content_type::APPLICATION_DATA {
            self.finished = None;
        }
        Some((type_, octets, newest))
    }

    /// A record for its peer; `None` when its numbers are used up.
    pub(super) fn seal(&mut self, type_: u8, octets: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = Vec::with_capacity(octets.len() + 64);
        self.seal_into(&mut sealed, type_, octets).then_some(sealed)
    }

    fn seal_into(&mut self, into: &mut Vec<u8>, type_: u8, octets: &[u8]) -> bool {
        if self.sequence >> 48 != 0 {
            return false;
        }
        let cid = self.cid.as_deref().unwrap_or_default();
        let sealed = record::write_sealed(into, &self.write, cid, type_, self.sequence, octets);
        self.sequence += 1;
        sealed
    }

    /// Our last flight, once more: a change of keys and the message that ends the handshake.
    pub(super) fn last_flight(&mut self, plain_sequence: u64) -> Option<Vec<u8>> {
        let finished = self.finished.take()?;
        let mut datagram = Vec::with_capacity(96);
        record::write_plain(&mut datagram, content_type::CHANGE_CIPHER_SPEC, plain_sequence, &[1]);
        let sealed = self.seal_into(&mut datagram, content_type::HANDSHAKE, &finished);
        self.finished = Some(finished);
        sealed.then_some(datagram)
    }
}

/// A handshake whose client has shown that it hears us.
pub(super) struct Handshake {
    pub(super) path: Path,
    pub(super) begun: u64,
    suite: Suite,
    pub(super) client_random: [u8; 32],
    server_random: [u8; 32],
    extended: bool,
    /// Our connection id is also the number of the session.
    pub(super) session: u64,
    cid: Option<Box<[u8]>>,
    /// All messages so far.
    transcript: Vec<u8>,
    /// The number of the client's next message, and of ours.
    expected: u16,
    next: u16,
    /// The number of our next record in plain.
    pub(super) sequence: u64,
    hello: Box<[u8]>,
    keyed: Option<Keyed>,
}

/// What is there once the client has named its key.
struct Keyed {
    identity: Identity,
    master: Master,
    read: Cipher,
    write: Cipher,
}

/// What became of a message of the client.
pub(super) enum Progress {
    /// Nothing yet.
    Waits,
    /// The session stands.
    Done(Box<Session>),
    /// It has failed, so the client is told: it has another key, or one that we do not know.
    Failed(Option<Identity>),
}

impl Handshake {
    /// Begins with a hello whose cookie is ours, with random octets and a number for the session.
    pub(super) fn new(
        path: Path,
        now: u64,
        hello: &ClientHello<'_>,
        said: &hello::Handshake<'_>,
        suite: Suite,
        (server_random, session): ([u8; 32], u64),
        record: u64,
    ) -> Self {
        let mut transcript = said.whole.to_vec();
        let own = session.to_be_bytes();
        let body = hello::server_hello(hello, suite, &server_random, hello.cid.map(|_| &own[..]));
        let mut flight = Vec::with_capacity(128);
        hello::write(&mut flight, message::SERVER_HELLO, said.sequence, &body);
        hello::write(&mut flight, message::SERVER_HELLO_DONE, said.sequence.wrapping_add(1), &[]);
        transcript.extend(&flight);
        Self {
            path,
            begun: now,
            suite,
            client_random: hello.random,
            server_random,
            extended: hello.extended_master_secret,
            session,
            cid: hello.cid.map(Into::into),
            transcript,
            expected: said.sequence.wrapping_add(1),
            next: said.sequence.wrapping_add(2),
            sequence: record,
            hello: flight.into(),
            keyed: None,
        }
    }

    /// Our hello, in one datagram.
    pub(super) fn flight(&mut self) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(160);
        record::write_plain(&mut datagram, content_type::HANDSHAKE, self.sequence, &self.hello);
        self.sequence += 1;
        datagram
    }

    /// The client has named its key: RFC 4279, clause 2. `keys` finds it.
    pub(super) fn key_exchange(
        &mut self,
        said: &hello::Handshake<'_>,
        keys: &dyn Fn(&str) -> Option<(Key, Identity)>,
    ) -> Progress {
        if said.sequence != self.expected || self.keyed.is_some() {
            return Progress::Waits;
        }
        let mut input = esh_core::Input::new(said.body, 0, esh_core::Layer::Security);
        let identity = hello::vector16(&mut input, "identity").ok().and_then(|identity| str::from_utf8(identity).ok());
        let Some(named) = identity else { return Progress::Failed(None) };
        let Some((psk, identity)) = keys(named) else { return Progress::Failed(Some(named.into())) };
        self.transcript.extend(said.whole);
        self.expected = self.expected.wrapping_add(1);
        let secret = premaster(psk.expose());
        let mut master = Master::new([0; 48]);
        if self.extended {
            let hash = digest::digest(&digest::SHA256, &self.transcript);
            prf(&secret, b"extended master secret", &[hash.as_ref()], &mut master[..]);
        } else {
            prf(&secret, b"master secret", &[&self.client_random, &self.server_random], &mut master[..]);
        }
        let block = KeyBlock::new(&master, &self.server_random, &self.client_random);
        let parts = || {
            let (client, rest) = block.0.split_first_chunk::<16>()?;
            let (server, rest) = rest.split_first_chunk::<16>()?;
            let (client_salt, rest) = rest.split_first_chunk::<4>()?;
            let (server_salt, _) = rest.split_first_chunk::<4>()?;
            let read = Cipher::new(self.suite, client, *client_salt)?;
            Some((read, Cipher::new(self.suite, server, *server_salt)?))
        };
        let Some((read, write)) = parts() else { return Progress::Failed(Some(identity)) };
        self.keyed = Some(Keyed { identity, master, read, write });
        Progress::Waits
    }

    /// A record with the new keys: the client's last message.
    pub(super) fn finish(&mut self, now: u64, path: Path, record: Record<'_>) -> Progress {
        let Some(keyed) = &self.keyed else { return Progress::Waits };
        if record.epoch != 1 || record.cid.is_some() != self.cid.is_some() {
            return Progress::Waits;
        }
        let (type_, sequence) = (record.type_, record.sequence);
        let failed = Progress::Failed(Some(keyed.identity.clone()));
        let Some((inner, octets)) = record.open(&keyed.read) else {
            // Only a record that may be the last message of this client tells that it has another key.
            let last = matches!(type_, content_type::HANDSHAKE | content_type::TLS12_CID) && sequence == 0;
            return if last { failed } else { Progress::Waits };
        };
        let mut input = esh_core::Input::new(octets, 0, esh_core::Layer::Security);
        let (content_type::HANDSHAKE, Ok(said)) = (inner, hello::Handshake::read(&mut input)) else {
            return Progress::Waits;
        };
        if said.type_ != message::FINISHED || said.sequence != self.expected {
            return Progress::Waits;
        }
        let verify = |label, transcript: &[u8]| {
            let (hash, mut verify) = (digest::digest(&digest::SHA256, transcript), [0; 12]);
            prf(&keyed.master[..], label, &[hash.as_ref()], &mut verify);
            verify
        };
        let expected = verify(&b"client finished"[..], &self.transcript);
        if !bool::from(subtle::ConstantTimeEq::ct_eq(&expected[..], said.body)) {
            return failed;
        }
        self.transcript.extend(said.whole);
        let mut finished = Vec::with_capacity(24);
        hello::write(&mut finished, message::FINISHED, self.next, &verify(b"server finished", &self.transcript));
        let Some(Keyed { identity, read, write, .. }) = self.keyed.take() else { return Progress::Waits };
        let mut window = Window::default();
        window.take(sequence);
        Progress::Done(Box::new(Session {
            path,
            identity,
            read,
            write,
            window,
            sequence: 0,
            cid: self.cid.take(),
            heard: now,
            finished: Some(finished.into()),
        }))
    }
}
