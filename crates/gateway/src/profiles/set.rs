//! All profiles: by name, and by the addresses of meters.

use super::body::{Here, keep_text};
use super::built_in::{BUILT_IN, BuiltIn};
use super::compile;
use super::file::{File, TestTable};
use super::registers::Value;
use crate::config::ConfigError;
use crate::mask::{self, Masks};
use esh_core::profile::Profile;
use esh_core::{Manufacturer, Meter, Protocol};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::{fmt, fs};
use toml::Spanned;

/// A profile, and what its file says beside it.
#[derive(Debug)]
pub struct Loaded {
    /// What reads.
    pub profile: &'static Profile,
    /// The model in words.
    pub description: String,
    /// Who makes it.
    pub maker: Option<String>,
    /// What the layout was written from.
    pub documents: Vec<String>,
    /// Where documents or the maker's own decoder are wrong.
    pub errata: Vec<String>,
    /// The protocol that it is for.
    pub protocol: Option<Protocol>,
    /// The zone of its civil times.
    pub zone: Option<TimeZone>,
    /// What the registers of the model mean, where it speaks Modbus.
    pub registers: Option<Arc<[Value]>>,
    /// The file.
    pub file: PathBuf,
    /// Whether it comes with the program.
    pub built_in: bool,
    /// Its text.
    pub text: &'static str,
    pub(super) masks: Vec<String>,
    pub(super) tests: Vec<Spanned<TestTable>>,
}

/// A profile that has been found for a meter.
pub type Found = &'static Loaded;

/// All profiles.
#[derive(Clone, Default)]
pub struct Profiles {
    by_name: BTreeMap<&'static str, Entry>,
    masks: Masks<Entry>,
    /// The makers whose meters a mask may be sure of; empty where one may be sure of any maker's. Most frames are of others.
    makers: Vec<Manufacturer>,
    /// Those that another of the same name has taken the place of.
    replaced: Vec<(&'static str, PathBuf)>,
}

/// One of them.
#[derive(Clone, Copy)]
enum Entry {
    BuiltIn(&'static BuiltIn),
    Own(Found),
}

impl Entry {
    fn name(self) -> &'static str {
        match self {
            Self::BuiltIn(built_in) => built_in.name(),
            Self::Own(found) => found.profile.name,
        }
    }

    fn masks(self) -> Vec<String> {
        match self {
            Self::BuiltIn(built_in) => built_in.masks.iter().map(|mask| (*mask).to_owned()).collect(),
            Self::Own(found) => found.masks.clone(),
        }
    }

    fn get(self) -> Option<Found> {
        match self {
            Self::BuiltIn(built_in) => built_in.get(),
            Self::Own(found) => Some(found),
        }
    }
}

/// Their names: the texts are long.
impl fmt::Debug for Profiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

impl Profiles {
    /// Those that come with the program.
    #[must_use]
    pub fn built_in() -> Arc<Self> {
        static ALL: OnceLock<Arc<Profiles>> = OnceLock::new();
        Arc::clone(ALL.get_or_init(|| Arc::new(Self::of(BUILT_IN.iter().map(Entry::BuiltIn)))))
    }

    /// Those that come with the program, then those of a folder.
    ///
    /// # Errors
    /// When one of them is none; says where.
    pub fn with_folder(folder: Option<&Path>) -> Result<Arc<Self>, ConfigError> {
        let Some(folder) = folder else { return Ok(Self::built_in()) };
        let mut all: Vec<Entry> = BUILT_IN.iter().map(Entry::BuiltIn).collect();
        for file in files(folder)? {
            let text = fs::read_to_string(&file).map_err(|error| ConfigError::whole(&file, error.to_string()))?;
            all.push(Entry::Own(load(&file, &text, None)?));
        }
        Ok(Arc::new(Self::of(all)))
    }

    fn of(all: impl IntoIterator<Item = Entry>) -> Self {
        let mut profiles = Self::default();
        for entry in all {
            if let Some(before) = profiles.by_name.insert(entry.name(), entry) {
                let file = before.get().map(|before| before.file.clone());
                profiles.replaced.push((entry.name(), file.unwrap_or_default()));
            }
        }
        let masks = profiles.by_name.values().flat_map(|entry| entry.masks().into_iter().map(|mask| (mask, *entry)));
        let masks: Vec<_> = masks.collect();
        let makers = masks.iter().map(|(mask, _)| Manufacturer::from_letters(mask.split(':').nth(1)?));
        profiles.makers = makers.collect::<Option<_>>().unwrap_or_default();
        profiles.masks = Masks::new(masks);
        profiles
    }

    /// The profile of that name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<Found> {
        self.by_name.get(name)?.get()
    }

    /// The profile of a meter: the most precise of those that are sure of it.
    #[must_use]
    pub fn of_meter(&self, meter: &Meter) -> Option<Found> {
        let of_others = || meter.manufacturer.is_some_and(|maker| !self.makers.contains(&maker));
        if self.masks.is_empty() || (!self.makers.is_empty() && of_others()) {
            return None;
        }
        self.masks.matching(&mask::address(meter), |_| true).next()?.get()
    }

