//! The life of one client: records in, answers out.

use super::client::{News, Producer};
use super::ledger::{Ledger, Part, Settled, Ticket};
use super::message::{self, Envelope};
use super::verdict::{self, Verdict};
use super::{Fault, Kafka, Pace};
use crate::event;
use crate::queue::{Entry, Position, Reader};
use crate::record::Record;
use crate::sinks::refused::{self, Why};
use rdkafka::types::RDKafkaErrorCode as Code;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, info, warn};

/// How a client ends without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The queue is closed, and everything has been acknowledged.
    Done,
    /// Every record that was to go alone has arrived.
    Passed,
}

/// A client at work.
pub(super) struct Session<'a> {
    kafka: &'a Kafka,
    reader: &'a Reader,
    pace: &'a mut Pace,
    producer: Producer,
    ledger: Ledger,
    read: Position,
    /// Everything up to here has arrived, which is not confirmed yet.
    confirmed: Option<Position>,
    /// How many records have arrived since the last confirmation, and how long they were under way.
    arrivals: u64,
    took: Duration,
    /// No broker can be reached.
    away: bool,
    /// What the brokers last refused, so that it is told once.
    told: String,
}

/// The most records handed over before answers are looked at.
const GROUP: usize = 256;

impl<'a> Session<'a> {
    pub(super) fn new(kafka: &'a Kafka, reader: &'a Reader, pace: &'a mut Pace, producer: Producer) -> Self {
        let (ledger, read) = (Ledger::new(kafka.buffer), reader.confirmed());
        let (confirmed, arrivals, took, away, told) = (None, 0, Duration::ZERO, false, String::new());
        Self { kafka, reader, pace, producer, ledger, read, confirmed, arrivals, took, away, told }
    }

    /// Delivers until the queue is closed, or what goes alone has gone.
    pub(super) async fn run(&mut self) -> Result<End, Fault> {
        let (reader, patience) = (self.reader, self.kafka.patience);
        let mut news = News::default();
        let mut more = true;
        let mut deadline = Instant::now() + patience;
        while more || !self.ledger.is_empty() {
            if self.ledger.is_empty() {
                deadline = Instant::now() + patience;
            }
            tokio::select! {
                () = self.producer.news(&mut news) => {
                    if self.hear(&mut news)? {
                        deadline = Instant::now() + patience;
                    } else if self.away {
                        // The library goes on trying; if it does not, it is given up in the end.
                        deadline = deadline.max(Instant::now() + patience * 4);
                    }
                }
                entry = reader.next(self.read), if more && self.ledger.has_room() => match entry {
                    None => more = false,
                    Some(entry) => {
                        more = self.take_group(entry)?;
                        self.confirm();
                        // The queue may have more than enough; others have work to do, too.
                        tokio::task::yield_now().await;
                    }
                },
                () = sleep_until(deadline), if !self.ledger.is_empty() => return Err(Fault::Silent(patience)),
            }
        }
        Ok(if self.pace.alone.is_some() { End::Passed } else { End::Done })
    }

    /// Ends the client; what it has not delivered is sent again by the next.
    pub(super) async fn end(self) {
        self.reader.resent(self.ledger.len());
        self.producer.end().await;
    }

    /// Hands over what is there, as far as there is room; whether there may be more.
    fn take_group(&mut self, mut entry: Entry) -> Result<bool, Fault> {
        for _ in 0..GROUP {
            self.take(&entry)?;
            if self.pace.alone.is_some_and(|last| self.read >= last) {
                return Ok(false);
            }
            if !self.ledger.has_room() {
                break;
            }
            match self.reader.try_next(self.read) {
                Some(next) => entry = next,
                None => break,
            }
        }
        Ok(true)
    }

