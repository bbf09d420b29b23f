//! The general commands, ZCL 07-5123, clause 2.5: what every cluster understands.

use super::{DataType, Value};
use esh_core::{DecodeError, Input};

/// A general command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum Command {
    ReadAttributes,
    ReadAttributesResponse,
    WriteAttributes,
    WriteAttributesUndivided,
    WriteAttributesResponse,
    WriteAttributesNoResponse,
    ConfigureReporting,
    ConfigureReportingResponse,
    ReadReportingConfiguration,
    ReadReportingConfigurationResponse,
    ReportAttributes,
    DefaultResponse,
    DiscoverAttributes,
    DiscoverAttributesResponse,
    ReadAttributesStructured,
    WriteAttributesStructured,
    WriteAttributesStructuredResponse,
    DiscoverCommandsReceived,
    DiscoverCommandsReceivedResponse,
    DiscoverCommandsGenerated,
    DiscoverCommandsGeneratedResponse,
    DiscoverAttributesExtended,
    DiscoverAttributesExtendedResponse,
}

/// Identifier, command, the short name that tools show.
const COMMANDS: &[(u8, Command, &str)] = &[
    (0x00, Command::ReadAttributes, "read"),
    (0x01, Command::ReadAttributesResponse, "readRsp"),
    (0x02, Command::WriteAttributes, "write"),
    (0x03, Command::WriteAttributesUndivided, "writeUndiv"),
    (0x04, Command::WriteAttributesResponse, "writeRsp"),
    (0x05, Command::WriteAttributesNoResponse, "writeNoRsp"),
    (0x06, Command::ConfigureReporting, "configReport"),
    (0x07, Command::ConfigureReportingResponse, "configReportRsp"),
    (0x08, Command::ReadReportingConfiguration, "readReportConfig"),
    (0x09, Command::ReadReportingConfigurationResponse, "readReportConfigRsp"),
    (0x0a, Command::ReportAttributes, "report"),
    (0x0b, Command::DefaultResponse, "defaultRsp"),
    (0x0c, Command::DiscoverAttributes, "discover"),
    (0x0d, Command::DiscoverAttributesResponse, "discoverRsp"),
    (0x0e, Command::ReadAttributesStructured, "readStructured"),
    (0x0f, Command::WriteAttributesStructured, "writeStructured"),
    (0x10, Command::WriteAttributesStructuredResponse, "writeStructuredRsp"),
    (0x11, Command::DiscoverCommandsReceived, "discoverCommands"),
    (0x12, Command::DiscoverCommandsReceivedResponse, "discoverCommandsRsp"),
    (0x13, Command::DiscoverCommandsGenerated, "discoverCommandsGen"),
    (0x14, Command::DiscoverCommandsGeneratedResponse, "discoverCommandsGenRsp"),
    (0x15, Command::DiscoverAttributesExtended, "discoverExt"),
    (0x16, Command::DiscoverAttributesExtendedResponse, "discoverExtRsp"),
];

impl Command {
    /// The command of that identifier; `None` for one that is reserved.
    #[must_use]
    pub fn from_id(id: u8) -> Option<Self> {
        COMMANDS.get(usize::from(id)).map(|(_, command, _)| *command)
    }

    /// Its short name.
    #[must_use]
    pub fn name(self) -> &'static str {
        COMMANDS.iter().find(|(_, command, _)| *command == self).map_or("", |(.., name)| name)
    }
}

/// One record of a general command: the fields it has, and no others.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Record<'a> {
    /// `status`: 0 is success.
    pub status: Option<u8>,
    /// `direction`: 0 to the client's reports, 1 to those it receives.
    pub direction: Option<u8>,
    /// The attribute.
    pub attribute: Option<u16>,
    /// The type of its value.
    pub data_type: Option<DataType>,
    /// Its value.
    pub value: Option<Value<'a>>,
    /// The shortest interval of reports, in seconds.
    pub minimum_interval: Option<u16>,
    /// The longest interval of reports, in seconds; 0xffff for no reports.
    pub maximum_interval: Option<u16>,
    /// The change that calls for a report.
    pub reportable_change: Option<Value<'a>>,
    /// How long reports may stay away, in seconds.
    pub timeout: Option<u16>,
    /// A command.
    pub command: Option<u8>,
    /// How many are asked for.
    pub maximum: Option<u8>,
    /// Whether nothing more is to be discovered.
    pub complete: Option<bool>,
    /// Access: 1 read, 2 write, 4 report.
    pub access: Option<u8>,
    /// Which element of a structure is meant.
    pub selector: &'a [u8],
    /// The octet of the frame where the value begins.
    pub value_offset: usize,
    /// The octets of the record.
    pub octets: &'a [u8],
    /// The octet of the frame where the record begins.
    pub offset: usize,
}

