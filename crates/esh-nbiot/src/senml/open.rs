//! The carrier and the format: a pack checked and told, and its readings.

use super::{Encoding, Pack};
use crate::lwm2m::{read_pack, tell_pack};
use esh_core::note::Notes;
use esh_core::{Carrier, Content, DecodeError, Format, Known, Meter, Opened, Out, Refused, Security};

/// Opens SenML packs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Senml {
    /// How they are written.
    pub encoding: Encoding,
}

impl Carrier for Senml {
    fn open<'f>(&self, frame: &'f mut [u8], _: &dyn Known, out: &mut dyn Out<'_>) -> Result<Opened<'f>, Refused> {
        let payload: &'f [u8] = frame;
        let pack = Pack::parse(self.encoding, payload, 0)?;
        tell_pack(pack, payload.len(), &mut Notes::new(out));
        let content = Content::Media(self.encoding.content_format());
        let security = Security::NONE;
        Ok(Opened { meter: None, content, payload, offset: 0, security, counter: None, trailing: &[] })
    }
}

impl Format for Senml {
    fn read<'p>(
        &self,
        _: Option<&Meter>,
        payload: &'p [u8],
        offset: usize,
        _: &'p dyn Known,
        out: &mut dyn Out<'p>,
    ) -> Result<(), DecodeError> {
        read_pack(Pack::parse(self.encoding, payload, offset)?, out)
    }
}
