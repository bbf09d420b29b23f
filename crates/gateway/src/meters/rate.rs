//! Rates: how many frames of one kind may come, and a bucket for each kind.

use serde::{Deserialize, Deserializer, de};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

/// So many in a length of time: `200/s`, `10/min`, `4/h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Nanoseconds between two, in the long run.
    spacing: u64,
}

impl Rate {
    /// So many in a second.
    pub(crate) const fn each_second(count: u64) -> Self {
        Self { spacing: SECOND / if count == 0 { 1 } else { count } }
    }
}

const SECOND: u64 = 1_000_000_000;
const EXPECTED: &str = "a rate such as `200/s`, `10/min` or `4/h`, or `none`";

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (count, unit) = text.split_once('/').ok_or(EXPECTED)?;
        let count: u64 = count.trim().parse().map_err(|_| EXPECTED)?;
        let seconds: u64 = match unit.trim() {
            "s" => 1,
            "min" | "m" => 60,
            "h" => 3600,
            _ => return Err(EXPECTED),
        };
        let spacing = (seconds * SECOND).checked_div(count).filter(|spacing| *spacing > 0).ok_or(EXPECTED)?;
        Ok(Self { spacing })
    }
}

impl Display for Rate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let spacing = self.spacing.max(1);
        if spacing <= SECOND { write!(f, "{}/s", SECOND / spacing) } else { write!(f, "{}/h", 3600 * SECOND / spacing) }
    }
}

/// Reads a rate, or `none`.
pub(crate) fn or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rate>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "none" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|expected: &str| de::Error::invalid_value(de::Unexpected::Str(&text), &expected))
}

/// A bucket of tokens, as the one number it comes to: when it would be full again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// In nanoseconds.
    full: u64,
}

impl Bucket {
    /// Takes a token, if there is one; `burst` is how long the rate may be saved up.
    pub(crate) fn take(&mut self, rate: Rate, burst: Duration, now: Duration) -> bool {
        let (now, burst) = (nanoseconds(now), nanoseconds(burst));
        let full = self.full.max(now).saturating_add(rate.spacing);
        let fits = full - now <= burst.max(rate.spacing);
        if fits {
            self.full = full;
        }
        fits
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_say_what_they_mean() {
        for (text, spacing, shown) in
            [("200/s", 5_000_000, "200/s"), ("10/min", 6_000_000_000, "600/h"), ("1 / h", 3_600_000_000_000, "1/h")]
        {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate.spacing, rate.to_string().as_str()), (spacing, shown));
        }
        for text in ["", "5", "0/s", "x/s", "5/d", "-1/s", "9999999999999/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_was_saved_up_may_come_at_once_and_then_the_rate_holds() {
        let (rate, burst) = (Rate::each_second(10), Duration::from_secs(2));
        let (mut bucket, mut now) = (Bucket::default(), Duration::from_secs(1000));
        let taken = |bucket: &mut Bucket, now| (0..1000).filter(|_| bucket.take(rate, burst, now)).count();
        assert_eq!(taken(&mut bucket, now), 20);
        now += Duration::from_secs(1);
        assert_eq!(taken(&mut bucket, now), 10);
        now += Duration::from_secs(3600);
        assert_eq!(taken(&mut bucket, now), 20);
        assert!(Bucket::default().take("1/h".parse().unwrap(), Duration::ZERO, now), "one is always let through");
    }
}
