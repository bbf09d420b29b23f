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
pub(crate) use rate::{Bucket as RateBucket, or_none};
pub use standing::{Happened, Moment, Owed, Pending, Standing};
pub use table::{Format, TableError, print};
pub use watch::Heard;
pub(crate) use watch::{Limited, Numbers, Watch};

use crate::config::{Config, ConfigError};
use crate::profiles::Profiles;
use crate::profiles::registers::Maps;
use std::sync::Arc;

/// What a gateway is told about meters: all of it may be replaced while it runs.
#[derive(Clone, Debug)]
pub struct Meters {
    /// What `meters.toml` says.
    pub list: List,
    /// `[limits]`.
    pub limits: Limits,
    /// `[alarms]`.
    pub alarms: Alarms,
    /// What reads the payloads of models that speak no standard, or not all of it.
    pub profiles: Arc<Profiles>,
    /// What the registers of those mean that are polled.
    pub maps: Maps,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            list: List::default(),
            limits: Limits::default(),
            alarms: Alarms::default(),
            profiles: Profiles::built_in(),
            maps: Maps::new(),
        }
    }
}

impl Meters {
    /// Reads what a configuration says about meters, and the file it names.
    ///
    /// # Errors
    /// Says what is wrong, and where.
    pub fn load(config: &Config) -> Result<Self, ConfigError> {
        let profiles = Profiles::with_folder(config.profiles.as_deref())?;
        for (profile, file) in profiles.replaced() {
            tracing::info!(profile, instead_of = %file.display(), "a later profile of this name counts");
        }
        let list = config.meters.as_deref().map(|file| List::load_with(file, &profiles)).transpose()?;
        let (limits, alarms, maps) = (config.limits.clone(), config.alarms.clone(), config.maps.clone());
        Ok(Self { list: list.unwrap_or_default(), limits, alarms, profiles, maps })
    }
}
