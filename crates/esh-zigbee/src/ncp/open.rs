//! The carrier of what a co-processor says: its framing, and in it a message of a device, opened to its cluster.

use super::{ash, ezsp, znp};
use crate::mac::Address;
use crate::{names, zcl, zdo};
use esh_core::note::{Notes, at};
use esh_core::{
    Carrier, Content, DecodeError, Input, Known, Layer, Learned, Meter, Opened, Out, Reason, Refused, Security,
};

/// Which line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// ASH with its byte stuffing, flags or none.
    Ash,
    /// EZSP alone; its layout where it is known.
    Ezsp(Option<ezsp::Layout>),
    /// The line of Texas Instruments.
    Znp,
}

/// Opens what a co-processor says to its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ncp {
    /// Its line.
    pub line: Line,
    /// The PAN of its network, which stands in the names of devices of which only the short address is known.
    pub pan: u16,
}

/// Where a message stands, what it is, and whose.
type Found = (usize, usize, Content, Option<Meter>);

impl Carrier for Ncp {
    fn open<'f>(&self, frame: &'f mut [u8], known: &dyn Known, out: &mut dyn Out<'_>) -> Result<Opened<'f>, Refused> {
        let mut notes = Notes::new(out);
        let (start, end, content, meter) = match self.line {
            Line::Ash => {
                // It is unstuffed and made plain in place; where that fails it stays as it was.
                let mut room = [0; 2 * ash::LONGEST + 8];
                let found = frame.len();
                let too_long = DecodeError {
                    layer: Layer::Line,
                    field: "frame",
                    offset: 0,
                    reason: Reason::TooLong { limit: room.len(), found },
                };
                let room = room.get_mut(..found).ok_or(too_long)?;
                room.copy_from_slice(frame);
                let found = self.ash(room, known, &mut notes)?;
                frame.copy_from_slice(room);
                found
            }
            Line::Ezsp(layout) => self.ezsp(frame, layout, known, &mut notes)?,
            Line::Znp => self.znp(frame, known, &mut notes)?,
        };
        let frame: &'f [u8] = frame;
        let payload = frame.get(start..end).unwrap_or_default();
        let security = Security::NONE;
        Ok(Opened { meter, content, payload, offset: start, security, counter: None, trailing: &[] })
    }
}

impl Ncp {
    fn ash(&self, octets: &mut [u8], known: &dyn Known, notes: &mut Notes<'_, '_>) -> Result<Found, DecodeError> {
        let len = ash::unstuff(octets)?;
        let plain = octets.get_mut(..len).unwrap_or_default();
        note_ash(plain, notes);
        match ash::Frame::read(plain)? {
            ash::Frame::Data { ezsp, .. } => {
                let mut found =
                    Err(DecodeError { layer: Layer::Transport, field: "", offset: 0, reason: Reason::Malformed });
                let place = at(Layer::Transport, 1, ezsp.len(), "EZSP frame", "ezsp_frame");
                if notes.wanted() {
                    notes.object(place, |notes| found = self.ezsp(ezsp, None, known, notes));
                } else {
                    found = self.ezsp(ezsp, None, known, notes);
                }
                // Its octets are counted from the control byte of ASH on.
                let (start, end, content, meter) = found.map_err(|error| error.shifted(1))?;
                Ok((start + 1, end + 1, content, meter))
            }
            _ => Ok((len, len, Content::Nothing, None)),
        }
    }

    fn ezsp(
        &self,
        octets: &[u8],
        layout: Option<ezsp::Layout>,
        known: &dyn Known,
        notes: &mut Notes<'_, '_>,
    ) -> Result<Found, DecodeError> {
        let frame = ezsp::Frame::read(octets, layout)?;
        let place = |name, key| at(Layer::Transport, 0, frame.offset, name, key);
        notes.number(place("sequence", "seq"), frame.sequence, &"");
        notes.number(place("frame control", "frame_control"), frame.control, &"");
        notes.number(place("frame id", "frame_id"), frame.id, &"");
        notes.text(place("command", "command"), &frame.name(), &"");
        notes.flag(place("response", "is_response"), frame.is_response(), &"");
        let parameters = at(Layer::Transport, frame.offset, frame.parameters.len(), "parameters", "parameters");
        notes.octets(parameters, frame.parameters, &"");
        if let Some(ezsp::Joined { short, extended, status }) = ezsp::Joined::read(&frame)? {
            self.stands(short, extended, known, notes);
            let meter = Some(names::device(extended));
            let end = octets.len();
            notes.number(at(Layer::Transport, end - 1, 1, "status", "status"), status, &"");
            return Ok((end, end, Content::Nothing, meter));
        }
        let Some(incoming) = ezsp::Incoming::read(&frame)? else {
            return Ok((octets.len(), octets.len(), Content::Nothing, None));
        };
        if let Some(extended) = incoming.sender_extended {
            self.stands(incoming.sender, extended, known, notes);
        }
        let source = incoming.sender_extended.map_or(Address::Short(incoming.sender), Address::Extended);
        let (profile, cluster) = (incoming.profile, incoming.cluster);
        self.message(Some(profile), cluster, source, incoming.message, incoming.offset, known, notes)
    }

