//! `keys.toml`: the keys of meters, by address or by mask, the most precise match first.
//!
//! What a mask is, `mask.rs` says. `devices` names delivery notes, in which the keys of many devices stand.

mod notes;

use crate::config::ConfigError;
use crate::mask::{self, Masks};
use crate::secret::{Secret, SecretError};
use esh_core::{Key, Known, Meter, Protocol, Purpose};
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, path::Path, path::PathBuf};
use zeroize::Zeroize;

/// Keys, found by the address of a meter.
#[derive(Clone, Default)]
pub struct KeyStore {
    keys: Masks<(Purpose, Key)>,
    /// Pre-shared keys whose owners call themselves so, and the masks they stand under.
    identities: HashMap<Box<str>, (Key, Box<str>)>,
    warnings: Vec<String>,
}

/// The keys that are in force, for those who read along: whoever puts others in force sets them here too.
#[derive(Clone, Debug, Default)]
pub struct SharedKeys(Arc<Mutex<Arc<KeyStore>>>);

impl SharedKeys {
    /// These keys are in force.
    #[must_use]
    pub fn new(keys: Arc<KeyStore>) -> Self {
        Self(Arc::new(Mutex::new(keys)))
    }

    /// From now on these keys are in force.
    pub fn set(&self, keys: Arc<KeyStore>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// The keys that are in force now.
    #[must_use]
    pub fn get(&self) -> Arc<KeyStore> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is wrong with the keys. It never shows one.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key that stands elsewhere and is not there.
    #[error("{}: the key of {mask}: {error}", .file.display())]
    Secret {
        /// The file that names it.
        file: PathBuf,
        /// Whose key it is.
        mask: String,
        /// What is wrong.
        #[source]
        error: SecretError,
    },
    /// A key that is none.
    #[error("{}: the key of {mask}: a key is 8 to 64 octets in hexadecimal", .file.display())]
    Key {
        /// The file that names it.
        file: PathBuf,
        /// Whose key it is.
        mask: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    devices: Patterns,
    #[serde(default)]
    key: Vec<toml::Spanned<Entry>>,
}

/// One file or pattern, or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a file such as `\"notes/2026.csv\"`, a pattern such as `\"notes/*.csv\"`, or several")]
enum Patterns {
    One(String),
    Several(Vec<String>),
}

impl Default for Patterns {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    meter: String,
    #[serde(default)]
    purpose: Word,
    key: Option<String>,
    env: Option<String>,
    file: Option<PathBuf>,
    credential: Option<String>,
    /// What the owner of a pre-shared key calls itself.
    identity: Option<String>,
}

/// The delivery notes alone.
#[derive(Deserialize)]
struct Notes {
    #[serde(default)]
    devices: Patterns,
}

impl Patterns {
    /// The files, and what is doubtful about them.
    fn files(&self, base: &Path) -> Result<(Vec<PathBuf>, Vec<String>), String> {
        let patterns = match self {
            Self::One(pattern) => std::slice::from_ref(pattern),
            Self::Several(patterns) => patterns,
        };
        let (mut files, mut warnings) = (Vec::new(), Vec::new());
        for pattern in patterns {
            let found = notes::files(base, pattern)?;
            if found.is_empty() {
                warnings.push(format!("no file is there of the delivery notes `{pattern}`"));
            }
            files.extend(found);
        }
        Ok((files, warnings))
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    #[default]
    Data,
    Network,
    Application,
    Join,
    Psk,
    Link,
    NetworkIntegrity,
    NetworkEncryption,
    JoinApplication,
}

impl From<Word> for Purpose {
    fn from(word: Word) -> Self {
        match word {
            Word::Data => Self::Data,
            Word::Network => Self::Network,
            Word::Application => Self::Application,
            Word::Join => Self::Join,
            Word::Psk => Self::Psk,
            Word::Link => Self::Link,
            Word::NetworkIntegrity => Self::NetworkIntegrity,
            Word::NetworkEncryption => Self::NetworkEncryption,
            Word::JoinApplication => Self::JoinApplication,
        }
    }
}

impl KeyStore {
    /// Reads a file of keys.
    ///
    /// # Errors
    /// Says what is wrong, and where, without showing a key.
    pub fn load(file: &Path) -> Result<Self, KeysError> {
        let mut text = fs::read_to_string(file).map_err(|error| ConfigError::whole(file, error.to_string()))?;
        let keys = Self::parse(file, &text);
        text.zeroize();
        let mut keys = keys?;
        if let Some(warning) = others_may_read(file) {
            keys.warnings.push(warning);
        }
        Ok(keys)
    }

    /// Reads keys that stand in a text; `file` is what errors call it and where relative paths start.
    ///
    /// # Errors
    /// Says what is wrong, and where, without showing a key.
    pub fn parse(file: &Path, text: &str) -> Result<Self, KeysError> {
        let entries: File = toml::from_str(text).map_err(|error| ConfigError::toml(file, text, &error))?;
        let base = file.parent().unwrap_or_else(|| Path::new(""));
        let (mut keys, mut identities) = (Vec::with_capacity(entries.key.len()), HashMap::new());
        for entry in entries.key {
            let span = entry.span();
            let Entry { meter, purpose, key, env, file: path, credential, identity } = entry.into_inner();
            let key = match (key, env, path, credential) {
                (Some(mut text), None, None, None) => {
                    let key = Key::from_hex(&text);
                    text.zeroize();
                    key
                }
                (None, env, path, credential) => {
                    let secret = match (env, path, credential) {
                        (Some(name), None, None) => Secret::Env(name),
                        (None, Some(path), None) => Secret::File(base.join(path)),
                        (None, None, Some(name)) => Secret::Credential(name),
                        _ => return Err(one_of(file, text, span).into()),
                    };
                    let read = secret.read();
                    let mask = || meter.clone();
                    let read =
                        read.map_err(|error| KeysError::Secret { file: file.to_owned(), mask: mask(), error })?;
                    Key::from_hex(read.expose())
                }
                _ => return Err(one_of(file, text, span).into()),
            };
            let key = key.map_err(|_| KeysError::Key { file: file.to_owned(), mask: meter.clone() })?;
            match (identity, purpose) {
                (None, _) => keys.push((meter, Purpose::from(purpose), key)),
                (Some(identity), Word::Psk) => {
                    if identities.insert(identity.into_boxed_str(), (key, meter.into_boxed_str())).is_some() {
                        return Err(ConfigError::at(file, text, span, "there is another key of this `identity`").into());
                    }
                }
                (Some(_), _) => {
                    let wrong = "only a key with the purpose `psk` has an `identity`";
                    return Err(ConfigError::at(file, text, span, wrong).into());
                }
            }
        }
        let (files, mut warnings) = entries.devices.files(base).map_err(|error| ConfigError::whole(file, error))?;
        for note in files {
            keys.extend(notes::load(&note, &mut warnings)?);
        }
        Ok(Self { warnings, identities, ..Self::new(keys) })
    }

    /// The delivery notes that a file of keys names, so that it is noticed when they change. Of a file that cannot be read
    /// there are none.
    #[must_use]
    pub fn notes(file: &Path) -> Vec<PathBuf> {
        let Ok(mut text) = fs::read_to_string(file) else { return Vec::new() };
        let entries = toml::from_str::<Notes>(&text);
        text.zeroize();
        let base = file.parent().unwrap_or_else(|| Path::new(""));
        entries.ok().and_then(|entries| entries.devices.files(base).ok()).map(|(files, _)| files).unwrap_or_default()
    }

    /// Keys by mask and purpose.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = (String, Purpose, Key)>) -> Self {
        let keys = Masks::new(keys.into_iter().map(|(mask, purpose, key)| (mask, (purpose, key))));
        Self { keys, identities: HashMap::new(), warnings: Vec::new() }
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len() + self.identities.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.identities.is_empty()
    }

    /// What is doubtful about them.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Offers every key for a meter and purpose, the most precise first, until one is accepted; says whether one was.
    pub fn keys(&self, meter: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        if self.keys.is_empty() {
            return false;
        }
        let mut found = self.keys.matching(&mask::address(meter), |(of, _)| *of == purpose);
        found.any(|(_, key)| each(key))
    }
}

impl KeyStore {
    /// The pre-shared key of who calls itself so in that protocol, and the name of its meter: that of the address which
    /// the key stands under where it is one, otherwise what the owner calls itself.
    #[must_use]
    pub fn psk(&self, protocol: Protocol, identity: &str) -> Option<(Key, Box<str>)> {
        if let Some((key, mask)) = self.identities.get(identity) {
            let named = mask.strip_prefix(protocol.word()).and_then(|rest| rest.strip_prefix(':'));
            let named = named.filter(|name| !name.contains(['*', '?']));
            return Some((key.clone(), named.unwrap_or(identity).into()));
        }
        let address = format!("{}:{identity}", protocol.word()).to_ascii_lowercase();
        let (_, key) = self.keys.matching(&address, |(of, _)| *of == Purpose::Psk).next()?;
        Some((key.clone(), identity.into()))
    }
}

impl Known for KeyStore {
    fn keys(&self, meter: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        self.keys(meter, purpose, each)
    }
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyStore({self})")
    }
}

impl fmt::Display for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len() {
            0 => f.write_str("no keys"),
            1 => f.write_str("1 key"),
            n => write!(f, "{n} keys"),
        }
    }
}

