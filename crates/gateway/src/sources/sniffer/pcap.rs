//! Captures as they are read: pcap and pcapng, either byte order, from a file or from a pipe that gives a few octets at a
//! time. The crate `pcap-parser` knows the formats; here stands what is left of octets that have come.

use pcap_parser::nom::Err as NomErr;
use pcap_parser::{Block, pcapng::parse_sectionheaderblock};
use pcap_parser::{
    PcapError, PcapHeader, parse_block_be, parse_block_le, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_header,
};
use std::time::Duration;

/// The longest block: no frame of IEEE 802.15.4 comes near it, comments and statistics may.
const LONGEST: usize = 1 << 20;

/// Reads a capture.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    octets: Vec<u8>,
    form: Form,
}

#[derive(Debug, Default)]
enum Form {
    /// Nothing has come that tells.
    #[default]
    Unknown,
    Pcap(PcapHeader),
    PcapNg {
        big_endian: bool,
        interfaces: Vec<Interface>,
    },
}

/// An interface of pcapng.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: i32,
    /// Units in a second.
    resolution: u64,
    /// Seconds before what its packets tell.
    offset: i64,
}

/// A packet: its link type, when it was captured (since 1970; `None` where it is not said), and its octets.
pub(crate) type Packet = (i32, Option<Duration>, Vec<u8>);

/// Octets that are no capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CaptureError {
    #[error("it is neither a pcap nor a pcapng capture, or it is damaged")]
    Damaged,
    #[error("a block of more than {LONGEST} octets")]
    TooLong,
}

impl Reader {
    /// Takes octets that have come; gives the packets that are whole now.
    pub(crate) fn take(&mut self, octets: &[u8], mut each: impl FnMut(Packet)) -> Result<(), CaptureError> {
        self.octets.extend_from_slice(octets);
        let mut read = 0;
        loop {
            let rest = self.octets.get(read..).unwrap_or_default();
            match self.form.step(rest) {
                Ok((len, packet)) => {
                    read += len;
                    packet.into_iter().for_each(&mut each);
                }
                Err(Unread::Incomplete) => break,
                Err(Unread::Damaged) => return Err(CaptureError::Damaged),
            }
        }
        self.octets.drain(..read);
        if self.octets.len() > LONGEST { Err(CaptureError::TooLong) } else { Ok(()) }
    }

    /// Whether octets are left that are no whole packet.
    pub(crate) const fn is_cut_off(&self) -> bool {
        !self.octets.is_empty()
    }
}

/// Why no block was read.
enum Unread {
    Incomplete,
    Damaged,
}

impl From<NomErr<PcapError<&[u8]>>> for Unread {
    fn from(error: NomErr<PcapError<&[u8]>>) -> Self {
        if matches!(error, NomErr::Incomplete(_)) { Self::Incomplete } else { Self::Damaged }
    }
}

impl Form {
    /// Reads the next header, block or packet; how many octets it had.
    fn step(&mut self, octets: &[u8]) -> Result<(usize, Option<Packet>), Unread> {
        const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
        if octets.len() < 4 {
            return Err(Unread::Incomplete);
        }
        match self {
            // Who writes a pipe after another may come before the end of the other was seen.
            Self::Unknown | Self::Pcap(_) if begins_pcap(octets) => {
                let (rest, header) = parse_pcap_header(octets)?;
                *self = Self::Pcap(header);
                Ok((octets.len() - rest.len(), None))
            }
            Self::Pcap(header) => {
                let (rest, frame) =
                    if header.is_bigendian() { parse_pcap_frame_be(octets)? } else { parse_pcap_frame(octets)? };
                let fraction =
                    if header.is_nanosecond_precision() { frame.ts_usec } else { frame.ts_usec.saturating_mul(1000) };
                let at = Duration::from_secs(frame.ts_sec.into()) + Duration::from_nanos(fraction.into());
                let packet = (header.network.0 & 0xffff, Some(at), frame.data.to_vec());
                Ok((octets.len() - rest.len(), Some(packet)))
            }
            // A capture may have several sections, each with its own byte order and interfaces.
            Self::Unknown | Self::PcapNg { .. } if octets.starts_with(&SECTION) => {
                let (rest, section) = parse_sectionheaderblock(octets)?;
                *self = Self::PcapNg { big_endian: section.big_endian(), interfaces: Vec::new() };
                Ok((octets.len() - rest.len(), None))
            }
            Self::PcapNg { big_endian, interfaces } => {
                let (rest, block) = if *big_endian { parse_block_be(octets)? } else { parse_block_le(octets)? };
                Ok((octets.len() - rest.len(), packet(&block, interfaces)))
            }
            Self::Unknown if octets.len() < 8 => Err(Unread::Incomplete),
            Self::Unknown => Err(Unread::Damaged),
        }
    }
}

