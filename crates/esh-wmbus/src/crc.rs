//! The CRC of EN 13757-4, which guards link blocks, extended link payloads and compact frames.

/// The CRC over some octets — EN 13757-4, 12.2: polynomial 3D65h, begun with 0, inverted at the end.
///
/// A link block carries it most significant octet first, everything above the link least significant octet first.
#[must_use]
pub fn crc(octets: &[u8]) -> u16 {
    Crc::NEW.and(octets).value()
}

/// The CRC of octets that come piece by piece.
#[derive(Clone, Copy)]
pub(crate) struct Crc(u16);

impl Crc {
    pub(crate) const NEW: Self = Self(0);

    /// With these octets behind those before.
    #[inline]
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "an octet is below 256, and there are four tables")]
    pub(crate) fn and(self, octets: &[u8]) -> Self {
        let mut crc = self.0;
        let (fours, rest) = octets.as_chunks::<4>();
        for [a, b, c, d] in fours {
            let [high, low] = crc.to_be_bytes();
            crc = TABLES[3][usize::from(a ^ high)]
                ^ TABLES[2][usize::from(b ^ low)]
                ^ TABLES[1][usize::from(*c)]
                ^ TABLES[0][usize::from(*d)];
        }
        for octet in rest {
            let [high, low] = crc.to_be_bytes();
            crc = u16::from(low) << 8 ^ TABLES[0][usize::from(octet ^ high)];
        }
        Self(crc)
    }

    /// The CRC so far.
    pub(crate) const fn value(self) -> u16 {
        !self.0
    }
}

const POLYNOMIAL: u16 = 0x3d65;

/// `TABLES[n][octet]`: what an octet with `n` octets behind it adds to the CRC.
static TABLES: [[u16; 256]; 4] = tables();

#[expect(clippy::indexing_slicing, reason = "runs at compile time, where a wrong index is an error of the build")]
const fn tables() -> [[u16; 256]; 4] {
    let mut tables = [[0; 256]; 4];
    let mut octet = 0;
    while octet < 256 {
        let mut crc = (octet as u16) << 8;
        let mut step = 0;
        while step < 32 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ POLYNOMIAL };
            step += 1;
            if step % 8 == 0 {
                tables[step / 8 - 1][octet] = crc;
            }
        }
        octet += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One bit at a time, as the standard draws it.
    fn slow(octets: &[u8]) -> u16 {
        !octets.iter().fold(0u16, |crc, octet| {
            (0..8).rev().fold(crc, |crc, bit| {
                let out = (crc >> 15) as u8 ^ (octet >> bit & 1);
                crc << 1 ^ if out == 1 { POLYNOMIAL } else { 0 }
            })
        })
    }

    #[test]
    fn the_check_value_of_the_catalogue_comes_out() {
        assert_eq!(crc(b"123456789"), 0xc2b7);
    }

    #[test]
    fn the_tables_give_what_the_shift_register_gives() {
        let octets: [u8; 67] = core::array::from_fn(|n| (n as u8).wrapping_mul(151) ^ 0x5a);
        for end in 0..octets.len() {
            assert_eq!(crc(&octets[..end]), slow(&octets[..end]));
        }
    }
}
