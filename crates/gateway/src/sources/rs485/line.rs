//! The line: a serial port, or a socket to one, on which one octet stream goes out and one comes in.
//!
//! It knows when the line was last busy, and sends nothing before it has been silent for as long as it must. What comes
//! while nothing is asked answers nothing, and is thrown away.

use super::alarm::Alarm;
use super::config::{Direction, Parity, Port, Settings};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_serial::{SerialPort, SerialPortBuilderExt, SerialStream};

/// How long a connection may take to be made.
const CONNECTING: Duration = Duration::from_secs(5);
/// How long a line may be busy with what nobody asked for before it is asked all the same.
const BABBLE: Duration = Duration::from_secs(1);
/// The most octets kept of what comes after a request.
const MOST: usize = 4096;

/// A line that is open.
#[derive(Debug)]
pub(super) struct Line {
    io: Io,
    alarm: Alarm,
    direction: Direction,
    /// What the port is set to; a socket is set to nothing.
    settings: Settings,
    /// When the line was last busy.
    busy: Instant,
    /// What has come since the last request.
    came: Vec<u8>,
    /// The line has given back what was sent.
    echoes: bool,
    /// Octets that answered nothing.
    stray: u64,
}

#[derive(Debug)]
enum Io {
    Serial(SerialStream),
    Tcp(TcpStream),
}

/// What is sent, and what is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    /// The octets.
    pub(super) octets: &'a [u8],
    /// How the characters of this meter are sent.
    pub(super) settings: Settings,
    /// How long the line must have been silent before.
    pub(super) silence: Duration,
    /// How long the answer may take, from the last octet sent to its first octet, and each of its octets from the one
    /// before.
    pub(super) timeout: Duration,
}

impl Line {
    /// Opens it.
    pub(super) async fn open(port: &Port, direction: Direction, settings: Settings) -> io::Result<Self> {
        let io = match port {
            Port::Serial(device) => Io::Serial(serial(device, direction, settings)?),
            Port::Tcp(tcp) => {
                let connecting = TcpStream::connect((tcp.host.as_str(), tcp.port));
                let stream = tokio::time::timeout(CONNECTING, connecting).await??;
                stream.set_nodelay(true)?;
                Io::Tcp(stream)
            }
        };
        let alarm = Alarm::new()?;
        let (busy, came) = (Instant::now(), Vec::with_capacity(512));
        Ok(Self { io, alarm, direction, settings, busy, came, echoes: false, stray: 0 })
    }

    /// Whether what is sent comes back.
    pub(super) const fn echoes(&self) -> bool {
        self.echoes
    }

    /// How many octets have come that answered nothing, since this was last asked.
    pub(super) const fn take_stray(&mut self) -> u64 {
        std::mem::replace(&mut self.stray, 0)
    }

    /// Sends something, and gives what `find` finds in all that has come since; `None` when nothing is found in time.
    /// `find` is told whether the line has fallen silent.
    pub(super) async fn ask(
        &mut self,
        ask: Ask<'_>,
        mut find: impl FnMut(&[u8], bool) -> Option<Range<usize>>,
    ) -> io::Result<Option<&[u8]>> {
        self.send(ask).await?;
        let mut until = self.busy + ask.timeout;
        // A meter that never stops is not waited for for ever.
        let at_last = self.busy + ask.timeout.max(BABBLE) * 4;
        let found = loop {
            if !self.receive(until.min(at_last)).await? {
                break find(&self.came, true);
            }
            if let Some(found) = find(&self.came, false) {
                break Some(found);
            }
            until = self.busy + ask.timeout;
            if self.came.len() >= MOST || Instant::now() >= at_last {
                break find(&self.came, true);
            }
        };
        self.echoes = self.came.starts_with(ask.octets);
        let taken = found.as_ref().map_or(0, ExactSizeIterator::len);
        let echoed = if self.echoes { ask.octets.len() } else { 0 };
        self.stray += self.came.len().saturating_sub(taken + echoed) as u64;
        Ok(found.map(|found| self.came.get(found).unwrap_or_default()))
    }

