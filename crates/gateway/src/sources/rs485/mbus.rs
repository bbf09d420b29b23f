//! A meter on the wired M-Bus — EN 13757-2 and EN 13757-7: it is reset or selected, then asked for one telegram after the
//! other, until it says that no more records follow.

use super::config::MbusAddress;
use super::line::{Ask as Sent, Line};
use super::modbus::Tally;
use esh_wmbus::wired::{ACKNOWLEDGE, Ask, SELECTED, Selection, find_answer};
use std::io;
use std::time::Duration;

/// The most telegrams of one reading: a meter that always has more is broken.
const TELEGRAMS: usize = 32;

/// How a meter is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// What the line must know; without octets.
    pub(super) ask: Sent<'static>,
    /// How often it is asked again.
    pub(super) retries: u32,
}

/// What a reading brought.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The telegrams, in the order in which they came.
    pub(super) telegrams: Vec<Vec<u8>>,
    /// What went on.
    pub(super) tally: Tally,
}

/// Whether somebody acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledged {
    /// One.
    Yes,
    /// More than one at once, or somebody who cannot be understood.
    Garbled,
    /// Nobody.
    No,
}

impl Way {
    /// How long the line is silent before a master speaks: 33 bits, three characters — EN 13757-2, 5.5.
    pub(super) const fn silence(settings: &super::Settings) -> Duration {
        Duration::from_nanos(33_000_000_000 / settings.baud as u64)
    }

    /// How long a meter may take at least: 330 bits and 50 ms — EN 13757-2, 5.5.
    pub(super) const fn least(settings: &super::Settings) -> Duration {
        Duration::from_nanos(330_000_000_000 / settings.baud as u64 + 60_000_000)
    }

    /// Reads a meter to its end.
    pub(super) async fn read(&self, line: &mut Line, address: MbusAddress) -> io::Result<Reading> {
        let mut reading = Reading::default();
        let (begin, asked): (&[u8], _) = match address {
            MbusAddress::Primary(address) => (&Ask::Reset.frame(address), address),
            MbusAddress::Secondary(selection) => (&selection.frame(), SELECTED),
        };
        if self.begin(line, begin, &mut reading.tally).await? != Acknowledged::Yes {
            return Ok(reading);
        }
        let mut count = true;
        for _ in 0..TELEGRAMS {
            let Some(telegram) = self.next(line, asked, count, &mut reading.tally).await? else { break };
            if reading.telegrams.last() == Some(&telegram) {
                // It was asked for twice, and has come twice.
                continue;
            }
            let more = more_follows(&telegram);
            reading.telegrams.push(telegram);
            if !more {
                break;
            }
            count = !count;
        }
        Ok(reading)
    }

    /// Sends what is acknowledged.
    async fn begin(&self, line: &mut Line, octets: &[u8], tally: &mut Tally) -> io::Result<Acknowledged> {
        let mut acknowledged = Acknowledged::No;
        for _ in 0..=self.retries {
            acknowledged = self.acknowledged(line, octets, tally).await?;
            if acknowledged == Acknowledged::Yes {
                break;
            }
        }
        Ok(acknowledged)
    }

    /// Sends once what is acknowledged.
    async fn acknowledged(&self, line: &mut Line, octets: &[u8], tally: &mut Tally) -> io::Result<Acknowledged> {
        tally.requests += 1;
        let mut garbled = false;
        let found = line.ask(Sent { octets, ..self.ask }, |came, _| {
            let (behind, echo) = behind_echo(came, octets);
            garbled = !behind.is_empty();
            let at = behind.iter().position(|octet| *octet == ACKNOWLEDGE)?;
            Some(echo + at..echo + at + 1)
        });
        if found.await?.is_some() {
            return Ok(Acknowledged::Yes);
        }
        tally.timeouts += 1;
        Ok(if garbled { Acknowledged::Garbled } else { Acknowledged::No })
    }

    /// Asks for a telegram, and again for the same one when it does not come whole.
    async fn next(&self, line: &mut Line, asked: u8, count: bool, tally: &mut Tally) -> io::Result<Option<Vec<u8>>> {
        let octets = Ask::Data { count }.frame(asked);
        for _ in 0..=self.retries {
            tally.requests += 1;
            let found = line.ask(Sent { octets: &octets, ..self.ask }, |came, _| find_answer(came, asked));
            if let Some(telegram) = found.await? {
                return Ok(Some(telegram.to_vec()));
            }
            tally.timeouts += 1;
        }
        Ok(None)
    }

    /// Whether somebody is selected by this.
    pub(super) async fn select(&self, line: &mut Line, selection: &Selection) -> io::Result<Acknowledged> {
        let mut acknowledged = Acknowledged::No;
        for _ in 0..=self.retries {
            acknowledged = self.acknowledged(line, &selection.frame(), &mut Tally::default()).await?;
            if acknowledged != Acknowledged::No {
                break;
            }
        }
        Ok(acknowledged)
    }
}

/// What came behind the echo of what was sent, where there was one, and how long that was.
fn behind_echo<'c>(came: &'c [u8], sent: &[u8]) -> (&'c [u8], usize) {
    // While it still comes it is an echo, too.
    if sent.starts_with(came) {
        return (&[], 0);
    }
    came.strip_prefix(sent).map_or((came, 0), |rest| (rest, sent.len()))
}

/// Whether a telegram says that there is another one behind it. One that is encrypted says it to nobody here.
fn more_follows(telegram: &[u8]) -> bool {
    /// Start, length, control and address.
    const LINK: usize = 6;
    let behind = |header: usize| telegram.get(LINK + 1 + header..telegram.len().saturating_sub(2));
    let (records, configuration) = match telegram.get(LINK) {
        Some(0x72) => (behind(12), telegram.get(LINK + 1 + 11)),
        Some(0x7a) => (behind(4), telegram.get(LINK + 1 + 3)),
        Some(0x78) => (behind(0), None),
        _ => return false,
    };
    // The mode of security, in the upper octet of the configuration; ones are written where there is none.
    let plain = configuration.is_none_or(|octet| octet & 0x1f == 0 || *octet == 0xff);
    plain && records.is_some_and(|records| esh_wmbus::more_follows(records).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_telegram_says_whether_more_follows() {
        let telegram = |records: &[u8]| {
            let head = [0x68, 0, 0, 0x68, 0x08, 1, 0x72, 0x78, 0x56, 0x34, 0x12, 0x24, 0x40, 1, 7, 1, 0, 0, 0];
            [&head[..], records, &[0, 0x16]].concat()
        };
        assert!(more_follows(&telegram(&[0x01, 0x13, 5, 0x1f])));
        assert!(!more_follows(&telegram(&[0x01, 0x13, 5])));
        assert!(!more_follows(&telegram(&[0x01, 0x13, 5, 0x0f, 0x1f])));
        assert!(!more_follows(&[]));
    }

    #[test]
    fn an_echo_is_no_answer() {
        let sent = Ask::Reset.frame(0xa5);
        assert_eq!(sent[3], ACKNOWLEDGE, "its check sum looks like one");
        assert_eq!(behind_echo(&sent, &sent), (&[][..], 0));
        assert_eq!(behind_echo(&sent[..4], &sent), (&[][..], 0));
        assert_eq!(behind_echo(&[&sent[..], &[ACKNOWLEDGE]].concat(), &sent), (&[ACKNOWLEDGE][..], 5));
        assert_eq!(behind_echo(&[ACKNOWLEDGE], &sent), (&[ACKNOWLEDGE][..], 0));
    }
}
