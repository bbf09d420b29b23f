//! What sinks that speak TLS are told, and what no address may have in it.

use crate::config::Wrong;
use serde::de;
use std::path::{Path, PathBuf};

/// The certificates of TLS connections, PEM files all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secure {
    /// Who signs the peer's certificate; without it whom the machine trusts.
    pub ca: Option<PathBuf>,
    /// The gateway's own certificate and its key, where the peer asks for one.
    pub own: Option<(PathBuf, PathBuf)>,
}

impl Secure {
    /// All of them.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let own = self.own.iter().flat_map(|(certificate, key)| [certificate, key]);
        self.ca.iter().chain(own).map(PathBuf::as_path)
    }
}

/// The keys of a sink's table that name files; relative paths start at its folder.
pub(crate) struct Files {
    pub(crate) ca: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

impl Files {
    /// The certificates, where there is TLS; `without` is said of certificates that would not be used.
    pub(crate) fn build(self, base: &Path, tls: bool, without: &str) -> Result<Option<Secure>, Wrong> {
        let [ca, certificate, key] = [self.ca, self.certificate, self.key].map(|path| path.map(|path| base.join(path)));
        if !tls {
            for (name, path) in [("ca", &ca), ("certificate", &certificate), ("key", &key)] {
                if path.is_some() {
                    return Err(Wrong::new(name, format!("there are no certificates without TLS: write `{without}`")));
                }
            }
            return Ok(None);
        }
        let own = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => return Err(Wrong::new("certificate", "its `key` is missing")),
            (None, Some(_)) => return Err(Wrong::new("key", "its `certificate` is missing")),
        };
        Ok(Some(Secure { ca, own }))
    }
}

/// Refuses an address with a user in it. It is not quoted: a password may stand there, too.
pub(crate) fn without_user<E: de::Error>(address: &str) -> Result<(), E> {
    if address.contains('@') {
        return Err(E::custom("user and password do not stand in the address: write `user` and `password`"));
    }
    Ok(())
}
