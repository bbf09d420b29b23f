//! Profiles: meters as data. Files are read and compiled into the plain tables of `esh_core::profile`; `docs/profiles.md`
//! has their grammar.
//!
//! A profile is kept for the life of the process, once for each text: one that a reload finds unchanged is the one that is
//! there already.

mod body;
mod built_in;
mod command;
mod compile;
mod field;
mod file;
mod form;
mod new;
mod records;
pub mod registers;
mod rust;
mod scope;
mod set;
mod test;

pub use command::Command;
pub(crate) use set::watched;
pub use set::{Found, Loaded, Profiles};
pub use test::{Outcome, run};

use crate::config::ConfigError;
use std::path::Path;

/// Compiles the text of a profile, to see whether it is one; `file` is what errors call it.
///
/// # Errors
/// What is wrong, and where.
pub fn compile(file: &Path, text: &str) -> Result<&'static esh_core::profile::Profile, ConfigError> {
    Ok(set::load(file, text, None)?.profile)
}
