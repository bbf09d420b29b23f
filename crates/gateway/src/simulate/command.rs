//! The command `simulate`: telegrams on the standard output, for others to use.

use super::Fleet;
use esh_core::CivilTime;
use std::io::{self, Write};

/// What to print.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many telegrams.
    pub count: u64,
    /// From how many meters.
    pub meters: usize,
    /// Another seed has other meters.
    pub seed: u64,
    /// Whether each line is JSON with id, octets and key, instead of bare hexadecimal.
    pub json: bool,
}

/// Prints telegrams, one per line; the same options print the same. The meters' clocks begin at `start` and go on by a
/// minute with each round of the fleet.
///
/// # Errors
/// Those of writing.
pub fn print(options: &Options, fleet: &mut Fleet, start: CivilTime, output: &mut impl Write) -> io::Result<()> {
    for number in 0..options.count {
        let minutes = number / options.meters.max(1) as u64 % 1440;
        let clock = start.at((minutes / 60) as u8, (minutes % 60) as u8, 0, esh_core::Precision::Minute);
        let Some(sent) = fleet.send(clock.unwrap_or(start)) else { break };
        let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        if options.json {
            let key = sent.key.map_or_else(|| "null".to_owned(), |key| format!("\"{}\"", hex(key)));
            writeln!(
                output,
                "{{\"id\":{number},\"hex\":\"{}\",\"key\":{key},\"rssi\":{}}}",
                hex(&sent.octets),
                sent.rssi
            )?;
        } else {
            writeln!(output, "{}", hex(&sent.octets))?;
        }
    }
    output.flush()
}
