//! What the log of parked frames is told.

use crate::config::{Size, Span};
use crate::queue::log;
use serde::Deserialize;
use std::time::Duration;

/// `[parked]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct Config {
    /// The most octets it takes on the disk; beyond them the oldest frames go.
    pub size: u64,
    /// How long a frame waits; without it as long as there is room.
    pub age: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    size: Option<Size>,
    age: Option<Span>,
}

impl Default for Config {
    fn default() -> Self {
        Self { size: 64 << 20, age: None }
    }
}

impl TryFrom<Keys> for Config {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let default = Self::default();
        let config = Self { size: keys.size.map_or(default.size, |size| size.0), age: keys.age.map(|age| age.0) };
        config.log().check().map_err(|_| "the frames that wait for a key take at least 192 KiB".to_owned())?;
        Ok(config)
    }
}

impl Config {
    /// What its log is told. It is committed with others' patience: the queue has its frames until it has them.
    pub(super) fn log(&self) -> log::Config {
        log::Config {
            segment: (self.size / 16).clamp(64 << 10, 1 << 20) / 4096 * 4096,
            quota: self.size,
            age: self.age,
            when_full: log::WhenFull::DropOldest,
            sync: log::Sync::Batch { records: 1024, wait: Duration::from_secs(1) },
            snapshots: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_say_how_much_may_wait() {
        let config = |text: &str| toml::from_str::<Config>(text).map_err(|error| error.to_string());
        assert_eq!(config("").unwrap(), Config::default());
        let small = config("size = \"256 KiB\"\nage = \"7d\"").unwrap();
        assert_eq!(
            (small.size, small.age, small.log().segment),
            (256 << 10, Some(Duration::from_secs(604_800)), 65_536)
        );
        assert!(config("size = 1000").unwrap_err().contains("at least 192 KiB"));
        assert!(config("seize = 1").is_err());
    }
}
