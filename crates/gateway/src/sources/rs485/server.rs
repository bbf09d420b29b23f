//! A server of Modbus TCP that passes what others ask on to the bus, in its turn: `listen`. It is off unless it is asked for.
//!
//! Nothing can be written through it. Whoever needs a value gets it as the device gives it, and the meters of the
//! configuration do not wait longer for it than for one more meter.

use super::line::{Ask, Line};
use super::modbus::Way;
use crate::config::Tcp;
use crate::sources::net;
use esh_modbus::frame::{Head, ascii, rtu, tcp};
use esh_modbus::pdu::PDU_LIMIT;
use esh_modbus::stream::{Asked, Frames, Wanted};
use esh_modbus::{ExceptionCode, Mode, Request, Response};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tracing::debug;

/// The most clients at once, and so the most requests that wait.
const CLIENTS: usize = 32;
/// A client that says nothing for so long makes room.
const QUIET: Duration = Duration::from_secs(300);

/// What somebody asks of a device.
#[derive(Debug)]
pub(super) struct Guest {
    unit: u8,
    pdu: Vec<u8>,
    answer: oneshot::Sender<Vec<u8>>,
}

impl Guest {
    /// Which device.
    pub(super) const fn unit(&self) -> u8 {
        self.unit
    }

    /// The bus cannot be had.
    pub(super) fn refuse(self) {
        let refused = exception(&self.pdu, ExceptionCode::GATEWAY_PATH_UNAVAILABLE);
        // Who has gone does not need it.
        let _ = self.answer.send(refused);
    }

    /// Asks the device, and tells what it answers.
    pub(super) async fn ask(self, line: &mut Line, way: &Way) -> io::Result<()> {
        let Self { unit, pdu, answer } = self;
        let found = ask(line, way, unit, &pdu).await?;
        let _ = answer.send(found.unwrap_or_else(|| exception(&pdu, ExceptionCode::GATEWAY_TARGET_FAILED)));
        Ok(())
    }
}

/// A server that listens, and where what is asked comes out.
pub(super) async fn listen(at: &Tcp, source: Arc<str>) -> io::Result<(JoinSet<()>, mpsc::Receiver<Guest>)> {
    let listener = TcpListener::bind((at.host.as_str(), at.port)).await?;
    let (sender, guests) = mpsc::channel(CLIENTS);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (places, mut clients) = (Arc::new(Semaphore::new(CLIENTS)), JoinSet::new());
        loop {
            let (stream, peer) = tokio::select! {
                accepted = net::accept(&listener, &source) => accepted,
                Some(_) = clients.join_next() => continue,
            };
            // One more than there may be is not answered at all.
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
            let (sender, source) = (sender.clone(), Arc::clone(&source));
            clients.spawn(async move {
                let ended = talk(stream, &sender).await;
                debug!(source = &*source, %peer, ?ended, "a client has gone");
                drop(place);
            });
        }
    });
    Ok((tasks, guests))
}

async fn talk(mut stream: TcpStream, guests: &mpsc::Sender<Guest>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut came = Vec::with_capacity(tcp::LIMIT);
    while tokio::time::timeout(QUIET, stream.read_buf(&mut came)).await?? > 0 {
        loop {
            let mut frames = Frames::so_far(&came, Mode::Tcp, Wanted::Requests);
            let found = frames.next();
            let done = found.as_ref().map_or_else(|| frames.consumed(), |found| found.end);
            let adu = found.and_then(|found| tcp::open(came.get(found)?).ok());
            let Some(adu) = adu else {
                came.drain(..done);
                break;
            };
            let (head, pdu) = (adu.head, adu.pdu.to_vec());
            came.drain(..done);
            let (answer, answered) = oneshot::channel();
            if may(&pdu) {
                let guest = Guest { unit: head.unit, pdu, answer };
                guests.send(guest).await.map_err(|_| io::ErrorKind::BrokenPipe)?;
            } else {
                let _ = answer.send(exception(&pdu, ExceptionCode::ILLEGAL_FUNCTION));
            }
            let pdu = answered.await.map_err(|_| io::ErrorKind::BrokenPipe)?;
            let mut frame = [0; tcp::LIMIT];
            let written = Mode::Tcp.write(head, &pdu, &mut frame).map_err(io::Error::other)?;
            stream.write_all(written).await?;
        }
        if came.len() > tcp::LIMIT {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(())
}

/// Whether it only reads.
fn may(pdu: &[u8]) -> bool {
    matches!(
        Request::parse(pdu, 0),
        Ok(Request::ReadCoils { .. }
            | Request::ReadDiscreteInputs { .. }
            | Request::ReadHoldingRegisters { .. }
            | Request::ReadInputRegisters { .. }
            | Request::ReadExceptionStatus
            | Request::GetCommEventCounter
            | Request::GetCommEventLog
            | Request::ReportServerId
            | Request::ReadFileRecord { .. }
            | Request::ReadFifoQueue { .. }
            | Request::ReadDeviceIdentification { .. })
    )
}

fn exception(pdu: &[u8], code: ExceptionCode) -> Vec<u8> {
    let function = pdu.first().copied().unwrap_or_default() & 0x7f;
    let mut buffer = [0; 2];
    let written = Response::Exception { function, code }.write(&mut buffer);
    written.map(<[u8]>::to_vec).unwrap_or_default()
}

/// The answer of a device, once.
async fn ask(line: &mut Line, way: &Way, unit: u8, pdu: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let (Ok(request), mut frame) = (Request::parse(pdu, 0), [0; ascii::LIMIT]) else { return Ok(None) };
    // Its own number of a transaction is another than those of the meters, which begin at 1 for each.
    let transaction = 0xffff;
    let Ok(octets) = way.mode.write(Head { transaction, unit }, pdu, &mut frame) else { return Ok(None) };
    let asked = Wanted::Answers(Asked { unit, transaction, request, echo: line.echoes() });
    let mode = way.mode;
    let found = line.ask(Ask { octets, ..way.ask }, |octets, silent| match silent {
        true => Frames::new(octets, mode, asked).next(),
        false => Frames::so_far(octets, mode, asked).next(),
    });
    let Some(frame) = found.await? else {
        if mode != Mode::Tcp {
            // The answer may still come, and must not be taken for one to the next request.
            let until = Instant::now() + way.ask.timeout;
            line.drain(until, |octets| Frames::so_far(octets, mode, asked).next().is_some()).await?;
        }
        return Ok(None);
    };
    let mut buffer = [0; ascii::OCTETS];
    let adu = match mode {
        Mode::Rtu => rtu::open(frame),
        Mode::Tcp => tcp::open(frame),
        Mode::Ascii => ascii::open(frame, &mut buffer),
    };
    Ok(adu.ok().map(|adu| adu.pdu.to_vec()).filter(|pdu| pdu.len() <= PDU_LIMIT))
}
