//! What captures and sniffers put around a frame of IEEE 802.15.4, or in the place of its check sequence.

use esh_core::Decimal;
use esh_zigbee::mac;

/// How a capture says that its frames are laid out: the link types of libpcap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkType {
    /// 195: with what stands at the end, a check sequence or the metadata of a chip of Texas Instruments.
    WithFcs,
    /// 230: without.
    WithoutFcs,
    /// 283: behind a header of tagged values.
    Tap,
}

impl LinkType {
    /// The link type of that number; `None` for one that is not of IEEE 802.15.4.
    pub(crate) const fn from_number(number: i32) -> Option<Self> {
        match number {
            195 => Some(Self::WithFcs),
            230 => Some(Self::WithoutFcs),
            283 => Some(Self::Tap),
            _ => None,
        }
    }
}

/// A frame with its check sequence, and how strong it was heard, in dBm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) frame: Vec<u8>,
    pub(crate) rssi: Option<i16>,
}

/// Why octets are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoFrame {
    /// It was damaged on its way, which neither its sender nor anybody's meter is to blame for.
    Damaged,
    /// It is something else.
    Other,
}

/// A frame of a capture.
pub(crate) fn captured(link: LinkType, octets: &[u8]) -> Result<Heard, NoFrame> {
    match link {
        LinkType::WithFcs => checked(octets),
        LinkType::WithoutFcs => Ok(Heard { frame: with_check(octets), rssi: None }),
        LinkType::Tap => tap(octets),
    }
}

/// What a sniffer sends in a datagram: the ZigBee Encapsulation Protocol, or the packets of Texas Instruments.
pub(crate) fn datagram(octets: &[u8]) -> Result<Heard, NoFrame> {
    if octets.starts_with(b"EX") { zep(octets) } else { radio_packet(octets) }
}

/// A check sequence that fits, or in its place RSSI, correlation and whether it fitted, as the chips CC24xx and CC25xx of
/// Texas Instruments write it.
fn checked(octets: &[u8]) -> Result<Heard, NoFrame> {
    const CRC_OK: u8 = 0x80;
    /// What these chips count RSSI from.
    const OFFSET: i16 = -73;
    let Some((body, check)) = octets.split_last_chunk::<2>() else { return Err(NoFrame::Other) };
    let [rssi, correlation] = *check;
    if u16::from_le_bytes(*check) == mac::check(body) {
        Ok(Heard { frame: octets.to_vec(), rssi: None })
    } else if correlation & CRC_OK != 0 {
        Ok(Heard { frame: with_check(body), rssi: Some(i16::from(rssi.cast_signed()) + OFFSET) })
    } else {
        Err(NoFrame::Damaged)
    }
}

fn with_check(body: &[u8]) -> Vec<u8> {
    [body, &mac::check(body).to_le_bytes()].concat()
}

