//! A session: what a device and its network share from one join to the next; TS001, 6.1.2.

mod protection;

pub(crate) use protection::{Crypted, Outline, likeliest};

use crate::{
    Asked, DevAddr, Direction, Eui64, JoinAccept, PhyPayload,
    crypto::{Cipher, session_keys},
};
use esh_core::{DecodeError, Key, KeyLengthError, Layer, Meter, Reason};

/// The version of the link layer that a session speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// 1.0 to 1.0.4: one key for the network, one for the application.
    V1_0,
    /// 1.1: three keys for the network; MAC commands in the header are encrypted.
    V1_1,
}

/// Keys of a session and what is known of its counters. The keys are expanded once and wiped when dropped.
#[derive(Debug)]
pub struct Session {
    version: Version,
    /// FNwkSIntKey of 1.1, NwkSKey of 1.0, which is all three in one.
    forwarding: Option<Cipher>,
    /// SNwkSIntKey.
    serving: Option<Cipher>,
    /// NwkSEncKey.
    encryption: Option<Cipher>,
    /// AppSKey.
    application: Option<Cipher>,
    device: Option<Meter>,
    number: u32,
    last_up: Option<u32>,
    confirmed: u16,
}

/// The keys of a session of 1.1, as far as they are known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys1_1<'a> {
    /// FNwkSIntKey: integrity, the forwarding part.
    pub forwarding: Option<&'a Key>,
    /// SNwkSIntKey: integrity, the serving part.
    pub serving: Option<&'a Key>,
    /// NwkSEncKey: encryption of MAC commands.
    pub encryption: Option<&'a Key>,
    /// AppSKey: encryption of what the application sends.
    pub application: Option<&'a Key>,
}

/// How a frame was sent, as far as the MIC of 1.1 covers it: the data rate and the channel of an uplink, and the counter
/// of the confirmed frame that this one acknowledges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transmission {
    /// `TxDr`, the index of the data rate.
    pub data_rate: u8,
    /// `TxCh`, the index of the channel.
    pub channel: u8,
    /// `ConfFCnt`; `None` takes what the session knows.
    pub confirmed: Option<u16>,
}

impl Session {
    /// A session of 1.0 with its NwkSKey and AppSKey, as far as they are known.
    ///
    /// # Errors
    /// When a key has not 16 octets.
    pub fn v1_0(network: Option<&Key>, application: Option<&Key>) -> Result<Self, KeyLengthError> {
        let forwarding = expand(network)?;
        Ok(Self::new(Version::V1_0, [forwarding, None, None, expand(application)?]))
    }

    /// A session of 1.1.
    ///
    /// # Errors
    /// When a key has not 16 octets.
    pub fn v1_1(keys: &Keys1_1<'_>) -> Result<Self, KeyLengthError> {
        let Keys1_1 { forwarding, serving, encryption, application } = *keys;
        let all = [expand(forwarding)?, expand(serving)?, expand(encryption)?, expand(application)?];
        Ok(Self::new(Version::V1_1, all))
    }

    /// The session that a join accept begins. `root` is the AppKey of 1.0 or the NwkKey of 1.1, `application` the AppKey
    /// of 1.1.
    ///
    /// # Errors
    /// When a key has not 16 octets.
    pub fn joined(
        accept: &JoinAccept,
        asked: &Asked,
        root: &Key,
        application: Option<&Key>,
    ) -> Result<Self, KeyLengthError> {
        let root = Cipher::new(root.expose_128().ok_or(KeyLengthError)?);
        let keys = session_keys(accept, asked.join_eui, asked.nonce, &root, expand(application)?.as_ref());
        let [forwarding, serving, encryption] = &*keys.network;
        let application = keys.application.map(|key| Cipher::new(&key));
        let of = |key| Some(Cipher::new(key));
        let session = if accept.dl_settings.opt_neg() {
            Self::new(Version::V1_1, [of(forwarding), of(serving), of(encryption), application])
        } else {
            Self::new(Version::V1_0, [of(forwarding), None, None, application])
        };
        Ok(session.of_device(asked.dev_eui).numbered(accept.join_nonce))
    }

