//! Whole frames written, from the MAC to the application, secured as Zigbee 05-3474, clause 4.3 and 4.4, says.

use crate::security::{AuxiliaryHeader, Cipher};
use crate::write::{WriteError, Writer};
use crate::{aps, mac, nwk};

/// How a layer is secured.
#[derive(Clone, Copy, Debug)]
pub struct Secured<'a> {
    /// The key, expanded; for the transport of keys, that made of the link key.
    pub cipher: &'a Cipher,
    /// The auxiliary header.
    pub header: AuxiliaryHeader,
    /// The extended address of who secures, whether the auxiliary header tells it or not.
    pub source: u64,
}

/// A frame to be written.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The header of the MAC.
    pub mac: mac::Header,
    /// The header of the network layer.
    pub nwk: nwk::Header,
    /// The relays of a source route.
    pub relays: &'a [u16],
    /// How the network layer is secured.
    pub nwk_security: Option<Secured<'a>>,
    /// The header of the application support sub-layer; a command of the network layer has none.
    pub aps: Option<aps::Header>,
    /// How the application support sub-layer is secured.
    pub aps_security: Option<Secured<'a>>,
    /// What is sent.
    pub payload: &'a [u8],
}

impl Outgoing<'_> {
    /// Writes the frame with its frame check sequence.
    ///
    /// # Errors
    /// When it is longer than a frame or its buffer, or a field that must be there is missing.
    pub fn write<'b>(&self, into: &'b mut [u8]) -> Result<&'b [u8], WriteError> {
        let end = into.len().min(mac::LONGEST);
        let mut writer = Writer::new(into.get_mut(..end).unwrap_or_default());
        self.mac.write(&mut writer)?;
        layer(
            &mut writer,
            self.nwk_security,
            |writer| self.nwk.write(self.nwk_security.is_some(), self.relays, writer),
            |writer| match &self.aps {
                Some(aps) => layer(
                    writer,
                    self.aps_security,
                    |writer| aps.write(self.aps_security.is_some(), writer),
                    |writer| writer.put(self.payload).map(|_| ()),
                ),
                None => writer.put(self.payload).map(|_| ()),
            },
        )?;
        let check = mac::check(writer.so_far());
        writer.u16(check)?;
        Ok(writer.finish())
    }
}

/// Writes a layer: its header, the auxiliary header, what is inside, and the authentication.
fn layer(
    writer: &mut Writer<'_>,
    secured: Option<Secured<'_>>,
    header: impl FnOnce(&mut Writer<'_>) -> Result<(), WriteError>,
    inside: impl FnOnce(&mut Writer<'_>) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    let start = writer.len();
    header(writer)?;
    let Some(Secured { cipher, header: auxiliary, source }) = secured else { return inside(writer) };
    let control_at = writer.len() - start;
    auxiliary.write(writer)?;
    let payload_at = writer.len();
    inside(writer)?;
    let (headers, payload) = writer.so_far().split_at_mut_checked(payload_at).ok_or(WriteError::TooLong)?;
    let headers = headers.get(start..).ok_or(WriteError::TooLong)?;
    let mic = cipher.seal(headers, control_at, auxiliary, source, payload).ok_or(WriteError::TooLong)?;
    writer.put(&mic).map(|_| ())
}
