//! The queue between decoding and the sinks: ordered records, each kept until every sink has confirmed it.

pub mod log;
