//! The corpus and the way of a telegram through carrier and format, as a gateway joins them.
//!
//! The corpus is no part of the project. `ESH_CORPUS` names its folder, else `shared/corpus` beside the workspace is
//! tried; without it the tests say so and pass.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../../checks/corpus.rs"]
mod corpus;
mod wired;
mod wireless;

use corpus::{octets, rows};
use esh_core::{
    Carrier, Decimal, DecodeError, Key, Known, Learned, Meter, Out, Purpose, Quality, Quantity, Reading, Unit, Value,
};
use esh_wmbus::{Wmbus, format_for};
use std::collections::HashMap;

/// What a reading prints as.
#[derive(Clone, Debug)]
enum Printed {
    Number(Decimal),
    Text(String),
    Time(String),
    Octets(Vec<u8>),
    Nothing,
}

/// What is compared of a reading.
#[derive(Clone, Debug)]
struct Row {
    quantity: Quantity,
    printed: Printed,
    unit: Unit,
    function: &'static str,
    storage: u64,
    at: Option<String>,
    /// Whether it was sent as a 32-bit real.
    real: bool,
}

/// What is known of a meter: its key, and what its telegrams have taught.
struct Memory {
    key: Option<Key>,
    layouts: HashMap<u16, Vec<u8>>,
}

impl Memory {
    fn with_key(key: Option<Key>) -> Self {
        Self { key, layouts: HashMap::new() }
    }
}

impl Known for Memory {
    fn keys(&self, _: &Meter, _: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        self.key.as_ref().is_some_and(each)
    }

    fn layout(&self, _: Option<&Meter>, signature: u16) -> Option<&[u8]> {
        self.layouts.get(&signature).map(Vec::as_slice)
    }
}

#[derive(Default)]
struct Heard {
    rows: Vec<Row>,
    layouts: Vec<(u16, Vec<u8>)>,
}

impl<'a> Out<'a> for Heard {
    fn reading(&mut self, reading: Reading<'a>) {
        let printed = match reading.value {
            Value::Number(number) => Printed::Number(number),
            Value::Flags(bits) => Printed::Number(bits.into()),
            Value::Text(text) => Printed::Text(text.to_string()),
            Value::Time(time) => Printed::Time(time.to_string()),
            Value::TimeOfDay(hour, minute, second) => Printed::Time(format!("{hour:02}:{minute:02}:{second:02}")),
            Value::Octets(octets) => Printed::Octets(octets.to_vec()),
            Value::Absent => {
                assert_ne!(reading.quality, Quality::Good);
                Printed::Nothing
            }
        };
        self.rows.push(Row {
            quantity: reading.quantity,
            printed,
            unit: reading.unit,
            function: reading.function.word(),
            storage: reading.register.storage,
            at: reading.at.map(|at| at.to_string()),
            real: reading.origin.header.first().is_some_and(|dif| dif & 0x0f == 5),
        });
    }

    fn learned(&mut self, learned: Learned<'_>) {
        if let Learned::Layout { signature, headers } = learned {
            self.layouts.push((signature, headers.to_vec()));
        }
    }
}

/// Opens a frame and reads what is inside; what it teaches is remembered.
fn decode(frame: &[u8], memory: &mut Memory) -> (Vec<Row>, Option<DecodeError>) {
    let mut frame = frame.to_vec();
    let mut heard = Heard::default();
    let error = match Wmbus::default().open(&mut frame, memory, &mut heard) {
        Err(refused) => Some(refused.error),
        Ok(opened) => format_for(opened.content).and_then(|format| {
            format.read(opened.meter.as_ref(), opened.payload, opened.offset, memory, &mut heard).err()
        }),
    };
    memory.layouts.extend(heard.layouts);
    (heard.rows, error)
}

/// A dimension, and the factor of a unit to the base of it: a numerator and a denominator.
type Family = (&'static str, i128, i128);

/// Whether the number of a row is the one that is wanted. The peer prints six decimals at most: a number that has no
/// more of them must be that very number, another one must round to it. Of a 32-bit real the peer prints more digits
/// than it has: it must be the same real.
fn same(row: &Row, number: Decimal, family: Family, wanted: Decimal, of: Family) -> bool {
    let real = || {
        let factor = i64::try_from(family.1 * of.2 / (family.2 * of.1)).ok()?;
        let float = |number: Decimal| number.to_string().parse::<f32>().ok();
        Some(factor > 0 && float(number.times(factor)?)? == float(wanted)?)
    };
    exactly(number, family, wanted, of).unwrap_or(false) || (row.real && real().unwrap_or(false))
}

fn exactly(number: Decimal, (_, a, b): Family, wanted: Decimal, (_, c, d): Family) -> Option<bool> {
    let exponent = number.exponent().min(wanted.exponent()).min(0);
    let power = |exponent: i32| 10i128.checked_pow(u32::try_from(exponent).ok()?);
    let whole = |number: Decimal| number.digits().checked_mul(power(number.exponent() as i32 - exponent as i32)?);
    let (left, right) = (whole(number)?.checked_mul(a * d)?, whole(wanted)?.checked_mul(c * b)?);
    let apart = left.checked_sub(right)?.checked_abs()?.checked_mul(2_000_000)?;
    Some(apart <= power(-i32::from(exponent))?.checked_mul(c * b)?)
}