fn one_of(file: &Path, text: &str, span: std::ops::Range<usize>) -> ConfigError {
    ConfigError::at(file, text, span, "exactly one of `key`, `env`, `file` and `credential` says which key it is")
}

fn others_may_read(file: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(file).ok()?.permissions().mode();
    let open = mode & 0o077 != 0;
    open.then(|| {
        format!("{} is open to others than its owner (mode {:03o}): chmod 600 it", file.display(), mode & 0o777)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::{Id, Manufacturer, Medium, Protocol};

    fn meter(id: &str) -> Meter {
        Meter {
            protocol: Protocol::Wmbus,
            manufacturer: Manufacturer::from_letters("KAM"),
            id: Id::new(id).unwrap(),
            version: Some(0x1b),
            medium: Some(Medium::COLD_WATER),
        }
    }

    fn key(n: u8) -> String {
        format!("{n:02x}").repeat(16)
    }

    fn offered(keys: &KeyStore, id: &str) -> Vec<u8> {
        let mut offered = Vec::new();
        keys.keys(&meter(id), Purpose::Data, &mut |key| {
            offered.push(key.expose()[0]);
            false
        });
        offered
    }

    #[test]
    fn the_most_precise_key_is_offered_first() {
        let text = format!(
            "[[key]]\nmeter = \"*\"\nkey = \"{}\"\n[[key]]\nmeter = \"wmbus:KAM:*\"\nkey = \"{}\"\n\
             [[key]]\nmeter = \"wmbus:KAM:12345678:1B:16\"\nkey = \"{}\"\n[[key]]\nmeter = \"wmbus:*:12345678:*\"\nkey = \"{}\"\n\
             [[key]]\nmeter = \"wmbus:KAM:12345678:1b:16\"\npurpose = \"network\"\nkey = \"{}\"\n\
             [[key]]\nmeter = \"wmbus:KAM:12345678:1b:16\"\nkey = \"{}\"\n",
            key(1),
            key(2),
            key(3),
            key(4),
            key(5),
            key(6)
        );
        let keys = KeyStore::parse(Path::new("keys.toml"), &text).unwrap();
        assert_eq!(offered(&keys, "12345678"), [3, 6, 4, 2, 1]);
        assert_eq!(offered(&keys, "87654321"), [2, 1]);
        let mut count = 0;
        assert!(keys.keys(&meter("12345678"), Purpose::Data, &mut |_| {
            count += 1;
            count == 2
        }));
        assert_eq!(count, 2, "once one is accepted no more are offered");
    }

    #[test]
    fn a_pre_shared_key_is_found_by_what_its_owner_calls_itself() {
        let text = format!(
            "[[key]]\nmeter = \"coap:4901\"\npurpose = \"psk\"\nidentity = \"esh1\"\nkey = \"{}\"\n\
             [[key]]\nmeter = \"coap:*\"\npurpose = \"psk\"\nidentity = \"esh2\"\nkey = \"{}\"\n\
             [[key]]\nmeter = \"coap:urn:imei:*\"\npurpose = \"psk\"\nkey = \"{}\"\n[[key]]\nmeter = \"*\"\nkey = \"{}\"\n",
            key(1),
            key(2),
            key(3),
            key(4)
        );
        let keys = KeyStore::parse(Path::new("keys.toml"), &text).unwrap();
        let psk = |identity: &str| {
            keys.psk(Protocol::Coap, identity).map(|(key, meter)| (key.expose()[0], meter.into_string()))
        };
        assert_eq!(psk("esh1"), Some((1, "4901".to_owned())));
        assert_eq!(psk("esh2"), Some((2, "esh2".to_owned())));
        assert_eq!(psk("urn:imei:7"), Some((3, "urn:imei:7".to_owned())));
        assert_eq!((psk("ESH1"), psk("4901"), psk("")), (None, None, None), "the last key is no pre-shared one");
        assert_eq!(keys.len(), 4);
        for (more, told) in [
            ("purpose = \"psk\"\nidentity = \"esh1\"", "another key of this `identity`"),
            ("identity = \"esh3\"", "only a key with the purpose `psk`"),
        ] {
            let text = format!("{text}[[key]]\nmeter = \"*\"\n{more}\nkey = \"{}\"\n", key(5));
            let error = KeyStore::parse(Path::new("keys.toml"), &text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_key_may_stand_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("one"), key(7) + "\n").unwrap();
        let file = folder.path().join("keys.toml");
        fs::write(&file, "[[key]]\nmeter = \"*\"\nfile = \"one\"\n").unwrap();
        let keys = KeyStore::load(&file).unwrap();
        assert_eq!(offered(&keys, "1"), [7]);
        assert!(keys.warnings()[0].contains("chmod 600"), "{:?}", keys.warnings());
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(KeyStore::load(&file).unwrap().warnings().is_empty());
    }

    #[test]
    fn a_delivery_note_brings_the_keys_of_many() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("notes")).unwrap();
        let file = folder.path().join("keys.toml");
        fs::write(&file, "devices = \"notes/*.csv\"\n[[key]]\nmeter = \"*\"\nkey = \"0102030405060708\"\n").unwrap();
        assert!(KeyStore::load(&file).unwrap().warnings()[0].contains("no file is there of the delivery notes"));
        let note = folder.path().join("notes/1.csv");
        fs::write(&note, format!("DevEUI,AppKey\n0102030405060708,{}\n0102030405060709,{}\n", key(5), key(6))).unwrap();
        let keys = KeyStore::load(&file).unwrap();
        assert_eq!((keys.len(), KeyStore::notes(&file)), (3, vec![note.clone()]));
        assert!(
            keys.warnings().iter().any(|warning| warning.contains("1.csv is open to others")),
            "{:?}",
            keys.warnings()
        );
        let device = esh_lorawan::Eui64(0x0102_0304_0506_0709).meter();
        let mut offered = Vec::new();
        keys.keys(&device, Purpose::Join, &mut |key| {
            offered.push(key.expose()[0]);
            false
        });
        assert_eq!(offered, [6]);
        fs::write(&note, "DevEUI,AppKey\n0102,x\n").unwrap();
        let error = KeyStore::load(&file).unwrap_err().to_string();
        assert!(error.contains("1.csv:2:1: DevEUI is 16 digits"), "{error}");
        fs::write(&file, "devices = 7\n").unwrap();
        assert!(KeyStore::load(&file).unwrap_err().to_string().contains("notes/*.csv"));
    }

    #[test]
    fn an_error_says_where_and_never_shows_a_key() {
        let secret = "00112233445566778899aabbccddeeff";
        for (text, expected) in [
            ("[[key]]\nmeter = \"*\"\nkey = \"SECRET\"\nfile = \"x\"", "keys.toml:1:1: exactly one of"),
            ("[[key]]\nmeter = \"*\"\nkey = \"SECRETz\"", "a key is 8 to 64 octets"),
            ("[[key]]\nmeter = \"*\"\nkye = \"SECRET\"", "keys.toml:3:1: unknown key `kye`"),
            ("[[key]]\nmeter = \"*\"\nkey = \"SECRET", "keys.toml:3:"),
            ("[[key]]\nmeter = \"*\"\nkey = [\"SECRET\"]", "keys.toml:3:7: invalid type: sequence"),
            ("[[key]]\nSECRET = \"*\"", "unknown key `…`"),
            ("[[key]]\nmeter = \"*\"\nkey = \"\"\"\nSECRET\nSECRET", "keys.toml:"),
            ("[[key]]\nmeter = \"*\"\nenv = \"ESH_NO_SUCH_KEY\"", "the key of *: the environment has no variable"),
            ("[[key]]\nmeter = \"*\"\npurpose = \"dat\"\nkey = \"SECRET\"", "unknown word `dat`"),
            ("[[key]]\nkey = \"SECRET\"", "the key `meter` is missing"),
        ] {
            let error = KeyStore::parse(Path::new("keys.toml"), &text.replace("SECRET", secret)).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(expected), "{shown}\nshould say: {expected}");
            assert!(!shown.contains("0011223344"), "{shown}");
        }
    }
}
