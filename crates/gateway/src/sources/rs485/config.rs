//! What a bus is told: `kind = "rs485"`.

use crate::config::{Part, Span, Tcp, Wrong};
use crate::profiles::Profiles;
use crate::profiles::registers::{self, Map, Maps, Registers, Value};
use crate::sources::lines::probe;
use esh_core::Id;
use esh_modbus::Mode;
use esh_modbus::merge::Limits;
use serde::Deserialize;
use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// `kind = "rs485"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Its name, which stands in reports.
    pub name: Option<String>,
    /// Where the bus is.
    pub port: Port,
    /// Whose turn it is to send.
    pub direction: Direction,
    /// How frames of Modbus are laid out.
    pub mode: Mode,
    /// How characters are sent where no meter says otherwise.
    pub settings: Settings,
    /// Who is on it.
    pub meters: Vec<Meter>,
    /// Where others may ask, too.
    pub listen: Option<Tcp>,
    /// The folder of the gateway, where it is kept what devices have taught.
    pub data: PathBuf,
}

/// Where a bus is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// At a serial port, best by its name under `/dev/serial/by-id`.
    Serial(PathBuf),
    /// At a serial server, or a device that speaks Modbus TCP.
    Tcp(Tcp),
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(device) => write!(f, "{}", device.display()),
            Self::Tcp(tcp) => write!(f, "{tcp}"),
        }
    }
}

/// How it is seen to that the adapter sends, and then listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The adapter does it by itself.
    #[default]
    Auto,
    /// The kernel's driver does it (`TIOCSRS485`).
    Kernel,
    /// RTS is set while something is sent.
    Rts,
}

/// How characters are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bits per second.
    pub baud: u32,
    /// The check bit.
    pub parity: Parity,
    /// Bits at the end.
    pub stop_bits: u8,
    /// Bits of the character itself.
    pub data_bits: u8,
}

/// 9,600 baud, eight bits, no check bit, one stop bit.
impl Default for Settings {
    fn default() -> Self {
        Self { baud: 9600, parity: Parity::None, stop_bits: 1, data_bits: 8 }
    }
}

impl Settings {
    /// How long so many halves of a character take.
    #[must_use]
    pub fn halves(&self, count: u32) -> Duration {
        let parity = u64::from(self.parity != Parity::None);
        let bits = 1 + u64::from(self.data_bits) + parity + u64::from(self.stop_bits);
        Duration::from_nanos(bits * u64::from(count) * 500_000_000 / u64::from(self.baud.max(1)))
    }

    /// How long so many characters take.
    #[must_use]
    pub fn characters(&self, count: usize) -> Duration {
        self.halves(u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(2))
    }

    /// The silence between two frames of Modbus — MODBUS over serial line V1.02, 2.5.1.1: three and a half characters, and
    /// above 19,200 baud 1.75 ms.
    #[must_use]
    pub fn silence(&self) -> Duration {
        if self.baud > 19_200 { Duration::from_micros(1750) } else { self.halves(7) }
    }
}

/// A check bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parity {
    /// None.
    #[default]
    None,
    /// It makes the number of ones even.
    Even,
    /// It makes the number of ones odd.
    Odd,
}

impl Parity {
    /// The word that a configuration has for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Even => "even",
            Self::Odd => "odd",
        }
    }
}

/// A meter on the bus.
#[derive(Clone, Debug, PartialEq)]
pub struct Meter {
    /// What it is called: the id of its address. Without one it has the name of the bus and its address.
    pub id: Option<Id>,
    /// What it speaks, and what it is asked for.
    pub speaks: Speaks,
    /// How its characters are sent.
    pub settings: Settings,
    /// How long it is from one reading to the next.
    pub period: Duration,
    /// The readings of different meters begin within so long after the full period.
    pub spread: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How often it is asked again when none comes.
    pub retries: u32,
    /// How long it needs after an answer before it hears a request, beyond the silence between two frames.
    pub turnaround: Duration,
}

/// What a meter speaks.
#[derive(Clone, Debug, PartialEq)]
pub enum Speaks {
    /// Modbus.
    Modbus {
        /// Its address on the line: the unit.
        unit: u8,
        /// What its registers mean.
        map: Map,
        /// What one request may ask for.
        limits: Limits,
    },
    /// Wired M-Bus.
    Mbus(MbusAddress),
}

/// How a meter is addressed on the M-Bus — EN 13757-7, 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MbusAddress {
    /// By the number it was given: 1 to 250, 0 before it was given any, 254 where it is alone.
    Primary(u8),
    /// By what stands on it: number, maker, version and medium.
    Secondary(esh_wmbus::wired::Selection),
}

