//! Everything a connection needs, with the secrets read.

use super::{Connection, MqttError, Url, Version, tls};
use rumqttc::{MqttOptions, TlsConfiguration, Transport, v5};
use std::{fmt, sync::Arc, time::Duration};
use tokio_rustls::rustls::ClientConfig;

/// Everything a connection needs, with the secrets read.
pub(crate) struct Settings {
    /// The brokers, in the order they are tried.
    pub(crate) urls: Vec<Url>,
    pub(crate) version: Version,
    client_id: String,
    user: Option<(String, crate::secret::Exposed)>,
    tls: Option<Arc<ClientConfig>>,
    keep_alive: Duration,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("urls", &self.urls).field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// Without a word of the broker, the most octets of a packet: what MQTT itself allows is far more than anything has that
/// is of use here.
pub(crate) const LARGEST: usize = 8 << 20;

impl Settings {
    /// Reads password and certificates. Without a client id of its own it is `name`; `end` stands behind either.
    pub(crate) fn new(connection: &Connection, name: &str, end: &str) -> Result<Self, MqttError> {
        let user = match &connection.user {
            None => None,
            Some((user, password)) => {
                let password = match password {
                    Some(password) => password.read()?,
                    None => crate::secret::Exposed::default(),
                };
                Some((user.clone(), password))
            }
        };
        Ok(Self {
            urls: connection.urls.clone(),
            version: connection.version,
            client_id: connection.client_id.clone().unwrap_or_else(|| name.to_owned()) + end,
            user,
            tls: connection.secure.as_ref().map(tls::client).transpose()?,
            keep_alive: connection.keep_alive.0,
        })
    }

    /// The same for somebody else, who disturbs no connection of the gateway.
    pub(crate) fn apart(self) -> Self {
        self.beside("-check")
    }

    /// The same for another client, beside the one it is of.
    pub(crate) fn beside(self, end: &str) -> Self {
        Self { client_id: self.client_id + end, ..self }
    }

    fn transport(&self, url: &Url) -> Transport {
        match &self.tls {
            Some(tls) if url.secure => Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(tls))),
            _ => Transport::tcp(),
        }
    }

    /// What a client of MQTT 5 is told in any case.
    pub(crate) fn five(&self, url: &Url) -> v5::MqttOptions {
        let mut options = v5::MqttOptions::new(&self.client_id, host(url), url.port);
        options.set_transport(self.transport(url)).set_keep_alive(self.keep_alive);
        if let Some((user, password)) = &self.user {
            options.set_credentials(user, password.expose());
        }
        options
    }

    /// What a client of MQTT 3.1.1 is told in any case.
    pub(crate) fn three(&self, url: &Url) -> MqttOptions {
        let mut options = MqttOptions::new(&self.client_id, host(url), url.port);
        options.set_transport(self.transport(url)).set_keep_alive(self.keep_alive);
        if let Some((user, password)) = &self.user {
            options.set_credentials(user, password.expose());
        }
        options
    }
}

/// The name by which the library calls the host: an IPv6 address in brackets, unless a certificate is to name it.
fn host(url: &Url) -> String {
    if url.host.contains(':') && !url.secure { format!("[{}]", url.host) } else { url.host.clone() }
}
