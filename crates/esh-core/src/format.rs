//! Formats: what reads a payload, and where readings go.

use crate::{Alarms, DecodeError, Field, Known, Learned, Meter, Reading, Reception};

/// Reads payloads of one kind.
pub trait Format {
    /// Reads a payload, the first octet of which is octet `offset` of its frame, and hands over readings in their order.
    ///
    /// # Errors
    /// Where reading had to stop. The readings before that octet have been handed over and are right.
    fn read<'p>(
        &self,
        meter: Option<&Meter>,
        payload: &'p [u8],
        offset: usize,
        known: &'p dyn Known,
        out: &mut dyn Out<'p>,
    ) -> Result<(), DecodeError>;
}

/// Takes what decoding finds.
pub trait Out<'a> {
    /// A reading.
    fn reading(&mut self, reading: Reading<'a>);

    /// States of the meter that someone should know of.
    fn alarms(&mut self, alarms: Alarms) {
        let _ = alarms;
    }

    /// States that the frame says its meter is not in. Those that it does not speak of it says nothing about: they may
    /// last.
    fn no_alarms(&mut self, alarms: Alarms) {
        let _ = alarms;
    }

    /// Something that the frame teaches.
    fn learned(&mut self, learned: Learned<'_>) {
        let _ = learned;
    }

    /// What tells this message from all others of its meter where it has no counter: when it was made, in milliseconds
    /// since 1970, as it says itself. The same message has it again however often it is delivered.
    fn occasion(&mut self, at: u64) {
        let _ = at;
    }

    /// Who has heard the frame, told by those who pass it on.
    fn reception(&mut self, reception: Reception<'_>) {
        let _ = reception;
    }

    /// Somebody who watches over the meter says whether it can be reached.
    fn reachable(&mut self, reachable: bool) {
        let _ = reachable;
    }

    /// Whether [`Learned::Layout`] is of interest: for meters that send compact frames. To find one costs a little.
    fn wants_layouts(&self) -> bool {
        true
    }

    /// Whether [`Out::field`] is of interest. Fields are not made up for nobody.
    fn wants_fields(&self) -> bool {
        false
    }

    /// A field of the frame, in the order of its octets.
    fn field(&mut self, field: Field<'_>) {
        let _ = field;
    }
}

/// Takes nothing: to see whether a payload can be read at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ignore;

impl<'a> Out<'a> for Ignore {
    fn reading(&mut self, reading: Reading<'a>) {
        let _ = reading;
    }
}
