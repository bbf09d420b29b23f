//! The value of a Block option, RFC 7959, clause 2.2.

/// Which part of a body a message carries, or asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The number of the block, of 20 bits.
    pub number: u32,
    /// Whether more follow.
    pub more: bool,
    /// The exponent of its size, 0 to 6: 16 to 1,024 octets.
    pub size_exponent: u8,
}

impl Block {
    /// The block of that option value; `None` for more than three octets and for the reserved exponent 7.
    #[must_use]
    pub const fn from_uint(value: u64) -> Option<Self> {
        if value > 0xff_ffff || value & 7 == 7 {
            return None;
        }
        Some(Self { number: (value >> 4) as u32, more: value & 8 != 0, size_exponent: (value & 7) as u8 })
    }

    /// Its option value.
    #[must_use]
    pub const fn to_uint(self) -> u64 {
        (self.number as u64) << 4 | (self.more as u64) << 3 | (self.size_exponent & 7) as u64
    }

    /// Octets of a whole block.
    #[must_use]
    pub const fn size(self) -> usize {
        16 << self.size_exponent
    }

    /// Where in the body it begins.
    #[must_use]
    pub const fn offset(self) -> usize {
        self.number as usize * self.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_says_where_it_begins() {
        let block = Block::from_uint(0x1e).unwrap();
        assert_eq!(block, Block { number: 1, more: true, size_exponent: 6 });
        assert_eq!((block.size(), block.offset(), block.to_uint()), (1024, 1024, 0x1e));
        assert_eq!(Block::from_uint(7), None, "the exponent 7 is reserved");
        assert_eq!(Block::from_uint(0x100_0000), None);
    }
}
