//! `meters.toml`: what is said about meters, and which of them may be heard at all.
//!
//! A `[[meter]]` says something about the meters that its mask matches; the most precise one that matches says
//! everything, the others nothing. `deny` wins over `allow`, and with an `allow` all others are not forwarded.

use crate::config::{ConfigError, Span, Zone};
use crate::mask::{self, Masks};
use crate::profiles::Profiles;
use esh_core::json::Json;
use esh_core::{Meter, Protocol};
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, path::Path};
use toml::Spanned;

/// What `meters.toml` says.
#[derive(Clone, Debug, Default)]
pub struct List {
    meters: Masks<Listed>,
    allow: Masks<()>,
    deny: Masks<()>,
    unknown: Unknown,
}

/// What is said about a meter.
#[derive(Clone, Debug)]
pub struct Listed {
    /// How it is called.
    pub name: Option<Arc<str>>,
    /// The zone of its civil times.
    pub zone: Option<TimeZone>,
    /// How long it is from one telegram to the next.
    pub period: Option<Duration>,
    /// The profile that reads it, by name.
    pub profile: Option<Box<str>>,
    /// Name, site, tenant and labels as they stand in a report, behind its address.
    pub(crate) members: Box<[u8]>,
}

/// What becomes of a meter that no `[[meter]]` and no `allow` names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// It is forwarded like any other.
    #[default]
    Forward,
    /// It is not forwarded.
    Drop,
}

/// Why a frame is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwanted {
    /// Its meter is denied.
    Denied,
    /// There is a list of meters that are allowed, and its meter is not in it.
    NotAllowed,
    /// Nothing is said about its meter.
    Unknown,
    /// It names no meter, so that nobody can tell whether it is a neighbour's.
    Unnamed,
}

impl Unwanted {
    /// Every reason there is.
    pub const ALL: [Self; 4] = [Self::Denied, Self::NotAllowed, Self::Unknown, Self::Unnamed];

    /// Its word in metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::NotAllowed => "not_allowed",
            Self::Unknown => "unknown",
            Self::Unnamed => "unnamed",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    unknown: Unknown,
    #[serde(default)]
    allow: Vec<Spanned<String>>,
    #[serde(default)]
    deny: Vec<Spanned<String>>,
    #[serde(default)]
    meter: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(rename = "match")]
    mask: Spanned<String>,
    name: Option<Spanned<String>>,
    site: Option<Spanned<String>>,
    tenant: Option<Spanned<String>>,
    #[serde(default)]
    labels: BTreeMap<Spanned<String>, Spanned<String>>,
    time_zone: Option<Zone>,
    period: Option<Spanned<Span>>,
    profile: Option<Spanned<String>>,
}

/// The longest text, in characters: it stands in every report.
const LONGEST: usize = 128;
/// The most labels of a meter.
const LABELS: usize = 16;

impl List {
    /// Reads a file.
    ///
    /// # Errors
    /// Says what is wrong, and where.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(file).map_err(|error| ConfigError::whole(file, error.to_string()))?;
        Self::parse(file, &text)
    }

    /// Reads what stands in a text; `file` is what errors call it.
    ///
    /// # Errors
    /// Says what is wrong, and where.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        Self::parsed(file, text, None)
    }

    /// Reads the file, whose profiles are to be among these.
    ///
    /// # Errors
    /// Says what is wrong, and where.
    pub fn load_with(file: &Path, profiles: &Profiles) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(file).map_err(|error| ConfigError::whole(file, error.to_string()))?;
        Self::parsed(file, &text, Some(profiles))
    }

    fn parsed(file: &Path, text: &str, profiles: Option<&Profiles>) -> Result<Self, ConfigError> {
        let read: File = toml::from_str(text).map_err(|error| ConfigError::toml(file, text, &error))?;
        let here = Here { file, text, profiles };
        let masks = |masks: Vec<Spanned<String>>| {
            let masks = masks.into_iter().map(|mask| Ok((here.mask(mask)?, ())));
            Ok::<_, ConfigError>(Masks::new(masks.collect::<Result<Vec<_>, ConfigError>>()?))
        };
        let meters = read.meter.into_iter().map(|entry| here.entry(entry)).collect::<Result<Vec<_>, _>>()?;
        let (allow, deny) = (masks(read.allow)?, masks(read.deny)?);
        Ok(Self { meters: Masks::new(meters), allow, deny, unknown: read.unknown })
    }

    /// What is said about the meter of a frame, if its frame may be forwarded at all.
    ///
    /// # Errors
    /// Says why not.
    pub fn judge(&self, meter: Option<&Meter>) -> Result<Option<&Listed>, Unwanted> {
        if self.says_nothing() {
            return Ok(None);
        }
        let choosy = !self.allow.is_empty() || self.unknown == Unknown::Drop;
        let Some(meter) = meter else {
            return if choosy { Err(Unwanted::Unnamed) } else { Ok(None) };
        };
        let address = mask::address(meter);
        let names = |masks: &Masks<()>| masks.matching(&address, |()| true).next().is_some();
        if names(&self.deny) {
            return Err(Unwanted::Denied);
        }
        let allowed = names(&self.allow);
        if !allowed && !self.allow.is_empty() {
            return Err(Unwanted::NotAllowed);
        }
        let listed = self.meters.matching(&address, |_| true).next();
        if listed.is_none() && !allowed && self.unknown == Unknown::Drop {
            return Err(Unwanted::Unknown);
        }
        Ok(listed)
    }

    fn says_nothing(&self) -> bool {
        let Self { meters, allow, deny, unknown } = self;
        meters.is_empty() && allow.is_empty() && deny.is_empty() && *unknown == Unknown::Forward
    }
}

