//! Diagnostics — MODBUS application protocol V1.1b3, clause 6.8.

use esh_core::{DecodeError, Input, Reason};

/// What a server is asked for on a serial line, clause 6.8.1.
const SUB_FUNCTIONS: &[(u16, &str)] = &[
    (0x00, "return query data"),
    (0x01, "restart communications option"),
    (0x02, "return diagnostic register"),
    (0x03, "change ASCII input delimiter"),
    (0x04, "force listen only mode"),
    (0x0a, "clear counters and diagnostic register"),
    (0x0b, "return bus message count"),
    (0x0c, "return bus communication error count"),
    (0x0d, "return bus exception error count"),
    (0x0e, "return server message count"),
    (0x0f, "return server no response count"),
    (0x10, "return server NAK count"),
    (0x11, "return server busy count"),
    (0x12, "return bus character overrun count"),
    (0x14, "clear overrun counter and flag"),
];

/// The name of a sub-function; `None` for a reserved one.
#[must_use]
pub fn sub_function_name(code: u16) -> Option<&'static str> {
    SUB_FUNCTIONS.iter().find(|(of, _)| *of == code).map(|(_, name)| *name)
}

/// Sub-function and data: any number of registers for query data, one for all others.
pub(super) fn read<'a>(input: &mut Input<'a>) -> Result<(u16, &'a [u8]), DecodeError> {
    let sub_function = input.u16_be("sub-function")?;
    let at = *input;
    let data = input.take("data", if sub_function == 0 { input.len() } else { 2 })?;
    input.end("data")?;
    if data.is_empty() || data.len() % 2 == 1 {
        return Err(at.error("data", Reason::Malformed));
    }
    Ok((sub_function, data))
}
