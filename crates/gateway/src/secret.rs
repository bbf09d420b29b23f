//! Secrets: where they stand, and how they are read without ever being shown.

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use std::{env, fmt, fs, io, path::Path, path::PathBuf};
use zeroize::Zeroize;

/// Where a secret stands. It is never the secret itself, so it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// In a variable of the environment.
    Env(String),
    /// In a file of its own; white space at its ends is no part of it.
    File(PathBuf),
    /// In a credential that systemd hands over: a file of that name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

impl Secret {
    /// Reads it.
    ///
    /// # Errors
    /// When it is not there; the error says where it should have been.
    pub fn read(&self) -> Result<Exposed, SecretError> {
        match self {
            Self::Env(name) => env::var(name).map(Exposed).map_err(|_| SecretError::Env(name.clone())),
            Self::File(path) => read(path),
            Self::Credential(name) => {
                let folder = env::var_os("CREDENTIALS_DIRECTORY").ok_or(SecretError::NoCredentials)?;
                read(&Path::new(&folder).join(name))
            }
        }
    }

    /// The file that holds it, where a configuration names one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Env(_) | Self::Credential(_) => None,
        }
    }

    /// Makes a relative path start at that folder.
    pub fn resolve(&mut self, base: &Path) {
        if let Self::File(path) = self {
            *path = base.join(&*path);
        }
    }
}

fn read(path: &Path) -> Result<Exposed, SecretError> {
    match fs::read_to_string(path) {
        Ok(mut text) => {
            let exposed = Exposed(text.trim().to_owned());
            text.zeroize();
            Ok(exposed)
        }
        Err(error) => Err(SecretError::File(path.to_owned(), error)),
    }
}

/// A secret that has been read. `Debug` does not show it; it is wiped when dropped.
#[derive(Default)]
pub struct Exposed(String);

impl Exposed {
    /// The secret, for whoever needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exposed(…)")
    }
}

impl Drop for Exposed {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A secret that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or not text.
    #[error("the environment has no variable {0}")]
    Env(String),
    /// The file cannot be read.
    #[error("cannot read the secret in {path}: {1}", path = .0.display())]
    File(PathBuf, #[source] io::Error),
    /// Not started by systemd, or without credentials.
    #[error("CREDENTIALS_DIRECTORY is not set: credentials come from systemd")]
    NoCredentials,
}

const HOW: &str = r#"a secret does not stand here itself: write { file = "…" }, { env = "…" } or { credential = "…" }"#;

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

/// Every answer is made here, because the ones serde makes would quote the secret.
struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table that says where the secret stands")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Secret, E> {
        Err(E::custom(HOW))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Secret, E> {
        Err(E::custom(HOW))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Secret, E> {
        Err(E::custom(HOW))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Secret, A::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Place {
            env: Option<String>,
            file: Option<PathBuf>,
            credential: Option<String>,
        }
        match Place::deserialize(MapAccessDeserializer::new(map))? {
            Place { env: Some(name), file: None, credential: None } => Ok(Secret::Env(name)),
            Place { env: None, file: Some(path), credential: None } => Ok(Secret::File(path)),
            Place { env: None, file: None, credential: Some(name) } => Ok(Secret::Credential(name)),
            _ => Err(de::Error::custom("exactly one of `env`, `file` and `credential` says where a secret stands")),
        }
    }
}