impl Display for List {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { meters, allow, deny, unknown } = self;
        write!(f, "{} entries about meters", meters.len())?;
        match (allow.is_empty(), unknown) {
            (false, _) => write!(f, "; only what {} masks allow is forwarded", allow.len())?,
            (true, Unknown::Drop) => write!(f, "; no others are forwarded")?,
            (true, Unknown::Forward) => {}
        }
        if !deny.is_empty() {
            write!(f, "; what {} masks deny is not", deny.len())?;
        }
        Ok(())
    }
}

/// The file being read.
#[derive(Clone, Copy)]
struct Here<'a> {
    file: &'a Path,
    text: &'a str,
    profiles: Option<&'a Profiles>,
}

impl Here<'_> {
    fn entry(self, entry: Entry) -> Result<(String, Listed), ConfigError> {
        let Entry { mask, name, site, tenant, labels, time_zone, period, profile } = entry;
        let mask = self.mask(mask)?;
        if labels.len() > LABELS {
            let span = labels.keys().next_back().map(Spanned::span).unwrap_or_default();
            return Err(self.at(span, format!("a meter has at most {LABELS} labels")));
        }
        if let Some(period) = &period
            && period.get_ref().0.is_zero()
        {
            return Err(self.at(period.span(), "a period is longer than nothing"));
        }
        if let (Some(profile), Some(profiles)) = (&profile, self.profiles)
            && profiles.by_name(profile.get_ref()).is_none()
        {
            return Err(self.at(profile.span(), profiles.unknown(profile.get_ref())));
        }
        let mut members = Vec::new();
        let mut json = Json::new(&mut members);
        for (key, text) in [("name", &name), ("site", &site), ("tenant", &tenant)] {
            if let Some(text) = text {
                json.key(key).text(self.text(text)?);
            }
        }
        if !labels.is_empty() {
            for (label, text) in &labels {
                if !is_label(label.get_ref()) {
                    let message = "a label is 1 to 64 letters, digits, `-`, `_` and `.`";
                    return Err(self.at(label.span(), message));
                }
                self.text(text)?;
            }
            json.key("labels").object(|json| {
                labels.iter().for_each(|(label, text)| json.key(label.get_ref()).text(text.get_ref()));
            });
        }
        let listed = Listed {
            name: name.map(|name| name.into_inner().into()),
            zone: time_zone.map(|zone| zone.0),
            period: period.map(|period| period.into_inner().0),
            profile: profile.map(|profile| profile.into_inner().into()),
            members: members.into(),
        };
        Ok((mask, listed))
    }

    /// A mask that cannot match anything would deny or allow nobody, and nobody would notice.
    fn mask(self, mask: Spanned<String>) -> Result<String, ConfigError> {
        let first = mask.get_ref().split(':').next().unwrap_or_default();
        if first.contains(['*', '?']) || Protocol::from_word(&first.to_lowercase()).is_some() {
            return Ok(mask.into_inner());
        }
        let known: Vec<_> = Protocol::ALL.iter().map(|protocol| protocol.word()).collect();
        let message = "an address begins with its protocol, such as `wmbus:KAM:*`";
        Err(self.at(mask.span(), message).suggest(first, &known))
    }

    fn text(self, text: &Spanned<String>) -> Result<&str, ConfigError> {
        if (1..=LONGEST).contains(&text.get_ref().chars().count()) {
            return Ok(text.get_ref());
        }
        Err(self.at(text.span(), format!("it stands in every report: 1 to {LONGEST} characters")))
    }

    fn at(self, span: std::ops::Range<usize>, message: impl Into<String>) -> ConfigError {
        ConfigError::at(self.file, self.text, span, message)
    }
}

