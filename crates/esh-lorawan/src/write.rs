//! Frames written: data of either direction, join requests and join accepts.

use crate::{
    Asked, DevAddr, Direction, Eui64, FCtrl, JoinAccept, LIMIT, MType, Session, Transmission,
    crypto::{Cipher, Decipher, join_server_keys},
    data::Data,
    open::mic_1_1,
    session::Outline,
};
use core::fmt;
use esh_core::Key;

/// Why a frame cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// It does not fit the buffer or a frame.
    TooLong,
    /// A key for it is missing or has not 16 octets.
    NoKey,
    /// The message type carries no data, or MAC commands stand in a frame whose payload is MAC commands.
    Malformed,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the frame does not fit",
            Self::NoKey => "a key of 16 octets is missing",
            Self::Malformed => "no such frame",
        })
    }
}

impl core::error::Error for WriteError {}

/// A data frame in plain, to be encrypted and signed.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    /// Which of the four types of data.
    pub m_type: MType,
    /// The device.
    pub dev_addr: DevAddr,
    /// The bits of the frame control octet; the length of the MAC commands is filled in.
    pub f_ctrl: FCtrl,
    /// The whole counter.
    pub counter: u32,
    /// MAC commands for the header, up to 15 octets.
    pub f_opts: &'a [u8],
    /// The port, and what goes to it.
    pub payload: Option<(u8, &'a [u8])>,
}

impl Plain<'_> {
    /// Writes the frame, encrypted and with its MIC.
    ///
    /// # Errors
    /// When it does not fit or a key is missing.
    pub fn write<'b>(
        &self,
        session: &Session,
        sent: &Transmission,
        into: &'b mut [u8],
    ) -> Result<&'b mut [u8], WriteError> {
        let direction = match self.m_type {
            MType::UnconfirmedDataUp | MType::ConfirmedDataUp => Direction::Up,
            MType::UnconfirmedDataDown | MType::ConfirmedDataDown => Direction::Down,
            _ => return Err(WriteError::Malformed),
        };
        let (port, payload) = self.payload.unzip();
        let (payload, options) = (payload.unwrap_or_default(), self.f_opts);
        let options_len = u8::try_from(options.len()).ok().filter(|len| *len < 16).ok_or(WriteError::TooLong)?;
        if port == Some(0) && options_len > 0 {
            return Err(WriteError::Malformed);
        }
        let [a0, a1, a2, a3] = self.dev_addr.to_air();
        let [c0, c1, ..] = self.counter.to_le_bytes();
        let f_ctrl = FCtrl(self.f_ctrl.0 & 0xf0 | options_len);
        let head = [self.m_type.header(), a0, a1, a2, a3, f_ctrl.0, c0, c1];
        let mut writer = Writer { octets: into, at: 0 };
        writer.put(&head)?.put(options)?.put(port.as_slice())?;
        let payload_at = writer.at;
        let end = writer.put(payload)?.at;
        let outline = Outline {
            direction,
            address: self.dev_addr,
            f_ctrl,
            f_cnt: self.counter as u16,
            f_port: port,
            opts_end: Data::F_OPTS + options.len(),
            payload_at,
            end,
            mic: [0; 4],
        };
        let crypted = session.crypt(into, &outline, self.counter);
        if !crypted.payload && !payload.is_empty() || !crypted.f_opts && !options.is_empty() {
            return Err(WriteError::NoKey);
        }
        let protected = into.get(..end).unwrap_or_default();
        let mic = session.mic(protected, &outline, self.counter, sent).ok_or(WriteError::NoKey)?;
        finish(into, end, mic)
    }
}

/// Writes a join request, signed with the AppKey of 1.0 or the NwkKey of 1.1.
///
/// # Errors
/// When it does not fit or the key has not 16 octets.
pub fn write_join_request<'b>(
    join_eui: Eui64,
    dev_eui: Eui64,
    dev_nonce: u16,
    key: &Key,
    into: &'b mut [u8],
) -> Result<&'b mut [u8], WriteError> {
    let cipher = Cipher::new(key.expose_128().ok_or(WriteError::NoKey)?);
    let mut writer = Writer { octets: into, at: 0 };
    let end = writer
        .put(&[MType::JoinRequest.header()])?
        .put(&join_eui.to_air())?
        .put(&dev_eui.to_air())?
        .put(&dev_nonce.to_le_bytes())?
        .at;
    let mic = cipher.mic(into.get(..end).unwrap_or_default());
    finish(into, end, mic)
}

impl JoinAccept {
    /// Writes the answer to a join or rejoin request, encrypted and signed with the AppKey of 1.0 or with what comes of the
    /// NwkKey of 1.1.
    ///
    /// # Errors
    /// When it does not fit or the key has not 16 octets.
    pub fn write<'b>(&self, asked: &Asked, key: &Key, into: &'b mut [u8]) -> Result<&'b mut [u8], WriteError> {
        let key = key.expose_128().ok_or(WriteError::NoKey)?;
        let root = Cipher::new(key);
        let (integrity, encryption) = join_server_keys(&root, asked.dev_eui);
        let (octets, len) = self.octets();
        let mut writer = Writer { octets: into, at: 0 };
        let end = writer.put(&[MType::JoinAccept.header()])?.put(octets.get(..len).unwrap_or_default())?.at;
        let protected = into.get(..end).unwrap_or_default();
        let mic = if self.dl_settings.opt_neg() { mic_1_1(&integrity, asked, protected) } else { root.mic(protected) };
        let frame = finish(into, end, mic)?;
        let decipher = Decipher::new(if asked.rejoin.is_some() { &encryption } else { key });
        if let Some((_, body)) = frame.split_first_mut() {
            body.as_chunks_mut::<16>().0.iter_mut().for_each(|block| *block = decipher.decrypt(*block));
        }
        Ok(frame)
    }
}

struct Writer<'b> {
    octets: &'b mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn put(&mut self, octets: &[u8]) -> Result<&mut Self, WriteError> {
        let end = self.at + octets.len();
        self.octets.get_mut(self.at..end).ok_or(WriteError::TooLong)?.copy_from_slice(octets);
        self.at = end;
        Ok(self)
    }
}

/// Appends the MIC.
fn finish(into: &mut [u8], end: usize, mic: [u8; 4]) -> Result<&mut [u8], WriteError> {
    Writer { octets: into, at: end }.put(&mic)?;
    into.get_mut(..end + 4).filter(|frame| frame.len() <= LIMIT).ok_or(WriteError::TooLong)
}
