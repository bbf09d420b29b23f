//! Modbus responses to values, beside the crates `rmodbus` and `tokio-modbus` on the same frames in the same run.
//!
//! What is compared with what:
//!
//! * `values`: a frame becomes the numbers in its registers. Beside it `ModbusRequest::parse_u16` of rmodbus, into a
//!   vector that is used again. The codec of tokio-modbus is private: it stands under `poll` only.
//! * `poll`: a request is written, its answer is found on the line and becomes numbers. Beside it the client of
//!   tokio-modbus, on a line in memory that answers at once, so that nothing is waited for.
//! * `stream`: the same answer behind an echo and noise, found by the reader of streams.
//!
//! Allocations are counted before anything is timed; ours are asserted, times are not. The least time of many short
//! batches is printed first: on a busy machine it says more than a mean.
#![allow(clippy::float_arithmetic, reason = "a bench prints times")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a bench fails by panicking")]

use allocation_counter::measure;
use criterion::{Criterion, Throughput};
use esh_modbus::frame::{Head, Mode, rtu, tcp};
use esh_modbus::pdu::Registers;
use esh_modbus::stream::{Asked, Frames, Wanted};
use esh_modbus::{Request, Response};
use rmodbus::ModbusProto;
use rmodbus::client::ModbusRequest;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_modbus::client::Reader;
use tokio_modbus::prelude::{Slave, SlaveContext};

const UNIT: u8 = 1;

struct Case {
    name: String,
    mode: Mode,
    quantity: u16,
    /// The answer.
    frame: Vec<u8>,
}

impl Case {
    fn new(mode: Mode, quantity: u16) -> Self {
        let values: Vec<u16> = (0..quantity).map(|n| n.wrapping_mul(40_503)).collect();
        let mut octets = [0; 250];
        let registers = Registers::written(&values, &mut octets).unwrap();
        let mut pdu = [0; 253];
        let pdu = Response::ReadHoldingRegisters { registers }.write(&mut pdu).unwrap();
        let frame = mode.write(Head { transaction: 1, unit: UNIT }, pdu, &mut [0; 260]).unwrap().to_vec();
        Self { name: format!("{} {quantity} registers", mode.word()), mode, quantity, frame }
    }

    const fn request(&self) -> Request<'static> {
        Request::ReadHoldingRegisters { address: 0, quantity: self.quantity }
    }
}

fn values(case: &Case, into: &mut [u16; 125]) -> usize {
    let frame = black_box(case.frame.as_slice());
    let adu = if case.mode == Mode::Tcp { tcp::open(frame) } else { rtu::open(frame) }.unwrap();
    match Response::parse(adu.pdu, adu.offset).unwrap() {
        Response::ReadHoldingRegisters { registers } => registers.copy_to(into),
        other => panic!("{other:?}"),
    }
}

fn rmodbus_of(case: &Case) -> ModbusRequest {
    let proto = if case.mode == Mode::Tcp { ModbusProto::TcpUdp } else { ModbusProto::Rtu };
    let mut request = ModbusRequest::new(UNIT, proto);
    request.tr_id = 1;
    request.generate_get_holdings(0, case.quantity, &mut Vec::<u8>::new()).unwrap();
    request
}

fn rmodbus_values(request: &ModbusRequest, case: &Case, into: &mut Vec<u16>) -> usize {
    into.clear();
    request.parse_u16(black_box(case.frame.as_slice()), into).unwrap();
    into.len()
}

fn poll(case: &Case, into: &mut [u16; 125]) -> usize {
    let request = black_box(case.request());
    let (mut pdu, mut frame) = ([0; 8], [0; 16]);
    let head = Head { transaction: 1, unit: UNIT };
    black_box(case.mode.write(head, request.write(&mut pdu).unwrap(), &mut frame).unwrap());
    found(case, black_box(&case.frame), request, into)
}

/// The answer to a request, somewhere in octets.
fn found(case: &Case, octets: &[u8], request: Request<'_>, into: &mut [u16; 125]) -> usize {
    let wanted = Wanted::Answers(Asked { unit: UNIT, transaction: 1, request, echo: false });
    let place = Frames::so_far(octets, case.mode, wanted).next().unwrap();
    let frame = &octets[place];
    let adu = if case.mode == Mode::Tcp { tcp::open(frame) } else { rtu::open(frame) }.unwrap();
    match Response::to(&request).parse(adu.pdu, adu.offset).unwrap() {
        Response::ReadHoldingRegisters { registers } => registers.copy_to(into),
        other => panic!("{other:?}"),
    }
}