/// Tagged values of IEEE 802.15.4 TAP, padded to four octets each, before a frame.
fn tap(octets: &[u8]) -> Result<Heard, NoFrame> {
    const FCS_TYPE: u16 = 0;
    const RSS: u16 = 1;
    let Some(([0, _, low, high], _)) = octets.split_first_chunk::<4>() else { return Err(NoFrame::Other) };
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    let Some((header, frame)) = octets.split_at_checked(length) else { return Err(NoFrame::Other) };
    let mut rest = header.get(4..).ok_or(NoFrame::Other)?;
    let (mut fcs, mut rssi) = (0, None);
    while let Some((head, behind)) = rest.split_first_chunk::<4>() {
        let [t0, t1, l0, l1] = *head;
        let length = usize::from(u16::from_le_bytes([l0, l1]));
        let value = behind.get(..length).ok_or(NoFrame::Other)?;
        match (u16::from_le_bytes([t0, t1]), value) {
            (FCS_TYPE, [kind, ..]) => fcs = *kind,
            (RSS, [a, b, c, d]) => {
                let strength = Decimal::from_f32_shortest(f32::from_le_bytes([*a, *b, *c, *d]));
                rssi = strength.and_then(whole);
            }
            _ => {}
        }
        rest = behind.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    let heard = match fcs {
        0 => Heard { frame: with_check(frame), rssi: None },
        1 => checked(frame)?,
        // A check sequence of four octets is not of the band that Zigbee uses.
        _ => return Err(NoFrame::Other),
    };
    Ok(Heard { rssi: rssi.or(heard.rssi), ..heard })
}

/// A number without its fraction.
fn whole(number: Decimal) -> Option<i16> {
    let text = number.text();
    text.as_str().split(['.', 'e']).next()?.parse().ok()
}

/// The ZigBee Encapsulation Protocol, versions 1 and 2: the length of the frame stands right before it.
fn zep(octets: &[u8]) -> Result<Heard, NoFrame> {
    const DATA: u8 = 1;
    let header = match octets {
        [_, _, 1, ..] => 16,
        [_, _, 2, DATA, ..] => 32,
        _ => return Err(NoFrame::Other),
    };
    let (head, frame) = octets.split_at_checked(header).ok_or(NoFrame::Other)?;
    let length = head.last().copied().unwrap_or_default();
    checked(frame.get(..length.into()).ok_or(NoFrame::Other)?)
}

/// The radio packet of SmartRF Packet Sniffer 2: sixteen octets before the frame, which has mostly lost its check sequence.
fn radio_packet(octets: &[u8]) -> Result<Heard, NoFrame> {
    const IEEE_802_15_4: u8 = 2;
    const STATUS_OK: u8 = 0x80;
    let Some((head, frame)) = octets.split_first_chunk::<16>() else { return Err(NoFrame::Other) };
    let [_, l0, l1, .., rssi, status] = *head;
    let [.., protocol, _, _, _, _, _, _, _, _, _] = *head;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    if protocol != IEEE_802_15_4 || length > octets.len() {
        return Err(NoFrame::Other);
    }
    if status & STATUS_OK == 0 {
        return Err(NoFrame::Damaged);
    }
    let has_check =
        frame.split_last_chunk::<2>().is_some_and(|(body, check)| u16::from_le_bytes(*check) == mac::check(body));
    let frame = if has_check { frame.to_vec() } else { with_check(frame) };
    Ok(Heard { frame, rssi: Some(rssi.cast_signed().into()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beacon request.
    const BODY: [u8; 8] = [0x03, 0x08, 0x2a, 0xff, 0xff, 0xff, 0xff, 0x07];

    fn whole_frame() -> Vec<u8> {
        with_check(&BODY)
    }

    #[test]
    fn frames_of_captures() {
        let with_ti = [&BODY[..], &[0x10, 0xeb]].concat();
        let damaged = [&BODY[..], &[0x10, 0x6b]].concat();
        let tap = |fcs: u8, frame: &[u8]| {
            let mut octets = vec![0, 0, 28, 0];
            octets.extend([0, 0, 1, 0, fcs, 0, 0, 0]);
            octets.extend([1, 0, 4, 0]);
            octets.extend((-71.5f32).to_le_bytes());
            octets.extend([3, 0, 3, 0, 15, 0, 0, 0]);
            octets.extend(frame);
            octets
        };
        for (link, octets, rssi) in [
            (LinkType::WithFcs, whole_frame(), None),
            (LinkType::WithFcs, with_ti, Some(-57)),
            (LinkType::WithoutFcs, BODY.to_vec(), None),
            (LinkType::Tap, tap(0, &BODY), Some(-71)),
            (LinkType::Tap, tap(1, &whole_frame()), Some(-71)),
        ] {
            assert_eq!(captured(link, &octets), Ok(Heard { frame: whole_frame(), rssi }), "{link:?}");
        }
        assert_eq!(captured(LinkType::WithFcs, &damaged), Err(NoFrame::Damaged));
        assert_eq!(captured(LinkType::WithFcs, &[1]), Err(NoFrame::Other));
        for cut in 0..28 {
            assert_eq!(captured(LinkType::Tap, &tap(0, &BODY)[..cut]), Err(NoFrame::Other), "{cut}");
        }
    }

    #[test]
    fn frames_in_datagrams() {
        let zep_1 = [&b"EX"[..], &[1, 15, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 10], &whole_frame()].concat();
        let zep_2 = [&b"EX"[..], &[2, 1, 15, 0, 1, 1, 0xff], &[0; 22], &[10], &whole_frame()].concat();
        let ti = |status: u8| [&[0, 24, 0, 0, 0, 0, 2, 3, 0x65, 9, 0, 0, 11, 0, 0xb9, status][..], &BODY].concat();
        for (octets, rssi) in [(zep_1, None), (zep_2.clone(), None), (ti(0x80), Some(-71))] {
            assert_eq!(datagram(&octets), Ok(Heard { frame: whole_frame(), rssi }));
        }
        assert_eq!(datagram(&ti(0)), Err(NoFrame::Damaged));
        assert_eq!(datagram(b"EX\x02\x02\0\0\0\0"), Err(NoFrame::Other), "an acknowledgement");
        for cut in 0..zep_2.len() {
            assert_eq!(datagram(&zep_2[..cut]), Err(NoFrame::Other), "{cut}");
        }
    }
}
