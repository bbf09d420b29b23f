//! Registers and bits as they stand in a PDU — MODBUS application protocol V1.1b3, clauses 4.2 and 4.3.

/// Registers, most significant octet first: an even number of octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers<'a>(&'a [[u8; 2]]);

impl<'a> Registers<'a> {
    /// The registers in these octets; `None` for an odd number of them.
    #[must_use]
    #[inline]
    pub const fn new(octets: &'a [u8]) -> Option<Self> {
        match octets.as_chunks::<2>() {
            (registers, []) => Some(Self(registers)),
            _ => None,
        }
    }

    /// Writes registers into a buffer; `None` when it has no room.
    #[must_use]
    pub fn written(registers: &[u16], into: &'a mut [u8]) -> Option<Self> {
        let (octets, _) = into.split_at_mut_checked(registers.len() * 2)?;
        for (pair, register) in octets.as_chunks_mut::<2>().0.iter_mut().zip(registers) {
            *pair = register.to_be_bytes();
        }
        Self::new(octets)
    }

    /// How many they are.
    #[must_use]
    #[inline]
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The register at a place.
    #[must_use]
    #[inline]
    pub fn get(self, at: usize) -> Option<u16> {
        self.0.get(at).map(|pair| u16::from_be_bytes(*pair))
    }

    /// One after the other.
    #[inline]
    pub fn iter(self) -> impl ExactSizeIterator<Item = u16> + DoubleEndedIterator + 'a {
        self.0.iter().map(|pair| u16::from_be_bytes(*pair))
    }

    /// Copies as many as there is room for; says how many.
    #[inline]
    pub fn copy_to(self, into: &mut [u16]) -> usize {
        let count = self.0.len().min(into.len());
        for (slot, pair) in into.iter_mut().zip(self.0) {
            *slot = u16::from_be_bytes(*pair);
        }
        count
    }

    /// The octets, as sent.
    #[must_use]
    #[inline]
    pub const fn octets(self) -> &'a [u8] {
        self.0.as_flattened()
    }
}

/// Coils or discrete inputs, the first one in the lowest bit of the first octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits<'a> {
    octets: &'a [u8],
    quantity: u16,
}

impl<'a> Bits<'a> {
    /// So many bits in these octets; `None` when they take more or fewer octets.
    #[must_use]
    pub const fn new(octets: &'a [u8], quantity: u16) -> Option<Self> {
        if octets.len() == quantity.div_ceil(8) as usize { Some(Self { octets, quantity }) } else { None }
    }

    /// All the bits of some octets: a response does not say how many were asked for.
    pub(crate) const fn all(octets: &'a [u8]) -> Self {
        Self { octets, quantity: (octets.len() * 8) as u16 }
    }

    /// The first so many of them.
    pub(crate) fn first(self, quantity: u16) -> Option<Self> {
        Self::new(self.octets, quantity)
    }

    /// How many they are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.quantity as usize
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.quantity == 0
    }

    /// The bit at a place.
    #[must_use]
    pub fn get(self, at: usize) -> Option<bool> {
        if at >= self.len() {
            return None;
        }
        self.octets.get(at / 8).map(|octet| octet >> (at % 8) & 1 == 1)
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = bool> + 'a {
        let bits = self.octets.iter().flat_map(|octet| (0..8).map(move |bit| octet >> bit & 1 == 1));
        bits.take(self.len())
    }

    /// The octets, as sent.
    #[must_use]
    pub const fn octets(self) -> &'a [u8] {
        self.octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn bits_come_lowest_first_and_no_more_than_there_are() {
        let bits = Bits::new(&[0xcd, 0x01], 10).unwrap();
        assert_eq!(bits.iter().map(u8::from).collect::<Vec<_>>(), [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]);
        assert_eq!((bits.get(9), bits.get(10)), (Some(false), None));
        assert_eq!(Bits::new(&[0xcd, 0x01], 8), None);
        assert_eq!(Bits::new(&[0xcd], 9), None);
    }

    #[test]
    fn registers_are_pairs() {
        let registers = Registers::new(&[0x02, 0x2b, 0x00, 0x64]).unwrap();
        assert_eq!(registers.iter().collect::<Vec<_>>(), [555, 100]);
        assert_eq!((registers.get(1), registers.get(2)), (Some(100), None));
        assert_eq!(Registers::new(&[1, 2, 3]), None);
        let mut buffer = [0; 5];
        assert_eq!(Registers::written(&[555, 100], &mut buffer), Some(registers));
        assert_eq!(Registers::written(&[1, 2, 3], &mut buffer), None);
    }
}
