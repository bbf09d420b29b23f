//! The octets of a segment: a header, then records on multiples of 16.
//!
//! All numbers are little-endian.
//!
//! | segment header | octets | | record header | octets |
//! |---|---|---|---|---|
//! | magic `ESHQUEUE`  | 8 | | magic `ESHr` | 4 |
//! | format version    | 4 | | length of the payload | 4 |
//! | reserved, 0       | 4 | | sequence number | 8 |
//! | queue id          | 8 | | stamp, milliseconds since 1970 | 8 |
//! | segment number    | 8 | | kind | 1 |
//! | first sequence number | 8 | | flags, 0 | 1 |
//! | made at, milliseconds since 1970 | 8 | | check of the header so far | 2 |
//! | reserved, 0       | 12 | | CRC-32C of header and payload | 4 |
//! | CRC-32C of the above | 4 | | the payload, filled with zeros to a multiple of 16 | |
//!
//! Checksums of records begin with the queue's id, which is random and never leaves the gateway: octets in a payload
//! that look like a record, put there by whoever can send a frame, are not taken for one when damage makes the log look
//! for the next record. The check of the header comes first so that a wrong length is never followed.

/// The version this release writes, and the newest it reads.
pub(super) const VERSION: u32 = 1;
/// Records begin on multiples of this.
pub(super) const ALIGN: usize = 16;
/// Octets before the first record.
pub(super) const SEGMENT_HEADER: usize = 64;
/// Octets before a payload.
pub(super) const RECORD_HEADER: usize = 32;

const SEGMENT_MAGIC: [u8; 8] = *b"ESHQUEUE";
pub(super) const RECORD_MAGIC: [u8; 4] = *b"ESHr";

/// The header of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The format version of the file.
    pub version: u32,
    /// The queue it belongs to.
    pub queue: u64,
    /// Its place among the segments.
    pub number: u64,
    /// The sequence number of its first record.
    pub first: u64,
    /// When it was made, in milliseconds since 1970.
    pub made: u64,
}

impl Header {
    pub(super) fn write(&self) -> [u8; SEGMENT_HEADER] {
        let mut out = Out::<SEGMENT_HEADER>::default();
        out.put(&SEGMENT_MAGIC);
        out.put(&self.version.to_le_bytes());
        out.put(&[0; 4]);
        for field in [self.queue, self.number, self.first, self.made] {
            out.put(&field.to_le_bytes());
        }
        out.put(&[0; 12]);
        out.put(&crc32c::crc32c(out.so_far()).to_le_bytes());
        out.octets
    }

    /// Reads a header of any version; `None` when the octets are not one. What later versions say beyond the version
    /// may mean something else.
    #[must_use]
    pub fn read(octets: &[u8; SEGMENT_HEADER]) -> Option<Self> {
        let mut fields = Fields(octets);
        (fields.take::<8>() == SEGMENT_MAGIC).then_some(())?;
        let version = fields.u32();
        fields.u32();
        let header =
            Self { version, queue: fields.u64(), number: fields.u64(), first: fields.u64(), made: fields.u64() };
        fields.take::<12>();
        let (covered, _) = octets.split_at(SEGMENT_HEADER - 4);
        (fields.u32() == crc32c::crc32c(covered)).then_some(header)
    }
}

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The sequence number.
    pub seq: u64,
    /// The caller's stamp, in milliseconds since 1970.
    pub stamp: u64,
    /// What the caller marked it with.
    pub kind: u8,
    /// Octets of the payload.
    pub length: u32,
}

impl Head {
    /// Octets on the disk, the filling included.
    pub(super) const fn octets(&self) -> usize {
        padded(self.length as usize)
    }

    /// Appends the record with this header and payload.
    pub(super) fn write(&self, seed: Seed, payload: &[&[u8]], into: &mut Vec<u8>) {
        let mut out = Out::<RECORD_HEADER>::default();
        out.put(&RECORD_MAGIC);
        out.put(&self.length.to_le_bytes());
        out.put(&self.seq.to_le_bytes());
        out.put(&self.stamp.to_le_bytes());
        out.put(&[self.kind, 0]);
        out.put(&seed.check(out.so_far()).to_le_bytes());
        let crc = payload.iter().fold(seed.crc(out.so_far()), |crc, part| crc32c::crc32c_append(crc, part));
        out.put(&crc.to_le_bytes());
        let end = into.len() + self.octets();
        into.extend_from_slice(&out.octets);
        payload.iter().for_each(|part| into.extend_from_slice(part));
        into.resize(end, 0);
    }
}

/// What the checksums of a queue's records begin with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(u32);

impl Seed {
    /// The seed of a queue.
    #[must_use]
    pub(super) fn new(queue: u64) -> Self {
        Self(crc32c::crc32c(&queue.to_le_bytes()))
    }

