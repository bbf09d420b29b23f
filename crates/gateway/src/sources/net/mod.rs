//! What the sources share that meters send datagrams to.

pub(super) mod endpoint;
pub(super) mod socket;

pub(super) use endpoint::Rates;
pub(super) use socket::Socket;
