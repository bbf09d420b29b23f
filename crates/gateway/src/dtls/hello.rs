//! Hellos: RFC 5246, clause 7.4.1, with the cookie of RFC 6347, clause 4.2.1, the extended master secret of RFC 7627 and
//! the connection id of RFC 9146.

use super::cipher::Suite;
use super::record::VERSION;
use esh_core::{DecodeError, Input, Layer, Reason};

/// Types of handshake messages.
pub(super) mod message {
    pub(in crate::dtls) const CLIENT_HELLO: u8 = 1;
    pub(in crate::dtls) const SERVER_HELLO: u8 = 2;
    pub(in crate::dtls) const HELLO_VERIFY_REQUEST: u8 = 3;
    pub(in crate::dtls) const SERVER_HELLO_DONE: u8 = 14;
    pub(in crate::dtls) const CLIENT_KEY_EXCHANGE: u8 = 16;
    pub(in crate::dtls) const FINISHED: u8 = 20;
}

const EXTENDED_MASTER_SECRET: u16 = 23;
const CONNECTION_ID: u16 = 54;
const RENEGOTIATION_INFO: u16 = 0xff01;
/// `TLS_EMPTY_RENEGOTIATION_INFO_SCSV`, RFC 5746.
const NO_RENEGOTIATION: u16 = 0x00ff;

/// A handshake message in one piece; RFC 6347, clause 4.2.2.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handshake<'a> {
    pub(super) type_: u8,
    pub(super) sequence: u16,
    pub(super) body: &'a [u8],
    /// With its header, as it stands in the transcript.
    pub(super) whole: &'a [u8],
}

/// Octets of the header of a handshake message.
const HEADER: usize = 12;

impl<'a> Handshake<'a> {
    /// The next message of a record.
    ///
    /// # Errors
    /// When it is cut, or one of several fragments: what clients of pre-shared keys send is short.
    pub(super) fn read(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        let whole = input.rest();
        let begin = *input;
        let [type_, l0, l1, l2, s0, s1, o0, o1, o2, f0, f1, f2] = *input.array("handshake header")?;
        let length = u32::from_be_bytes([0, l0, l1, l2]);
        if [o0, o1, o2] != [0; 3] || u32::from_be_bytes([0, f0, f1, f2]) != length {
            return Err(begin.error("fragment", Reason::Unsupported));
        }
        let body = input.take("handshake message", length as usize)?;
        let whole = whole.get(..HEADER + body.len()).unwrap_or_default();
        Ok(Self { type_, sequence: u16::from_be_bytes([s0, s1]), body, whole })
    }
}

/// Writes a handshake message in one piece.
pub(super) fn write(into: &mut Vec<u8>, type_: u8, sequence: u16, body: &[u8]) {
    let [_, length @ ..] = (body.len() as u32).to_be_bytes();
    into.push(type_);
    into.extend(length);
    into.extend(sequence.to_be_bytes());
    into.extend([0; 3]);
    into.extend(length);
    into.extend(body);
}

/// What a client says first.
#[derive(Clone, Debug)]
pub(super) struct ClientHello<'a> {
    pub(super) version: [u8; 2],
    pub(super) random: [u8; 32],
    /// What stands before the cookie, and behind it up to the extensions: a cookie is good for these alone.
    pub(super) before: &'a [u8],
    pub(super) cookie: &'a [u8],
    pub(super) behind: &'a [u8],
    /// The first suite it names that we have.
    pub(super) suite: Option<Suite>,
    pub(super) extended_master_secret: bool,
    pub(super) says_renegotiation: bool,
    /// The connection id it wants in our records.
    pub(super) cid: Option<&'a [u8]>,
}

impl<'a> ClientHello<'a> {
    /// Reads the body of the message.
    ///
    /// # Errors
    /// Where it is malformed.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(body, 0, Layer::Security);
        let version = *input.array("client version")?;
        let random = *input.array("random")?;
        let session_id = vector8(&mut input, "session id")?;
        if session_id.len() > 32 {
            return Err(input.error("session id", Reason::TooLong { limit: 32, found: session_id.len() }));
        }
        let before = body.get(..body.len() - input.len()).unwrap_or_default();
        let cookie = vector8(&mut input, "cookie")?;
        let from = body.len() - input.len();
        let suites = vector16(&mut input, "cipher suites")?;
        let compression = vector8(&mut input, "compression methods")?;
        if !compression.contains(&0) || suites.len() % 2 != 0 {
            return Err(input.error("compression methods", Reason::Malformed));
        }
        let behind = body.get(from..body.len() - input.len()).unwrap_or_default();
        let numbers = || suites.as_chunks::<2>().0.iter().map(|number| u16::from_be_bytes(*number));
        let mut hello = Self {
            version,
            random,
            before,
            cookie,
            behind,
            suite: numbers().find_map(Suite::from_number),
            extended_master_secret: false,
            says_renegotiation: numbers().any(|number| number == NO_RENEGOTIATION),
            cid: None,
        };
        if !input.is_empty() {
            let mut extensions = Input::new(vector16(&mut input, "extensions")?, input.offset(), Layer::Security);
            while !extensions.is_empty() {
                let type_ = extensions.u16_be("extension type")?;
                let content = vector16(&mut extensions, "extension")?;
                match type_ {
                    EXTENDED_MASTER_SECRET => hello.extended_master_secret = true,
                    RENEGOTIATION_INFO => hello.says_renegotiation = true,
                    CONNECTION_ID => {
                        let mut content = Input::new(content, extensions.offset(), Layer::Security);
                        hello.cid = Some(vector8(&mut content, "connection id")?);
                    }
                    _ => {}
                }
            }
        }
        Ok(hello)
    }
}

pub(super) fn vector8<'a>(input: &mut Input<'a>, field: &'static str) -> Result<&'a [u8], DecodeError> {
    let length = input.u8(field)?;
    input.take(field, length.into())
}

pub(super) fn vector16<'a>(input: &mut Input<'a>, field: &'static str) -> Result<&'a [u8], DecodeError> {
    let length = input.u16_be(field)?;
    input.take(field, length.into())
}

/// The answer to a hello without a cookie.
pub(super) fn hello_verify_request(cookie: &[u8]) -> Vec<u8> {
    // RFC 6347, clause 4.2.1: it says DTLS 1.0, whatever will be agreed on.
    let mut body = vec![0xfe, 0xff, cookie.len() as u8];
    body.extend(cookie);
    body
}

/// The answer to a hello with one; `cid` is ours, where the client has asked for one.
pub(super) fn server_hello(hello: &ClientHello<'_>, suite: Suite, random: &[u8; 32], cid: Option<&[u8]>) -> Vec<u8> {
    let mut body = Vec::with_capacity(80);
    body.extend(VERSION);
    body.extend(random);
    // No session id: sessions are not resumed, they last.
    body.push(0);
    body.extend(suite.number().to_be_bytes());
    body.push(0);
    let mut extensions = Vec::with_capacity(24);
    let mut extension = |type_: u16, content: &[u8]| {
        extensions.extend(type_.to_be_bytes());
        extensions.extend((content.len() as u16).to_be_bytes());
        extensions.extend(content);
    };
    if hello.says_renegotiation {
        extension(RENEGOTIATION_INFO, &[0]);
    }
    if hello.extended_master_secret {
        extension(EXTENDED_MASTER_SECRET, &[]);
    }
    if let Some(cid) = cid {
        let mut content = vec![cid.len() as u8];
        content.extend(cid);
        extension(CONNECTION_ID, &content);
    }
    if !extensions.is_empty() {
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
    }
    body
}
