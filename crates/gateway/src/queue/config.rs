//! What the queue is told.

use super::log;
use crate::config::{Size, Span};
use serde::Deserialize;
use std::time::Duration;

/// `[queue]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct Config {
    /// The most octets it takes on the disk.
    pub size: u64,
    /// How old records may become; without it they stay until they are delivered or there is no room.
    pub age: Option<Duration>,
    /// What happens when it is full.
    pub when_full: WhenFull,
    /// When what was taken goes to the disk, and sources are answered.
    pub sync: log::Sync,
    /// Octets of one file.
    pub segment: u64,
}

/// What happens when the queue, or the disk, is full.
///
/// The default is to block: an answered `ok` is a promise, and dropping the oldest record breaks one that was given,
/// while a source that waits was promised nothing yet. Where fresh readings are worth more than old ones, choose
/// `drop_oldest`: every record it costs is counted and told by an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// Sources wait: those that can, make their peers wait.
    #[default]
    Block,
    /// What comes is refused, and the source says so.
    DropNewest,
    /// The oldest records go, delivered or not.
    DropOldest,
}

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    size: Option<Size>,
    age: Option<Span>,
    #[serde(default)]
    when_full: WhenFull,
    #[serde(default)]
    sync: Word,
    records: Option<u64>,
    wait: Option<Span>,
    segment: Option<Size>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Always,
    #[default]
    Batch,
    Interval,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            size: 1 << 30,
            age: None,
            when_full: WhenFull::Block,
            sync: log::Sync::Batch { records: 64, wait: Duration::from_millis(10) },
            segment: 8 << 20,
        }
    }
}

impl TryFrom<Keys> for Config {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let wait = keys.wait.map(|wait| wait.0);
        let sync = match (keys.sync, keys.records) {
            (Word::Always, None) if wait.is_none() => log::Sync::Always,
            (Word::Always, _) => {
                return Err("with `sync = \"always\"` nothing waits: leave out `records` and `wait`".into());
            }
            (Word::Batch, records) => log::Sync::Batch {
                records: records.unwrap_or(64).max(1),
                wait: wait.unwrap_or(Duration::from_millis(10)),
            },
            (Word::Interval, None) => log::Sync::Interval { wait: wait.unwrap_or(Duration::from_secs(1)) },
            (Word::Interval, Some(_)) => {
                return Err("with `sync = \"interval\"` only `wait` counts: leave out `records`".into());
            }
        };
        let default = Self::default();
        let size = keys.size.map_or(default.size, |size| size.0);
        // A small queue has small files: there are at least three of them.
        let fit = (size / 8).clamp(64 << 10, default.segment) / 4096 * 4096;
        let segment = keys.segment.map_or(fit, |size| size.0);
        let config = Self { size, age: keys.age.map(|age| age.0), when_full: keys.when_full, sync, segment };
        config.log().check().map_err(|error| error.to_string())?;
        Ok(config)
    }
}

impl Config {
    /// What the log is told.
    pub(super) fn log(&self) -> log::Config {
        log::Config {
            segment: self.segment,
            quota: self.size,
            age: self.age,
            when_full: match self.when_full {
                // What is refused the queue counts itself, once for each capture.
                WhenFull::Block | WhenFull::DropNewest => log::WhenFull::Block,
                WhenFull::DropOldest => log::WhenFull::DropOldest,
            },
            sync: self.sync,
            snapshots: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_keys_say_what_is_kept_and_when_it_is_safe() {
        let default = config("").unwrap();
        assert_eq!(format!("{default:?}"), format!("{:?}", Config::default()));
        let small = config(
            "size = \"2 MiB\"\nsync = \"interval\"\nwait = \"500ms\"\nage = \"1d\"\nwhen_full = \"drop_oldest\"",
        )
        .unwrap();
        assert_eq!((small.segment, small.when_full), (256 << 10, WhenFull::DropOldest));
        assert_eq!(small.sync, log::Sync::Interval { wait: Duration::from_millis(500) });
        assert_eq!(config("sync = \"always\"").unwrap().sync, log::Sync::Always);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for wrong in [
            "size = 1000",
            "segment = 5000",
            "sync = \"always\"\nwait = \"1s\"",
            "sync = \"interval\"\nrecords = 2",
            "seize = 1",
        ] {
            assert!(config(wrong).is_err(), "{wrong}");
        }
    }
}
