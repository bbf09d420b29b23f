//! The usual period of a meter, and how long one waits for it.

use std::time::Duration;

/// The last few intervals between two frames of a meter, in seconds, the oldest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Intervals {
    seconds: [u32; Self::MOST],
    count: u8,
}

impl Intervals {
    /// The most that are remembered.
    pub const MOST: usize = 7;
    /// With fewer, nothing is usual yet.
    const FEWEST: usize = 3;

    /// Remembers one more.
    pub fn push(&mut self, interval: Duration) {
        let seconds = u32::try_from(interval.as_secs()).unwrap_or(u32::MAX);
        if usize::from(self.count) == Self::MOST {
            self.seconds.rotate_left(1);
            self.count -= 1;
        }
        if let Some(slot) = self.seconds.get_mut(usize::from(self.count)) {
            *slot = seconds;
            self.count += 1;
        }
    }

    /// Those there are.
    #[must_use]
    pub fn seconds(&self) -> &[u32] {
        self.seconds.get(..self.count.into()).unwrap_or_default()
    }
}

/// So many periods may be missed.
const MISSED: u32 = 3;
/// Of what was learned nobody is told sooner: a meter that sends every few seconds may stand behind a lorry.
const SOONEST: Duration = Duration::from_secs(600);
/// Nor later.
const LATEST: Duration = Duration::from_secs(30 * 86_400);

/// How long a meter may be silent: three times its period, and a little because no clock is exact. Without a `period` it
/// is three times the median of the last intervals, and longer than the longest of them: what comes by radio does not
/// always arrive.
#[must_use]
pub(super) fn patience(period: Option<Duration>, intervals: &Intervals) -> Option<Duration> {
    if let Some(period) = period {
        return Some(period.saturating_mul(MISSED).saturating_add(period / 4));
    }
    let mut sorted = *intervals;
    let sorted = sorted.seconds.get_mut(..sorted.count.into()).filter(|all| all.len() >= Intervals::FEWEST)?;
    sorted.sort_unstable();
    let seconds = |place: usize| Duration::from_secs(sorted.get(place).copied().unwrap_or_default().into());
    let (median, longest) = (seconds(sorted.len() / 2), seconds(sorted.len() - 1));
    Some((median * MISSED + median / 4).max(longest + longest / 2).clamp(SOONEST, LATEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(intervals: &[u64]) -> Option<Duration> {
        let mut all = Intervals::default();
        intervals.iter().for_each(|seconds| all.push(Duration::from_secs(*seconds)));
        patience(None, &all)
    }

    #[test]
    fn three_periods_and_a_little() {
        let minute = Duration::from_secs(60);
        assert_eq!(patience(Some(minute), &Intervals::default()), Some(Duration::from_secs(195)));
        assert_eq!(learned(&[3600, 3600]), None, "two intervals are no habit");
        assert_eq!(learned(&[3600; 3]), Some(Duration::from_secs(11_700)));
        assert_eq!(learned(&[16; 20]), Some(SOONEST));
        assert_eq!(learned(&[30 * 86_400; 7]), Some(LATEST));
        // A meter that is often not received, and one that sends two telegrams each time.
        assert_eq!(learned(&[900, 900, 7200, 900, 900]), Some(Duration::from_secs(10_800)));
        assert_eq!(learned(&[1, 900, 1, 900, 1, 900, 1]), Some(Duration::from_secs(1350)));
        // One long absence is forgotten after a while.
        assert_eq!(learned(&[86_400, 900, 900, 900, 900, 900, 900, 900]), Some(Duration::from_secs(2925)));
    }
}