    fn new(version: Version, keys: [Option<Cipher>; 4]) -> Self {
        let [forwarding, serving, encryption, application] = keys;
        Self {
            version,
            forwarding,
            serving,
            encryption,
            application,
            device: None,
            number: 0,
            last_up: None,
            confirmed: 0,
        }
    }

    /// The same session, of that device.
    #[must_use]
    pub fn of_device(self, device: Eui64) -> Self {
        Self { device: Some(device.meter()), ..self }
    }

    /// The same session with the number that tells it from others of its device: the JoinNonce, 0 for a device that is
    /// personalised.
    #[must_use]
    pub fn numbered(self, number: u32) -> Self {
        Self { number, ..self }
    }

    /// The same session after an uplink with that counter; older ones are replays.
    #[must_use]
    pub fn after_uplink(self, counter: Option<u32>) -> Self {
        Self { last_up: counter, ..self }
    }

    /// The same session after a confirmed downlink with that counter, which a device of 1.1 will acknowledge.
    #[must_use]
    pub fn after_confirmed_downlink(self, counter: u32) -> Self {
        Self { confirmed: counter as u16, ..self }
    }

    /// The version it speaks.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The device, where it is known.
    #[must_use]
    pub const fn device(&self) -> Option<&Meter> {
        self.device.as_ref()
    }

    /// The number of the session.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The last uplink counter that was accepted.
    #[must_use]
    pub const fn last_uplink(&self) -> Option<u32> {
        self.last_up
    }

    /// Whether it can tell an authentic frame.
    #[must_use]
    pub const fn has_integrity_keys(&self, direction: Direction) -> bool {
        match (self.version, direction) {
            (Version::V1_0, _) => self.forwarding.is_some(),
            (Version::V1_1, Direction::Up) => self.forwarding.is_some() && self.serving.is_some(),
            (Version::V1_1, Direction::Down) => self.serving.is_some(),
        }
    }

    /// Checks a data frame and decrypts it where it lies.
    ///
    /// # Errors
    /// When it is no data frame, when its MIC does not fit, or when its counter was used before. It is then as it was.
    #[inline]
    pub fn open<'f>(&self, frame: &'f mut [u8], sent: &Transmission) -> Result<OpenedData<'f>, DecodeError> {
        let PhyPayload::Data(data) = PhyPayload::parse(frame)? else {
            return Err(DecodeError { layer: Layer::Link, field: "MHDR", offset: 0, reason: Reason::Unsupported });
        };
        let outline = Outline::of(&data);
        let counter = self.find(data.protected, &outline, sent, None).ok_or_else(|| self.no_match(&outline))?;
        self.fresh(&outline, counter)?;
        self.crypt(frame, &outline, counter);
        let payload = frame.get(outline.payload_at..outline.end).unwrap_or_default();
        Ok(OpenedData { dev_addr: outline.address, counter, f_port: outline.f_port, payload })
    }

    /// Why no counter fits.
    pub(crate) const fn no_match(&self, outline: &Outline) -> DecodeError {
        let known = self.has_integrity_keys(outline.direction);
        outline.mic_error(if known { Reason::Authentication } else { Reason::NoKey })
    }

    /// Refuses a counter that was used before.
    pub(crate) fn fresh(&self, outline: &Outline, counter: u32) -> Result<(), DecodeError> {
        match self.last_up {
            Some(last) if outline.direction == Direction::Up && counter <= last => {
                let reason = Reason::Replayed { last: last.into(), found: counter.into() };
                Err(DecodeError { layer: Layer::Link, field: "FCnt", offset: 6, reason })
            }
            _ => Ok(()),
        }
    }
}

fn expand(key: Option<&Key>) -> Result<Option<Cipher>, KeyLengthError> {
    key.map(|key| key.expose_128().map(Cipher::new).ok_or(KeyLengthError)).transpose()
}

/// A data frame that has been checked and decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedData<'f> {
    /// The address it was sent under.
    pub dev_addr: DevAddr,
    /// Its whole counter.
    pub counter: u32,
    /// Its port; 0 is MAC commands.
    pub f_port: Option<u8>,
    /// Its payload in plain.
    pub payload: &'f [u8],
}