impl Config {
    /// What a meter is called.
    #[must_use]
    pub fn id(&self, meter: &Meter) -> Option<Id> {
        if meter.id.is_some() {
            return meter.id;
        }
        let address = match &meter.speaks {
            Speaks::Modbus { unit, .. } => unit.to_string(),
            Speaks::Mbus(address) => address.to_string(),
        };
        Id::new(&format!("{}.{address}", self.name.as_deref().unwrap_or_default()))
    }

    /// Whether the bus is there, without a word on it.
    pub(crate) async fn probe(&self) -> Result<String, String> {
        match &self.port {
            Port::Serial(device) => probe::serial(device),
            Port::Tcp(tcp) => probe::lets_in(tcp).await,
        }
    }

    /// What the registers of its meters mean.
    #[must_use]
    pub fn maps(&self) -> Maps {
        let map = |meter: &Meter| match &meter.speaks {
            Speaks::Modbus { map, .. } => Some((self.id(meter)?, map.clone())),
            Speaks::Mbus(_) => None,
        };
        self.meters.iter().filter_map(map).collect()
    }
}

impl fmt::Display for MbusAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Primary(address) => write!(f, "{address}"),
            Self::Secondary(selection) => selection.octets().iter().try_for_each(|octet| write!(f, "{octet:02x}")),
        }
    }
}

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    name: Option<String>,
    serial: Option<PathBuf>,
    connect: Option<Tcp>,
    #[serde(default)]
    mode: ModeWord,
    #[serde(default)]
    direction: Direction,
    listen: Option<Tcp>,
    baud: Option<u32>,
    parity: Option<Parity>,
    stop_bits: Option<u8>,
    data_bits: Option<u8>,
    period: Option<Span>,
    spread: Option<Span>,
    timeout: Option<Span>,
    retries: Option<u32>,
    turnaround: Option<Span>,
    #[serde(default)]
    meter: Vec<MeterKeys>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ModeWord {
    #[default]
    Rtu,
    Ascii,
    Tcp,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    #[default]
    Modbus,
    Mbus,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MapWord {
    Sunspec,
}

/// The keys of a meter. What it does not say, the bus says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MeterKeys {
    address: Address,
    id: Option<String>,
    #[serde(default)]
    protocol: Word,
    map: Option<MapWord>,
    profile: Option<String>,
    registers: Option<PathBuf>,
    register: Option<Registers>,
    max_registers: Option<u16>,
    max_gap: Option<u16>,
    baud: Option<u32>,
    parity: Option<Parity>,
    stop_bits: Option<u8>,
    data_bits: Option<u8>,
    period: Option<Span>,
    spread: Option<Span>,
    timeout: Option<Span>,
    retries: Option<u32>,
    turnaround: Option<Span>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "an address: a number, or the secondary address of an M-Bus meter as text")]
