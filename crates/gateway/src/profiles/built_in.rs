//! The profiles that come with the program. Each is compiled when it is wanted: most gateways want a few.

use super::set::{self, Found};
use crate::config::ConfigError;
use std::path::Path;
use std::sync::OnceLock;

/// A file that comes with the program.
pub(super) struct BuiltIn {
    /// Its path below `profiles/`.
    path: &'static str,
    /// The addresses of the meters that it is sure of.
    pub(super) masks: &'static [&'static str],
    text: &'static str,
    compiled: OnceLock<Option<Found>>,
}

impl BuiltIn {
    const fn new(path: &'static str, masks: &'static [&'static str], text: &'static str) -> Self {
        Self { path, masks, text, compiled: OnceLock::new() }
    }

    /// The name of the profile.
    pub(super) fn name(&self) -> &'static str {
        Path::new(self.path).file_stem().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Compiles it.
    pub(super) fn load(&self) -> Result<Found, ConfigError> {
        set::load(&Path::new("profiles").join(self.path), self.text, Some(()))
    }

    /// The profile. A test of ours compiles each of them: one that is wrong would not be here.
    pub(super) fn get(&self) -> Option<Found> {
        *self.compiled.get_or_init(|| self.load().ok())
    }
}

// `BUILT_IN`: all of them.
include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_profile_and_its_masks_are_known_without_reading_it() {
        for built_in in &BUILT_IN {
            let found = built_in.load().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(found.profile.name, built_in.name());
            assert_eq!(found.masks, built_in.masks, "{}", built_in.path);
        }
    }
}