    fn crc(self, octets: &[u8]) -> u32 {
        crc32c::crc32c_append(self.0, octets)
    }

    fn check(self, octets: &[u8]) -> u16 {
        let crc = self.crc(octets);
        (crc ^ (crc >> 16)) as u16
    }
}

/// What the octets at a place are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A record whose checksum is right.
    Record(Head),
    /// Perhaps a record: it takes so many octets to know.
    Needs(usize),
    /// No record, or a damaged one.
    Nothing,
}

/// Looks for a record at the beginning of the octets.
pub(super) fn look(octets: &[u8], seed: Seed) -> Look {
    let Some((header, rest)) = octets.split_first_chunk::<RECORD_HEADER>() else {
        return Look::Needs(RECORD_HEADER);
    };
    let mut fields = Fields(header);
    if fields.take::<4>() != RECORD_MAGIC {
        return Look::Nothing;
    }
    let length = fields.u32();
    let (seq, stamp) = (fields.u64(), fields.u64());
    let [kind, _flags] = fields.take::<2>();
    let (checked, _) = header.split_at(26);
    if u16::from_le_bytes(fields.take::<2>()) != seed.check(checked) {
        return Look::Nothing;
    }
    let Some(payload) = rest.get(..length as usize) else {
        return Look::Needs(RECORD_HEADER + length as usize);
    };
    let (covered, _) = header.split_at(28);
    if fields.u32() != crc32c::crc32c_append(seed.crc(covered), payload) {
        return Look::Nothing;
    }
    Look::Record(Head { seq, stamp, kind, length })
}

/// Octets that a record with so long a payload takes.
pub(super) const fn padded(payload: usize) -> usize {
    (RECORD_HEADER + payload).next_multiple_of(ALIGN)
}

/// Reads fields one after another; past the end they are zero, which no caller with an array view meets.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> [u8; N] {
        let Some((field, rest)) = self.0.split_first_chunk::<N>() else {
            return [0; N];
        };
        self.0 = rest;
        *field
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

/// Writes fields one after another.
pub(super) struct Out<const N: usize> {
    pub(super) octets: [u8; N],
    at: usize,
}

impl<const N: usize> Default for Out<N> {
    fn default() -> Self {
        Self { octets: [0; N], at: 0 }
    }
}

impl<const N: usize> Out<N> {
    pub(super) fn put(&mut self, field: &[u8]) {
        if let Some(place) = self.octets.get_mut(self.at..self.at + field.len()) {
            place.copy_from_slice(field);
        }
        self.at += field.len();
    }

    pub(super) fn so_far(&self) -> &[u8] {
        self.octets.get(..self.at).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seq: u64, payload: &[u8], seed: Seed) -> Vec<u8> {
        let head = Head { seq, stamp: 7, kind: 2, length: payload.len() as u32 };
        let mut octets = Vec::new();
        head.write(seed, &[payload], &mut octets);
        octets
    }

    #[test]
    fn a_header_reads_as_it_was_written_and_no_flipped_bit_passes() {
        let header = Header { version: 1, queue: 0x1234, number: 7, first: 100, made: 1_700_000_000_000 };
        let octets = header.write();
        assert_eq!(Header::read(&octets), Some(header));
        for bit in 0..octets.len() * 8 {
            let mut damaged = octets;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::read(&damaged), None, "bit {bit}");
        }
    }

    #[test]
    fn a_record_reads_as_it_was_written_and_no_flipped_bit_passes() {
        let seed = Seed::new(9);
        let octets = record(5, b"a payload of some octets", seed);
        assert_eq!(octets.len() % ALIGN, 0);
        assert_eq!(look(&octets, seed), Look::Record(Head { seq: 5, stamp: 7, kind: 2, length: 24 }));
        for bit in 0..(RECORD_HEADER + 24) * 8 {
            let mut damaged = octets.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // A length cannot grow unnoticed: its check stands in the header.
            assert_eq!(look(&damaged, seed), Look::Nothing, "bit {bit}");
        }
    }

    #[test]
    fn a_record_says_how_many_octets_it_needs() {
        let seed = Seed::new(9);
        let octets = record(5, &[1; 100], seed);
        assert_eq!(look(&octets[..31], seed), Look::Needs(32));
        assert_eq!(look(&octets[..32], seed), Look::Needs(132));
        assert_eq!(look(&octets[..131], seed), Look::Needs(132));
        assert!(matches!(look(&octets[..132], seed), Look::Record(_)));
    }

    #[test]
    fn a_record_of_another_queue_is_nothing() {
        assert_eq!(look(&record(5, b"x", Seed::new(1)), Seed::new(2)), Look::Nothing);
    }
}