    fn znp(&self, octets: &[u8], known: &dyn Known, notes: &mut Notes<'_, '_>) -> Result<Found, DecodeError> {
        let mut input = Input::new(octets, 0, Layer::Link);
        let frame = znp::Frame::read(&mut input)?;
        input.end("frame")?;
        let place = |name, key| at(Layer::Link, 0, 4, name, key);
        notes.number(place("type", "type"), frame.kind.bits(), &"");
        notes.number(place("subsystem", "subsystem"), frame.subsystem, &"");
        notes.number(place("command", "command_id"), frame.command, &"");
        notes.text(place("command", "command"), &frame.name(), &"");
        notes.octets(at(Layer::Link, 4, frame.data.len(), "data", "data"), frame.data, &"");
        let nothing = (octets.len(), octets.len(), Content::Nothing, None);
        match znp::Incoming::read(&frame)? {
            Some(incoming) => {
                let znp::Incoming { cluster, source, message, offset, .. } = incoming;
                self.message(None, cluster, source, message, offset, known, notes)
            }
            None => Ok(nothing),
        }
    }

    /// A message of a device, which the co-processor has decrypted.
    #[allow(clippy::too_many_arguments, reason = "two lines tell the same things of a message")]
    fn message(
        &self,
        profile: Option<u16>,
        cluster: u16,
        source: Address,
        message: &[u8],
        offset: usize,
        known: &dyn Known,
        notes: &mut Notes<'_, '_>,
    ) -> Result<Found, DecodeError> {
        let meter = match source {
            Address::Extended(extended) => names::device(extended),
            Address::Short(short) => {
                let address = names::address(self.pan, short);
                known.device(&address).unwrap_or(address)
            }
        };
        notes.number(at(Layer::Transport, 0, offset, "cluster", "cluster_id"), cluster, &"");
        let end = offset + message.len();
        if profile == Some(0) {
            let read = zdo::Frame::read(cluster, &mut Input::new(message, offset, Layer::Application)).ok().flatten();
            crate::explain::device_profile(cluster, read.as_ref(), message, offset, notes);
            if let Some(zdo::Message::DeviceAnnounce { short, extended, .. }) = read.map(|read| read.message) {
                self.stands(short, extended, known, notes);
                return Ok((offset, end, Content::Nothing, Some(names::device(extended))));
            }
            return Ok((offset, end, Content::Nothing, Some(meter)));
        }
        zcl::tell(message, offset, notes)?;
        Ok((offset, end, Content::Cluster(cluster), Some(meter)))
    }

    /// A device has this address now.
    fn stands(&self, short: u16, extended: u64, known: &dyn Known, notes: &mut Notes<'_, '_>) {
        let (address, device) = (names::address(self.pan, short), names::device(extended));
        if known.device(&address) != Some(device) {
            notes.learned(Learned::Address { address, device });
        }
    }
}

/// What stands in a frame of ASH before it is made plain, whether its CRC fits or not.
fn note_ash(plain: &[u8], notes: &mut Notes<'_, '_>) {
    let Some((body, found)) = plain.split_last_chunk::<2>() else { return };
    let Some((control, data)) = body.split_first() else { return };
    let place = |name, key| at(Layer::Link, 0, 1, name, key);
    let (control, end) = (*control, body.len());
    let word = match control {
        0..=0x7f => "DATA",
        0x80..=0x9f => "ACK",
        0xa0..=0xbf => "NAK",
        0xc0 => "RST",
        0xc1 => "RSTACK",
        0xc2 => "ERROR",
        _ => "",
    };
    notes.text(place("type", "type"), &word, &"");
    notes.number(place("control byte", "control"), control, &"");
    if control < 0x80 {
        notes.number(place("frame number", "frm_num"), control >> 4, &"");
        notes.number(place("retransmission", "re_tx"), control >> 3 & 1, &"");
        let mut room = [0; ash::LONGEST];
        if let Some(room) = room.get_mut(..data.len()) {
            room.copy_from_slice(data);
            ash::randomise(room);
            notes.octets(at(Layer::Link, 1, data.len(), "data field", "ezsp"), room, &"");
        }
    }
    if control < 0xc0 {
        notes.number(place("acknowledgement number", "ack_num"), control & 7, &"");
    }
    if (0x80..0xc0).contains(&control) {
        notes.number(place("not ready", "n_rdy"), control >> 3 & 1, &"");
    }
    if let (0xc1 | 0xc2, [version, code]) = (control, data) {
        notes.number(at(Layer::Link, 1, 1, "version", "version"), *version, &"");
        let key = if control == 0xc1 { "reset_code" } else { "error_code" };
        notes.number(at(Layer::Link, 2, 1, "code", key), *code, &"");
    }
    notes.octets(at(Layer::Link, end, 2, "CRC", "crc"), found, &"");
    notes.flag(at(Layer::Link, end, 2, "CRC fits", "crc_ok"), ash::crc(body) == u16::from_be_bytes(*found), &"");
    notes.octets(at(Layer::Link, 0, plain.len(), "unstuffed", "unstuffed"), plain, &"");
}
