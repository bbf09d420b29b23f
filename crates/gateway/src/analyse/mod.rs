//! The command `decode`: an analyser that opens frames as far as the keys reach.
//!
//! One frame or many, in the order they were given; what an earlier line teaches, a later line knows. Nothing is
//! refused as a replay unless that is asked for.

mod batch;
mod explain;
mod known;
mod script;
mod text;

pub use batch::{LINE_LIMIT, Options, decode_lines};
pub use explain::explain;
pub(crate) use explain::{Explained, Heard, explain_capture, explained};
pub use known::Keys;
pub use script::DefaultCodec;
pub use text::print as print_text;
