// A bus on a pseudo-terminal, for tests and for figures: octets take the time that they take on a wire, and devices ignore
// a request that begins before the line has been silent for long enough, as the specification lets them.

use esh_modbus::frame::Head;
use esh_modbus::pdu::Registers;
use esh_modbus::stream::{Frames, Wanted};
use esh_modbus::{ExceptionCode, Mode, Request, Response};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A device on the bus.
#[derive(Clone, Debug)]
pub struct Device {
    /// What it holds, from these addresses on. There are no others.
    pub registers: Vec<(u16, Vec<u16>)>,
    /// How long it thinks, once it knows that the request has ended.
    pub turnaround: Duration,
    /// It says nothing.
    pub silent: bool,
    /// The most registers it gives at once.
    pub most: u16,
    /// It answers so many of its next requests this much later.
    pub late: (u32, Duration),
}

impl Device {
    pub fn new(registers: Vec<(u16, Vec<u16>)>) -> Self {
        let late = (0, Duration::ZERO);
        Self { registers, turnaround: Duration::from_millis(5), silent: false, most: 125, late }
    }

    fn read(&self, address: u16, quantity: u16) -> Option<Vec<u16>> {
        let (start, all) = self.registers.iter().find(|(start, all)| {
            *start <= address && usize::from(address - start) + usize::from(quantity) <= all.len()
        })?;
        let from = usize::from(address - start);
        all.get(from..from + usize::from(quantity)).filter(|_| quantity <= self.most).map(<[u16]>::to_vec)
    }

    fn answer(&self, request: &Request<'_>) -> Vec<u8> {
        let (mut octets, mut buffer) = ([0; 250], [0; 253]);
        let read = match *request {
            Request::ReadHoldingRegisters { address, quantity } | Request::ReadInputRegisters { address, quantity } => {
                self.read(address, quantity)
            }
            _ => None,
        };
        let registers = read.as_ref().and_then(|read| Registers::written(read, &mut octets));
        let response = match (request, registers) {
            (Request::ReadHoldingRegisters { .. }, Some(registers)) => Response::ReadHoldingRegisters { registers },
            (Request::ReadInputRegisters { .. }, Some(registers)) => Response::ReadInputRegisters { registers },
            (request, _) => {
                Response::Exception { function: request.function(), code: ExceptionCode::ILLEGAL_DATA_ADDRESS }
            }
        };
        response.write(&mut buffer).unwrap().to_vec()
    }
}

/// What the bus is, and what happened on it.
#[derive(Debug, Default)]
pub struct State {
    pub devices: HashMap<u8, Device>,
    /// Whether a request that begins too early is ignored.
    pub strict: bool,
    /// What is sent comes back.
    pub echo: bool,
    /// Some octets of noise stand before every so-many-eth answer, and one octet of every so-many-eth is damaged.
    pub noise: Option<u32>,
    /// The cable is out.
    pub unplugged: bool,
    /// Requests that began too early.
    pub early: u32,
    /// Requests that were answered, by unit.
    pub answered: HashMap<u8, u32>,
    /// When each was answered.
    pub log: Vec<(Instant, u8)>,
}

