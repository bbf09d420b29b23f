//! The frame counter: 32 bits, of which a frame carries the lower 16; TS001, 4.3.1.5.

/// How many times a counter may have rolled over before anyone listened: tried when no counter is known.
const EPOCHS: u32 = 16;

/// The counters that a frame may have, the likeliest first, out of its lower 16 bits and the last one accepted.
///
/// The next above the last one comes first; then a rollover more, for a device that was away; then those that are not
/// above it, so that an old frame is told from an altered one.
pub(crate) fn candidates(last: Option<u32>, low: u16) -> impl Iterator<Item = u32> {
    let low = u32::from(low);
    let (first, more) = match last {
        None => (Some(low), Candidates::Epochs),
        Some(last) => {
            let same = last & 0xffff_0000 | low;
            if same > last {
                (Some(same), Candidates::Around([same.checked_add(0x1_0000), same.checked_sub(0x1_0000)]))
            } else {
                (same.checked_add(0x1_0000), Candidates::Around([Some(same), same.checked_sub(0x1_0000)]))
            }
        }
    };
    let others = (0..EPOCHS).filter_map(move |n| match more {
        Candidates::Epochs => (n > 0).then_some(n << 16 | low),
        Candidates::Around(around) => around.get(n as usize).copied().flatten(),
    });
    first.into_iter().chain(others)
}

#[derive(Clone, Copy)]
enum Candidates {
    Epochs,
    Around([Option<u32>; 2]),
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn the_likeliest_counter_comes_first() {
        for (last, low, expected) in [
            (Some(5), 6, &[6, 0x1_0006][..]),
            (Some(0xffff), 0, &[0x1_0000, 0]),
            (Some(0xfffe), 0xffff, &[0xffff, 0x1_ffff]),
            (Some(0x1_0001), 0xffff, &[0x1_ffff, 0x2_ffff, 0xffff]),
            (Some(0x1_0001), 1, &[0x2_0001, 0x1_0001, 1]),
            (Some(0xffff_ffff), 0xffff, &[0xffff_ffff, 0xfffe_ffff]),
            (Some(0xffff_fff0), 0xffff, &[0xffff_ffff, 0xfffe_ffff]),
        ] {
            assert_eq!(candidates(last, low).collect::<Vec<_>>(), expected, "{last:?} {low}");
        }
        assert_eq!(candidates(None, 7).count(), 16);
        assert_eq!(candidates(None, 7).nth(1), Some(0x1_0007));
    }
}
