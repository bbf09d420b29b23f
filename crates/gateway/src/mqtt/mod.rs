//! Connections to MQTT brokers: what a sink that publishes and a source that subscribes have in common.

mod brokers;
mod config;
mod fault;
mod settings;
mod tls;
mod url;

pub(crate) use brokers::{Brokers, first_is_back};
pub use config::{Connection, Version};
pub(crate) use config::{ConnectionKeys, connection_keys};
pub(crate) use fault::Fault;
pub(crate) use settings::{LARGEST, Settings};
pub use url::Url;
pub(crate) use url::Urls;

use crate::secret::SecretError;
use std::path::PathBuf;

/// Why a connection cannot even be tried.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    /// The password is not there.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A certificate or key cannot be read.
    #[error("{path}: {1}", path = .0.display())]
    Pem(PathBuf, String),
    /// The certificates do not make a TLS configuration.
    #[error("TLS: {0}")]
    Tls(String),
}
