//! What the fuzz targets of profiles hold to be true of any text and any payload. The ordinary tests replay the seeds with
//! the same.
#![allow(dead_code, reason = "each target uses one of them")]

#[path = "everything.rs"]
mod everything;

use esh_core::profile::{CarriedBy, Messages, Profile};
use esh_core::{Format, NothingKnown};
use esh_gateway::profiles::{Profiles, compile};
use esh_gateway::protocols::InsideProfiles;
use everything::Everything;
use std::path::Path;

/// A profile that has every key there is.
const EVERY_KEY: &str = include_str!("../seeds/profile_file/every-key.toml");

/// Reads octets as the text of a profile: it is refused with a place in it, or reads payloads, such as its own text.
pub(crate) fn profile_file(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    match compile(Path::new("fuzz.toml"), text) {
        Err(error) => assert!(error.to_string().starts_with("fuzz.toml"), "{error}"),
        Ok(profile) => {
            let payload = octets.get(..octets.len().min(64)).unwrap();
            for by in [None, Some(CarriedBy::Port(2))] {
                read(profile, by, false, payload);
            }
        }
    }
}

/// Reads octets by a profile: the first says which, the second what carries them.
pub(crate) fn profile_read(octets: &[u8]) {
    let [which, carrier, payload @ ..] = octets else { return };
    let built_in = Profiles::built_in();
    let mine = compile(Path::new("every-key.toml"), EVERY_KEY).expect("a profile");
    let all: Vec<&'static Profile> = std::iter::once(mine).chain(built_in.all().map(|found| found.profile)).collect();
    let profile = all.get(usize::from(*which) % all.len()).unwrap();
    for by in [CarriedBy::Port(*carrier), CarriedBy::Ci(*carrier)] {
        read(profile, Some(by), false, payload);
    }
    read(profile, None, true, payload);
}

fn read(profile: &'static Profile, carried_by: Option<CarriedBy>, down: bool, payload: &[u8]) {
    let messages = Messages { profile, carried_by, down, formats: &InsideProfiles };
    let mut out = Everything::of(payload.len());
    if let Err(error) = messages.read(None, payload, 0, &NothingKnown, &mut out) {
        assert!(error.offset <= payload.len(), "{error}");
    }
    if let Err(error) = profile.records.read(&esh_wmbus::Records, None, payload, 0, &NothingKnown, &mut out) {
        assert!(error.offset <= payload.len(), "{error}");
    }
}
