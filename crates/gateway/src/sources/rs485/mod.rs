//! Meters on a bus, asked one after the other: RS-485 at a serial port or behind a serial server, and Modbus TCP.
//!
//! `schedule` says who is asked when, `line` carries octets and keeps the silence between them, `modbus` and `mbus` know
//! what to ask. What a poll brings is one capture: the requests and the answers, from which it is decoded, whenever that is.

mod alarm;
mod config;
mod learned;
mod line;
mod mbus;
mod modbus;
mod ordered;
mod scan;
mod schedule;
mod server;

pub use config::{Config, Direction, Keys, MbusAddress, Meter, Parity, Port, Settings, Speaks};
pub use scan::Search;

use super::{Intake, now};
use crate::backoff::Backoff;
use crate::capture::{Capture, Framing};
use crate::commands::Link;
use crate::protocols::ModbusPolled;
use crate::quiet::Quiet;
use crate::stop::Stop;
use crate::telemetry::OfBus;
use esh_core::{Id, Protocol};
use esh_modbus::Mode;
use learned::Memory;
use line::{Ask, Line};
use modbus::{Device, Tally, Way};
use schedule::{Next, Plan, Schedule};
use server::Guest;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

/// Why a bus cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Rs485Error {
    /// Nobody can ask through it.
    #[error("cannot listen at {0}: {1}")]
    Listen(String, #[source] io::Error),
}

/// How long an answer may take from a device of which nothing is said.
const PATIENCE: Duration = Duration::from_secs(1);
/// A connection on which nobody has said anything for so long is made anew: the other end may have gone without a word.
const MUTE: Duration = Duration::from_secs(20);

