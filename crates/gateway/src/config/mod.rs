//! The configuration: composes what the parts want to be told, and says exactly where something is wrong.
//!
//! A part's own keys live in the part; this file knows the keys that belong to nobody, and `kind`.

mod values;
mod wrong;

pub use values::{Size, Span, Tcp, Udp, Zone};
pub(crate) use values::{host_and_port, protocol};
pub use wrong::{ConfigError, Wrong};

use crate::profiles::registers::Maps;
use crate::telemetry::config as http;
use crate::{clock, commands, deduplicate, log, meters, queue, reload, sinks, sources};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::{collections::HashSet, fs, ops::Range, path::Path, path::PathBuf};
use toml::{Spanned, de::DeTable, de::DeValue};

/// Everything a gateway is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its name, which stands in topics, ids and metrics.
    pub name: String,
    /// The folder that is its own.
    pub data: PathBuf,
    /// Where the keys of the meters stand.
    pub keys: Option<PathBuf>,
    /// Where more is said about the meters.
    pub meters: Option<PathBuf>,
    /// A folder of profiles beside those that come with the program.
    pub profiles: Option<PathBuf>,
    /// The zone of meters that do not say theirs.
    pub time_zone: Zone,
    /// How far the clock of this machine is believed.
    pub clock: clock::Config,
    /// How it logs.
    pub log: log::Format,
    /// How long a stop may take to hand over what has been taken.
    pub drain: Span,
    /// Where captures come from.
    pub sources: Vec<sources::Config>,
    /// What the registers of the devices mean that sources ask.
    pub maps: Maps,
    /// Where records go.
    pub sinks: Vec<sinks::Config>,
    /// How copies are recognised.
    pub deduplicate: deduplicate::Config,
    /// How much the queue holds.
    pub queue: queue::Config,
    /// How much of what cannot be decoded is kept for later.
    pub parked: queue::parked::Config,
    /// Whether it notices by itself that its files have changed.
    pub reload: reload::Config,
    /// How much may be learned, and how fast frames may come.
    pub limits: meters::Limits,
    /// When alarms are told.
    pub alarms: meters::Alarms,
    /// Whether commands to meters are taken.
    pub commands: commands::Config,
    /// Where the status page, metrics and health are served.
    pub http: Option<http::Config>,
}

/// What a part wants to be told: the keys as they are written, and what they come to.
pub trait Part: Sized {
    /// The keys of its table.
    type Keys: for<'de> Deserialize<'de>;

