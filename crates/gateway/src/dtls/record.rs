//! Records: DTLS 1.2, RFC 6347, clause 4.1, and those with a connection id, RFC 9146, clauses 4 and 5.

use super::cipher::Cipher;

/// What a record carries.
pub(super) mod content_type {
    pub(in crate::dtls) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(in crate::dtls) const ALERT: u8 = 21;
    pub(in crate::dtls) const HANDSHAKE: u8 = 22;
    pub(in crate::dtls) const APPLICATION_DATA: u8 = 23;
    pub(in crate::dtls) const TLS12_CID: u8 = 25;
}

/// DTLS 1.2 as it stands in records.
pub(super) const VERSION: [u8; 2] = [0xfe, 0xfd];
/// Octets of our connection ids.
pub(super) const CID: usize = 8;
/// Octets that an explicit nonce takes.
const EXPLICIT: usize = 8;

/// A record as it came.
#[derive(Debug)]
pub(super) struct Record<'a> {
    pub(super) type_: u8,
    pub(super) epoch: u16,
    /// 48 bits.
    pub(super) sequence: u64,
    pub(super) cid: Option<[u8; CID]>,
    pub(super) fragment: &'a mut [u8],
}

impl<'a> Record<'a> {
    /// The first record of a datagram, and what stands behind it; `None` when there is none, and what is left is dropped.
    pub(super) fn split(datagram: &'a mut [u8]) -> Option<(Self, &'a mut [u8])> {
        let (head, rest) = datagram.split_first_chunk_mut::<11>()?;
        let [type_, major, _minor, e0, e1, s @ ..] = *head;
        if major != 0xfe {
            return None;
        }
        let epoch = u16::from_be_bytes([e0, e1]);
        let [s0, s1, s2, s3, s4, s5] = s;
        let sequence = u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]);
        let (cid, rest) = match type_ {
            content_type::TLS12_CID => {
                let (cid, rest) = rest.split_first_chunk_mut::<CID>()?;
                (Some(*cid), rest)
            }
            _ => (None, rest),
        };
        let (length, rest) = rest.split_first_chunk_mut::<2>()?;
        let (fragment, rest) = rest.split_at_mut_checked(u16::from_be_bytes(*length).into())?;
        Some((Self { type_, epoch, sequence, cid, fragment }, rest))
    }

    /// Its octets in plain, and their type.
    pub(super) fn open(self, cipher: &Cipher) -> Option<(u8, &'a mut [u8])> {
        let Self { type_, epoch, sequence, cid, fragment } = self;
        let (explicit, sealed) = fragment.split_first_chunk_mut::<EXPLICIT>()?;
        let length = sealed.len().checked_sub(cipher.tag())?;
        let about = about(type_, epoch, sequence, cid.as_ref().map(<[u8; CID]>::as_slice), length);
        let octets = cipher.open(*explicit, &about, sealed)?;
        if cid.is_none() {
            return Some((type_, octets));
        }
        // RFC 9146, clause 4: the type stands behind the octets, and zeros behind the type.
        let end = octets.iter().rposition(|octet| *octet != 0)?;
        let (octets, rest) = octets.split_at_mut_checked(end)?;
        Some((*rest.first()?, octets))
    }
}

/// The epoch and the number of a record.
fn numbers(epoch: u16, sequence: u64) -> [u8; 8] {
    (u64::from(epoch) << 48 | sequence & 0xffff_ffff_ffff).to_be_bytes()
}

/// What is authenticated beside the octets; RFC 5246, clause 6.2.3.3, and RFC 9146, clause 5.3.
fn about(type_: u8, epoch: u16, sequence: u64, cid: Option<&[u8]>, length: usize) -> Vec<u8> {
    let mut about = Vec::with_capacity(64);
    if let Some(cid) = cid {
        about.extend([0xff; 8]);
        about.extend([content_type::TLS12_CID, cid.len() as u8]);
        about.push(content_type::TLS12_CID);
        about.extend(VERSION);
        about.extend(numbers(epoch, sequence));
        about.extend(cid);
    } else {
        about.extend(numbers(epoch, sequence));
        about.push(type_);
        about.extend(VERSION);
    }
    about.extend((length as u16).to_be_bytes());
    about
}

