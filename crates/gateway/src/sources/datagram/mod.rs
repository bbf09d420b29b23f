//! Makers' own datagrams (`kind = "udp"`) and frames on connections (`kind = "tcp"`) as sources. What is in them, only the
//! meter's profile knows; here it is found where one ends, whose it is, and what its sender waits for. The answer goes out
//! once the queue has committed.

mod answer;
mod config;
mod frame;
mod identity;
mod tcp;
mod udp;

pub use answer::Answer;
pub use config::{TcpConfig, TcpKeys, UdpConfig, UdpKeys};
pub use frame::Frame;
pub use identity::{Identity, Imei};
pub use tcp::run as run_tcp;
pub use udp::run as run_udp;

use std::io;

/// Why such a source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DatagramError {
    /// Nobody can send to it.
    #[error("cannot listen at {0}: {1}")]
    Listen(String, #[source] io::Error),
}