    /// What they come to.
    ///
    /// # Errors
    /// When keys that are fine each do not fit together; relative paths start at `base`.
    fn build(keys: Self::Keys, base: &Path) -> Result<Self, Wrong>;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    name: Spanned<String>,
    data: PathBuf,
    keys: Option<PathBuf>,
    meters: Option<PathBuf>,
    profiles: Option<PathBuf>,
    #[serde(default)]
    time_zone: Zone,
    #[serde(default)]
    clock: clock::Config,
    #[serde(default)]
    log: log::Format,
    drain: Option<Span>,
    #[serde(default)]
    deduplicate: deduplicate::Config,
    #[serde(default)]
    queue: queue::Config,
    #[serde(default)]
    parked: queue::parked::Config,
    #[serde(default)]
    reload: reload::Config,
    #[serde(default)]
    limits: meters::Limits,
    #[serde(default)]
    alarms: meters::Alarms,
    #[serde(default)]
    commands: commands::Config,
    http: Option<Spanned<http::Keys>>,
    // Read one by one, see `parts`; named here so that they are known keys.
    #[serde(rename = "source")]
    _source: Option<IgnoredAny>,
    #[serde(rename = "sink")]
    _sink: Option<IgnoredAny>,
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// Says what is wrong, and where.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let source = fs::read_to_string(file).map_err(|error| ConfigError::whole(file, error.to_string()))?;
        Self::parse(file, &source)
    }

    /// Reads a configuration that stands in a text; `file` is what errors call it and where relative paths start.
    ///
    /// # Errors
    /// Says what is wrong, and where.
    pub fn parse(file: &Path, source: &str) -> Result<Self, ConfigError> {
        let at = |error: toml::de::Error| ConfigError::toml(file, source, &error);
        let base = file.parent().unwrap_or_else(|| Path::new(""));
        let mut table = DeTable::parse(source).map_err(at)?;
        let here = Here { file, source, base };
        let sources: Vec<(sources::Config, Range<usize>)> =
            here.parts(&mut table, "source", sources::Config::of_kind)?;
        let sinks: Vec<(sinks::Config, Range<usize>)> = here.parts(&mut table, "sink", sinks::Config::of_kind)?;
        let keys = Keys::deserialize(toml::Deserializer::from(table)).map_err(at)?;

        let name = keys.name.get_ref();
        if !is_name(name) {
            let message = format!("a name is {NAME}: it stands in topics and metrics");
            return Err(ConfigError::at(file, source, keys.name.span(), message));
        }
        if sources.is_empty() {
            return Err(ConfigError::whole(file, "no [[source]]: nothing would ever come in"));
        }
        if sinks.is_empty() {
            return Err(ConfigError::whole(file, "no [[sink]]: nothing would ever go out"));
        }
        let (sources, spans): (Vec<_>, Vec<_>) = sources.into_iter().unzip();
        let mut sources = distinct(sources).map_err(|(n, name)| {
            let span = spans.get(n).cloned().unwrap_or_default();
            ConfigError::at(file, source, span, format!("there is another source named `{name}`"))
        })?;
        sources.iter_mut().for_each(|source| source.belongs_to(keys.name.get_ref()));
        let (mut maps, text) = (Maps::new(), source);
        for (source, span) in sources.iter().zip(&spans) {
            for (id, map) in source.maps() {
                if maps.insert(id, map).is_some() {
                    let message = format!("there is another device named `{id}`: give one of them an `id`");
                    return Err(ConfigError::at(file, text, span.clone(), message));
                }
            }
        }
        let data = base.join(&keys.data);
        sources.iter_mut().for_each(|source| source.set_data(&data));
        let http = keys.http.map(|http| http::Config::build(http, base)).transpose();
        let http = http.map_err(|(span, message)| ConfigError::at(file, source, span, message))?;
        let mut taken = HashSet::new();
        for (sink, span) in &sinks {
            let name = sink.name();
            let wrong = if !is_name(&name) {
                format!("a sink's name is {NAME}: its place in the queue has it")
            } else if !taken.insert(name.clone()) {
                format!("there is another sink named `{name}`: give one of them a `name`")
            } else {
                continue;
            };
            return Err(ConfigError::at(file, source, span.clone(), wrong));
        }
        Ok(Self {
            name: keys.name.into_inner(),
            data,
            keys: keys.keys.map(|path| base.join(path)),
            meters: keys.meters.map(|path| base.join(path)),
            profiles: keys.profiles.map(|path| base.join(path)),
            time_zone: keys.time_zone,
            clock: keys.clock,
            log: keys.log,
            drain: keys.drain.unwrap_or(Span::seconds(10)),
            sources,
            maps,
            sinks: sinks.into_iter().map(|(sink, _)| sink).collect(),
            deduplicate: keys.deduplicate,
            queue: keys.queue,
            parked: keys.parked,
            reload: keys.reload,
            limits: keys.limits,
            alarms: keys.alarms,
            commands: keys.commands,
            http,
        })
    }
}

pub(crate) const NAME: &str = "1 to 64 letters, digits, `-`, `_` and `.`, a letter or digit first";

