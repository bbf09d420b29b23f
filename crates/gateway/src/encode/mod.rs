//! Encode: from what decoding finds to the text of a report.

mod fields;
mod id;
mod instant;
mod reading;
mod report;

pub use fields::Fields;
pub use id::report_id;
pub use report::{Head, Heard, ReportWriter, Source, Tail};