/// Whether these octets begin a pcap capture: its magic number and its version, which no packet begins with before 2055.
fn begins_pcap(octets: &[u8]) -> bool {
    const MAGIC: [u32; 2] = [0xa1b2_c3d4, 0xa1b2_3c4d];
    let Some((magic, version)) = octets.first_chunk::<8>().and_then(|octets| octets.split_first_chunk::<4>()) else {
        return false;
    };
    MAGIC.contains(&u32::from_le_bytes(*magic)) && version == [2, 0, 4, 0]
        || MAGIC.contains(&u32::from_be_bytes(*magic)) && version == [0, 2, 0, 4]
}

/// What a block tells: an interface, or a packet of one.
fn packet(block: &Block<'_>, interfaces: &mut Vec<Interface>) -> Option<Packet> {
    match block {
        Block::InterfaceDescription(interface) => {
            let resolution = interface.ts_resolution().unwrap_or(1_000_000).max(1);
            interfaces.push(Interface { link: interface.linktype.0, resolution, offset: interface.ts_offset() });
            None
        }
        Block::EnhancedPacket(packet) => {
            let interface = interfaces.get(usize::try_from(packet.if_id).ok()?)?;
            let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
            let seconds = (ticks / interface.resolution).checked_add_signed(interface.offset);
            let nanos = u128::from(ticks % interface.resolution) * 1_000_000_000 / u128::from(interface.resolution);
            let at = seconds.map(|seconds| Duration::new(seconds, nanos as u32));
            Some((interface.link, at, packet.data.get(..usize::try_from(packet.caplen).ok()?)?.to_vec()))
        }
        Block::SimplePacket(packet) => {
            let length = usize::try_from(packet.origlen).unwrap_or(usize::MAX).min(packet.data.len());
            Some((interfaces.first()?.link, None, packet.data.get(..length)?.to_vec()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: [u8; 5] = [1, 2, 3, 4, 5];

    fn pcap(big_endian: bool, nanoseconds: bool) -> Vec<u8> {
        let mut file = Vec::new();
        let mut put = |number: u32, octets: usize| {
            let all = if big_endian {
                number.to_be_bytes()[4 - octets..].to_vec()
            } else {
                number.to_le_bytes()[..octets].to_vec()
            };
            file.extend(all);
        };
        put(if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }, 4);
        put(2, 2);
        put(4, 2);
        for number in [0, 0, 256, 195] {
            put(number, 4);
        }
        for number in [1_700_000_000, 500_000, 5, 5] {
            put(number, 4);
        }
        file.extend(FRAME);
        file
    }

    fn pcapng() -> Vec<u8> {
        let block = |kind: u32, body: &[u8]| {
            let len = (12 + body.len()) as u32;
            [&kind.to_le_bytes()[..], &len.to_le_bytes(), body, &len.to_le_bytes()].concat()
        };
        let section = [&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
        // TAP, with nanoseconds.
        let interface = [27, 1, 0, 0, 0, 1, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0];
        let ticks: u64 = 1_700_000_000_000_500_000;
        let packet = [
            &[0; 4][..],
            &((ticks >> 32) as u32).to_le_bytes(),
            &(ticks as u32).to_le_bytes(),
            &[5, 0, 0, 0, 5, 0, 0, 0],
            &FRAME,
            &[0; 3],
        ]
        .concat();
        let simple = [&[5, 0, 0, 0][..], &FRAME, &[0; 3]].concat();
        [
            block(0x0a0d_0d0a, &section),
            block(1, &interface),
            block(6, &packet),
            block(3, &simple),
            block(0xbad, &[0; 8]),
        ]
        .concat()
    }

    fn packets(file: &[u8], at_once: usize) -> Result<Vec<Packet>, CaptureError> {
        let (mut reader, mut all) = (Reader::default(), Vec::new());
        for octets in file.chunks(at_once) {
            reader.take(octets, |packet| all.push(packet))?;
        }
        assert!(!reader.is_cut_off());
        Ok(all)
    }

    #[test]
    fn captures_of_both_kinds_however_they_come() {
        let at = |nanos| Some(Duration::new(1_700_000_000, nanos));
        for at_once in [1, 7, 1000] {
            assert_eq!(packets(&pcap(false, false), at_once), Ok(vec![(195, at(500_000_000), FRAME.to_vec())]));
            assert_eq!(packets(&pcap(true, true), at_once), Ok(vec![(195, at(500_000), FRAME.to_vec())]));
            assert_eq!(
                packets(&pcapng(), at_once),
                Ok(vec![(283, at(500_000), FRAME.to_vec()), (283, None, FRAME.to_vec())])
            );
        }
        let twice = [pcap(false, false), pcap(true, true)].concat();
        assert_eq!(packets(&twice, 5).unwrap().len(), 2, "one behind another");
        assert_eq!(packets(b"no capture at all, but long enough to be one", 1000), Err(CaptureError::Damaged));
    }
}