enum Address {
    Number(u8),
    Text(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Part for Config {
    type Keys = Keys;

    fn build(keys: Keys, base: &Path) -> Result<Self, Wrong> {
        let port = match (&keys.serial, &keys.connect) {
            (Some(device), None) => Port::Serial(base.join(device)),
            (None, Some(tcp)) => Port::Tcp(tcp.clone()),
            _ => return Err(Wrong::new("", "exactly one of `serial` and `connect` says where the bus is")),
        };
        let mode = match keys.mode {
            ModeWord::Rtu => Mode::Rtu,
            ModeWord::Ascii => Mode::Ascii,
            ModeWord::Tcp => Mode::Tcp,
        };
        let serial = matches!(port, Port::Serial(_));
        if mode == Mode::Tcp && serial {
            return Err(Wrong::new("mode", "Modbus TCP is not spoken on a serial port: write `connect`"));
        }
        if keys.direction != Direction::Auto && !serial {
            return Err(Wrong::new("direction", "a serial server switches by itself"));
        }
        let meters = keys.meter.iter().map(|meter| meter.build(&keys, base));
        let meters = meters.collect::<Result<Vec<_>, _>>()?;
        if meters.is_empty() && keys.listen.is_none() {
            return Err(Wrong::new("", "nobody is asked: write [[source.meter]] with `address`"));
        }
        if mode == Mode::Tcp && meters.iter().any(|meter| matches!(meter.speaks, Speaks::Mbus(_))) {
            return Err(Wrong::new("mode", "M-Bus is not spoken through Modbus TCP"));
        }
        let own = |meter: &Meter| meter.settings;
        if !serial && meters.iter().any(|meter| meters.first().is_some_and(|first| own(first) != own(meter))) {
            return Err(Wrong::new("meter", "a serial server has one setting: `baud` and its like are set there"));
        }
        let settings = settings([keys.baud], [keys.parity], [keys.stop_bits], [keys.data_bits], Settings::default());
        let config = Self {
            name: keys.name,
            port,
            direction: keys.direction,
            mode,
            settings: settings.map_err(|wrong| Wrong::new("", wrong))?,
            meters,
            listen: keys.listen,
            data: PathBuf::new(),
        };
        let mut taken = HashSet::new();
        for meter in &config.meters {
            // The name of the bus is the same for all.
            let Some(id) = config.id(meter) else {
                return Err(Wrong::new("meter", "the name of the bus and the address make an id that is too long"));
            };
            if !taken.insert(id) {
                return Err(Wrong::new("meter", format!("there are two meters `{id}`: give one of them an `id`")));
            }
        }
        Ok(config)
    }
}

/// The highest number of a server on a serial line, and that of a device behind its own TCP address.
const UNITS: [std::ops::RangeInclusive<u8>; 2] = [1..=247, 255..=255];

impl MeterKeys {
    fn build(&self, bus: &Keys, base: &Path) -> Result<Meter, Wrong> {
        self.checked(bus, base).map_err(|wrong| Wrong::new("meter", format!("meter {}: {wrong}", self.address)))
    }

    fn checked(&self, bus: &Keys, base: &Path) -> Result<Meter, String> {
        let speaks = match self.protocol {
            Word::Modbus => self.modbus(bus, base)?,
            Word::Mbus => Speaks::Mbus(self.mbus()?),
        };
        let id = self.id.as_deref().map(|id| match crate::config::is_name(id) {
            true => Id::new(id).ok_or_else(|| format!("an id has up to {} letters", Id::LIMIT)),
            false => Err(format!("an id is {}", crate::config::NAME)),
        });
        let id = id.transpose()?;
        if id.is_some() && self.protocol == Word::Mbus {
            return Err("an M-Bus meter says itself who it is: `id` is for Modbus".to_owned());
        }
        let period = self.period.or(bus.period).map_or(Duration::from_secs(60), |span| span.0);
        if !(Duration::from_millis(10)..=Duration::from_secs(366 * 86_400)).contains(&period) {
            return Err("a period is 10 ms to 366 days".to_owned());
        }
        let usual = (period / 20).min(Duration::from_secs(5));
        let spread = self.spread.or(bus.spread).map_or(usual, |span| span.0);
        if spread >= period {
            return Err("`spread` is less than the period".to_owned());
        }
        let timeout = self.timeout.or(bus.timeout).map_or(Duration::from_secs(1), |span| span.0);
        if !(Duration::from_millis(1)..=Duration::from_secs(600)).contains(&timeout) {
            return Err("`timeout` is 1 ms to 10 min".to_owned());
        }
        let retries = self.retries.or(bus.retries).unwrap_or(2);
        if retries > 100 {
            return Err("`retries` is 0 to 100".to_owned());
        }
        Ok(Meter {
            id,
            speaks,
            settings: self.settings(bus)?,
            period,
            spread,
            timeout,
            retries,
            turnaround: self.turnaround.or(bus.turnaround).map_or(Duration::ZERO, |span| span.0),
        })
    }

    fn settings(&self, bus: &Keys) -> Result<Settings, String> {
        // EN 13757-2: 2,400 baud and even parity, where nothing else is said.
        let default = match self.protocol {
            Word::Modbus => Settings::default(),
            Word::Mbus => Settings { baud: 2400, parity: Parity::Even, ..Settings::default() },
        };
        settings(
            [self.baud, bus.baud],
            [self.parity, bus.parity],
            [self.stop_bits, bus.stop_bits],
            [self.data_bits, bus.data_bits],
            default,
        )
    }

    fn modbus(&self, bus: &Keys, base: &Path) -> Result<Speaks, String> {
        let unit = match self.address {
            Address::Number(unit) if UNITS.iter().any(|range| range.contains(&unit)) => unit,
            // Devices that have no other way to be reached listen to it behind their TCP address.
            Address::Number(0) if bus.mode == ModeWord::Tcp => 0,
            _ => return Err("the address of a Modbus device is 1 to 247, or 255 behind a TCP address".to_owned()),
        };
        let map = match (self.map, &self.profile, &self.registers, &self.register) {
            (Some(MapWord::Sunspec), None, None, None) => Map::SunSpec,
            (None, Some(name), None, None) => Map::Registers(built_in(name)?),
            (None, None, Some(path), None) => Map::Registers(registers::load(&base.join(path))?),
            (None, None, None, Some(registers)) => Map::Registers(registers.0.clone()),
            _ => {
                let one = "exactly one of `map`, `profile`, `registers` and [[source.meter.register]] says what its \
                           registers mean";
                return Err(one.to_owned());
            }
        };
        let limits = Limits::default();
        let limits = Limits {
            registers: self.max_registers.unwrap_or(limits.registers),
            gap: self.max_gap.unwrap_or(limits.gap),
        };
        if !(1..=Limits::default().registers).contains(&limits.registers) {
            return Err("one request asks for 1 to 125 registers".to_owned());
        }
        Ok(Speaks::Modbus { unit, map, limits })
    }

    fn mbus(&self) -> Result<MbusAddress, String> {
        let from_file = self.profile.is_some() || self.registers.is_some();
        let only_modbus = self.map.is_some() || from_file || self.register.is_some();
        if only_modbus || self.max_registers.is_some() || self.max_gap.is_some() {
            return Err("an M-Bus meter says itself what its values mean: it has no registers".to_owned());
        }
        match &self.address {
            Address::Number(address @ (0..=250 | 254)) => Ok(MbusAddress::Primary(*address)),
            Address::Text(text) => secondary(text).map(MbusAddress::Secondary).ok_or_else(|| {
                "a secondary address is the eight digits on the meter, or sixteen hexadecimal digits as sent".to_owned()
            }),
            Address::Number(_) => Err("a primary address is 0 to 250, or 254 where the meter is alone".to_owned()),
        }
    }
}

/// The first of each that is said.
fn settings<const N: usize>(
    baud: [Option<u32>; N],
    parity: [Option<Parity>; N],
    stop_bits: [Option<u8>; N],
    data_bits: [Option<u8>; N],
    default: Settings,
) -> Result<Settings, String> {
    let settings = Settings {
        baud: baud.into_iter().flatten().next().unwrap_or(default.baud),
        parity: parity.into_iter().flatten().next().unwrap_or(default.parity),
        stop_bits: stop_bits.into_iter().flatten().next().unwrap_or(default.stop_bits),
        data_bits: data_bits.into_iter().flatten().next().unwrap_or(default.data_bits),
    };
    match settings {
        Settings { baud: 0..50 | 4_000_001.., .. } => Err("`baud` is 50 to 4000000".to_owned()),
        Settings { stop_bits: 1 | 2, data_bits: 7 | 8, .. } => Ok(settings),
        _ => Err("a character has 7 or 8 `data_bits` and 1 or 2 `stop_bits`".to_owned()),
    }
}

/// The secondary address of a text: the number as it stands on the meter, or all eight octets as they are sent.
fn secondary(text: &str) -> Option<esh_wmbus::wired::Selection> {
    let any = esh_wmbus::wired::Selection { id: [0xff; 4], manufacturer: 0xffff, version: 0xff, medium: 0xff };
    let octets = text
        .as_bytes()
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let octets = octets.collect::<Option<Vec<u8>>>().filter(|octets| octets.len() * 2 == text.len())?;
    match octets[..] {
        // Most significant digit first, as it is read.
        [a, b, c, d] => Some(esh_wmbus::wired::Selection { id: [d, c, b, a], ..any }),
        [a, b, c, d, m0, m1, version, medium] => {
            let manufacturer = u16::from_le_bytes([m0, m1]);
            Some(esh_wmbus::wired::Selection { id: [a, b, c, d], manufacturer, version, medium })
        }
        _ => None,
    }
}

/// The registers of a profile that comes with the program.
fn built_in(name: &str) -> Result<Arc<[Value]>, String> {
    let profiles = Profiles::built_in();
    let found = profiles.by_name(name).ok_or_else(|| profiles.unknown(name))?;
    found.registers.clone().ok_or_else(|| format!("the profile `{name}` has no registers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(text: &str) -> Result<Config, String> {
        let keys: Keys = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        Config::build(keys, Path::new("/etc/esh")).map_err(|wrong| wrong.message)
    }

    const METER: &str = "[[meter]]\naddress = 17\nmap = \"sunspec\"\n";

    #[test]
    fn a_meter_says_what_the_bus_does_not() {
        let config = build(
            "name = \"cellar\"\nserial = \"/dev/ttyS0\"\nbaud = 19200\nperiod = \"15min\"\n\
             [[meter]]\naddress = 17\nmap = \"sunspec\"\n\
             [[meter]]\naddress = 5\nprotocol = \"mbus\"\nbaud = 2400\nparity = \"even\"\nperiod = \"1h\"\n\
             [[meter]]\naddress = \"12345678\"\nprotocol = \"mbus\"\n",
        );
        let config = config.unwrap();
        let [first, second, third] = &config.meters[..] else { panic!() };
        assert_eq!((first.settings.baud, second.settings.baud, second.settings.parity), (19_200, 2400, Parity::Even));
        assert_eq!((first.period, second.period), (Duration::from_secs(900), Duration::from_secs(3600)));
        assert_eq!(config.id(first).unwrap().as_str(), "cellar.17");
        let Speaks::Mbus(MbusAddress::Secondary(selection)) = third.speaks else { panic!() };
        assert_eq!(selection.octets(), [0x78, 0x56, 0x34, 0x12, 0xff, 0xff, 0xff, 0xff]);
        assert!(config.maps().contains_key(&Id::new("cellar.17").unwrap()));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (text, wrong) in [
            (METER.to_owned(), "exactly one of `serial` and `connect`"),
            (format!("serial = \"x\"\nmode = \"tcp\"\n{METER}"), "not spoken on a serial port"),
            (format!("connect = \"tcp://a:1\"\ndirection = \"rts\"\n{METER}"), "a serial server switches by itself"),
            ("serial = \"x\"\n".to_owned(), "nobody is asked"),
            (format!("serial = \"x\"\n{METER}{METER}"), "two meters"),
            (format!("serial = \"x\"\n{METER}period = \"1ms\"\n"), "meter 17: a period is"),
            (format!("serial = \"x\"\n{METER}spread = \"2min\"\n"), "`spread` is less"),
            (format!("serial = \"x\"\n{METER}baud = 0\n"), "`baud` is"),
            (format!("serial = \"x\"\n{METER}data_bits = 9\n"), "7 or 8"),
            (format!("serial = \"x\"\n{METER}max_registers = 126\n"), "1 to 125"),
            (format!("serial = \"x\"\n{METER}id = \"a b\"\n"), "an id is"),
            ("serial = \"x\"\n[[meter]]\naddress = 1\n".to_owned(), "exactly one of `map`"),
            ("serial = \"x\"\n[[meter]]\naddress = 0\nmap = \"sunspec\"\n".to_owned(), "1 to 247"),
            ("serial = \"x\"\n[[meter]]\naddress = 251\nprotocol = \"mbus\"\n".to_owned(), "0 to 250"),
            ("serial = \"x\"\n[[meter]]\naddress = \"1234567\"\nprotocol = \"mbus\"\n".to_owned(), "eight digits"),
            (
                "serial = \"x\"\n[[meter]]\naddress = 1\nprotocol = \"mbus\"\nmap = \"sunspec\"\n".to_owned(),
                "no registers",
            ),
            (format!("serial = \"x\"\n{METER}perod = \"1min\"\n"), "unknown field `perod`"),
            (
                "serial = \"x\"\n[[meter]]\naddress = 1\nregisters = \"none.toml\"\n".to_owned(),
                "cannot read /etc/esh/none.toml",
            ),
        ] {
            let error = build(&text).unwrap_err();
            assert!(error.contains(wrong), "{text}: {error}");
        }
    }

    #[test]
    fn silence_is_three_and_a_half_characters_and_never_less_than_above_19200_baud() {
        let settings = |baud| Settings { baud, parity: Parity::None, stop_bits: 1, data_bits: 8 };
        assert_eq!(settings(9600).silence().as_micros(), 3645);
        assert_eq!(Settings { parity: Parity::Even, ..settings(9600) }.silence().as_micros(), 4010);
        assert_eq!(settings(19_200).silence().as_micros(), 1822);
        assert_eq!(settings(115_200).silence().as_micros(), 1750);
        assert_eq!(settings(9600).characters(25).as_micros(), 26_041);
    }

    #[test]
    fn a_meter_may_be_of_a_model_that_comes_with_the_program() {
        let meter =
            |profile: &str| build(&format!("serial = \"x\"\n[[meter]]\naddress = 1\nprofile = \"{profile}\"\n"));
        let config = meter("eastron-sdm630").unwrap();
        let Speaks::Modbus { map: Map::Registers(registers), .. } = &config.meters[0].speaks else { panic!() };
        assert!(registers.len() > 40);
        assert!(meter("eastron-sdm6").unwrap_err().contains("did you mean eastron-"));
        assert!(meter("vega-si12").unwrap_err().contains("has no registers"));
    }
}
