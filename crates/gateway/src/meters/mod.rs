//! Meters: which may be heard, what is said about them, what is known of them, and what is told of them.
//!
//! ```text
//! meters.toml, [limits], [alarms] ──▶ Meters ──▶ the line (replaced as a whole while it runs)
//! a decoded frame ── Heard ──▶ Watch ── Standing ──▶ stored with the frame's record
//!                                └────── events ───▶ records of their own, each with the standing after it
//! ```
//!
//! Nothing here keeps time by the wall clock: a clock that is set makes no meter silent, and none return.

mod config;
mod debounce;
mod known;
mod list;
mod period;
mod rate;
mod standing;
mod table;
mod watch;

pub use config::{Alarms, Debounce, Limits};
pub use list::{List, Listed, Unknown, Unwanted};
pub use period::Intervals;
pub use rate::Rate;
pub use standing::{Happened, Moment, Owed, Pending, Standing};
pub use table::{Format, TableError, print};
pub use watch::Heard;
pub(crate) use watch::{Limited, Numbers, Watch};

use crate::config::{Config, ConfigError};
use crate::sources::rs485::registers::Maps;

/// What a gateway is told about meters: all of it may be replaced while it runs.
#[derive(Clone, Debug, Default)]
pub struct Meters {
    /// What `meters.toml` says.
    pub list: List,
    /// `[limits]`.
    pub limits: Limits,
    /// `[alarms]`.
    pub alarms: Alarms,
    /// What the registers of those mean that are polled.
    pub maps: Maps,
}

impl Meters {
    /// Reads what a configuration says about meters, and the file it names.
    ///
    /// # Errors
    /// Says what is wrong, and where.
    pub fn load(config: &Config) -> Result<Self, ConfigError> {
        let list = config.meters.as_deref().map_or_else(|| Ok(List::default()), List::load)?;
        Ok(Self { list, limits: config.limits.clone(), alarms: config.alarms.clone(), maps: config.maps.clone() })
    }
}