    /// All of them, in the order of their names.
    pub fn all(&self) -> impl Iterator<Item = Found> + '_ {
        self.by_name.values().filter_map(|entry| entry.get())
    }

    /// The names that several files have, and the files that do not count.
    pub fn replaced(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        self.replaced.iter().map(|(name, file)| (*name, file.as_path()))
    }

    /// The names that are nearest to one that is not there, for an error.
    #[must_use]
    pub fn unknown(&self, name: &str) -> String {
        let near: Vec<_> = self.by_name.keys().filter(|known| is_like(known, name)).take(5).copied().collect();
        if near.is_empty() {
            return format!("no profile is called `{name}`; `esh-gateway profile list` shows all");
        }
        format!("no profile is called `{name}`; did you mean {}?", near.join(", "))
    }
}

/// Whether names have a part in common.
fn is_like(known: &str, name: &str) -> bool {
    let name = name.to_lowercase();
    name.split(['-', '_', ' ']).any(|part| part.len() > 2 && known.contains(part))
}

/// Those that come with the program, each compiled.
pub(super) fn built_in() -> impl Iterator<Item = Result<Found, ConfigError>> {
    BUILT_IN.iter().map(BuiltIn::load)
}

/// What is to be watched of a folder of profiles: the folders, and the files in them.
pub(crate) fn watched(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_owned()];
    let protocols = Protocol::ALL.iter().map(|protocol| folder.join(protocol.word()));
    all.extend(protocols.filter(|folder| folder.is_dir()));
    all.extend(files(folder).unwrap_or_default());
    all
}

/// The files of a folder, and of the folders of protocols in it.
fn files(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let wrong = |error: std::io::Error| ConfigError::whole(folder, error.to_string());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        let of_protocol = path.file_name().and_then(|name| Protocol::from_word(name.to_str()?)).is_some();
        if path.is_dir() && of_protocol {
            files.extend(self::files(&path)?);
        } else if path.extension().is_some_and(|end| end == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Compiles a profile, once for each file name and text.
pub(super) fn load(file: &Path, text: &str, built_in: Option<()>) -> Result<Found, ConfigError> {
    static KEPT: OnceLock<Mutex<HashMap<(PathBuf, String), Found>>> = OnceLock::new();
    let kept = KEPT.get_or_init(Mutex::default);
    let key = (file.to_owned(), text.to_owned());
    if let Some(found) = kept.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(found);
    }
    let loaded = read(file, text, built_in.is_some())?;
    let loaded: Found = Box::leak(Box::new(loaded));
    kept.lock().unwrap_or_else(PoisonError::into_inner).insert(key, loaded);
    Ok(loaded)
}

fn read(path: &Path, text: &str, built_in: bool) -> Result<Loaded, ConfigError> {
    let here = Here { file: path, text };
    let mut file: File = toml::from_str(text).map_err(|error| ConfigError::toml(path, text, &error))?;
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let spelt = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '_');
    if name.is_empty() || name.len() > 64 || !name.chars().all(spelt) {
        let message = "the name of the file is the profile's: 1 to 64 small letters, digits, `-`, `_` and `.`";
        return Err(ConfigError::whole(path, message));
    }
    let folder = path.parent().and_then(Path::file_name).and_then(|folder| Protocol::from_word(folder.to_str()?));
    let protocol = match &file.meter.protocol {
        None => folder,
        Some(word) => Some(here.word(word, "protocol", Protocol::ALL, Protocol::word)?),
    };
    for mask in &file.meter.masks {
        let first = mask.get_ref().split(':').next().unwrap_or_default();
        if mask.get_ref().split(':').nth(1).is_none_or(str::is_empty)
            || (!first.contains(['*', '?']) && Protocol::from_word(first).is_none())
        {
            let message = "a mask is an address with its protocol, such as `wmbus:EBZ:*:01:02`";
            return Err(here.at(mask.span(), message));
        }
    }
    let registers = file.register.take().map(|registers| registers.0);
    if file.message.is_empty() && file.record.is_empty() && registers.is_none() {
        let message = "no [[message]], no [[record]] and no [[register]]: it would read nothing";
        return Err(ConfigError::whole(path, message));
    }
    if registers.is_some() && protocol != Some(Protocol::Modbus) {
        return Err(ConfigError::whole(path, "only meters that speak `modbus` have registers"));
    }
    let tests = std::mem::take(&mut file.test);
    if built_in && tests.is_empty() {
        return Err(ConfigError::whole(path, "no [[test]]: a profile that comes with the program has one"));
    }
    let profile = compile::profile(here, name, &mut file)?;
    let meter = file.meter;
    Ok(Loaded {
        profile: Box::leak(Box::new(profile)),
        description: meter.description.into_inner(),
        maker: meter.maker,
        documents: meter.documents,
        errata: meter.errata,
        protocol,
        zone: meter.time_zone.map(|zone| zone.0),
        registers,
        file: path.to_owned(),
        built_in,
        text: keep_text(text),
        masks: meter.masks.into_iter().map(Spanned::into_inner).collect(),
        tests,
    })
}
