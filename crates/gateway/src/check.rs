//! `check`: everything a configuration needs is read as `run` would, and it is said what the gateway would do.

use crate::config::{Config, ConfigError};
use crate::keys::{KeyStore, KeysError};
use crate::meters::Meters;
use crate::queue::{WhenFull, log::Sync};
use crate::sinks::{self, Sink, SinkError};
use crate::sources;
use crate::status_page::{Access, AccessError};
use std::fmt::{self, Display, Formatter};
use std::path::Path;

/// Why a gateway would not run.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// What a sink needs.
    #[error("sink {0}: {1}")]
    Sink(usize, #[source] SinkError),
    /// What the status page needs.
    #[error("http: {0}")]
    Http(#[source] AccessError),
}

/// What a gateway would do. It is printed by its `Display`.
#[derive(Debug)]
pub struct Plan {
    config: Config,
    keys: KeyStore,
    meters: Meters,
}

/// Checks a configuration and everything it names.
///
/// # Errors
/// Says what is wrong, and where.
pub fn check(file: &Path) -> Result<Plan, CheckError> {
    let config = Config::load(file)?;
    let keys = match &config.keys {
        Some(path) => KeyStore::load(path)?,
        None => KeyStore::default(),
    };
    for (n, sink) in config.sinks.iter().enumerate() {
        Sink::new(sink, &config.name).map_err(|error| CheckError::Sink(n + 1, error))?;
    }
    if let Some(http) = &config.http {
        Access::new(&config.name, http).map_err(CheckError::Http)?;
    }
    let meters = Meters::load(&config)?;
    Ok(Plan { config, keys, meters })
}

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let config = &self.config;
        let Config { name, data, sources, sinks, queue, drain, deduplicate, http, .. } = &self.config;
        writeln!(f, "gateway {name}")?;
        for source in sources {
            let name = source.name().unwrap_or_default();
            let lines = match source {
                sources::Config::Lines(lines) => lines,
                sources::Config::Simulate(simulate) => {
                    let every = simulate.every.0.as_millis();
                    writeln!(f, "source {name}: {} simulated meters, a telegram every {every} ms", simulate.meters)?;
                    continue;
                }
                sources::Config::Archive(archive) => {
                    writeln!(f, "source {name}: {} files of an archive", archive.files.len())?;
                    continue;
                }
            };
            writeln!(f, "source {name}: {} lines from {}", lines.protocol.word(), lines.input)?;
            if lines.ack {
                writeln!(
                    f,
                    "  answers every line: `ok` once the queue has it on the disk, or `refused` and the reason"
                )?;
            }
        }
        writeln!(f, "equal frames within {} s are one", deduplicate.window.0.as_secs())?;
        writeln!(f, "{}", self.keys)?;
        if config.meters.is_some() {
            writeln!(f, "{}", self.meters.list)?;
        }
        writeln!(f, "{}", self.meters.limits)?;
        writeln!(f, "alarms are raised and cleared {}", self.meters.alarms.debounce)?;
        let full = match queue.when_full {
            WhenFull::Block => "sources wait",
            WhenFull::DropNewest => "what comes is refused",
            WhenFull::DropOldest => "the oldest records go, which an event tells",
        };
        writeln!(
            f,
            "queue in {}: up to {} octets, then {full}",
            data.join(crate::queue::FOLDER).display(),
            queue.size
        )?;
        if let Some(age) = queue.age {
            writeln!(f, "  records older than {} s go, delivered or not, which an event tells", age.as_secs())?;
        }
        match queue.sync {
            Sync::Always => writeln!(f, "  every record goes to the disk by itself")?,
            Sync::Batch { records, wait } => {
                writeln!(f, "  {records} records, or those of {} ms, go to the disk together", wait.as_millis())?;
            }
            Sync::Interval { wait } => writeln!(f, "  the records of {} ms go to the disk together", wait.as_millis())?,
        }
        let parked = data.join(crate::queue::parked::FOLDER);
        writeln!(f, "what cannot be decoded waits in {}, up to {} octets", parked.display(), self.config.parked.size)?;
        let watch = if self.config.reload.watch { "SIGHUP and when a file has changed" } else { "SIGHUP" };
        writeln!(f, "the configuration is taken anew on {watch}")?;
        for sink in sinks {
            match sink {
                sinks::Config::Mqtt(mqtt) => {
                    let urls: Vec<_> = mqtt.urls.iter().map(ToString::to_string).collect();
                    writeln!(f, "sink mqtt: {}, up to {} reports under way", urls.join(", then "), mqtt.window)?;
                    if let Some(prefix) = &mqtt.home_assistant {
                        writeln!(f, "  Home Assistant finds the meters under {prefix}/")?;
                    }
                }
                #[cfg(feature = "kafka")]
                sinks::Config::Kafka(kafka) => {
                    let brokers: Vec<_> = kafka.brokers.iter().map(ToString::to_string).collect();
                    let tls = if kafka.secure.is_some() { " through TLS" } else { "" };
                    writeln!(
                        f,
                        "sink kafka: {}{tls}, to {}, {} and {}, up to {} octets under way",
                        brokers.join(", "),
                        kafka.topics.readings.0,
                        kafka.topics.events.0,
                        kafka.topics.undecoded.0,
                        kafka.buffer
                    )?;
                    if kafka.raw {
                        writeln!(f, "  the frames themselves go to {}", kafka.topics.raw.0)?;
                    }
                }
                sinks::Config::File(file) => {
                    let daily = if file.daily { ", a new one each day" } else { "" };
                    let path = file.path.display();
                    writeln!(f, "sink file: {path}, {} octets each{daily}, {} older ones kept", file.size, file.keep)?;
                }
                sinks::Config::Archive(archive) => {
                    let (path, size) = (archive.path.display(), archive.keep_size);
                    writeln!(
                        f,
                        "sink archive: raw frames in {path}, up to {} files of {size} octets kept",
                        archive.keep
                    )?;
                }
                sinks::Config::Stdout(_) => writeln!(f, "sink stdout: one report a line")?,
                sinks::Config::Table(_) => writeln!(f, "sink table: the last report of each meter")?,
            }
        }
        if let Some(http) = http {
            writeln!(f, "http at {}: the status page, /metrics, /healthz, /readyz", http.listen)?;
            if http.token.is_some() {
                writeln!(
                    f,
                    "  the page and /metrics for those who have the token, /healthz and /readyz for everybody"
                )?;
            }
        }
        writeln!(
            f,
            "a stop waits up to {} s for deliveries; what is left is delivered after the next start",
            drain.0.as_secs()
        )?;
        for remark in self.remarks() {
            writeln!(f, "note: {remark}")?;
        }
        Ok(())
    }
}

