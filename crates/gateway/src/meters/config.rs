//! `[limits]` and `[alarms]`.

use super::rate::{self, Rate};
use crate::config::Span;
use serde::{Deserialize, Deserializer, de};
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// How much may be learned, and how fast frames may come: anyone can transmit made-up meters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The most meters known; beyond them the one that was heard longest ago is forgotten, those of no `[[meter]]` first.
    pub meters: usize,
    /// How many frames of one meter are taken.
    #[serde(deserialize_with = "rate::or_none")]
    pub meter: Option<Rate>,
    /// How many frames of one source are taken.
    #[serde(deserialize_with = "rate::or_none")]
    pub source: Option<Rate>,
    /// How long a rate may be saved up, to be used at once.
    pub burst: Span,
}

impl Default for Limits {
    /// More than any radio hears, and what a minute saves up lets an archive through that is fed again.
    fn default() -> Self {
        Self {
            meters: 16_384,
            meter: Some(Rate::each_second(200)),
            source: Some(Rate::each_second(50_000)),
            burst: Span::seconds(60),
        }
    }
}

impl Display for Limits {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "up to {} meters are known", self.meters)?;
        match (self.meter, self.source) {
            (Some(meter), Some(source)) => write!(f, "; {meter} of one meter and {source} of one source are taken"),
            (Some(meter), None) => write!(f, "; {meter} of one meter are taken"),
            (None, Some(source)) => write!(f, "; {source} of one source are taken"),
            (None, None) => Ok(()),
        }
    }
}

/// When alarms are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alarms {
    /// How long an alarm must stand before it is raised, and be gone before it is cleared.
    pub debounce: Debounce,
}

/// So many reports, or so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debounce {
    /// In so many reports, one after the other.
    Reports(u8),
    /// In every report for so long.
    Time(Duration),
}

impl Default for Debounce {
    /// A single report may be damaged, or be of a meter that is being serviced.
    fn default() -> Self {
        Self::Reports(2)
    }
}

impl<'de> Deserialize<'de> for Debounce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;

        impl de::Visitor<'_> for Form {
            type Value = Debounce;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("a number of reports from 1 to 255, or a length of time such as `10min`")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Debounce, E> {
                let reports = u8::try_from(number).ok().filter(|reports| *reports > 0);
                reports.map(Debounce::Reports).ok_or_else(|| E::invalid_value(de::Unexpected::Signed(number), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Debounce, E> {
                let span = text.parse::<Span>();
                span.map(|span| Debounce::Time(span.0)).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Form)
    }
}

impl Display for Debounce {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reports(1) => f.write_str("at once"),
            Self::Reports(reports) => write!(f, "after {reports} reports"),
            Self::Time(time) => write!(f, "after {} s", time.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debounce_is_a_number_of_reports_or_a_time() {
        let read = |text: &str| toml::from_str::<Alarms>(text).map(|alarms| alarms.debounce);
        assert_eq!(read("debounce = 3").unwrap(), Debounce::Reports(3));
        assert_eq!(read("debounce = \"10 min\"").unwrap(), Debounce::Time(Duration::from_secs(600)));
        assert_eq!(read("").unwrap(), Debounce::Reports(2));
        for wrong in ["debounce = 0", "debounce = 256", "debounce = \"x\"", "debounce = true", "bounce = 1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn limits_may_be_left_out() {
        let limits: Limits = toml::from_str("meter = \"none\"\nsource = \"5/min\"\nmeters = 7").unwrap();
        assert_eq!((limits.meter, limits.meters, limits.burst), (None, 7, Span::seconds(60)));
        assert_eq!(toml::from_str::<Limits>("").unwrap(), Limits::default());
        assert!(toml::from_str::<Limits>("meter = 5").is_err());
    }
}
