//! What the sources share that listen.

mod connections;
pub(super) mod endpoint;
pub(super) mod socket;

pub(super) use connections::accept;
pub(super) use endpoint::Rates;
pub(super) use socket::Socket;
