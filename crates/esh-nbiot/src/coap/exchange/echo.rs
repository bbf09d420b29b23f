//! The Echo option: a peer shows that it receives what is sent to its address; RFC 9175, clause 2.

/// An Echo value of ours: when it was made, and a tag that only who has the key can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo([u8; Self::LEN]);

/// Why an Echo value shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EchoError {
    /// It is none of ours, or of another peer.
    Foreign,
    /// It was made too long ago.
    Old,
}

impl Echo {
    /// Octets of one.
    pub const LEN: usize = 16;

    /// A value made at `now`. `tag` is a message authentication code of the eight octets, with a secret key and over the
    /// peer's address.
    pub fn new(now: u64, tag: impl FnOnce(&[u8; 8]) -> [u8; 8]) -> Self {
        let time = now.to_be_bytes();
        let mut octets = [0; Self::LEN];
        if let Some((first, second)) = octets.split_first_chunk_mut::<8>() {
            *first = time;
            second.copy_from_slice(&tag(&time));
        }
        Self(octets)
    }

    /// Its octets.
    #[must_use]
    pub const fn octets(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Checks a value that a peer has sent back, as one that is at most `patience` old.
    ///
    /// # Errors
    /// When it shows nothing. `tag` is compared in constant time.
    pub fn check(
        octets: &[u8],
        now: u64,
        patience: u64,
        tag: impl FnOnce(&[u8; 8]) -> [u8; 8],
    ) -> Result<(), EchoError> {
        let (time, theirs) = octets.split_first_chunk::<8>().ok_or(EchoError::Foreign)?;
        let theirs: &[u8; 8] = theirs.try_into().map_err(|_| EchoError::Foreign)?;
        let differs = tag(time).iter().zip(theirs).fold(0, |differs, (ours, theirs)| differs | ours ^ theirs);
        if core::hint::black_box(differs) != 0 {
            return Err(EchoError::Foreign);
        }
        let made = u64::from_be_bytes(*time);
        if made > now || now - made > patience { Err(EchoError::Old) } else { Ok(()) }
    }
}
