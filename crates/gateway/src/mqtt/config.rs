//! Where a broker is and who the gateway is there: what a sink and a source are told of it alike.

use super::url::{Url, Urls};
use crate::config::{Span, Wrong};
use crate::secret::Secret;
use crate::secure::{Files, Secure};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A connection to a broker, or to one of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The brokers: the first one, and those that are tried in their order when it stays away. There is one.
    pub urls: Vec<Url>,
    /// How long a broker may stay away before the next is tried.
    pub next_after: Span,
    /// How long another one is spoken to before the first is tried again.
    pub first_after: Span,
    /// The version of the protocol.
    pub version: Version,
    /// The name the broker knows the gateway by; without one it is made of the gateway's name.
    pub client_id: Option<String>,
    /// User, and where the password stands.
    pub user: Option<(String, Option<Secret>)>,
    /// Certificates, where the broker is spoken to through TLS.
    pub secure: Option<Secure>,
    /// How often a silent connection is tried.
    pub keep_alive: Span,
}

/// The version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum Version {
    /// MQTT 5.
    #[default]
    #[serde(rename = "5")]
    Five,
    /// MQTT 3.1.1.
    #[serde(rename = "3.1.1")]
    Three,
}

/// The keys of it, as they stand in the table of a sink or of a source. Both list them: what `serde` flattens can neither
/// refuse an unknown key nor say where a wrong one stands.
pub(crate) struct ConnectionKeys {
    pub(crate) url: Urls,
    pub(crate) next_after: Option<Span>,
    pub(crate) first_after: Option<Span>,
    pub(crate) version: Option<Version>,
    pub(crate) client_id: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) keep_alive: Option<Span>,
}

/// Takes the keys of a connection out of those of a table.
macro_rules! connection_keys {
    ($keys:ident) => {
        $crate::mqtt::ConnectionKeys {
            url: $keys.url,
            next_after: $keys.next_after,
            first_after: $keys.first_after,
            version: $keys.version,
            client_id: $keys.client_id,
            user: $keys.user,
            password: $keys.password,
            ca: $keys.ca,
            certificate: $keys.certificate,
            key: $keys.key,
            keep_alive: $keys.keep_alive,
        }
    };
}
pub(crate) use connection_keys;

impl ConnectionKeys {
    /// The connection; relative paths start at `base`.
    pub(crate) fn build(mut self, base: &Path) -> Result<Connection, Wrong> {
        if let Some(password) = &mut self.password {
            password.resolve(base);
        }
        let Urls(urls) = self.url;
        if urls.is_empty() {
            return Err(Wrong::new("url", "name a broker"));
        }
        for (key, span) in [("next_after", self.next_after), ("first_after", self.first_after)] {
            match span {
                Some(_) if urls.len() == 1 => return Err(Wrong::new(key, "there is one broker: `url` may be a list")),
                Some(span) if span.0.is_zero() => return Err(Wrong::new(key, "no broker is that fast")),
                _ => {}
            }
        }
        let files = Files { ca: self.ca, certificate: self.certificate, key: self.key };
        let secure = files.build(base, urls.iter().any(|url| url.secure), "url = \"mqtts://…\"")?;
        let user = match (self.user, self.password) {
            (Some(user), password) => Some((user, password)),
            (None, None) => None,
            (None, Some(_)) => return Err(Wrong::new("password", "its `user` is missing")),
        };
        let keep_alive = self.keep_alive.unwrap_or(Span::seconds(30));
        if !(5..=65_535).contains(&keep_alive.0.as_secs()) {
            return Err(Wrong::new("keep_alive", "five seconds to 18 hours"));
        }
        Ok(Connection {
            urls,
            next_after: self.next_after.unwrap_or(Span::seconds(30)),
            first_after: self.first_after.unwrap_or(Span::seconds(600)),
            version: self.version.unwrap_or_default(),
            client_id: self.client_id,
            user,
            secure,
            keep_alive,
        })
    }
}

impl Connection {
    /// The files that are read before it connects.
    pub(crate) fn files(&self) -> Vec<&Path> {
        let password = self.user.as_ref().and_then(|(_, password)| password.as_ref()?.file());
        let secure = self.secure.iter().flat_map(Secure::files);
        password.into_iter().chain(secure).collect()
    }
}