    /// Hands a record over.
    fn take(&mut self, Entry { position, record }: &Entry) -> Result<(), Fault> {
        let Kafka { topics, gateway, raw, .. } = self.kafka;
        self.read = *position;
        let raw = if *raw { message::raw(record) } else { None };
        let octets = record.report.len() + raw.as_ref().map_or(0, String::len);
        let ticket = self.ledger.hand_over(*position, record.id, 1 + u8::from(raw.is_some()), octets);
        let report = (Envelope::of(record, topics, gateway), &*record.report, Part::Report);
        let raw = raw.as_ref().map(|raw| (Envelope::of_raw(record, topics, gateway), raw.as_bytes(), Part::Raw));
        for (envelope, payload, part) in [Some(report), raw].into_iter().flatten() {
            if let Err(code) = self.producer.send(&envelope, payload, ticket.of(part)) {
                // Nothing went with it, so there is nobody else to blame.
                self.failed(ticket.of(part), code, true)?;
            }
        }
        Ok(())
    }

    /// Takes note of what has happened; whether something was acknowledged.
    fn hear(&mut self, news: &mut News) -> Result<bool, Fault> {
        let mut outcome = Ok(());
        for (ticket, failed) in news.answers.drain(..) {
            let ticket = Ticket::unpack(ticket);
            let heard = match failed {
                None => self.arrived(ticket),
                // With the first fault the client ends.
                Some(_) if outcome.is_err() => {
                    self.pace.suspect(self.ledger.record(ticket).map(|(position, _)| position));
                    Ok(())
                }
                Some(code) => self.failed(ticket, code, self.pace.alone.is_some()),
            };
            // What was acknowledged beside the fault is confirmed all the same.
            outcome = outcome.and(heard);
        }
        let some = self.confirm();
        outcome?;
        for (code, why) in news.troubles.drain(..) {
            self.trouble(code, &why)?;
        }
        Ok(some)
    }

    fn arrived(&mut self, ticket: Ticket) -> Result<(), Fault> {
        let confused = |_| Fault::Lost("the client tells of what was not sent".to_owned());
        let Settled { confirmed, took } = self.ledger.arrived(ticket).map_err(confused)?;
        if ticket.part == Part::Left {
            self.reader.aside(false);
        }
        if let Some(took) = took {
            self.took += took;
            self.arrivals += 1;
        }
        self.confirmed = confirmed.or(self.confirmed);
        Ok(())
    }

    /// Confirms what has arrived; whether anything has.
    fn confirm(&mut self) -> bool {
        if let Some(position) = self.confirmed.take() {
            self.reader.confirm(position);
        }
        let arrivals = std::mem::take(&mut self.arrivals);
        if arrivals == 0 {
            return false;
        }
        self.reader.took(arrivals, std::mem::take(&mut self.took));
        if std::mem::take(&mut self.away) || !self.told.is_empty() {
            self.told.clear();
            info!(brokers = self.kafka.settings.brokers, "the brokers take records again");
        }
        true
    }

    /// A message was not taken; `alone` when nothing else is to blame.
    fn failed(&mut self, ticket: Ticket, code: Code, alone: bool) -> Result<(), Fault> {
        match verdict::of(code) {
            _ if ticket.part == Part::Told => Ok(()),
            Verdict::Never(why) if alone => self.set_aside(ticket, why),
            Verdict::Never(_) | Verdict::Another => {
                let large = matches!(verdict::of(code), Verdict::Never(Why::TooLarge { .. }));
                self.pace.refused(self.ledger.record(ticket).map(|(position, _)| position), large);
                Err(Fault::Batch)
            }
            Verdict::Refused => Err(Fault::Refused(self.words(ticket, code))),
            Verdict::Passing => Err(match self.producer.fatal() {
                Some((code, why)) => fatal(code, &why),
                None => Fault::Lost(self.words(ticket, code)),
            }),
        }
    }

