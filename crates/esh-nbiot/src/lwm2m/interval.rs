//! Interval data, resource 6029 of the objects 10266 to 10271 and 10313: values of many intervals in one payload.
//!
//! Format 2 of the registry: an octet that says so, the instance or class (2 octets), the end of the first interval as
//! seconds since 1970 (4), the period in seconds (4), how many intervals (2), how many values each has (1), the bits of
//! each value (1 each), then the values, bit by bit, most significant first.

use esh_core::{DecodeError, Input, Layer, Reason};

/// The format read here.
const FORMAT: u8 = 2;

/// The head of a payload, checked against its length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intervals<'a> {
    first: u32,
    period: u32,
    count: u16,
    /// The bits of each value of an interval.
    sizes: &'a [u8],
    values: &'a [u8],
}

/// One value: the end of its interval, which of the interval's values, the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IntervalValue {
    pub(super) end: i64,
    pub(super) index: u8,
    pub(super) number: u64,
}

impl<'a> Intervals<'a> {
    /// Checks a payload; `None` for an empty one, which says that there is nothing new.
    pub(super) fn parse(payload: &'a [u8], offset: usize) -> Result<Option<Self>, DecodeError> {
        let mut input = Input::new(payload, offset, Layer::Application);
        if input.is_empty() {
            return Ok(None);
        }
        let start = input;
        let format = input.u8("format of interval data")?;
        if format != FORMAT {
            return Err(start.error("format of interval data", Reason::UnknownFormat(format.into())));
        }
        input.u16_be("interval data class")?;
        let first = input.u32_be("first interval")?;
        let period = input.u32_be("interval period")?;
        let count = input.u16_be("number of intervals")?;
        let values = input.u8("values of an interval")?;
        let here = input;
        let sizes = input.take("bits of a value", values.into())?;
        if sizes.iter().any(|bits| !(1..=64).contains(bits)) {
            return Err(here.error("bits of a value", Reason::Malformed));
        }
        let bits = sizes.iter().map(|bits| usize::from(*bits)).sum::<usize>() * usize::from(count);
        let values = input.take("interval values", bits.div_ceil(8))?;
        input.end("interval data")?;
        Ok(Some(Self { first, period, count, sizes, values }))
    }

    /// The values, interval by interval.
    pub(super) fn values(self) -> impl Iterator<Item = IntervalValue> + 'a {
        let mut bit = 0;
        (0..self.count)
            .flat_map(move |interval| {
                let end = i64::from(self.first) + i64::from(interval) * i64::from(self.period);
                self.sizes.iter().zip(0u8..).map(move |(size, index)| (end, index, usize::from(*size)))
            })
            .map(move |(end, index, size)| {
                let number = (bit..bit + size).fold(0, |number, bit| {
                    let octet = self.values.get(bit / 8).copied().unwrap_or_default();
                    number << 1 | u64::from(octet >> (7 - bit % 8) & 1)
                });
                bit += size;
                IntervalValue { end, index, number }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn values_are_read_bit_by_bit() {
        // Two intervals of an hour with a 16-bit and a 4-bit value each.
        let payload = [2, 0, 0, 0x65, 0x53, 0xf1, 0, 0, 0, 0x0e, 0x10, 0, 2, 2, 16, 4, 0x01, 0x02, 0xa0, 0x30, 0x4b];
        let values: Vec<_> = Intervals::parse(&payload, 0).unwrap().unwrap().values().collect();
        let value = |end, index, number| IntervalValue { end, index, number };
        assert_eq!(
            values,
            [
                value(1_700_000_000, 0, 0x0102),
                value(1_700_000_000, 1, 0xa),
                value(1_700_003_600, 0, 0x0304),
                value(1_700_003_600, 1, 0xb),
            ]
        );
        assert!(Intervals::parse(&[], 0).unwrap().is_none());
        for cut in 1..payload.len() {
            assert!(Intervals::parse(&payload[..cut], 0).is_err(), "cut at {cut}");
        }
        let mut other = payload;
        other[0] = 3;
        assert!(matches!(Intervals::parse(&other, 0).unwrap_err().reason, Reason::UnknownFormat(3)));
    }
}