/// A record in plain, as in a handshake.
pub(super) fn write_plain(into: &mut Vec<u8>, type_: u8, sequence: u64, octets: &[u8]) {
    into.push(type_);
    into.extend(VERSION);
    into.extend(numbers(0, sequence));
    into.extend((octets.len() as u16).to_be_bytes());
    into.extend(octets);
}

/// An encrypted record of epoch 1; `cid` is what the peer wants to stand in it. Whether it could be encrypted.
pub(super) fn write_sealed(
    into: &mut Vec<u8>,
    cipher: &Cipher,
    cid: &[u8],
    type_: u8,
    sequence: u64,
    octets: &[u8],
) -> bool {
    let with_cid = !cid.is_empty();
    let length = octets.len() + usize::from(with_cid);
    into.push(if with_cid { content_type::TLS12_CID } else { type_ });
    into.extend(VERSION);
    into.extend(numbers(1, sequence));
    into.extend(cid);
    into.extend(((EXPLICIT + length + cipher.tag()) as u16).to_be_bytes());
    let explicit = numbers(1, sequence);
    into.extend(explicit);
    let from = into.len();
    into.extend(octets);
    if with_cid {
        into.push(type_);
    }
    cipher.seal(explicit, &about(type_, 1, sequence, with_cid.then_some(cid), length), into, from)
}

/// Which records have come; RFC 6347, clause 4.1.2.6.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    /// One more than the highest number.
    next: u64,
    /// Those below it, the lowest bit the nearest.
    seen: u64,
}

impl Window {
    /// Whether a record may be a new one.
    pub(super) const fn admits(&self, sequence: u64) -> bool {
        if sequence >= self.next {
            return true;
        }
        let behind = self.next - 1 - sequence;
        behind < 64 && self.seen >> behind & 1 == 0
    }

    /// A record has come that is authentic; whether it is newer than all before it.
    pub(super) const fn take(&mut self, sequence: u64) -> bool {
        if sequence >= self.next {
            let ahead = sequence - self.next + 1;
            self.seen = if ahead >= 64 { 1 } else { self.seen << ahead | 1 };
            self.next = sequence + 1;
            return true;
        }
        self.seen |= 1 << (self.next - 1 - sequence);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::cipher::Suite;
    use super::*;

    #[test]
    fn a_sealed_record_opens_with_the_same_key_and_no_other() {
        for suite in [Suite::Ccm8, Suite::Gcm] {
            let cipher = |key| Cipher::new(suite, &[key; 16], [key; 4]).unwrap();
            for cid in [&[][..], &[7; CID]] {
                let mut sealed = Vec::new();
                assert!(write_sealed(&mut sealed, &cipher(1), cid, content_type::APPLICATION_DATA, 5, b"reading"));
                for key in [1, 2] {
                    let mut datagram = sealed.clone();
                    datagram.extend(b"\x17\xfe");
                    let (record, rest) = Record::split(&mut datagram).unwrap();
                    assert_eq!((record.epoch, record.sequence, rest.len()), (1, 5, 2));
                    let opened = record.open(&cipher(key)).map(|(type_, octets)| (type_, octets.to_vec()));
                    assert_eq!(opened, (key == 1).then(|| (23, b"reading".to_vec())));
                }
                for at in 0..sealed.len() {
                    let mut datagram = sealed.clone();
                    datagram[at] ^= 0x40;
                    let opened = Record::split(&mut datagram).and_then(|(record, _)| record.open(&cipher(1)).map(drop));
                    // The version of a record is not looked at, as that of a first hello may be any.
                    assert_eq!(opened.is_some(), at == 2, "octet {at}");
                }
            }
        }
    }

    #[test]
    fn a_record_comes_once() {
        let mut window = Window::default();
        for (sequence, admitted, newest) in [(0, true, true), (0, false, false), (5, true, true), (3, true, false)] {
            assert_eq!(window.admits(sequence), admitted, "{sequence}");
            if admitted {
                assert_eq!(window.take(sequence), newest);
            }
        }
        assert!(!window.admits(3) && window.admits(4));
        assert!(window.take(100));
        assert!(!window.admits(36) && window.admits(37) && !window.admits(5));
    }
}