    /// What failed, with its topic, of which somebody may have to change something.
    fn words(&self, ticket: Ticket, code: Code) -> String {
        let Kafka { topics, gateway, .. } = self.kafka;
        let entry = self.ledger.record(ticket).and_then(|(position, _)| self.reader.at(position));
        let topic = entry.map(|Entry { record, .. }| {
            let envelope = match ticket.part {
                Part::Report => Envelope::of(&record, topics, gateway),
                Part::Raw => Envelope::of_raw(&record, topics, gateway),
                Part::Left | Part::Told => Envelope::of_left(&record, topics, gateway),
            };
            envelope.topic.to_owned()
        });
        topic.map_or_else(|| code.to_string(), |topic| format!("topic {topic}: {code}"))
    }

    /// The brokers will never take a record: what is left of it goes, as much as they take.
    fn set_aside(&mut self, ticket: Ticket, why: Why) -> Result<(), Fault> {
        // It was this one then.
        self.pace.large = false;
        let Some((position, id)) = self.ledger.record(ticket) else { return self.arrived(ticket) };
        // What is left has gone already when the frame is refused as its report was.
        let Some(form) = self.ledger.set_aside(ticket) else { return self.arrived(ticket) };
        // It may have made room in the meantime.
        let Some(Entry { record, .. }) = self.reader.at(position) else { return self.arrived(ticket) };
        let Kafka { topics, gateway, .. } = self.kafka;
        let left = ticket.of(Part::Left);
        if let Some(report) = refused::reports(&record, why).get(form) {
            let (topic, octets) = (&topics.undecoded.0, record.report.len());
            error!(id = %format_args!("{:032x}", id.0), octets, %why, topic, "a report is refused for good, what is left of it goes as undecoded");
            let envelope = Envelope::of_left(&record, topics, gateway);
            return self.producer.send(&envelope, report, left).or_else(|code| self.failed(left, code, true));
        }
        self.give_up(&record, why);
        // As arrived as it will ever be.
        self.arrived(ticket.of(Part::Report))
    }

    /// Not even what is left of a record is taken.
    fn give_up(&self, record: &Record, why: Why) {
        let Kafka { topics, gateway, .. } = self.kafka;
        let octets = record.report.len();
        error!(id = %format_args!("{:032x}", record.id.0), octets, %why, "a report is refused for good, and so is what is left of it: it is given up");
        self.reader.aside(true);
        let told = event::of_refused(gateway, record.id, why.word(), crate::sources::now());
        // Whoever does not take a report may not take this either: nobody waits for it.
        let sent = self.producer.send(&Envelope::of(&told, topics, gateway), &told.report, Ticket::TOLD);
        if let Err(code) = sent {
            debug!(%code, "the event is not taken");
        }
    }

    /// Something is wrong with the brokers, or with what they think of the gateway.
    fn trouble(&mut self, code: Code, why: &str) -> Result<(), Fault> {
        if code == Code::Fatal {
            let (code, why) = self.producer.fatal().unwrap_or_else(|| (code, why.to_owned()));
            return Err(fatal(code, &why));
        }
        // How long it took, and how often it was the same, only makes it another text each time.
        let why = why.split(" (after ").next().unwrap_or(why);
        let brokers = &self.kafka.settings.brokers;
        match verdict::of(code) {
            Verdict::Refused => {
                // The library tries again by itself. Nobody is told to hurry while nothing waits.
                if !self.ledger.is_empty() {
                    self.reader.barred(why);
                }
                if self.told != why {
                    self.told = why.to_owned();
                    warn!(brokers, why, "the brokers refuse: nothing is delivered until that is changed");
                }
            }
            _ if code == Code::AllBrokersDown && !self.away => {
                self.away = true;
                self.reader.fault(&"no broker can be reached");
                warn!(brokers, "no broker can be reached, trying again and again");
            }
            _ => debug!(brokers, %code, why, "librdkafka"),
        }
        Ok(())
    }
}

fn fatal(code: Code, why: &str) -> Fault {
    match verdict::of(code) {
        Verdict::Refused => Fault::Refused(why.to_owned()),
        _ => Fault::Lost(why.to_owned()),
    }
}