impl Plan {
    /// The configuration that was checked.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// What someone who relies on this gateway should know.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        #[cfg(feature = "kafka")]
        for sink in &self.config.sinks {
            if let sinks::Config::Kafka(kafka) = sink
                && let (None, Some(user)) = (&kafka.secure, &kafka.user)
                && user.mechanism == sinks::kafka::Mechanism::Plain
            {
                let remark = "sink kafka: without TLS the password can be read on its way";
                remarks.push(remark.to_owned());
            }
        }
        remarks.extend(self.keys.warnings().iter().cloned());
        remarks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_would_happen_and_shows_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("password", "hunter2\n");
        write("keys.toml", "[[key]]\nmeter = \"wmbus:KAM:*\"\nkey = \"000102030405060708090a0b0c0d0e0f\"\n");
        write("meters.toml", "deny = [\"*:00\"]\n[[meter]]\nmatch = \"*\"\n[[meter]]\nmatch = \"wmbus:KAM:*\"\n");
        write(
            "gateway.toml",
            "name = \"g\"\ndata = \"data\"\nkeys = \"keys.toml\"\nmeters = \"meters.toml\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
             listen = \"tcp://127.0.0.1:7000\"\nack = true\n[[sink]]\nkind = \"mqtt\"\nurl = \"mqtt://127.0.0.1\"\n\
             home_assistant = true\nuser = \"me\"\npassword = { file = \"password\" }\n[http]\nlisten = \"127.0.0.1:8080\"\n",
        );
        let plan = check(&folder.path().join("gateway.toml")).unwrap();
        let text = plan.to_string();
        for expected in [
            "source lines: wmbus lines from whoever connects to tcp://127.0.0.1:7000",
            "sink mqtt: mqtt://127.0.0.1:1883, up to 100 reports under way",
            "Home Assistant finds the meters under homeassistant/",
            "1 key",
            "2 entries about meters; what 1 masks deny is not",
            "up to 16384 meters are known; 200/s of one meter and 50000/s of one source are taken",
            "alarms are raised and cleared after 2 reports",
            "`ok` once the queue has it on the disk",
            "up to 1073741824 octets, then sources wait",
            "64 records, or those of 10 ms, go to the disk together",
            "http at 127.0.0.1:8080: the status page, /metrics, /healthz, /readyz",
        ] {
            assert!(text.contains(expected), "{text}\nshould say: {expected}");
        }
        let sink = Sink::new(&plan.config.sinks[0], "g").unwrap();
        let everything = format!("{text}{plan:?}{:?}{sink:?}", plan.config);
        assert!(!everything.contains("hunter2") && !everything.contains("000102"), "{everything}");
        std::fs::remove_file(folder.path().join("password")).unwrap();
        let error = check(&folder.path().join("gateway.toml")).unwrap_err().to_string();
        assert!(error.starts_with("sink 1: mqtt: cannot read the secret in "), "{error}");
    }
}
