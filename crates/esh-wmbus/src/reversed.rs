//! Mode 2 of EN 1434-3: numbers most significant octet first, an order that later editions have withdrawn.

use crate::walk::{Header, Next, next};
use esh_core::{Input, Layer};

/// Turns the value of every record where it lies, so that it is read as any other.
///
/// It ends at what is no record; whoever reads the records says what is wrong there. Header octets stand one by one in
/// either order, and so does what is the maker's own.
pub(crate) fn turn(mut records: &mut [u8]) {
    while let Some((end, len)) = value(records) {
        let Some((record, rest)) = records.split_at_mut_checked(end) else { return };
        if let Some(value) = record.len().checked_sub(len).and_then(|start| record.get_mut(start..)) {
            value.reverse();
        }
        records = rest;
    }
}

/// Where the first record ends, and how many octets its value has.
fn value(records: &[u8]) -> Option<(usize, usize)> {
    let mut input = Input::new(records, 0, Layer::Application);
    let mut header = Header::NONE;
    match next(&mut input, &mut header) {
        Ok(Next::Record(_, raw)) => Some((input.offset(), raw.octets.len())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Wmbus;
    use esh_core::{Carrier, Ignore, NothingKnown};

    #[test]
    fn values_are_turned_and_headers_are_not() {
        for (sent, turned) in [
            (&[0x0c, 0x13, 0x12, 0x34, 0x56, 0x78][..], &[0x0c, 0x13, 0x78, 0x56, 0x34, 0x12][..]),
            (&[0x2f, 0x82, 0x40, 0xfd, 0x48, 0x00, 0xe6, 0x2f], &[0x2f, 0x82, 0x40, 0xfd, 0x48, 0xe6, 0x00, 0x2f]),
            (
                &[0x0d, 0x78, 0x03, b'a', b'b', b'c', 0x01, 0x2e, 7],
                &[0x0d, 0x78, 0x03, b'c', b'b', b'a', 0x01, 0x2e, 7],
            ),
            (&[0x02, 0x5b, 0x00, 0x15, 0x0f, 1, 2, 3], &[0x02, 0x5b, 0x15, 0x00, 0x0f, 1, 2, 3]),
            (&[0x02, 0x5b, 0x00, 0x15, 0x04, 0x13, 1], &[0x02, 0x5b, 0x15, 0x00, 0x04, 0x13, 1]),
            (&[], &[]),
        ] {
            let mut octets = std::vec::Vec::from(sent);
            turn(&mut octets);
            assert_eq!(octets, turned, "{sent:02x?}");
        }
    }

    #[test]
    fn a_response_says_the_same_in_either_order() {
        let today = *b"\x68\x15\x15\x68\x08\x01\x72\x78\x56\x34\x12\x2d\x2c\x1b\x16\x05\x00\x00\x00\
            \x0c\x13\x08\x64\x00\x00\x49\x16";
        let before = *b"\x68\x15\x15\x68\x08\x01\x76\x12\x34\x56\x78\x2c\x2d\x1b\x16\x05\x00\x00\x00\
            \x0c\x13\x00\x00\x64\x08\x4d\x16";
        let [mut today, mut before] = [today, before];
        for frame in [&mut today, &mut before] {
            let sum = frame[4..25].iter().fold(0u8, |sum, octet| sum.wrapping_add(*octet));
            frame[25] = sum;
        }
        let one = Wmbus::default().open(&mut today, &NothingKnown, &mut Ignore).unwrap();
        let other = Wmbus::default().open(&mut before, &NothingKnown, &mut Ignore).unwrap();
        assert_eq!((one.meter, one.content, one.payload), (other.meter, other.content, other.payload));
        assert_eq!(other.payload, b"\x0c\x13\x08\x64\x00\x00");
        assert_eq!(std::string::ToString::to_string(&other.meter.unwrap().address()), "mbus:KAM:12345678:1b:16");
    }
}
