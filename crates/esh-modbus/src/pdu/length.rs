//! How long a PDU is, told from its first octets: serial frames do not say it.

use super::MEI;
use crate::function as code;

/// How many octets a PDU has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// So many.
    Exactly(usize),
    /// At least so many, which have to be seen first.
    AtLeast(usize),
    /// So many or any even number more: query data are echoed, however long.
    From(usize),
    /// No PDU begins so.
    Never,
}

/// Of a request.
pub(crate) fn request(pdu: &[u8]) -> Length {
    let [function, rest @ ..] = pdu else { return Length::AtLeast(1) };
    match *function {
        code::READ_COILS..=code::WRITE_SINGLE_REGISTER => Length::Exactly(5),
        code::READ_EXCEPTION_STATUS
        | code::GET_COMM_EVENT_COUNTER
        | code::GET_COMM_EVENT_LOG
        | code::REPORT_SERVER_ID => Length::Exactly(1),
        code::DIAGNOSTICS => diagnostics(rest),
        code::WRITE_MULTIPLE_COILS | code::WRITE_MULTIPLE_REGISTERS => behind(rest, 4, 6),
        code::READ_FILE_RECORD | code::WRITE_FILE_RECORD => behind(rest, 0, 2),
        code::MASK_WRITE_REGISTER => Length::Exactly(7),
        code::READ_WRITE_MULTIPLE_REGISTERS => behind(rest, 8, 10),
        code::READ_FIFO_QUEUE => Length::Exactly(3),
        code::ENCAPSULATED_INTERFACE if rest.first().is_none_or(|mei| *mei == MEI) => Length::Exactly(4),
        _ => Length::Never,
    }
}

/// Of a response.
pub(crate) fn response(pdu: &[u8]) -> Length {
    let [function, rest @ ..] = pdu else { return Length::AtLeast(1) };
    match *function {
        code::READ_COILS..=code::READ_INPUT_REGISTERS
        | code::GET_COMM_EVENT_LOG
        | code::REPORT_SERVER_ID
        | code::READ_FILE_RECORD
        | code::WRITE_FILE_RECORD
        | code::READ_WRITE_MULTIPLE_REGISTERS => behind(rest, 0, 2),
        code::WRITE_SINGLE_COIL
        | code::WRITE_SINGLE_REGISTER
        | code::GET_COMM_EVENT_COUNTER
        | code::WRITE_MULTIPLE_COILS
        | code::WRITE_MULTIPLE_REGISTERS => Length::Exactly(5),
        code::READ_EXCEPTION_STATUS => Length::Exactly(2),
        code::DIAGNOSTICS => diagnostics(rest),
        code::MASK_WRITE_REGISTER => Length::Exactly(7),
        code::READ_FIFO_QUEUE => match rest {
            [high, low, ..] => Length::Exactly(3 + usize::from(u16::from_be_bytes([*high, *low]))),
            _ => Length::AtLeast(3),
        },
        code::ENCAPSULATED_INTERFACE => objects(rest),
        0x81.. => Length::Exactly(2),
        _ => Length::Never,
    }
}

/// `len` octets and those that the count at `at` of the rest announces.
fn behind(rest: &[u8], at: usize, len: usize) -> Length {
    match rest.get(at) {
        Some(count) => Length::Exactly(len + usize::from(*count)),
        None => Length::AtLeast(at + 2),
    }
}

fn diagnostics(rest: &[u8]) -> Length {
    match rest {
        [0, 0, ..] => Length::From(5),
        [_, _, ..] => Length::Exactly(5),
        _ => Length::AtLeast(3),
    }
}

/// The header of device identification and its objects, one after the other.
fn objects(rest: &[u8]) -> Length {
    const HEADER: usize = 6;
    if rest.first().is_some_and(|mei| *mei != MEI) {
        return Length::Never;
    }
    let Some(count) = rest.get(HEADER - 1) else { return Length::AtLeast(1 + HEADER) };
    let mut at = HEADER;
    for _ in 0..*count {
        let Some(len) = rest.get(at + 1) else { return Length::AtLeast(at + 3) };
        at += 2 + usize::from(*len);
    }
    Length::Exactly(1 + at)
}
