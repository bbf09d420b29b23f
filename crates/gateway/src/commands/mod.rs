//! The second line, which runs the other way: a command comes in, is kept until it has been carried out or is too old, and
//! is handed to the source that reaches its meter; what became of it goes out as records do.
//!
//! ```text
//!       inbox ──Command──▶ desk (kept in data/commands) ──Order──▶ the link of a source
//!                            │        ▲                                │
//!   the line ◀──Record── outcomes     └────────────── Progress ────────┘
//! ```
//!
//! * A command is on the disk before whoever brought it is told so. The same id is carried out once, however often it
//!   comes, also when the gateway is killed in between: that it is sent is on the disk before the first octet goes out.
//! * An outcome is told until the queue has committed it. Told twice it has the same id.
//! * Nothing listens for commands without `[commands] enabled = true`. From a broker none are taken yet.

mod command;
mod config;
mod desk;
mod inbox;
mod links;
mod outcome;
mod store;
mod task;

pub use command::{Command, CommandError, Does, Raw};
pub use config::Config;
pub use desk::{Progress, State};
pub use inbox::{InboxError, look, put};
pub use links::{Link, Links, Order, Reporter};
pub use outcome::Tell;
pub use store::StoreError;
pub use task::{Desk, Incoming};

#[cfg(test)]
mod tests;

/// The folder of the commands, in that of the gateway.
pub const FOLDER: &str = "commands";