pub(crate) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Gives sources without a name one: their kind, numbered where needed.
fn distinct(mut sources: Vec<sources::Config>) -> Result<Vec<sources::Config>, (usize, String)> {
    let mut taken = HashSet::new();
    for (n, source) in sources.iter().enumerate() {
        if let Some(name) = source.name()
            && !taken.insert(name.to_owned())
        {
            return Err((n, name.to_owned()));
        }
    }
    for source in &mut sources {
        if source.name().is_none() {
            let kind = source.kind();
            let mut names = std::iter::once(kind.to_owned()).chain((2..).map(|n| format!("{kind}-{n}")));
            let name = names.find(|name| !taken.contains(name)).unwrap_or_default();
            taken.insert(name.clone());
            source.set_name(&name);
        }
    }
    Ok(sources)
}

/// The file being read.
#[derive(Clone, Copy)]
struct Here<'a> {
    file: &'a Path,
    source: &'a str,
    base: &'a Path,
}

/// A table whose `kind` has been taken out: what a part is built from.
pub(crate) struct PartTable<'a, 'i> {
    here: Here<'a>,
    kind: Spanned<String>,
    table: Spanned<DeValue<'i>>,
}

impl<'a> Here<'a> {
    /// The tables of `[[name]]`, each built by its kind.
    fn parts<P>(
        self,
        table: &mut Spanned<DeTable<'_>>,
        name: &str,
        of_kind: impl Fn(PartTable<'_, '_>) -> Result<P, ConfigError>,
    ) -> Result<Vec<(P, Range<usize>)>, ConfigError> {
        let Some(value) = take(table.get_mut(), name) else { return Ok(Vec::new()) };
        let span = value.span();
        let DeValue::Array(tables) = value.into_inner() else {
            return Err(self.at(span, format!("write [[{name}]]: there may be several")));
        };
        tables.into_iter().map(|table| self.part(table, name, &of_kind)).collect()
    }

    fn part<P>(
        self,
        value: Spanned<DeValue<'_>>,
        name: &str,
        of_kind: impl Fn(PartTable<'_, '_>) -> Result<P, ConfigError>,
    ) -> Result<(P, Range<usize>), ConfigError> {
        let span = value.span();
        let DeValue::Table(mut table) = value.into_inner() else {
            return Err(self.at(span, format!("a {name} is a table: write [[{name}]]")));
        };
        let kind = match take(&mut table, "kind").map(|kind| (kind.span(), kind.into_inner())) {
            Some((span, DeValue::String(kind))) => Spanned::new(span, kind.into_owned()),
            Some((span, _)) => return Err(self.at(span, "a kind is a word")),
            None => return Err(self.at(span, "the key `kind` is missing")),
        };
        let table = Spanned::new(span.clone(), DeValue::Table(table));
        Ok((of_kind(PartTable { here: self, kind, table })?, span))
    }

    fn at(self, span: Range<usize>, message: impl Into<String>) -> ConfigError {
        ConfigError::at(self.file, self.source, span, message)
    }
}

impl PartTable<'_, '_> {
    /// The word behind `kind`.
    pub(crate) fn kind(&self) -> &str {
        self.kind.get_ref()
    }

    /// The part of that kind.
    pub(crate) fn build<P: Part>(self) -> Result<P, ConfigError> {
        let Here { file, source, base } = self.here;
        let spans: Vec<(String, Range<usize>)> = match self.table.get_ref() {
            DeValue::Table(table) => table.iter().map(|(key, _)| (key.get_ref().to_string(), key.span())).collect(),
            _ => Vec::new(),
        };
        let whole = self.table.span();
        let keys = P::Keys::deserialize(toml::de::ValueDeserializer::from(self.table))
            .map_err(|error| ConfigError::toml(file, source, &error))?;
        P::build(keys, base).map_err(|Wrong { key, message }| {
            let span = spans.into_iter().find(|(name, _)| name == key).map_or(whole, |(_, span)| span);
            ConfigError::at(file, source, span, message)
        })
    }

    /// The answer to a kind that this build has not.
    #[cfg(not(feature = "kafka"))]
    pub(crate) fn left_out(self, message: &str) -> ConfigError {
        self.here.at(self.kind.span(), message)
    }