fn is_label(label: &str) -> bool {
    (1..=64).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::{Id, Manufacturer, Medium};

    fn meter(maker: &str, id: &str) -> Meter {
        Meter {
            protocol: Protocol::Wmbus,
            manufacturer: Manufacturer::from_letters(maker),
            id: Id::new(id).unwrap(),
            version: Some(0x1b),
            medium: Some(Medium::COLD_WATER),
        }
    }

    fn list(text: &str) -> List {
        List::parse(Path::new("meters.toml"), text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_most_precise_entry_says_everything() {
        let list = list(
            "[[meter]]\nmatch = \"*\"\nname = \"any\"\nsite = \"here\"\n\
             [[meter]]\nmatch = \"wmbus:kam:1234*\"\nname = \"a \\\"flat\\\"\"\ntenant = \"t\"\n\
             labels = { floor = \"2\", a = \"é\" }\ntime_zone = \"+03:00\"\nperiod = \"15 min\"\n",
        );
        let told = |maker, id| {
            let listed = list.judge(Some(&meter(maker, id))).unwrap().unwrap();
            (String::from_utf8(listed.members.to_vec()).unwrap(), listed.period, listed.zone.is_some())
        };
        let precise = r#""name":"a \"flat\"","tenant":"t","labels":{"a":"é","floor":"2"}"#;
        assert_eq!(told("KAM", "12345678"), (precise.into(), Some(Duration::from_secs(900)), true));
        assert_eq!(told("KAM", "87654321"), (r#""name":"any","site":"here""#.into(), None, false));
        assert!(list.judge(None).unwrap().is_none());
    }

    #[test]
    fn deny_wins_and_with_an_allow_all_others_are_not_wanted() {
        use Unwanted::{Denied, NotAllowed, Unknown, Unnamed};
        let (kam, other, els) = (meter("KAM", "1"), meter("KAM", "2"), meter("ELS", "1"));
        let listed = "[[meter]]\nmatch = \"wmbus:KAM:1:*\"\n";
        for (rules, expected) in [
            ("", [None, None, None, None]),
            ("deny = [\"wmbus:KAM:*\"]", [Some(Denied), Some(Denied), None, None]),
            ("allow = [\"wmbus:kam:*\"]", [None, None, Some(NotAllowed), Some(Unnamed)]),
            ("allow = [\"*\"]\ndeny = [\"*:2:*\"]", [None, Some(Denied), None, Some(Unnamed)]),
            ("unknown = \"drop\"", [None, Some(Unknown), Some(Unknown), Some(Unnamed)]),
            (
                "unknown = \"drop\"\nallow = [\"wmbus:ELS:*\"]",
                [Some(NotAllowed), Some(NotAllowed), None, Some(Unnamed)],
            ),
        ] {
            let list = list(&format!("{rules}\n{listed}"));
            let told = [Some(&kam), Some(&other), Some(&els), None].map(|meter| list.judge(meter).err());
            assert_eq!(told, expected, "{rules}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let long = format!("[[meter]]\nmatch = \"*\"\nname = \"{}\"", "x".repeat(129));
        let labels: Vec<_> = (0..17).map(|n| format!("l{n} = \"\"")).collect();
        let labels = format!("[[meter]]\nmatch = \"*\"\nlabels = {{ {} }}", labels.join(", "));
        for (text, expected) in [
            ("alow = []", "meters.toml:1:1: unknown key `alow`"),
            ("unknown = \"dorp\"", "unknown word `dorp`"),
            ("allow = [\"KAM:*\"]", "meters.toml:1:10: an address begins with its protocol"),
            ("deny = [\"wmbsu:*\"]", "did you mean `wmbus`?"),
            ("[[meter]]\nname = \"a\"", "the key `match` is missing"),
            ("[[meter]]\nmatch = \"*\"\nnmae = \"a\"", "meters.toml:3:1: unknown key `nmae`"),
            ("[[meter]]\nmatch = \"*\"\nname = \"\"", "meters.toml:3:8: it stands in every report"),
            (&long, "meters.toml:3:8: it stands in every report"),
            (&labels, "meters.toml:3:"),
            ("[[meter]]\nmatch = \"*\"\nlabels = { \"a b\" = \"c\" }", "meters.toml:3:12: a label is 1 to 64"),
            ("[[meter]]\nmatch = \"*\"\nlabels = { a = 7 }", "expected a string"),
            ("[[meter]]\nmatch = \"*\"\ntime_zone = \"Europe/Minks\"", "expected a zone"),
            ("[[meter]]\nmatch = \"*\"\nperiod = \"0s\"", "meters.toml:3:10: a period is longer"),
            ("[[meter]]\nmatch = \"*\"\nperiod = \"soon\"", "expected a length of time"),
        ] {
            let error = List::parse(Path::new("meters.toml"), text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}\nshould say: {expected}");
        }
    }
}
