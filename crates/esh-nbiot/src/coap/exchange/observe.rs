//! Observing; RFC 7641.

/// Observe values have 24 bits; clause 3.4.
pub const SEQUENCE_MASK: u32 = 0xff_ffff;

/// Which notification of an observed resource was the last one: whoever observes needs it. Clause 3.4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness(Option<(u32, u64)>);

impl Freshness {
    /// Whether a notification that came at `now` with this Observe value is newer than all before it; an older one came
    /// late. It is the newest from then on.
    pub fn is_newer(&mut self, value: u32, now: u64) -> bool {
        const HALF: u32 = 1 << 23;
        let value = value & SEQUENCE_MASK;
        let newer = self.0.is_none_or(|(last, at)| {
            last < value && value - last < HALF || last > value && last - value > HALF || now > at + 128_000
        });
        if newer {
            self.0 = Some((value, now));
        }
        newer
    }
}

/// The Observe value of a notification that is sent at `now`: it grows, as clause 4.4 asks for, as long as notifications
/// of one resource are more than 8 milliseconds apart, and it does not begin anew with its sender.
#[must_use]
pub const fn sequence(now: u64) -> u32 {
    (now >> 3) as u32 & SEQUENCE_MASK
}
