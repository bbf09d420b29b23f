//! A program without `std` and without a global allocator that decodes an encrypted telegram and a Modbus
//! response.
//!
//! It links only when nothing in the decoders needs either. Its exit status says whether the readings are right:
//! `cargo run` in this folder is the test.
#![no_std]
#![no_main]

use core::ffi::c_int;
use esh_core::{Carrier, Decimal, Format, Key, Known, Meter, Out, Purpose, Quantity, Reading, Unit, Value};
use esh_lorawan::{DevAddr, FCtrl, MType, Plain, Session, Transmission};
use esh_modbus::map::{Holds, Register, RegisterMap};
use esh_modbus::stream::Asked;
use esh_modbus::{Modbus, Mode, Request, Table};

/// A gas meter in security profile A, OMS specification, volume 2, annex N.
const TELEGRAM: [u8; 47] = *b"\
    \x2e\x44\x93\x15\x78\x56\x34\x12\x33\x03\x7a\x2a\x00\x20\x25\x59\x23\xc9\x5a\xaa\x26\xd1\xb2\xe7\
    \x49\x3b\x01\x3e\xc4\xa6\xf6\xd3\x52\x9b\x52\x0e\xdf\xf0\xea\x6d\xef\xc9\x9d\x6d\x69\xeb\xf3";

/// The key that the specification publishes for it.
const KEY: [u8; 16] = *b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x11";

struct Keys;

impl Known for Keys {
    fn keys(&self, _: &Meter, _: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        Key::new(&KEY).is_ok_and(|key| each(&key))
    }
}

struct Volume(Option<Decimal>);

impl Out<'_> for Volume {
    fn reading(&mut self, reading: Reading<'_>) {
        if let (Quantity::Volume, Value::Number(number)) = (reading.quantity, reading.value) {
            self.0 = Some(number);
        }
    }
}

fn decode() -> Option<Decimal> {
    let mut frame = TELEGRAM;
    let mut volume = Volume(None);
    let opened = esh_wmbus::Wmbus::default().open(&mut frame, &Keys, &mut volume).ok()?;
    let format = esh_wmbus::format_for(opened.content)?;
    format.read(opened.meter.as_ref(), opened.payload, opened.offset, &Keys, &mut volume).ok()?;
    volume.0
}

/// Writes an uplink and opens it again; the last counter that the other side has seen is one below.
fn lorawan() -> Option<u32> {
    let key = Key::new(&KEY).ok()?;
    let session = Session::v1_0(Some(&key), Some(&key)).ok()?.after_uplink(Some(0xffff));
    let plain = Plain {
        m_type: MType::UnconfirmedDataUp,
        dev_addr: DevAddr(0x2601_1bda),
        f_ctrl: FCtrl(0),
        counter: 0x1_0000,
        f_opts: &[],
        payload: Some((2, b"reading")),
    };
    let mut buffer = [0; 64];
    let frame = plain.write(&session, &Transmission::default(), &mut buffer).ok()?;
    let opened = session.open(frame, &Transmission::default()).ok()?;
    (opened.payload == b"reading").then_some(opened.counter)
}

/// The answer of a water meter that tells litres in two registers.
const RESPONSE: [u8; 9] = *b"\x01\x03\x04\x00\x02\x01\xf4\x5b\xe4";

const MAP: RegisterMap<'static> =
    RegisterMap { registers: &[Register::new(0, Holds::Unsigned(2), Quantity::Volume, Unit::Litre)] };

fn decode_modbus() -> Option<Decimal> {
    let mut frame = RESPONSE;
    let mut volume = Volume(None);
    let request = Request::ReadHoldingRegisters { address: 0, quantity: 2 };
    let asked = Asked { unit: 1, transaction: 0, request, echo: false };
    let opened = Modbus::answers(Mode::Rtu, asked).open(&mut frame, &Keys, &mut volume).ok()?;
    MAP.at(Table::Holding, 0).read(None, opened.payload, opened.offset, &Keys, &mut volume).ok()?;
    volume.0
}

#[link(name = "c")]
unsafe extern "C" {}

/// The C runtime starts here.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> c_int {
    let right = decode() == Some(Decimal::new(28_504_27, -2)) && decode_modbus() == Some(Decimal::new(131_572, -3)) && lorawan() == Some(0x1_0000);
    c_int::from(!right)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// What the prebuilt arithmetic of the compiler asks for when it is linked without `std`; never called, as panics abort.
#[unsafe(no_mangle)]
pub extern "C" fn rust_eh_personality() {}
