//! Formats of makers that no layout can say: an algorithm each.

mod jooby;

pub use jooby::{JoobyAnalog, JoobyArchive};