/// The bus.
pub struct Bus {
    /// Where the port is: a name that stays, as those under `/dev/serial/by-id`.
    pub path: PathBuf,
    state: Arc<Mutex<State>>,
    baud: u32,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bus {
    /// A bus of characters of ten bits at that speed; its port is `path`.
    pub fn new(path: &Path, baud: u32, state: State) -> Self {
        let (state, stop) = (Arc::new(Mutex::new(state)), Arc::new(AtomicBool::new(false)));
        let mut bus = Self { path: path.to_owned(), state, baud, stop, thread: None };
        bus.plug();
        bus
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The adapter is plugged in: another terminal has its name.
    pub fn plug(&mut self) {
        let (master, held) = terminal(&self.path);
        self.stop.store(false, Ordering::Relaxed);
        let wire = Wire {
            master,
            state: Arc::clone(&self.state),
            stop: Arc::clone(&self.stop),
            character: Duration::from_nanos(10_000_000_000 / u64::from(self.baud)),
            silence: if self.baud > 19_200 {
                Duration::from_micros(1750)
            } else {
                Duration::from_nanos(35_000_000_000 / u64::from(self.baud))
            },
            busy: Instant::now(),
            count: 0,
        };
        self.thread = Some(std::thread::spawn(move || {
            let _held = held;
            wire.run();
        }));
    }

    /// The adapter is pulled out: its terminal is gone.
    pub fn pull(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.pull();
    }
}

struct Wire {
    master: OwnedFd,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    character: Duration,
    silence: Duration,
    /// Until when octets are on the wire.
    busy: Instant,
    count: u32,
}

impl Wire {
    fn run(mut self) {
        let mut octets = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let Some(came) = receive(&self.master, Duration::from_millis(20)) else { continue };
            let began = Instant::now();
            octets.extend(came);
            // What comes while the wire is busy collides; in the silence after it a device does not listen yet.
            let early = began < self.busy + self.silence;
            let whole = Frames::new(&octets, Mode::Rtu, Wanted::Requests).next();
            let end = began.max(self.busy) + self.character * u32::try_from(octets.len()).unwrap();
            let Some(frame) = whole else {
                if octets.len() > 256 {
                    octets.clear();
                }
                self.busy = end;
                continue;
            };
            let frame = octets[frame].to_vec();
            octets.clear();
            self.busy = end;
            self.request(&frame, early);
        }
    }

    fn request(&mut self, frame: &[u8], early: bool) {
        let mut state = self.state.lock().unwrap();
        if state.unplugged {
            return;
        }
        if early && state.strict {
            state.early += 1;
            return;
        }
        let (echo, noise) = (state.echo, state.noise);
        let adu = esh_modbus::frame::rtu::open(frame).unwrap();
        let device = state.devices.get_mut(&adu.head.unit);
        let mut later = Duration::ZERO;
        let answer = device.filter(|device| !device.silent).map(|device| {
            if device.late.0 > 0 {
                device.late.0 -= 1;
                later = device.late.1;
            }
            (device.answer(&Request::parse(adu.pdu, 1).unwrap()), device.turnaround)
        });
        drop(state);
        if echo {
            // It is heard as it is sent.
            let sent = self.busy - self.character * u32::try_from(frame.len()).unwrap();
            self.send(frame, sent);
        }
        let Some((pdu, turnaround)) = answer else { return };
        let mut buffer = [0; 256];
        let unit = adu.head.unit;
        let mut answer = Mode::Rtu.write(Head { transaction: 0, unit }, &pdu, &mut buffer).unwrap().to_vec();
        self.count += 1;
        let mut noisy = Vec::new();
        let mut damaged = false;
        if let Some(every) = noise {
            if self.count.is_multiple_of(every) {
                noisy.extend([unit, 0x03, 0xff]);
            }
            if self.count.is_multiple_of(every + 3) {
                let at = self.count as usize % answer.len();
                answer[at] ^= 0x40;
                damaged = true;
            }
        }
        // It knows that the request has ended when the line has been silent for as long as between two frames.
        let start = self.busy + self.silence + turnaround + later;
        noisy.extend(&answer);
        self.send(&noisy, start);
        if !damaged {
            let mut state = self.state.lock().unwrap();
            *state.answered.entry(unit).or_default() += 1;
            state.log.push((Instant::now(), unit));
        }
    }

    /// Sends octets from a moment on, each when its last bit would be there.
    fn send(&mut self, octets: &[u8], start: Instant) {
        let mut sent = 0;
        while sent < octets.len() {
            let due = start + self.character * u32::try_from(sent + 1).unwrap();
            if let Some(left) = due.checked_duration_since(Instant::now()) {
                std::thread::sleep(left);
            }
            // All that are due by now.
            let since = Instant::now().saturating_duration_since(start);
            let until =
                usize::try_from(since.as_nanos() / self.character.as_nanos()).unwrap().clamp(sent + 1, octets.len());
            if rustix::io::write(&self.master, &octets[sent..until]).is_err() {
                return;
            }
            sent = until;
        }
        self.busy = start + self.character * u32::try_from(octets.len()).unwrap();
    }
}

/// A line between two terminals.
pub struct Line {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Two terminals of these names, of which each hears what is written to the other.
pub fn terminals(one: &Path, other: &Path) -> Line {
    let stop = Arc::new(AtomicBool::new(false));
    let [(first, held), (second, held_too)] = [one, other].map(terminal);
    let (first, second, held) = (Arc::new(first), Arc::new(second), Arc::new((held, held_too)));
    let pump = |from: &Arc<OwnedFd>, to: &Arc<OwnedFd>| {
        let (from, to, held, stop) = (Arc::clone(from), Arc::clone(to), Arc::clone(&held), Arc::clone(&stop));
        std::thread::spawn(move || {
            let _held = held;
            while !stop.load(Ordering::Relaxed) {
                if let Some(octets) = receive(&from, Duration::from_millis(20)) {
                    let _ = rustix::io::write(&*to, &octets);
                }
            }
        })
    };
    let threads = vec![pump(&first, &second), pump(&second, &first)];
    Line { stop, threads }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

/// A terminal of that name: our end of it, and its own, which is held open: a terminal that nobody has is hung up.
fn terminal(path: &Path) -> (OwnedFd, std::fs::File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let held = std::fs::File::options().read(true).write(true).open(&name).unwrap();
    let mut raw = rustix::termios::tcgetattr(&held).unwrap();
    raw.make_raw();
    rustix::termios::tcsetattr(&held, rustix::termios::OptionalActions::Now, &raw).unwrap();
    let _ = std::fs::remove_file(path);
    std::os::unix::fs::symlink(&name, path).unwrap();
    (master, held)
}

fn receive(master: &OwnedFd, patience: Duration) -> Option<Vec<u8>> {
    let mut fds = [PollFd::from_borrowed_fd(master.as_fd(), PollFlags::IN)];
    let time = Timespec { tv_sec: 0, tv_nsec: patience.subsec_nanos().into() };
    if poll(&mut fds, Some(&time)).unwrap_or(0) == 0 {
        return None;
    }
    let mut buffer = [0; 512];
    match rustix::io::read(master, &mut buffer) {
        Ok(count) => Some(buffer[..count].to_vec()),
        Err(_) => {
            std::thread::sleep(Duration::from_millis(1));
            None
        }
    }
}