/// A line in memory: whatever is written, the answer is there to be read.
#[derive(Debug)]
struct Line {
    answer: Vec<u8>,
    read: usize,
    is_tcp: bool,
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let end = self.answer.len().min(self.read + into.remaining());
        into.put_slice(&self.answer[self.read..end]);
        self.read = end;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<std::io::Result<usize>> {
        self.read = 0;
        if self.is_tcp {
            self.answer[..2].copy_from_slice(&octets[..2]);
        }
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}

fn client(case: &Case) -> tokio_modbus::client::Context {
    let is_tcp = case.mode == Mode::Tcp;
    let line = Line { answer: case.frame.clone(), read: 0, is_tcp };
    if is_tcp {
        let mut client = tokio_modbus::client::tcp::attach(line);
        client.set_slave(Slave(UNIT));
        client
    } else {
        tokio_modbus::client::rtu::attach_slave(line, Slave(UNIT))
    }
}

fn tokio_poll(client: &mut tokio_modbus::client::Context, case: &Case) -> usize {
    ready(client.read_holding_registers(0, black_box(case.quantity))).unwrap().unwrap().len()
}

fn count(case: &Case) {
    let mut into = [0; 125];
    let wanted = usize::from(case.quantity);
    let ours = measure(|| {
        assert_eq!(values(case, &mut into), wanted);
        assert_eq!(poll(case, &mut into), wanted);
    });
    assert_eq!(ours.count_total, 0, "nothing is allocated");
    let request = rmodbus_of(case);
    let mut numbers = Vec::with_capacity(125);
    let rmodbus = measure(|| assert_eq!(rmodbus_values(&request, case, &mut numbers), wanted)).count_total;
    assert_eq!(numbers, into[..wanted]);
    let mut client = client(case);
    tokio_poll(&mut client, case);
    let tokio = measure(|| assert_eq!(tokio_poll(&mut client, case), wanted)).count_total;
    println!("{}: esh values and poll 0, rmodbus values {rmodbus}, tokio-modbus poll {tokio}", case.name);
}

/// Nanoseconds of one call, in the quickest of many batches.
fn least<T>(mut call: impl FnMut() -> T) -> f64 {
    const CALLS: u32 = 200;
    let batches = (0..3000).map(|_| {
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(call());
        }
        start.elapsed().as_nanos()
    });
    batches.min().unwrap() as f64 / f64::from(CALLS)
}

fn quickest(case: &Case) {
    let mut into = [0; 125];
    let (request, mut numbers, mut client) = (rmodbus_of(case), Vec::with_capacity(125), client(case));
    println!(
        "{}: values esh {:.1} ns, rmodbus {:.1} ns; poll esh {:.1} ns, tokio-modbus {:.1} ns",
        case.name,
        least(|| values(case, black_box(&mut into))),
        least(|| rmodbus_values(&request, case, &mut numbers)),
        least(|| poll(case, black_box(&mut into))),
        least(|| tokio_poll(&mut client, case)),
    );
}

fn time(criterion: &mut Criterion, case: &Case) {
    let mut into = [0; 125];
    let mut group = criterion.benchmark_group(format!("values/{}", case.name));
    group.throughput(Throughput::Elements(1));
    group.bench_function("esh", |bench| bench.iter(|| values(case, black_box(&mut into))));
    let (request, mut numbers) = (rmodbus_of(case), Vec::with_capacity(125));
    group.bench_function("rmodbus", |bench| bench.iter(|| rmodbus_values(&request, case, &mut numbers)));
    group.finish();

    let mut group = criterion.benchmark_group(format!("poll/{}", case.name));
    group.throughput(Throughput::Elements(1));
    group.bench_function("esh", |bench| bench.iter(|| poll(case, black_box(&mut into))));
    let mut client = client(case);
    group.bench_function("tokio-modbus", |bench| bench.iter(|| tokio_poll(&mut client, case)));
    group.finish();

    let mut pdu = [0; 8];
    let asked = case.request().write(&mut pdu).unwrap();
    let echo = case.mode.write(Head { transaction: 0, unit: UNIT }, asked, &mut [0; 16]).unwrap().to_vec();
    let line = [&echo[..], &[0, 0xff, 0x10, 0x83, 1], &case.frame].concat();
    let mut group = criterion.benchmark_group(format!("stream/{}", case.name));
    group.throughput(Throughput::Elements(1));
    group.bench_function("esh", |bench| {
        bench.iter(|| found(case, black_box(&line), case.request(), black_box(&mut into)));
    });
    group.finish();
}

fn main() {
    let cases = [(Mode::Rtu, 10), (Mode::Rtu, 125), (Mode::Tcp, 10), (Mode::Tcp, 125)];
    let cases = cases.map(|(mode, quantity)| Case::new(mode, quantity));
    println!("allocations");
    cases.iter().for_each(count);
    println!("the quickest of many batches");
    cases.iter().for_each(quickest);
    let mut criterion = Criterion::default()
        .sample_size(40)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    cases.iter().for_each(|case| time(&mut criterion, case));
    criterion.final_summary();
}
