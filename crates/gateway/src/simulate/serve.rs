//! Simulated devices at a socket, a serial port or a pseudo-terminal, for others to read.

use super::modbus::Device;
use crate::config::Tcp;
use crate::profiles::registers::{self, Map};
use esh_modbus::Mode;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_serial::SerialPortBuilderExt;

/// Where simulated devices are, and which.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// modbus, mbus: serve at this address, such as tcp://127.0.0.1:5020; Modbus TCP, or RTU with --mode rtu
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<Tcp>,
    /// modbus, mbus: serve at this serial port
    #[arg(long, value_name = "DEVICE")]
    pub serial: Option<PathBuf>,
    /// modbus, mbus: serve at a pseudo-terminal, which gets this name
    #[arg(long, value_name = "LINK")]
    pub pty: Option<PathBuf>,
    /// The speed of the serial port
    #[arg(long, default_value_t = 9600)]
    pub baud: u32,
    /// modbus: rtu, ascii or tcp; without it tcp at an address and rtu at a port
    #[arg(long, value_name = "MODE")]
    pub mode: Option<String>,
    /// The address of a device; may be given again
    #[arg(long = "unit", value_name = "N", default_values_t = [1])]
    pub units: Vec<u8>,
    /// modbus: what the devices hold, a file of registers; without it they are SunSpec meters
    #[arg(long, value_name = "FILE")]
    pub registers: Option<PathBuf>,
}

impl Options {
    /// Whether devices are to be served somewhere.
    #[must_use]
    pub const fn is_asked(&self) -> bool {
        self.listen.is_some() || self.serial.is_some() || self.pty.is_some()
    }
}

/// Something that is asked and answers.
pub(super) trait Answers: Send + 'static {
    /// What it answers to the first whole request in some octets, and how many octets are done with.
    fn converse(&mut self, octets: &[u8]) -> (usize, Option<Vec<u8>>);
}

struct Modbus(Device, Mode);

impl Answers for Modbus {
    fn converse(&mut self, octets: &[u8]) -> (usize, Option<Vec<u8>>) {
        self.0.converse(octets, self.1)
    }
}

/// Serves simulated Modbus devices until it is broken off.
///
/// # Errors
/// When there is no such place to serve at, or no such file.
pub fn modbus(options: &Options) -> io::Result<()> {
    let wrong = |message: String| io::Error::new(io::ErrorKind::InvalidInput, message);
    let mode = match options.mode.as_deref() {
        None if options.listen.is_some() => Mode::Tcp,
        None => Mode::Rtu,
        Some(word) => Mode::from_word(word).ok_or_else(|| wrong(format!("`{word}` is no mode: rtu, ascii, tcp")))?,
    };
    let map = match &options.registers {
        None => Map::SunSpec,
        Some(file) => Map::Registers(registers::load(file).map_err(wrong)?),
    };
    serve(options, Modbus(Device::new(options.units.clone(), &map), mode))
}

/// Serves until it is broken off.
pub(super) fn serve(options: &Options, device: impl Answers) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let device = Arc::new(Mutex::new(device));
    runtime.block_on(async {
        if let Some(tcp) = &options.listen {
            let listener = TcpListener::bind((tcp.host.as_str(), tcp.port)).await?;
            println!("listening at {tcp}");
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let device = Arc::clone(&device);
                tokio::spawn(async move {
                    // A client that has gone is no matter.
                    let _ = converse(stream, &device).await;
                });
            }
        }
        if let Some(device_file) = &options.serial {
            let port = tokio_serial::new(device_file.to_string_lossy(), options.baud).open_native_async()?;
            println!("serving at {}", device_file.display());
            return converse(port, &device).await;
        }
        if let Some(link) = &options.pty {
            let (master, _held, name) = pty()?;
            // A link of before is in the way; a file that is none stays.
            if link.is_symlink() {
                std::fs::remove_file(link)?;
            }
            std::os::unix::fs::symlink(&name, link)?;
            println!("serving at {} ({name})", link.display());
            let served = tokio::task::spawn_blocking(move || terminal(&master, &device)).await;
            return served.unwrap_or_else(|error| Err(io::Error::other(error)));
        }
        Ok(())
    })
}

/// A pseudo-terminal: our end, its own, which is held open so that it lasts when others close it, and its name.
fn pty() -> io::Result<(OwnedFd, std::fs::File, String)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?.to_string_lossy().into_owned();
    let held = std::fs::File::options().read(true).write(true).open(&name)?;
    let mut raw = tcgetattr(&held)?;
    raw.make_raw();
    tcsetattr(&held, OptionalActions::Now, &raw)?;
    Ok((master, held, name))
}

fn answer(device: &Mutex<impl Answers>, octets: &mut Vec<u8>) -> Option<Vec<u8>> {
    let (done, answer) = device.lock().unwrap_or_else(PoisonError::into_inner).converse(octets);
    octets.drain(..done.min(octets.len()));
    answer
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, device: &Mutex<impl Answers>) -> io::Result<()> {
    let mut octets = Vec::new();
    while stream.read_buf(&mut octets).await? > 0 {
        while let Some(answer) = answer(device, &mut octets) {
            stream.write_all(&answer).await?;
        }
        forget(&mut octets);
    }
    Ok(())
}

fn terminal(master: &OwnedFd, device: &Mutex<impl Answers>) -> io::Result<()> {
    let (mut octets, mut buffer) = (Vec::new(), [0; 512]);
    loop {
        let count = rustix::io::read(master, &mut buffer)?;
        octets.extend_from_slice(buffer.get(..count).unwrap_or_default());
        while let Some(answer) = answer(device, &mut octets) {
            let mut rest = &answer[..];
            while !rest.is_empty() {
                rest = rest.get(rustix::io::write(master, rest)?..).unwrap_or_default();
            }
        }
        forget(&mut octets);
    }
}

/// Nobody sends a request that is so long.
fn forget(octets: &mut Vec<u8>) {
    const LONGEST: usize = 1024;
    if octets.len() > LONGEST {
        octets.clear();
    }
}
