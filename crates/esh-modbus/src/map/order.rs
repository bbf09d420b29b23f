//! In which order the registers of a number come, and the octets of a register. The specification, clause 4.2, only says
//! that a register comes most significant octet first; makers differ in the rest.

/// The order of the registers of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Words {
    /// Most significant first: 1 2 3 4.
    #[default]
    HighFirst,
    /// Least significant first: 4 3 2 1.
    LowFirst,
    /// Two and two changed: 2 1 4 3.
    PairsSwapped,
    /// The halves changed: 3 4 1 2.
    HalvesSwapped,
}

/// The order of the octets of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Order {
    /// That of its registers.
    pub words: Words,
    /// Whether each register comes least significant octet first.
    pub octets_swapped: bool,
}

impl Order {
    /// Most significant octet first, as the specification has it.
    pub const ABCD: Self = Self { words: Words::HighFirst, octets_swapped: false };
    /// Least significant register first.
    pub const CDAB: Self = Self { words: Words::LowFirst, octets_swapped: false };
    /// Most significant register first, each of them least significant octet first.
    pub const BADC: Self = Self { words: Words::HighFirst, octets_swapped: true };
    /// Least significant octet first.
    pub const DCBA: Self = Self { words: Words::LowFirst, octets_swapped: true };

    /// Every order there is, the commonest first. With two registers or one some of them are the same.
    pub const ALL: [Self; 8] = [
        Self::ABCD,
        Self::CDAB,
        Self::BADC,
        Self::DCBA,
        Self { words: Words::PairsSwapped, octets_swapped: false },
        Self { words: Words::HalvesSwapped, octets_swapped: false },
        Self { words: Words::PairsSwapped, octets_swapped: true },
        Self { words: Words::HalvesSwapped, octets_swapped: true },
    ];

    /// The order of a word such as `ABCD` or `CDAB`: the letters of a number in the order in which its octets come.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| {
            let arranged = order.arrange(word.as_bytes());
            let wanted = b"ABCDEFGH".get(..word.len());
            matches!(word.len(), 2 | 4 | 8) && arranged.get(8 - word.len()..) == wanted
        })
    }

    /// The octets of a number of up to four registers, most significant first, behind zeros; others are left out.
    #[must_use]
    pub fn arrange(self, octets: &[u8]) -> [u8; 8] {
        let registers = octets.as_chunks::<2>().0;
        let count = registers.len().min(4);
        let mut arranged = [[0; 2]; 4];
        for (place, slot) in arranged.iter_mut().skip(4 - count).enumerate() {
            let from = match self.words {
                Words::HighFirst => place,
                Words::LowFirst => count - 1 - place,
                Words::PairsSwapped if place ^ 1 < count => place ^ 1,
                Words::PairsSwapped => place,
                Words::HalvesSwapped if count % 2 == 0 => (place + count / 2) % count,
                Words::HalvesSwapped => place,
            };
            let [high, low] = registers.get(from).copied().unwrap_or_default();
            *slot = if self.octets_swapped { [low, high] } else { [high, low] };
        }
        let [[a, b], [c, d], [e, f], [g, h]] = arranged;
        [a, b, c, d, e, f, g, h]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_gives_the_number() {
        for (word, octets) in
            [("ABCD", [1, 2, 3, 4]), ("CDAB", [3, 4, 1, 2]), ("BADC", [2, 1, 4, 3]), ("DCBA", [4, 3, 2, 1])]
        {
            assert_eq!(Order::from_word(word).unwrap().arrange(&octets), [0, 0, 0, 0, 1, 2, 3, 4], "{word}");
        }
        for (word, octets) in [
            ("ABCDEFGH", [1, 2, 3, 4, 5, 6, 7, 8]),
            ("GHEFCDAB", [7, 8, 5, 6, 3, 4, 1, 2]),
            ("CDABGHEF", [3, 4, 1, 2, 7, 8, 5, 6]),
            ("EFGHABCD", [5, 6, 7, 8, 1, 2, 3, 4]),
            ("HGFEDCBA", [8, 7, 6, 5, 4, 3, 2, 1]),
        ] {
            assert_eq!(Order::from_word(word).unwrap().arrange(&octets), [1, 2, 3, 4, 5, 6, 7, 8], "{word}");
        }
        for word in ["", "A", "ABC", "ABDC", "AACD", "ABCDEF"] {
            assert_eq!(Order::from_word(word), None, "{word}");
        }
        assert_eq!(Order::CDAB.arrange(&[5, 6, 3, 4, 1, 2]), [0, 0, 1, 2, 3, 4, 5, 6]);
    }
}