    /// Sends something as soon as the line has been silent for long enough.
    pub(super) async fn send(&mut self, ask: Ask<'_>) -> io::Result<()> {
        self.silent(ask.silence).await?;
        self.set(ask.settings)?;
        self.came.clear();
        if let Io::Serial(port) = &mut self.io
            && self.direction == Direction::Rts
        {
            port.write_request_to_send(true)?;
        }
        match &mut self.io {
            Io::Serial(port) => port.write_all(ask.octets).await?,
            Io::Tcp(stream) => stream.write_all(ask.octets).await?,
        }
        self.busy = Instant::now();
        if let Io::Serial(port) = &mut self.io {
            // The driver has taken the octets; they are on the line until then.
            self.busy += ask.settings.characters(ask.octets.len());
            if self.direction == Direction::Rts {
                self.alarm.until(self.busy).await?;
                port.write_request_to_send(false)?;
            }
        }
        Ok(())
    }

    /// Waits until the line has been silent for so long, and throws away what comes until then.
    async fn silent(&mut self, silence: Duration) -> io::Result<()> {
        let patience = Instant::now() + BABBLE;
        loop {
            self.came.clear();
            let until = self.busy + silence;
            if !self.receive(until).await? {
                return Ok(());
            }
            self.stray += self.came.len() as u64;
            if Instant::now() >= patience {
                return Ok(());
            }
        }
    }

    /// Throws away what comes before a moment, or until it is enough: an answer that is late answers nothing any more.
    pub(super) async fn drain(&mut self, until: Instant, enough: impl Fn(&[u8]) -> bool) -> io::Result<()> {
        self.came.clear();
        while self.came.len() < MOST && self.receive(until).await? {
            if enough(&self.came) {
                break;
            }
        }
        self.stray += self.came.len() as u64;
        Ok(())
    }

    /// Takes octets that come before a moment; `false` when none does. What is there already is taken in any case.
    async fn receive(&mut self, until: Instant) -> io::Result<bool> {
        let Self { io, alarm, came, .. } = self;
        let read = async {
            match io {
                Io::Serial(port) => port.read_buf(came).await,
                Io::Tcp(stream) => stream.read_buf(came).await,
            }
        };
        let count = tokio::select! {
            biased;
            read = read => read?,
            late = alarm.until(until) => return late.map(|()| false),
        };
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the other end has gone"));
        }
        // An echo comes while its request is still being sent.
        self.busy = self.busy.max(Instant::now());
        Ok(true)
    }

    /// Sets the port as the next one to be asked wants it.
    fn set(&mut self, settings: Settings) -> io::Result<()> {
        let Io::Serial(port) = &mut self.io else { return Ok(()) };
        if settings == self.settings {
            return Ok(());
        }
        port.set_baud_rate(settings.baud)?;
        port.set_parity(parity(settings.parity))?;
        port.set_stop_bits(stop_bits(settings.stop_bits))?;
        port.set_data_bits(data_bits(settings.data_bits))?;
        self.settings = settings;
        Ok(())
    }
}

fn serial(device: &Path, direction: Direction, settings: Settings) -> io::Result<SerialStream> {
    if direction == Direction::Kernel {
        kernel(device)?;
    }
    let port = tokio_serial::new(device.to_string_lossy(), settings.baud)
        .parity(parity(settings.parity))
        .stop_bits(stop_bits(settings.stop_bits))
        .data_bits(data_bits(settings.data_bits));
    let mut port = port.open_native_async()?;
    if direction == Direction::Rts {
        port.write_request_to_send(false)?;
    }
    Ok(port)
}

/// Tells the driver that it drives a bus (`TIOCSRS485`): it holds RTS while it sends.
fn kernel(device: &Path) -> io::Result<()> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let port = serial2::SerialPort::from(rustix::fs::open(device, flags, Mode::empty())?);
    let set = port.set_rs4xx_mode(serial2::rs4xx::Rs485Config::new());
    set.map_err(|error| {
        io::Error::new(error.kind(), format!("the driver does not switch by itself (TIOCSRS485): {error}"))
    })
}

const fn parity(parity: Parity) -> tokio_serial::Parity {
    match parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Odd => tokio_serial::Parity::Odd,
    }
}

const fn stop_bits(bits: u8) -> tokio_serial::StopBits {
    if bits == 2 { tokio_serial::StopBits::Two } else { tokio_serial::StopBits::One }
}

const fn data_bits(bits: u8) -> tokio_serial::DataBits {
    if bits == 7 { tokio_serial::DataBits::Seven } else { tokio_serial::DataBits::Eight }
}