/// The records of a general command, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a> {
    command: Command,
    input: Input<'a>,
    first: bool,
}

impl<'a> Records<'a> {
    /// Those of the payload of a command.
    #[must_use]
    pub const fn new(command: Command, payload: Input<'a>) -> Self {
        Self { command, input: payload, first: true }
    }

    /// What is still to be read.
    #[must_use]
    pub const fn rest(&self) -> Input<'a> {
        self.input
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// When it is cut off, or its type is not defined.
    pub fn next_record(&mut self) -> Result<Option<Record<'a>>, DecodeError> {
        if self.input.is_empty() {
            return Ok(None);
        }
        let start = self.input;
        let first = core::mem::replace(&mut self.first, false);
        let mut record = Record { offset: start.offset(), ..Record::default() };
        read(self.command, &mut self.input, first, &mut record)?;
        record.octets = start.rest().get(..start.len() - self.input.len()).unwrap_or_default();
        Ok(Some(record))
    }
}

/// An attribute and its value, as a report or the answer to a read tells it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reported<'a> {
    /// The attribute.
    pub attribute: u16,
    /// The type of its value.
    pub data_type: DataType,
    /// The octets of its value, which are all there.
    pub value_octets: &'a [u8],
    /// The octets of its record.
    pub octets: &'a [u8],
    /// The octet of the frame where the record begins.
    pub offset: usize,
}

impl<'a> Reported<'a> {
    /// Its value.
    #[must_use]
    #[inline]
    pub fn value(&self) -> Value<'a> {
        self.data_type.value_of(self.value_octets)
    }
}

/// The attributes of a report, or of the answer to a read, one after the other: what [`Records`] tells of them, for who
/// wants values alone. An attribute that could not be read is left out.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    input: Input<'a>,
    with_status: bool,
}

impl<'a> Attributes<'a> {
    /// Those of the payload of a command; `None` where the command tells none.
    #[must_use]
    pub const fn new(command: Command, payload: Input<'a>) -> Option<Self> {
        let with_status = match command {
            Command::ReportAttributes => false,
            Command::ReadAttributesResponse => true,
            _ => return None,
        };
        Some(Self { input: payload, with_status })
    }

    /// What is still to be read.
    #[must_use]
    pub const fn rest(&self) -> Input<'a> {
        self.input
    }

    /// The next attribute; `None` at the end.
    ///
    /// # Errors
    /// When it is cut off, or its type is not defined. What is still to be read then begins with it.
    #[inline]
    pub fn next_attribute(&mut self) -> Result<Option<Reported<'a>>, DecodeError> {
        while !self.input.is_empty() {
            let start = self.input;
            let mut input = start;
            let attribute = input.u16_le("attribute identifier")?;
            if self.with_status && input.u8("status")? != 0 {
                self.input = input;
                continue;
            }
            let data_type = DataType(input.u8("attribute data type")?);
            let value_octets = data_type.take(&mut input)?;
            self.input = input;
            return Ok(Some(Reported {
                attribute,
                data_type,
                value_octets,
                octets: start.rest().get(..start.len() - input.len()).unwrap_or_default(),
                offset: start.offset(),
            }));
        }
        Ok(None)
    }
}