/// Asks until it is asked to stop. A port that is gone is waited for.
///
/// # Errors
/// When it cannot listen for those who ask through it.
pub async fn run(config: Config, intake: Intake, mut stop: Stop) -> Result<(), Rs485Error> {
    let mut bus = Bus::new(config, intake);
    bus.link = Some(bus.intake.link(&[Protocol::Modbus, Protocol::Mbus]));
    // The server ends with the bus.
    let mut _server = None;
    if let Some(at) = &bus.config.listen {
        let listening = server::listen(at, Arc::clone(&bus.name)).await;
        let (tasks, guests) = listening.map_err(|error| Rs485Error::Listen(at.to_string(), error))?;
        _server = Some(tasks);
        bus.guests = Guests { place: bus.schedule.guest(), coming: Some(guests), waiting: None };
    }
    let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(2));
    while !stop.is_asked() {
        let settings = bus.config.meters.first().map_or(bus.config.settings, |meter| meter.settings);
        let opened = tokio::select! {
            () = stop.asked() => break,
            opened = Line::open(&bus.config.port, bus.config.direction, settings) => opened,
        };
        let lost = match opened {
            Ok(mut line) => {
                info!(source = &*bus.name, port = %bus.config.port, "open");
                backoff.reset();
                match bus.serve(&mut line, &mut stop).await {
                    Ok(()) => break,
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        if bus.quiet.may("port", Instant::now()) {
            warn!(source = &*bus.name, port = %bus.config.port, error = %lost, "no port");
        }
        bus.intake.counts.reconnects.add(1);
        tokio::select! {
            () = bus.guests.refuse(backoff.wait()) => {}
            () = stop.asked() => break,
        }
    }
    Ok(())
}

/// Those who ask through the bus, where anybody may.
#[derive(Default)]
struct Guests {
    /// Their place in the schedule.
    place: usize,
    coming: Option<mpsc::Receiver<Guest>>,
    waiting: Option<Guest>,
}

impl Guests {
    /// Waits until somebody asks, for ever where nobody may.
    async fn come(&mut self) {
        match &mut self.coming {
            Some(coming) if self.waiting.is_none() => self.waiting = coming.recv().await,
            _ => std::future::pending().await,
        }
    }

    /// Whether somebody waits.
    fn look(&mut self) -> bool {
        if let (None, Some(coming)) = (&self.waiting, &mut self.coming) {
            self.waiting = coming.try_recv().ok();
        }
        self.waiting.is_some()
    }

    /// Tells all who ask for so long that there is no bus.
    async fn refuse(&mut self, time: Duration) {
        let sleep = tokio::time::sleep(time);
        tokio::pin!(sleep);
        loop {
            self.waiting.take().into_iter().for_each(Guest::refuse);
            tokio::select! {
                () = &mut sleep => return,
                () = self.come() => {}
            }
        }
    }
}

/// Reads each meter of a bus once, and hands on what comes.
///
/// # Errors
/// When the bus cannot be had.
pub async fn read_once(config: Config, intake: Intake, only: Option<&str>) -> io::Result<Vec<(Id, bool)>> {
    let mut bus = Bus::new(config, intake);
    let settings = bus.config.meters.first().map_or(bus.config.settings, |meter| meter.settings);
    let mut line = Line::open(&bus.config.port, bus.config.direction, settings).await?;
    let mut read = Vec::new();
    for who in 0..bus.meters.len() {
        let Some(id) = bus.meters.get(who).map(|meter| meter.id) else { continue };
        if only.is_none_or(|only| only == id.as_str()) {
            read.push((id, bus.poll(&mut line, who, wall()).await?));
        }
    }
    Ok(read)
}

/// A bus with all that is known of its meters.
struct Bus {
    config: Config,
    name: Arc<str>,
    intake: Intake,
    counts: Arc<OfBus>,
    schedule: Schedule,
    /// In the order of the configuration.
    meters: Vec<Asked>,
    memory: Memory,
    guests: Guests,
    /// Where commands come out.
    link: Option<Link>,
    /// Who waits to hear that a meter was read.
    readers: ordered::Readers,
    /// Times of the schedule count from here.
    begun: Instant,
    quiet: Quiet,
    /// When somebody last said something.
    heard: Instant,
}

/// A meter, and how it is asked.
struct Asked {
    id: Id,
    speaker: Speaker,
}

enum Speaker {
    Modbus(Box<Device>, Way),
    Mbus(MbusAddress, mbus::Way),
}

/// Milliseconds since 1970.
fn wall() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

impl Bus {
    fn new(config: Config, intake: Intake) -> Self {
        let name: Arc<str> = config.name.as_deref().unwrap_or("rs485").into();
        let memory = Memory::load(&config.data, &name);
        let begun = Instant::now();
        let (mut meters, mut plans) = (Vec::new(), Vec::new());
        for meter in &config.meters {
            // It was checked that there is one.
            let Some(id) = config.id(meter) else { continue };
            let speaker = match &meter.speaks {
                Speaks::Modbus { unit, map, limits } => {
                    let device = Device::new(*unit, map, *limits, memory.of(&id));
                    Speaker::Modbus(Box::new(device), modbus_way(&config, meter))
                }
                Speaks::Mbus(address) => Speaker::Mbus(*address, mbus_way(meter)),
            };
            let period = memory.period(&id).unwrap_or(meter.period);
            plans.push(Plan { period, delay: delay(&name, &id, meter.spread.min(period / 2)) });
            meters.push(Asked { id, speaker });
        }
        let schedule = Schedule::new(&plans, Duration::ZERO, wall());
        let counts = intake.counts.bus();
        let (guests, quiet) = (Guests::default(), Quiet::default());
        let (link, readers, heard) = (None, Vec::new(), begun);
        Self { config, name, intake, counts, schedule, meters, memory, guests, link, readers, begun, quiet, heard }
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Asks until it shall stop; an error is the end of the line.
    async fn serve(&mut self, line: &mut Line, stop: &mut Stop) -> io::Result<()> {
        self.heard = Instant::now();
        loop {
            let now = self.now();
            self.schedule.clock(now, wall());
            self.take_orders().await;
            if self.guests.coming.is_some() {
                let wanted = self.guests.look();
                self.schedule.want(self.guests.place, wanted);
            }
            match self.schedule.next(now) {
                Next::Ask { who, .. } if who == self.guests.place && self.guests.coming.is_some() => {
                    if let Some(guest) = self.guests.waiting.take() {
                        let way = self.way_to(guest.unit());
                        guest.ask(line, &way).await?;
                    }
                    self.schedule.done(who, now, self.now(), true);
                }
                Next::Ask { who, slot } => {
                    let polled = tokio::select! {
                        () = stop.asked() => return Ok(()),
                        polled = self.poll(line, who, slot) => polled,
                    };
                    let answered = match polled {
                        Ok(answered) => answered,
                        Err(error) => {
                            // Nobody has failed but the line.
                            self.schedule.put_back(who);
                            return Err(error);
                        }
                    };
                    self.schedule.done(who, now, self.now(), answered);
                    self.tell_readers(who, answered).await;
                    self.counts.missed.set(self.schedule.missed());
                    self.counts.silent.set(self.schedule.silent());
                    self.counts.stray.add(line.take_stray());
                    if answered {
                        self.heard = Instant::now();
                    } else if matches!(self.config.port, Port::Tcp(_)) && self.heard.elapsed() >= MUTE {
                        return Err(io::Error::new(io::ErrorKind::TimedOut, "nobody answers through it"));
                    }
                }
                Next::Wait(until) => {
                    // A clock that is set in between is noticed soon enough.
                    let until = self.begun + until.min(now + Duration::from_secs(10));
                    tokio::select! {
                        () = stop.asked() => return Ok(()),
                        () = tokio::time::sleep_until(until.into()) => {}
                        () = self.guests.come() => {}
                        Some(order) = ordered::order(&mut self.link) => self.carry_out(order).await,
                    }
                }
                Next::Idle => {
                    tokio::select! {
                        () = stop.asked() => return Ok(()),
                        () = self.guests.come() => {}
                        Some(order) = ordered::order(&mut self.link) => self.carry_out(order).await,
                    }
                }
            }
        }
    }

    /// How a device is asked that somebody else asks for: as the meter at that address is, or else as the first one.
    fn way_to(&self, address: u8) -> Way {
        let at = |meter: &&Meter| matches!(meter.speaks, Speaks::Modbus { unit, .. } if unit == address);
        let known = self.config.meters.iter().find(at).or_else(|| self.config.meters.first());
        known.map_or_else(
            || {
                let settings = self.config.settings;
                let ask = Ask { octets: &[], settings, silence: silence(&self.config, &settings), timeout: PATIENCE };
                Way { mode: self.config.mode, ask, retries: 0 }
            },
            |meter| modbus_way(&self.config, meter),
        )
    }

    /// Asks a meter for everything and hands on what comes; whether it has answered.
    async fn poll(&mut self, line: &mut Line, who: usize, slot: i64) -> io::Result<bool> {
        let Some(Asked { id, speaker }) = self.meters.get_mut(who) else { return Ok(false) };
        self.counts.polls.add(1);
        let (captured, answered, tally) = match speaker {
            Speaker::Modbus(device, way) => {
                let poll = device.poll(line, way).await?;
                if poll.learned {
                    self.memory.put(id, device.learned());
                    info!(source = &*self.name, meter = %id, "some registers are refused: from now on it is asked otherwise");
                }
                let framing = Framing::ModbusPoll(ModbusPolled { mode: modbus::stored(way.mode), slot, id: *id });
                let octets = Some(poll.octets).filter(|octets| !octets.is_empty());
                (
                    octets.map(|octets| (Protocol::Modbus, framing, octets)).into_iter().collect(),
                    poll.answered,
                    poll.tally,
                )
            }
            Speaker::Mbus(address, way) => {
                let reading = way.read(line, *address).await?;
                let answered = !reading.telegrams.is_empty();
                let telegram = |octets| (Protocol::Mbus, Framing::WiredPoll(slot), octets);
                (reading.telegrams.into_iter().map(telegram).collect::<Vec<_>>(), answered, reading.tally)
            }
        };
        let Tally { requests, timeouts, refused } = tally;
        self.counts.requests.add(requests);
        self.counts.timeouts.add(timeouts);
        self.counts.refused.add(refused);
        if captured.is_empty() {
            self.counts.failed.add(1);
            if self.quiet.may(id.as_str(), Instant::now()) {
                let why = if answered { "it refuses everything" } else { "it does not answer" };
                warn!(source = &*self.name, meter = %id, why, "a meter cannot be read");
            }
            return Ok(answered);
        }
        debug!(source = &*self.name, meter = %id, requests, timeouts, "read");
        for (protocol, framing, octets) in captured {
            let capture = Capture {
                octets: octets.into(),
                protocol,
                framing: Some(framing),
                received_at: now(),
                source: Arc::clone(&self.name),
                rssi: None,
                radio: None,
            };
            // Whether the line has ended the source hears by itself.
            self.intake.put(capture).await;
        }
        Ok(true)
    }
}

/// What a device is asked with.
fn modbus_way(config: &Config, meter: &Meter) -> Way {
    let ask = ask(meter, silence(config, &meter.settings), meter.timeout);
    Way { mode: config.mode, ask, retries: meter.retries }
}

/// The silence between two frames of Modbus.
fn silence(config: &Config, settings: &Settings) -> Duration {
    if config.mode == Mode::Tcp { Duration::ZERO } else { settings.silence() }
}

/// What a meter of the M-Bus is asked with.
fn mbus_way(meter: &Meter) -> mbus::Way {
    let timeout = meter.timeout.max(mbus::Way::least(&meter.settings));
    mbus::Way { ask: ask(meter, mbus::Way::silence(&meter.settings), timeout), retries: meter.retries }
}

const fn ask(meter: &Meter, silence: Duration, timeout: Duration) -> Ask<'static> {
    Ask { octets: &[], settings: meter.settings, silence: silence.saturating_add(meter.turnaround), timeout }
}

/// How long after its slots a meter is asked: the same each time, and another one for each meter of each gateway.
fn delay(bus: &str, id: &Id, spread: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    (bus, id.as_str(), machine()).hash(&mut hasher);
    let parts = u32::try_from(hasher.finish() % 1024).unwrap_or_default();
    spread / 1024 * parts
}

/// What tells this machine from others.
fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