    /// The answer to a kind that is none of those known.
    pub(crate) fn unknown(self, known: &[&str]) -> ConfigError {
        let message = format!("unknown kind `{}`", self.kind());
        self.here.at(self.kind.span(), message).suggest(self.kind.get_ref(), known)
    }
}

fn take<'i>(table: &mut DeTable<'i>, name: &str) -> Option<Spanned<DeValue<'i>>> {
    let key = table.keys().find(|key| key.get_ref() == name)?.clone();
    table.remove(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
name = "gw-1"
data = "data"
keys = "keys.toml"
time_zone = "Europe/Minsk"

[[source]]
kind = "lines"
protocol = "wmbus"
listen = "tcp://127.0.0.1:7000"
ack = true

[[source]]
kind = "lines"
protocol = "mbus"
stdin = true

[[sink]]
kind = "mqtt"
url = "mqtts://broker.example:8883"
user = "gw"
password = { file = "password" }

[[sink]]
kind = "stdout"

[http]
listen = "127.0.0.1:8080"
"#;

    fn wrong(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        Config::parse(Path::new("etc/gateway.toml"), &GOOD.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn a_configuration_is_read() {
        let config = Config::parse(Path::new("/etc/gateway.toml"), GOOD).unwrap();
        assert_eq!(config.name, "gw-1");
        assert_eq!(config.data, Path::new("/etc/data"));
        assert_eq!(config.keys.as_deref(), Some(Path::new("/etc/keys.toml")));
        let names: Vec<_> = config.sources.iter().map(|source| source.name().unwrap()).collect();
        assert_eq!(names, ["lines", "lines-2"]);
        let names: Vec<_> = config.sinks.iter().map(sinks::Config::name).collect();
        assert_eq!(names, ["mqtt-broker.example-8883", "stdout"]);
        let (one, more) = ("\"mqtts://broker.example:8883\"", "[\"mqtts://broker.example:8883\", \"mqtt://b\"]");
        let more = Config::parse(Path::new("/etc/gateway.toml"), &GOOD.replacen(one, more, 1)).unwrap();
        let first = more.sinks.first().map(sinks::Config::name);
        assert_eq!(
            first.as_deref(),
            names.first().map(String::as_str),
            "a second broker changes no place in the queue"
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_a_suggestion() {
        let answer = wrong("listen = \"tcp://127.0.0.1:7000\"", "lisen = \"tcp://127.0.0.1:7000\"");
        assert_eq!(
            answer,
            "etc/gateway.toml:10:1: unknown key `lisen`\n    |\n 10 | lisen = \"tcp://127.0.0.1:7000\"\n    | ^^^^^\ndid you mean `listen`?"
        );
        for (from, to, expected) in [
            ("name = \"gw-1\"", "nmae = \"gw-1\"", "gateway.toml:2:1: unknown key `nmae`"),
            ("name = \"gw-1\"", "name = 7", "gateway.toml:2:8: invalid type: integer `7`, expected a string"),
            ("name = \"gw-1\"", "name = \"gw/1\"", "gateway.toml:2:8: a name is"),
            ("name = \"gw-1\"\n", "", "the key `name` is missing"),
            (
                "\"Europe/Minsk\"",
                "\"Europe/Minks\"",
                "gateway.toml:5:13: invalid value: string \"Europe/Minks\", expected a zone",
            ),
            ("kind = \"lines\"", "kind = \"liens\"", "gateway.toml:8:8: unknown kind `liens`"),
            ("kind = \"lines\"\n", "", "gateway.toml:7:1: the key `kind` is missing"),
            ("\"wmbus\"", "\"wmbsu\"", "unknown word `wmbsu`"),
            ("[http]", "[limits]\nmeter = \"5/d\"\n[http]", "expected a rate such as `200/s`"),
            ("[http]", "[limits]\nmetres = 5\n[http]", "did you mean `meters`?"),
            ("[http]", "[alarms]\ndebounce = 0\n[http]", "expected a number of reports from 1 to 255"),
            ("[http]", "[alarms]\ndebunce = 1\n[http]", "did you mean `debounce`?"),
            ("name = \"gw-1\"", "name = \"gw-1\"\nclock = \"atuo\"", "did you mean `auto`?"),
            ("protocol = \"wmbus\"\n", "", "the key `protocol` is missing"),
            ("tcp://127.0.0.1:7000", "http://127.0.0.1", "gateway.toml:10:10: invalid value"),
            ("stdin = true", "stdin = true\nack = true", "gateway.toml:17:1: nobody listens for answers"),
            ("stdin = true", "stdin = true\nfile = \"x\"", "exactly one of"),
            ("mqtts://broker.example:8883", "amqp://broker", "an address such as `mqtt"),
            (
                "\"mqtts://broker.example:8883\"",
                "[\"mqtts://a\", \"amqp://b\"]",
                "gateway.toml:20:7: invalid value: string \"amqp://b\"",
            ),
            ("\"mqtts://broker.example:8883\"", "[]", "gateway.toml:20:1: name a broker"),
            ("\"mqtts://broker.example:8883\"", "7", "expected the address of a broker, or a list of addresses"),
            ("\"mqtts://broker.example:8883\"", "\"mqtt://a\"\nca = \"x\"", "there are no certificates without TLS"),
            (
                "\"mqtts://broker.example:8883\"",
                "\"mqtt://a\"\nnext_after = \"1s\"",
                "gateway.toml:21:1: there is one broker: `url` may be a list",
            ),
            ("user = \"gw\"", "user = \"gw\"\nhome_assistant = 7", "`true`, or a table with a `prefix`"),
            ("user = \"gw\"", "user = \"gw\"\nhome_assistant = { prefx = \"a\" }", "did you mean `prefix`?"),
            (
                "user = \"gw\"",
                "user = \"gw\"\nhome_assistant = { prefix = \"a/#\" }",
                "gateway.toml:22:1: a prefix is the first level of a topic",
            ),
            ("{ file = \"password\" }", "\"hunter2\"", "a secret does not stand here itself"),
            ("{ file = \"password\" }", "{ fiel = \"password\" }", "unknown key `fiel`"),
            ("[http]", "[htpp]", "unknown key `htpp`"),
            ("127.0.0.1:8080", "0.0.0.0:8080", "gateway.toml:28:10: others can reach this address: a `token`"),
            ("[http]", "[http]\ntoken = \"hunter2\"", "a secret does not stand here itself"),
            ("[http]", "[http]\ntokn = { env = \"T\" }", "did you mean `token`"),
            ("listen = \"127.0.0.1:8080\"", "lisen = \"127.0.0.1:8080\"", "unknown key `lisen`"),
            ("[[sink]]\nkind = \"stdout\"", "[[sink]]\nkind = \"stdout\"\nname = \"a/b\"", "a sink's name is 1 to 64"),
            (
                "[http]",
                "[[sink]]\nkind = \"stdout\"\n[http]",
                "there is another sink named `stdout`: give one of them a `name`",
            ),
            ("[http]", "[queue]\nsize = 1000\n[http]", "the quota holds fewer than three segments"),
            ("[[sink]]\nkind = \"stdout\"", "[[sink]]\nkind = \"kafak\"", "did you mean `kafka`?"),
            #[cfg(not(feature = "kafka"))]
            (
                "[[sink]]\nkind = \"stdout\"",
                "[[sink]]\nkind = \"kafka\"",
                "build it with `cargo build --release -p esh-gateway --features kafka`",
            ),
            ("name = \"gw-1\"", "name = \"gw-1", "gateway.toml:2:"),
        ] {
            let answer = wrong(from, to);
            assert!(answer.contains(expected), "{answer}\nshould say: {expected}");
            assert!(!answer.contains("hunter2"), "{answer}");
        }
    }
}