fn read<'a>(command: Command, input: &mut Input<'a>, first: bool, record: &mut Record<'a>) -> Result<(), DecodeError> {
    const STATUS: &str = "status";
    const ATTRIBUTE: &str = "attribute identifier";
    match command {
        Command::ReadAttributes => record.attribute = Some(input.u16_le(ATTRIBUTE)?),
        Command::ReadAttributesResponse => {
            record.attribute = Some(input.u16_le(ATTRIBUTE)?);
            record.status = Some(input.u8(STATUS)?);
            if record.status == Some(0) {
                typed_value(input, record)?;
            }
        }
        Command::WriteAttributes
        | Command::WriteAttributesUndivided
        | Command::WriteAttributesNoResponse
        | Command::ReportAttributes => {
            record.attribute = Some(input.u16_le(ATTRIBUTE)?);
            typed_value(input, record)?;
        }
        Command::WriteAttributesResponse => {
            record.status = Some(input.u8(STATUS)?);
            // All went well: one status for all, and no attribute.
            if !(first && record.status == Some(0) && input.is_empty()) {
                record.attribute = Some(input.u16_le(ATTRIBUTE)?);
            }
        }
        Command::ConfigureReporting => reporting(input, record)?,
        Command::ConfigureReportingResponse => {
            record.status = Some(input.u8(STATUS)?);
            if !(first && record.status == Some(0) && input.is_empty()) {
                record.direction = Some(input.u8("direction")?);
                record.attribute = Some(input.u16_le(ATTRIBUTE)?);
            }
        }
        Command::ReadReportingConfiguration => {
            record.direction = Some(input.u8("direction")?);
            record.attribute = Some(input.u16_le(ATTRIBUTE)?);
        }
        Command::ReadReportingConfigurationResponse => {
            record.status = Some(input.u8(STATUS)?);
            if record.status == Some(0) {
                reporting(input, record)?;
            } else {
                record.direction = Some(input.u8("direction")?);
                record.attribute = Some(input.u16_le(ATTRIBUTE)?);
            }
        }
        Command::DefaultResponse => {
            record.command = Some(input.u8("command identifier")?);
            record.status = Some(input.u8(STATUS)?);
        }
        Command::DiscoverAttributes | Command::DiscoverAttributesExtended => {
            record.attribute = Some(input.u16_le(ATTRIBUTE)?);
            record.maximum = Some(input.u8("maximum attribute identifiers")?);
        }
        Command::DiscoverAttributesResponse | Command::DiscoverAttributesExtendedResponse => {
            if first {
                record.complete = Some(input.u8("discovery complete")? != 0);
            }
            if !input.is_empty() {
                record.attribute = Some(input.u16_le(ATTRIBUTE)?);
                record.data_type = Some(DataType(input.u8("attribute data type")?));
                if command == Command::DiscoverAttributesExtendedResponse {
                    record.access = Some(input.u8("attribute access control")?);
                }
            }
        }
        Command::ReadAttributesStructured => {
            record.attribute = Some(input.u16_le(ATTRIBUTE)?);
            selector(input, record)?;
        }
        Command::WriteAttributesStructured => {
            record.attribute = Some(input.u16_le(ATTRIBUTE)?);
            selector(input, record)?;
            typed_value(input, record)?;
        }
        Command::WriteAttributesStructuredResponse => {
            record.status = Some(input.u8(STATUS)?);
            if !(first && record.status == Some(0) && input.is_empty()) {
                record.attribute = Some(input.u16_le(ATTRIBUTE)?);
                selector(input, record)?;
            }
        }
        Command::DiscoverCommandsReceived | Command::DiscoverCommandsGenerated => {
            record.command = Some(input.u8("start command identifier")?);
            record.maximum = Some(input.u8("maximum command identifiers")?);
        }
        Command::DiscoverCommandsReceivedResponse | Command::DiscoverCommandsGeneratedResponse => {
            if first {
                record.complete = Some(input.u8("discovery complete")? != 0);
            }
            if !input.is_empty() {
                record.command = Some(input.u8("command identifier")?);
            }
        }
    }
    Ok(())
}

#[inline]
fn typed_value<'a>(input: &mut Input<'a>, record: &mut Record<'a>) -> Result<(), DecodeError> {
    let data_type = DataType(input.u8("attribute data type")?);
    record.data_type = Some(data_type);
    record.value_offset = input.offset();
    record.value = Some(data_type.read(input)?);
    Ok(())
}

fn reporting<'a>(input: &mut Input<'a>, record: &mut Record<'a>) -> Result<(), DecodeError> {
    let direction = input.u8("direction")?;
    record.direction = Some(direction);
    record.attribute = Some(input.u16_le("attribute identifier")?);
    if direction == 0 {
        let data_type = DataType(input.u8("attribute data type")?);
        record.data_type = Some(data_type);
        record.minimum_interval = Some(input.u16_le("minimum reporting interval")?);
        record.maximum_interval = Some(input.u16_le("maximum reporting interval")?);
        if data_type.is_analog() {
            record.reportable_change = Some(data_type.read(input)?);
        }
    } else {
        record.timeout = Some(input.u16_le("timeout period")?);
    }
    Ok(())
}

/// ZCL, clause 2.5.15.1.3: how many indices, then those.
fn selector<'a>(input: &mut Input<'a>, record: &mut Record<'a>) -> Result<(), DecodeError> {
    let indices = input.u8("selector")? & 0x0f;
    record.selector = input.take("selector indices", usize::from(indices) * 2)?;
    Ok(())
}
