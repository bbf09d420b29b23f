//! How data frames are protected: MIC, encryption, and the counter that both need; TS001-1.0.4, 4.3.3 and 4.4; TS001-1.1,
//! 4.3 and 4.4.

use super::{Session, Transmission, Version};
use crate::{
    DevAddr, Direction, FCtrl,
    counter::candidates,
    crypto::{Cipher, confirmed_block, direction_block, f_opts_block, payload_block, same},
    data::Data,
};
use esh_core::{DecodeError, Layer, Reason};

impl Session {
    /// The counter with which the MIC fits; only one is tried where the upper 16 bits are known.
    #[inline]
    pub(crate) fn find(
        &self,
        protected: &[u8],
        outline: &Outline,
        sent: &Transmission,
        high: Option<u16>,
    ) -> Option<u32> {
        let fits = |counter: &u32| self.verify(protected, outline, *counter, sent) == Some(true);
        match high {
            Some(_) => Some(self.likeliest(outline, high)).filter(fits),
            // The rest is for frames that were lost in thousands, that are old, or another device's.
            None => Some(self.likeliest(outline, None)).filter(fits).or_else(|| self.search(outline, fits)),
        }
    }

    #[cold]
    fn search(&self, outline: &Outline, fits: impl FnMut(&u32) -> bool) -> Option<u32> {
        candidates(self.last(outline.direction), outline.f_cnt).skip(1).find(fits)
    }

    const fn last(&self, direction: Direction) -> Option<u32> {
        match direction {
            Direction::Up => self.last_up,
            Direction::Down => None,
        }
    }

    /// The counter to assume when no MIC can tell.
    pub(crate) fn likeliest(&self, outline: &Outline, high: Option<u16>) -> u32 {
        likeliest(self.last(outline.direction), outline.f_cnt, high)
    }

    /// Whether the MIC of a frame with that counter fits; `None` when a key for it is missing.
    #[inline]
    pub(crate) fn verify(
        &self,
        protected: &[u8],
        outline: &Outline,
        counter: u32,
        sent: &Transmission,
    ) -> Option<bool> {
        Some(same(self.mic(protected, outline, counter, sent)?, outline.mic))
    }

    /// The MIC of a frame; TS001-1.0.4, 4.4; TS001-1.1, 4.4.
    #[inline]
    pub(crate) fn mic(
        &self,
        protected: &[u8],
        outline: &Outline,
        counter: u32,
        sent: &Transmission,
    ) -> Option<[u8; 4]> {
        let Outline { direction, address, f_ctrl, .. } = *outline;
        let block = |confirmed| direction_block(confirmed, direction, address, counter, protected.len());
        if self.version == Version::V1_0 {
            return Some(self.forwarding.as_ref()?.mic_behind(block(0), protected));
        }
        let confirmed = if f_ctrl.ack() { sent.confirmed.unwrap_or(self.confirmed) } else { 0 };
        let serving = self.serving.as_ref()?;
        if direction == Direction::Down {
            return Some(serving.mic_behind(block(confirmed), protected));
        }
        let [f0, f1, ..] = self.forwarding.as_ref()?.mic_behind(block(0), protected);
        let block = confirmed_block(confirmed, sent.data_rate, sent.channel, address, counter, protected.len());
        let [s0, s1, ..] = serving.mic_behind(block, protected);
        Some([s0, s1, f0, f1])
    }

    /// Encrypts or decrypts, which is the same, what of a frame it has keys for.
    #[inline]
    pub(crate) fn crypt(&self, frame: &mut [u8], outline: &Outline, counter: u32) -> Crypted {
        let Outline { direction, address, f_port, payload_at, end, opts_end, .. } = *outline;
        let payload_key = self.payload_key(f_port);
        if let (Some(cipher), Some(payload)) = (payload_key, frame.get_mut(payload_at..end)) {
            cipher.stream(payload_block(direction, address, counter), payload);
        }
        let f_opts = match self.version {
            Version::V1_0 => true,
            Version::V1_1 => self.crypt_options(frame, outline, opts_end, counter),
        };
        Crypted { f_opts, payload: payload_key.is_some() }
    }

    fn crypt_options(&self, frame: &mut [u8], outline: &Outline, end: usize, counter: u32) -> bool {
        let (Some(cipher), Some(options)) = (&self.encryption, frame.get_mut(Data::F_OPTS..end)) else { return false };
        let application = outline.direction == Direction::Down && outline.f_port.is_some_and(|port| port > 0);
        let [mut key @ .., _] = cipher.encrypt(f_opts_block(application, outline.direction, outline.address, counter));
        options.iter_mut().zip(&mut key).for_each(|(octet, key)| *octet ^= core::mem::take(key));
        true
    }

    #[inline]
    const fn payload_key(&self, f_port: Option<u8>) -> Option<&Cipher> {
        match (f_port, self.version) {
            (None, _) => None,
            (Some(0), Version::V1_0) => self.forwarding.as_ref(),
            (Some(0), Version::V1_1) => self.encryption.as_ref(),
            (Some(_), _) => self.application.as_ref(),
        }
    }

    /// The key of rejoin requests of the types 0 and 2.
    pub(crate) const fn serving(&self) -> Option<&Cipher> {
        self.serving.as_ref()
    }
}

/// The counter to assume when no MIC can tell.
pub(crate) fn likeliest(last: Option<u32>, low: u16, high: Option<u16>) -> u32 {
    match high {
        Some(high) => u32::from(high) << 16 | u32::from(low),
        None => candidates(last, low).next().unwrap_or_else(|| low.into()),
    }
}

/// What of a frame was decrypted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crypted {
    pub(crate) f_opts: bool,
    pub(crate) payload: bool,
}

/// A data frame by its places, so that it can be decrypted where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outline {
    pub(crate) direction: Direction,
    pub(crate) address: DevAddr,
    pub(crate) f_ctrl: FCtrl,
    pub(crate) f_cnt: u16,
    pub(crate) f_port: Option<u8>,
    pub(crate) opts_end: usize,
    pub(crate) payload_at: usize,
    /// Where the MIC begins.
    pub(crate) end: usize,
    pub(crate) mic: [u8; 4],
}

impl Outline {
    #[inline]
    pub(crate) fn of(data: &Data<'_>) -> Self {
        Self {
            direction: data.direction,
            address: data.fhdr.dev_addr(),
            f_ctrl: data.fhdr.f_ctrl(),
            f_cnt: data.fhdr.f_cnt(),
            f_port: data.f_port,
            opts_end: Data::F_OPTS + data.f_opts.len(),
            payload_at: data.payload_at(),
            end: data.protected.len(),
            mic: data.mic,
        }
    }

    /// An error about the MIC.
    pub(crate) const fn mic_error(&self, reason: Reason) -> DecodeError {
        DecodeError { layer: Layer::Security, field: "MIC", offset: self.end, reason }
    }
}
