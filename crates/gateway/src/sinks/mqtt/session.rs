//! One connection, from its first packet to its end. Everything it knows ends with it, but for the queue's cursor.

use super::client::{Fault, Link, Settings, Step, Verdict, packet_size};
use super::home_assistant::Told;
use super::ledger::{Cargo, Ledger};
use super::{Memory, Mqtt, topic};
use crate::queue::{Entry, Position, Reader};
use crate::record::{Kind, Record};
use crate::sinks::refused::{self, Why};
use bytes::Bytes;
use std::{collections::VecDeque, pin::pin, time::Duration};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{error, info, warn};

/// How a connection ends without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The queue is closed, and everything has been acknowledged.
    Done,
    /// The first broker is there again.
    FirstIsBack,
}

/// A connection that is open.
pub(super) struct Session<'a> {
    mqtt: &'a Mqtt,
    reader: &'a Reader,
    memory: &'a mut Memory,
    broker: String,
    link: Link,
    ledger: Ledger,
    /// What is to be published next, which all comes of one record.
    outbox: VecDeque<Parcel>,
    /// The most octets of a packet.
    largest: usize,
    read: Position,
    /// What Home Assistant has been told through this broker.
    told: Told,
    /// Why the connection ends when the broker has said something to everything in flight: nothing more goes out.
    fault: Option<Fault>,
}

/// Something to publish.
pub(super) struct Parcel {
    pub(super) topic: String,
    pub(super) retain: bool,
    pub(super) payload: Bytes,
    pub(super) cargo: Cargo,
}

/// How often a record is tried again that a broker refuses without saying whether it will ever take it.
const TRIES: u8 = 5;

impl<'a> Session<'a> {
    /// Connects to the present broker.
    pub(super) async fn open(mqtt: &'a Mqtt, reader: &'a Reader, memory: &'a mut Memory) -> Result<Self, Fault> {
        let Settings { urls, window, .. } = &mqtt.settings;
        memory.owes = false;
        let url = urls.get(memory.brokers.now()).or_else(|| urls.first()).ok_or(Fault::Gone)?;
        let mut link = Link::open(&mqtt.settings, url, Some(&topic::status(&mqtt.gateway)));
        let (limit, largest) = link.connected(mqtt.patience).await?;
        let broker = url.to_string();
        if memory.quiet.may(&format!("{broker}: connected"), std::time::Instant::now()) {
            info!(%broker, "connected");
        }
        memory.connected(reader);
        let status =
            Parcel { topic: topic::status(&mqtt.gateway), retain: true, payload: "online".into(), cargo: Cargo::Other };
        let ledger = Ledger::new((*window).min(limit));
        // A replay says nothing of the gateway's status.
        let outbox = VecDeque::from_iter((!mqtt.settings.beside).then_some(status));
        let read = reader.confirmed();
        Ok(Self {
            mqtt,
            reader,
            memory,
            broker,
            link,
            ledger,
            outbox,
            largest,
            read,
            told: Told::default(),
            fault: None,
        })
    }

    /// Publishes until the queue is closed and everything has been acknowledged.
    pub(super) async fn run(mut self) -> Result<End, Fault> {
        let reader = self.reader;
        let mut end = None;
        let mut steps = Vec::with_capacity(64);
        let mut deadline = Instant::now();
        let mut first = pin!(first_is_back(self.mqtt, self.memory.brokers.now()));
        while end.is_none() || !self.outbox.is_empty() || !self.ledger.is_empty() {
            if self.ledger.is_empty() {
                deadline = Instant::now() + self.mqtt.patience;
            }
            match self.fault.take_if(|_| self.ledger.is_answered()) {
                Some(fault) => return Err(fault),
                None => self.hand_over()?,
            }
            let more = end.is_none() && self.fault.is_none();
            tokio::select! {
                count = self.link.steps(&mut steps) => {
                    if count == 0 {
                        return Err(Fault::Gone);
                    }
                    for step in steps.drain(..) {
                        if self.step(step?)? {
                            deadline = Instant::now() + self.mqtt.patience;
                        }
                    }
                }
                entry = reader.next(self.read), if more && self.outbox.is_empty() && self.ledger.has_room() => match entry {
                    None => end = Some(End::Done),
                    Some(entry) => self.take(entry),
                },
                () = sleep_until(deadline), if !self.ledger.is_empty() => {
                    return Err(self.fault.take().unwrap_or(Fault::Silent(self.mqtt.patience)));
                }
                () = &mut first, if more => end = Some(End::FirstIsBack),
            }
        }
        self.leave().await;
        Ok(end.unwrap_or(End::Done))
    }

