//! Looking for who is on a bus: every address at every speed, and on the M-Bus by the digits of secondary addresses.

use super::Direction;
use super::config::{MbusAddress, Parity, Port, Settings};
use super::line::{Ask, Line};
use super::mbus::{Acknowledged, Way};
use esh_modbus::frame::Head;
use esh_modbus::stream::{Asked, Frames, Wanted};
use esh_modbus::{Mode, Request};
use esh_wmbus::wired::{Ask as Short, Selection, find_answer};
use std::io;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What to look for, and where.
#[derive(Clone, Debug)]
pub struct Search {
    /// The bus.
    pub port: Port,
    /// Who switches it.
    pub direction: Direction,
    /// How frames of Modbus are laid out; `None` looks for meters of the M-Bus.
    pub mode: Option<Mode>,
    /// The speeds that are tried.
    pub bauds: Vec<u32>,
    /// The check bits that are tried.
    pub parities: Vec<Parity>,
    /// The addresses that are tried.
    pub addresses: RangeInclusive<u8>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// On the M-Bus: by secondary addresses instead.
    pub secondary: bool,
}

impl Search {
    /// Looks everywhere, and tells whom it finds as it finds him, in a line of words.
    ///
    /// # Errors
    /// When the bus itself cannot be had.
    pub async fn run(&self, mut found: impl FnMut(&str)) -> io::Result<usize> {
        let mut count = 0;
        let mut line = Line::open(&self.port, self.direction, Settings::default()).await?;
        for baud in &self.bauds {
            for parity in &self.parities {
                let settings = Settings { baud: *baud, parity: *parity, ..Settings::default() };
                let mut tell = |who: &str| {
                    count += 1;
                    found(&format!("{who} at {baud} baud, parity {}", parity.word()));
                };
                match self.mode {
                    Some(mode) => self.modbus(&mut line, mode, settings, &mut tell).await?,
                    None if self.secondary => self.digits(&mut line, settings, &mut tell).await?,
                    None => self.mbus(&mut line, settings, &mut tell).await?,
                }
            }
        }
        Ok(count)
    }

    fn ask(&self, settings: Settings, silence: Duration) -> Ask<'static> {
        Ask { octets: &[], settings, silence, timeout: self.timeout }
    }

    /// A device of Modbus answers to anything, even if it is only that it has no such register.
    async fn modbus(
        &self,
        line: &mut Line,
        mode: Mode,
        settings: Settings,
        tell: &mut impl FnMut(&str),
    ) -> io::Result<()> {
        let request = Request::ReadHoldingRegisters { address: 0, quantity: 1 };
        let silence = if mode == Mode::Tcp { Duration::ZERO } else { settings.silence() };
        for unit in self.addresses.clone() {
            let (mut pdu, mut frame) = ([0; 8], [0; 32]);
            let transaction = u16::from(unit);
            let written = request.write(&mut pdu).ok();
            let Some(octets) = written.and_then(|pdu| mode.write(Head { transaction, unit }, pdu, &mut frame).ok())
            else {
                continue;
            };
            let asked = Wanted::Answers(Asked { unit, transaction, request, echo: line.echoes() });
            let ask = Ask { octets, ..self.ask(settings, silence) };
            let answer = line.ask(ask, |octets, silent| match silent {
                true => Frames::new(octets, mode, asked).next(),
                false => Frames::so_far(octets, mode, asked).next(),
            });
            if answer.await?.is_some() {
                tell(&format!("modbus {unit}"));
            }
        }
        Ok(())
    }

    fn way(&self, settings: Settings) -> Way {
        let timeout = self.timeout.max(Way::least(&settings));
        Way { ask: Ask { timeout, ..self.ask(settings, Way::silence(&settings)) }, retries: 0 }
    }

    /// Every primary address.
    async fn mbus(&self, line: &mut Line, settings: Settings, tell: &mut impl FnMut(&str)) -> io::Result<()> {
        let way = self.way(settings);
        for address in self.addresses.clone() {
            let reading = way.read(line, MbusAddress::Primary(address)).await?;
            if let Some(telegram) = reading.telegrams.first() {
                tell(&format!("mbus {address}, secondary address {}", name(telegram)));
            }
        }
        Ok(())
    }

    /// Everybody is selected whose number begins with some digits. Where more than one is, the next digit is tried: each of
    /// ten, so the meters find themselves apart after a few dozen selections each.
    async fn digits(&self, line: &mut Line, settings: Settings, tell: &mut impl FnMut(&str)) -> io::Result<()> {
        const DIGITS: usize = 8;
        let way = self.way(settings);
        let mut open = vec![(Selection::ANY, 0)];
        while let Some((selection, place)) = open.pop() {
            match way.select(line, &selection).await? {
                Acknowledged::No => continue,
                Acknowledged::Yes => {
                    let octets = Short::Data { count: true }.frame(esh_wmbus::wired::SELECTED);
                    let ask = Ask { octets: &octets, ..way.ask };
                    let answer = line.ask(ask, |came, _| find_answer(came, esh_wmbus::wired::SELECTED)).await?;
                    if let Some(telegram) = answer {
                        tell(&format!("mbus secondary address {}", name(telegram)));
                        continue;
                    }
                }
                Acknowledged::Garbled => {}
            }
            if place < DIGITS {
                // The last one put in is the first one taken out.
                open.extend((0..10).rev().map(|digit| (selection.with_digit(place, digit), place + 1)));
            } else {
                tell(&format!("mbus secondary address {}, more than one meter", MbusAddress::Secondary(selection)));
            }
        }
        Ok(())
    }
}

/// The secondary address of a telegram, as the configuration writes it.
fn name(telegram: &[u8]) -> String {
    match telegram {
        [_, _, _, _, _, _, 0x72, address @ ..] => {
            address.iter().take(8).map(|octet| format!("{octet:02x}")).collect::<String>()
        }
        _ => "unknown".to_owned(),
    }
}
