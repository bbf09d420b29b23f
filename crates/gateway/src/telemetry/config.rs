//! What `[http]` may say.

use crate::secret::Secret;
use serde::Deserialize;
use std::{net::SocketAddr, ops::Range, path::Path};
use toml::Spanned;

/// Where the status page, metrics and health are served, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The address it listens at.
    pub listen: SocketAddr,
    /// Where the token stands that whoever looks must have; without one everybody on this machine may look.
    pub token: Option<Secret>,
}

/// The keys of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    listen: Spanned<SocketAddr>,
    token: Option<Secret>,
}

impl Config {
    /// What the keys come to; relative paths start at `base`.
    ///
    /// # Errors
    /// When everybody on the network could look in; with the place.
    pub(crate) fn build(keys: Spanned<Keys>, base: &Path) -> Result<Self, (Range<usize>, String)> {
        let Keys { listen, mut token } = keys.into_inner();
        if let Some(token) = &mut token {
            token.resolve(base);
        }
        if token.is_none() && !listen.get_ref().ip().is_loopback() {
            let message = "others can reach this address: a `token` is missing, such as `token = { file = \"token\" }`";
            return Err((listen.span(), message.to_owned()));
        }
        Ok(Self { listen: listen.into_inner(), token })
    }
}