    /// Publishes what there is to publish, as far as the window allows.
    fn hand_over(&mut self) -> Result<(), Fault> {
        while self.fault.is_none()
            && self.ledger.has_room()
            && let Some(Parcel { topic, retain, payload, cargo }) = self.outbox.pop_front()
        {
            self.link.publish(topic, retain, payload)?;
            self.ledger.handed_over(cargo);
            self.memory.owes |= cargo != Cargo::Other;
        }
        Ok(())
    }

    /// A record is next.
    fn take(&mut self, Entry { position, record }: Entry) {
        self.read = position;
        let topic = topic::record(&self.mqtt.gateway, &record);
        if self.fits(&topic, &record.report) {
            if let Some(prefix) = &self.mqtt.home_assistant {
                // Before the record, so that its reading is the first that is shown.
                let told = self.told.of(prefix, &self.mqtt.gateway, &record).into_iter();
                let parcels = told.map(|(topic, message)| Parcel {
                    topic,
                    retain: true,
                    payload: message.into(),
                    cargo: Cargo::Other,
                });
                self.outbox.extend(parcels);
            }
            let (payload, cargo) = (record.report, Cargo::Record(position));
            self.outbox.push_back(Parcel { topic, retain: false, payload, cargo });
            return;
        }
        // It would take the connection with it each time.
        match self.instead(position, &record, Why::TooLarge { limit: Some(self.largest) }) {
            Some(parcel) => self.outbox.push_back(parcel),
            None => {
                if let Some(position) = self.ledger.left_out(position) {
                    self.reader.confirm(position);
                }
            }
        }
    }

    fn fits(&self, topic: &str, payload: &[u8]) -> bool {
        packet_size(self.mqtt.settings.version, topic, payload) <= self.largest
    }

    /// What stands for a record that the broker never takes; none when it takes nothing that could.
    fn instead(&mut self, position: Position, record: &Record, why: Why) -> Option<Parcel> {
        // A topic that the broker does not take has the meter in it.
        let meter = record.meter.as_deref().filter(|_| why != Why::TopicNameInvalid);
        let topic = topic::of(&self.mqtt.gateway, Kind::Undecoded, record.protocol, meter);
        let small = refused::reports(record, why).into_iter().find(|report| self.fits(&topic, report));
        let (id, octets) = (format!("{:032x}", record.id.0), record.report.len());
        self.reader.aside(small.is_none());
        if small.is_none() {
            error!(broker = %self.broker, id, octets, %why, "a report is given up");
        } else if self.memory.quiet.may(record.meter.as_deref().unwrap_or("unknown"), std::time::Instant::now()) {
            warn!(broker = %self.broker, id, octets, %why, "a report is put aside, what stands for it goes to `undecoded`");
        }
        small.map(|payload| Parcel { topic, retain: false, payload, cargo: Cargo::Aside(position) })
    }

