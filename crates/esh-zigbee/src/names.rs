//! Devices and networks by name: the extended address of a device, `PAN-short` for one of which only the address that its
//! network gave it is known, and the PAN for a network.

use esh_core::{Id, Meter, Protocol};

/// A device by the address it has from its maker.
#[must_use]
pub fn device(extended: u64) -> Meter {
    named(&[(extended, 16)])
}

/// A device by the address that its network gave it.
#[must_use]
pub fn address(pan: u16, short: u16) -> Meter {
    named(&[(pan.into(), 4), (short.into(), 4)])
}

/// A network, whose key is the key of all its devices.
#[must_use]
pub fn network(pan: u16) -> Meter {
    named(&[(pan.into(), 4)])
}

/// Numbers in hexadecimal with as many digits, and a dash between them.
fn named(numbers: &[(u64, usize)]) -> Meter {
    let mut text = [b'-'; 16];
    let mut end = 0;
    for (at, (number, digits)) in numbers.iter().enumerate() {
        let start = end + at.min(1);
        end = start + digits;
        for (place, slot) in text.iter_mut().take(end).skip(start).enumerate() {
            let nibble = number >> (4 * (digits - 1 - place)) & 15;
            *slot = char::from_digit(nibble as u32, 16).map_or(b'?', |digit| digit as u8);
        }
    }
    // Sixteen digits fit; an empty id stands for none.
    let id = text.get(..end).and_then(|text| core::str::from_utf8(text).ok()).and_then(Id::new);
    let id = id.unwrap_or_else(|| Id::from_bcd([0; 4]));
    Meter { protocol: Protocol::Zigbee, manufacturer: None, id, version: None, medium: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(device(0x00_12_4b_00_01_02_03_04).id.as_str(), "00124b0001020304");
        assert_eq!(address(0x1a62, 0x0034).id.as_str(), "1a62-0034");
        assert_eq!(network(0x0a62).id.as_str(), "0a62");
    }
}
