//! The serial lines of coordinators: what a network co-processor says to its host and the host to it.
//!
//! [`ash`] frames EZSP of Silicon Labs, [`ezsp`] is what stands inside, [`znp`] is the line of Texas Instruments. Both ways,
//! no clock and no memory of their own. [`Ncp`] is the carrier of what comes from the co-processor: a message of a device
//! is opened to its cluster.

pub mod ash;
pub mod ezsp;
mod open;
pub mod znp;

pub use open::{Line, Ncp};

/// What a frame is on the wire.
#[cfg(test)]
fn written(
    write: impl FnOnce(&mut crate::write::Writer<'_>) -> Result<(), crate::write::WriteError>,
) -> std::vec::Vec<u8> {
    let mut buffer = [0; 300];
    let mut writer = crate::write::Writer::new(&mut buffer);
    write(&mut writer).unwrap();
    writer.finish().to_vec()
}