    /// Takes note of what has happened; says whether something was acknowledged.
    fn step(&mut self, step: Step) -> Result<bool, Fault> {
        let (packet, verdict) = match step {
            Step::Connected { .. } => return Ok(false),
            Step::Sent(packet) => return self.ledger.sent(packet).then_some(false).ok_or(Fault::Confused),
            Step::Acknowledged(packet, verdict) => (packet, verdict),
        };
        let cargo = self.ledger.cargo(packet).ok_or(Fault::Confused)?;
        match (verdict, cargo) {
            (Verdict::Taken, Cargo::Other) => {}
            (Verdict::Taken, _) => self.memory.taken(),
            (refused, Cargo::Other) => {
                if self.memory.quiet.may("what is no record", std::time::Instant::now()) {
                    warn!(broker = %self.broker, ?refused, "the broker does not take what is no record");
                }
            }
            (Verdict::NotNow(reason), _) => return self.refused(packet, Fault::Refused(reason.to_owned())),
            (Verdict::Barred(reason), _) => {
                return self.refused(packet, Fault::Barred(format!("to publish a report: {reason}")));
            }
            (Verdict::Doubtful(why), Cargo::Record(position))
                if self.memory.refused(position) >= TRIES && self.may_leave(position) =>
            {
                return self.set_aside(packet, position, why);
            }
            // What stands for a record is never given up for it: it may be that the broker takes nothing at all now.
            (Verdict::Doubtful(why), _) => {
                return self.refused(packet, Fault::Refused(why.word().replace('_', " ")));
            }
            (Verdict::Never(why), Cargo::Record(position)) => return self.set_aside(packet, position, why),
            (Verdict::Never(why), Cargo::Aside(_)) => {
                self.reader.aside(true);
                error!(broker = %self.broker, %why, "a report is given up: not even what stands for it is taken");
            }
        }
        self.arrived(packet)
    }

    /// The broker does not take a packet now. What else it has to say is heard before the connection ends.
    fn refused(&mut self, packet: u16, fault: Fault) -> Result<bool, Fault> {
        self.ledger.refused(packet).map_err(|_| Fault::Confused)?;
        if self.fault.is_none() || matches!(fault, Fault::Barred(_)) {
            self.fault = Some(fault);
        }
        Ok(true)
    }

    fn arrived(&mut self, packet: u16) -> Result<bool, Fault> {
        if let Some(position) = self.ledger.acknowledged(packet).map_err(|_| Fault::Confused)? {
            self.reader.confirm(position);
            self.memory.confirmed(position);
        }
        Ok(true)
    }

    /// Whether a record may be left behind that the broker refuses without a reason. Nothing can stand for an event, so it
    /// waits until others are taken: it may be that the broker takes nothing at all now.
    fn may_leave(&self, position: Position) -> bool {
        self.memory.takes()
            || self.reader.at(position).is_none_or(|entry| !matches!(entry.record.kind, Kind::Event | Kind::Result))
    }

    /// The broker never takes the record of a packet: what stands for it goes out in its place.
    fn set_aside(&mut self, packet: u16, position: Position, why: Why) -> Result<bool, Fault> {
        let Some(entry) = self.reader.at(position) else {
            error!(broker = %self.broker, %why, "a report is given up: it cannot be read again");
            self.reader.aside(true);
            return self.arrived(packet);
        };
        match self.instead(position, &entry.record, why) {
            None => self.arrived(packet),
            Some(Parcel { topic, retain, payload, .. }) => {
                self.link.publish(topic, retain, payload)?;
                self.ledger.set_aside(packet).map_err(|_| Fault::Confused)?;
                Ok(true)
            }
        }
    }

    /// Says that it goes, as far as the broker still listens.
    async fn leave(mut self) {
        let farewell = async {
            let beside = self.mqtt.settings.beside;
            if !beside {
                self.link.publish(topic::status(&self.mqtt.gateway), true, "offline".into())?;
            }
            let mut steps = Vec::new();
            'waiting: while !beside && self.link.steps(&mut steps).await > 0 {
                for step in steps.drain(..) {
                    if matches!(step?, Step::Acknowledged(..)) {
                        break 'waiting;
                    }
                }
            }
            self.link.close().await;
            Ok::<_, Fault>(())
        };
        // Everything has been delivered; a broker that does not hear the farewell sends the last will.
        let _ = timeout(Duration::from_secs(2), farewell).await;
    }
}

/// Completes when the first broker is there again and another one is spoken to, after a while; never otherwise.
async fn first_is_back(mqtt: &Mqtt, now: usize) {
    let Some(first) = mqtt.settings.urls.first().filter(|_| now > 0) else { return std::future::pending().await };
    loop {
        sleep(mqtt.first_after).await;
        let connected = TcpStream::connect((first.host.as_str(), first.port));
        if let Ok(Ok(_)) = timeout(Duration::from_secs(5), connected).await {
            info!(broker = %first, "the first broker is there again");
            return;
        }
    }
}
