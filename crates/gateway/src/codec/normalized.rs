//! The normalized payload that `normalizeUplink` gives: the vocabulary of the LoRaWAN device repository.
use esh_core::{DecodeError, Out};

/// Reads.
///
/// # Errors
/// None.
pub fn read<'p>(text: &str, payload: &'p [u8], out: &mut dyn Out<'p>) -> Result<(), DecodeError> {
    let _ = (text, payload, out);
    Ok(())
}
