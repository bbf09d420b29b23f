//! The carrier of a bare ZCL frame: it tells its header and its records.

use super::{Command, FrameType, Header, Record, Records, Value};
use core::fmt::{self, Display};
use esh_core::note::{Notes, Place, at};
use esh_core::{Carrier, Content, DecodeError, Field, Input, Known, Layer, Opened, Out, Refused, Security};

/// Opens ZCL frames as they stand in the payload of APS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zcl {
    /// The cluster, which the frame does not name.
    pub cluster: u16,
}

impl Carrier for Zcl {
    fn open<'f>(&self, frame: &'f mut [u8], _: &dyn Known, out: &mut dyn Out<'_>) -> Result<Opened<'f>, Refused> {
        let frame: &'f [u8] = frame;
        tell(frame, 0, &mut Notes::new(out))?;
        let content = Content::Cluster(self.cluster);
        let security = Security::NONE;
        Ok(Opened { meter: None, content, payload: frame, offset: 0, security, counter: None, trailing: &[] })
    }
}

/// Tells a frame that begins at octet `offset`.
pub(crate) fn tell(frame: &[u8], offset: usize, notes: &mut Notes<'_, '_>) -> Result<(), DecodeError> {
    let mut input = Input::new(frame, offset, Layer::Application);
    let header = Header::read(&mut input)?;
    if !notes.wanted() {
        return Ok(());
    }
    let place = |offset, len, name, key| at(Layer::Application, offset, len, name, key);
    notes.object(place(offset, frame.len(), "ZCL frame", "zcl"), |notes| {
        let head = input.offset() - offset;
        notes.object(place(offset, head, "ZCL header", "header"), |notes| {
            let end = offset + head;
            let frame_type = header.frame_type();
            notes.text(place(offset, 1, "frame type", "frame_type"), &frame_type.word(), &"");
            let to_client = header.direction() == super::Direction::ToClient;
            let direction = if to_client { "server_to_client" } else { "client_to_server" };
            notes.text(place(offset, 1, "direction", "direction"), &direction, &"");
            let disabled = header.disables_default_response();
            notes.flag(place(offset, 1, "disable default response", "disable_default_response"), disabled, &"");
            match header.manufacturer() {
                Some(code) => notes.number(place(offset + 1, 2, "manufacturer code", "manufacturer_code"), code, &""),
                None => notes.null(place(offset, 0, "manufacturer code", "manufacturer_code"), &""),
            }
            notes.number(place(end - 2, 1, "transaction sequence number", "tsn"), header.sequence(), &"");
            notes.number(place(end - 1, 1, "command identifier", "command_id"), header.command(), &"");
        });
        let rest = input.rest();
        let whole = |key| place(input.offset(), rest.len(), "ZCL payload", key);
        match Command::from_id(header.command()).filter(|_| header.frame_type() == FrameType::Global) {
            Some(command) => {
                notes.text(place(offset + head - 1, 1, "command", "command"), &command.name(), &"");
                if command == Command::DefaultResponse {
                    notes.object(whole("payload"), |notes| tell_default_response(input, notes));
                } else {
                    notes.array(whole("payload"), |notes| tell_records(Records::new(command, input), notes));
                }
            }
            None => notes.octets(whole("payload"), rest, &""),
        }
    });
    Ok(())
}

fn tell_default_response(input: Input<'_>, notes: &mut Notes<'_, '_>) {
    if let Ok(Some(record)) = Records::new(Command::DefaultResponse, input).next_record()
        && let (Some(command), Some(status)) = (record.command, record.status)
    {
        let place = |at_octet, name, key| at(Layer::Application, record.offset + at_octet, 1, name, key);
        notes.number(place(0, "command", "cmdId"), command, &"");
        notes.number(place(1, "status", "statusCode"), status, &"");
    }
}

/// Records up to the end, or to one that contradicts itself: what is left of the frame then is told when it is read.
fn tell_records(mut records: Records<'_>, notes: &mut Notes<'_, '_>) {
    while let Ok(Some(record)) = records.next_record() {
        let place = |name, key| at(Layer::Application, record.offset, record.octets.len(), name, key);
        notes.object(place("record", Field::ELEMENT), |notes| tell_record(&record, &place, notes));
    }
}

fn tell_record<'k>(record: &Record<'_>, place: &dyn Fn(&'static str, &'k str) -> Place<'k>, notes: &mut Notes<'_, '_>) {
    let numbers: [(&str, &str, Option<u32>); 11] = [
        ("attribute identifier", "attrId", record.attribute.map(u32::from)),
        ("status", "status", record.status.map(u32::from)),
        ("direction", "direction", record.direction.map(u32::from)),
        ("attribute data type", "dataType", record.data_type.map(|of| of.0.into())),
        ("minimum reporting interval", "minRepIntval", record.minimum_interval.map(u32::from)),
        ("maximum reporting interval", "maxRepIntval", record.maximum_interval.map(u32::from)),
        ("timeout period", "timeout", record.timeout.map(u32::from)),
        ("command identifier", "commandId", record.command.map(u32::from)),
        ("maximum", "maximum", record.maximum.map(u32::from)),
        ("attribute access control", "access", record.access.map(u32::from)),
        ("discovery complete", "discComplete", record.complete.map(u32::from)),
    ];
    for (name, key, number) in numbers {
        if let Some(number) = number {
            notes.number(place(name, key), number, &"");
        }
    }
    if let Some(value) = record.value {
        tell_value(value, &|name| place(name, "attrData"), notes);
    }
    if let Some(change) = record.reportable_change {
        tell_value(change, &|name| place(name, "repChange"), notes);
    }
}

fn tell_value<'k>(value: Value<'_>, place: &dyn Fn(&'static str) -> Place<'k>, notes: &mut Notes<'_, '_>) {
    const NAME: &str = "attribute value";
    match value {
        Value::NoValue => notes.null(place(NAME), &"no value"),
        Value::Nothing => notes.null(place(NAME), &""),
        Value::Number(number) => notes.decimal(place(NAME), number, &""),
        Value::Flag(flag) => notes.number(place(NAME), u32::from(flag), &""),
        Value::Bits(bits) => notes.number(place(NAME), bits, &""),
        Value::Code(code) => notes.number(place(NAME), code, &""),
        Value::Octets(octets) | Value::WrongText(octets) => notes.octets(place(NAME), octets, &""),
        Value::Text(text) => notes.text(place(NAME), &text, &""),
        Value::TimeOfDay(time) => notes.octets(place(NAME), &time, &""),
        Value::Date(date) => notes.octets(place(NAME), &date, &""),
        Value::Utc(seconds) => notes.number(place(NAME), seconds, &"seconds since 2000"),
        Value::Address(address) => notes.text(place(NAME), &Eui64(*address), &""),
        Value::Key => notes.text(place(NAME), &"withheld", &""),
        Value::Collection(elements) | Value::Structure(elements) => notes.array(place(NAME), |notes| {
            let element = place(NAME);
            for (_, value) in elements {
                tell_value(value, &|_| Place { key: Field::ELEMENT, ..element }, notes);
            }
        }),
    }
}

/// An extended address as people write it: most significant octet first.
pub(crate) struct Eui64(pub(crate) [u8; 8]);

impl Display for Eui64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:016x}", u64::from_le_bytes(self.0))
    }
}
