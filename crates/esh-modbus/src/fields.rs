//! What each octet of a frame means, in words.

use crate::carrier::Pdu;
use crate::frame::{self, Adu, Mode, tcp};
use crate::function::{ExceptionCode, function_name};
use crate::pdu::{Bits, DeviceIdentification, LAYER, Registers, Request, Response, sub_function_name};
use core::fmt;
use esh_core::note::{Notes, Place, at};
use esh_core::{DecodeError, Field, Reason};

type To<'x, 'n, 'o> = &'x mut Notes<'n, 'o>;

/// What stands in front of a PDU.
pub(crate) fn head(mode: Mode, adu: &Adu<'_>, to: To<'_, '_, '_>) {
    if !to.wanted() {
        return;
    }
    if mode == Mode::Tcp {
        to.number(link(0, 2, "transaction identifier", "transaction"), adu.head.transaction, &"");
        to.number(link(2, 2, "protocol identifier", "protocol"), 0u64, &"Modbus");
        to.number(link(4, 2, "length", "length"), adu.pdu.len() as u64 + 1, &"of unit and PDU");
    }
    let unit = adu.head.unit;
    to.number(link(adu.offset - 1, 1, "unit", "unit"), unit, &unit_meaning(unit));
}

/// What stands behind it.
pub(crate) fn tail(mode: Mode, adu: &Adu<'_>, to: To<'_, '_, '_>) {
    let end = adu.offset + adu.pdu.len();
    match mode {
        Mode::Rtu => to.flag(link(end, 2, "CRC", "crc_ok"), true, &"fits"),
        Mode::Ascii => to.flag(link(end, 1, "LRC", "lrc_ok"), true, &"fits"),
        Mode::Tcp => {}
    }
}

/// What can be said of a frame that is none.
#[cold]
pub(crate) fn refused(mode: Mode, octets: &[u8], error: DecodeError, to: To<'_, '_, '_>) {
    match (mode, octets, error.reason) {
        (Mode::Rtu, [unit, ..], Reason::Checksum { .. }) => {
            to.number(link(0, 1, "unit", "unit"), *unit, &"if this is a frame");
            to.flag(link(error.offset, 2, "CRC", "crc_ok"), false, &"does not fit");
        }
        (Mode::Ascii, _, Reason::Checksum { .. }) => {
            to.flag(link(error.offset, 2, "LRC", "lrc_ok"), false, &"does not fit");
        }
        (Mode::Tcp, [t, u, ..], _) => {
            let transaction = u16::from_be_bytes([*t, *u]);
            to.number(link(0, 2, "transaction identifier", "transaction"), transaction, &"if this is a frame");
            if let Some(unit) = octets.get(tcp::HEADER - 1) {
                to.number(link(tcp::HEADER - 1, 1, "unit", "unit"), *unit, &"if this is a frame");
            }
        }
        _ => {}
    }
}

/// What a PDU says.
pub(crate) fn pdu(adu: &Adu<'_>, pdu: &Pdu<'_>, to: To<'_, '_, '_>) {
    if !to.wanted() {
        return;
    }
    let mut noted = Noted { to, at: adu.offset };
    match pdu {
        Pdu::Request(request) => {
            noted.function(request.function());
            self::request(request, &mut noted);
        }
        Pdu::Response(Response::Exception { function, code }) => {
            noted.to.number(app(noted.at, 1, "function code", "function"), *function, &Refusal(*function));
            let ExceptionCode(code_number) = *code;
            noted.to.number(app(noted.at + 1, 1, "exception code", "exception"), code_number, &code.name());
            noted.to.text(app(noted.at + 1, 1, "exception", "exception_name"), &code.name(), &"");
        }
        Pdu::Response(response) => {
            noted.function(response.function());
            self::response(response, &mut noted);
        }
    }
}

fn request(request: &Request<'_>, noted: &mut Noted<'_, '_, '_>) {
    match *request {
        Request::ReadCoils { address, quantity }
        | Request::ReadDiscreteInputs { address, quantity }
        | Request::ReadHoldingRegisters { address, quantity }
        | Request::ReadInputRegisters { address, quantity } => {
            noted.u16("starting address", "address", address).u16("quantity", "quantity", quantity);
        }
        Request::WriteSingleCoil { address, on } => noted.coil(address, on),
        Request::WriteSingleRegister { address, value } => {
            noted.u16("register address", "address", address).u16("register value", "value", value);
        }
        Request::ReadExceptionStatus
        | Request::GetCommEventCounter
        | Request::GetCommEventLog
        | Request::ReportServerId => {}
        Request::Diagnostics { sub_function, data } => noted.diagnostics(sub_function, data),
        Request::WriteMultipleCoils { address, coils } => {
            noted.u16("starting address", "address", address).u16("quantity", "quantity", coils.len() as u16);
            noted.byte_count(coils.octets().len()).bits("output", coils);
        }
        Request::WriteMultipleRegisters { address, registers } => {
            noted.u16("starting address", "address", address).u16("quantity", "quantity", registers.len() as u16);
            noted.byte_count(registers.octets().len()).registers(registers);
        }
        Request::ReadFileRecord { records } | Request::WriteFileRecord { records } => {
            noted.byte_count(records.octets().len()).octets("sub-requests", "data", records.octets());
        }
        Request::MaskWriteRegister { address, and_mask, or_mask } => noted.mask(address, and_mask, or_mask),
        Request::ReadWriteMultipleRegisters { read_address, read_quantity, write_address, registers } => {
            noted.u16("read starting address", "read_address", read_address);
            noted.u16("quantity to read", "read_quantity", read_quantity);
            noted.u16("write starting address", "write_address", write_address);
            noted.u16("quantity to write", "write_quantity", registers.len() as u16);
            noted.byte_count(registers.octets().len()).registers(registers);
        }
        Request::ReadFifoQueue { address } => {
            noted.u16("FIFO pointer address", "address", address);
        }
        Request::ReadDeviceIdentification { read_code, object_id } => {
            noted.u8("MEI type", "mei", crate::pdu::MEI, &"read device identification");
            noted.u8("read device id code", "read_code", read_code, &read_code_meaning(read_code));
            noted.u8("object id", "object_id", object_id, &object_name(object_id));
        }
    }
}

fn response(response: &Response<'_>, noted: &mut Noted<'_, '_, '_>) {
    match *response {
        Response::ReadCoils { coils: bits } | Response::ReadDiscreteInputs { inputs: bits } => {
            noted.byte_count(bits.octets().len()).bits("bit", bits);
        }
        Response::ReadHoldingRegisters { registers }
        | Response::ReadInputRegisters { registers }
        | Response::ReadWriteMultipleRegisters { registers } => {
            noted.byte_count(registers.octets().len()).registers(registers);
        }
        Response::WriteSingleCoil { address, on } => noted.coil(address, on),
        Response::WriteSingleRegister { address, value } => {
            noted.u16("register address", "address", address).u16("register value", "value", value);
        }
        Response::ReadExceptionStatus { status } => {
            noted.u8("output data", "status", status, &"eight states of the device's own");
        }
        Response::Diagnostics { sub_function, data } => noted.diagnostics(sub_function, data),
        Response::GetCommEventCounter { status, event_count } => {
            noted.status(status).u16("event count", "event_count", event_count);
        }
        Response::GetCommEventLog { status, event_count, message_count, events } => {
            noted.byte_count(events.len() + 6).status(status).u16("event count", "event_count", event_count);
            noted.u16("message count", "message_count", message_count).octets("events", "events", events);
        }
        Response::WriteMultipleCoils { address, quantity } | Response::WriteMultipleRegisters { address, quantity } => {
            noted.u16("starting address", "address", address).u16("quantity", "quantity", quantity);
        }
        Response::ReportServerId { data } => {
            noted.byte_count(data.len()).octets("server ID", "server_id_data", data);
        }
        Response::ReadFileRecord { data } => {
            noted.byte_count(data.octets().len()).octets("sub-responses", "data", data.octets());
        }
        Response::WriteFileRecord { records } => {
            noted.byte_count(records.octets().len()).octets("sub-requests", "data", records.octets());
        }
        Response::MaskWriteRegister { address, and_mask, or_mask } => noted.mask(address, and_mask, or_mask),
        Response::ReadFifoQueue { registers } => {
            noted.u16("byte count", "byte_count", registers.octets().len() as u16 + 2);
            noted.u16("FIFO count", "fifo_count", registers.len() as u16).registers(registers);
        }
        Response::ReadDeviceIdentification(device) => noted.device(&device),
        Response::Exception { .. } => {}
    }
}

/// Fields one after the other: each begins where the last one ended.
struct Noted<'x, 'n, 'o> {
    to: To<'x, 'n, 'o>,
    at: usize,
}

impl Noted<'_, '_, '_> {
    fn function(&mut self, code: u8) {
        self.u8("function code", "function", code, &function_name(code).unwrap_or_default());
    }

    fn u8(&mut self, name: &'static str, key: &str, value: u8, meaning: &dyn fmt::Display) -> &mut Self {
        self.to.number(app(self.at, 1, name, key), value, meaning);
        self.at += 1;
        self
    }

    fn u16(&mut self, name: &'static str, key: &str, value: u16) -> &mut Self {
        self.to.number(app(self.at, 2, name, key), value, &"");
        self.at += 2;
        self
    }

    fn byte_count(&mut self, count: usize) -> &mut Self {
        self.u8("byte count", "byte_count", count as u8, &"")
    }

    fn octets(&mut self, name: &'static str, key: &str, octets: &[u8]) {
        self.to.octets(app(self.at, octets.len(), name, key), octets, &"");
        self.at += octets.len();
    }

    fn status(&mut self, status: u16) -> &mut Self {
        self.to.number(app(self.at, 2, "status", "status"), status, &if status == 0xffff { "busy" } else { "" });
        self.at += 2;
        self
    }

    fn coil(&mut self, address: u16, on: bool) {
        self.u16("output address", "address", address);
        let value: u16 = if on { 0xff00 } else { 0 };
        self.to.number(app(self.at, 2, "output value", "value"), value, &if on { "on" } else { "off" });
        self.to.flag(app(self.at, 0, "coil", "coil"), on, &"");
    }

    fn mask(&mut self, address: u16, and_mask: u16, or_mask: u16) {
        self.u16("reference address", "address", address);
        self.u16("AND mask", "and_mask", and_mask).u16("OR mask", "or_mask", or_mask);
    }

    fn diagnostics(&mut self, sub_function: u16, data: &[u8]) {
        let name = sub_function_name(sub_function).unwrap_or("reserved");
        self.to.number(app(self.at, 2, "sub-function", "sub_function"), sub_function, &name);
        self.at += 2;
        self.octets("data", "data", data);
    }

    fn registers(&mut self, registers: Registers<'_>) {
        let at = self.at;
        self.to.array(app(at, registers.octets().len(), "registers", "registers"), |to| {
            for (place, register) in registers.iter().enumerate() {
                to.number(app(at + 2 * place, 2, "register", Field::ELEMENT), register, &"");
            }
        });
        self.at += registers.octets().len();
    }

    fn bits(&mut self, name: &'static str, bits: Bits<'_>) {
        let at = self.at;
        self.to.array(app(at, bits.octets().len(), "bits", "bits"), |to| {
            for (place, bit) in bits.iter().enumerate() {
                to.number(app(at + place / 8, usize::from(place % 8 == 0), name, Field::ELEMENT), bit, &"");
            }
        });
        self.at += bits.octets().len();
    }

    fn device(&mut self, device: &DeviceIdentification<'_>) {
        self.u8("MEI type", "mei", crate::pdu::MEI, &"read device identification");
        self.u8("read device id code", "read_code", device.read_code, &read_code_meaning(device.read_code));
        let single = if device.conformity & 0x80 == 0 { "by streams only" } else { "by streams and one by one" };
        self.u8("conformity level", "conformity", device.conformity, &single);
        self.u8("more follows", "more_follows", if device.more_follows { 0xff } else { 0 }, &"");
        self.u8("next object id", "next_object_id", device.next_object_id, &"");
        self.u8("number of objects", "object_count", device.count, &"");
        let mut place = self.at;
        self.to.array(app(place, device.octets().len(), "objects", "objects"), |to| {
            for object in device.objects() {
                to.object(app(place, 2 + object.value.len(), "object", Field::ELEMENT), |to| {
                    to.number(app(place, 1, "object id", "id"), object.id, &object_name(object.id));
                    to.number(app(place + 1, 1, "object length", ""), object.value.len() as u64, &"");
                    let text = core::str::from_utf8(object.value).unwrap_or_default();
                    to.octets(app(place + 2, object.value.len(), "object value", "value"), object.value, &text);
                });
                place += 2 + object.value.len();
            }
        });
        self.at = place;
    }
}

const fn link<'a>(offset: usize, len: usize, name: &'static str, key: &'a str) -> Place<'a> {
    at(frame::LAYER, offset, len, name, key)
}

const fn app<'a>(offset: usize, len: usize, name: &'static str, key: &'a str) -> Place<'a> {
    at(LAYER, offset, len, name, key)
}

/// The function that a server refuses.
struct Refusal(u8);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {}", function_name(self.0).unwrap_or("a function that is not public"))
    }
}

const fn unit_meaning(unit: u8) -> &'static str {
    match unit {
        0 => "all servers",
        248..=254 => "reserved on a serial line",
        255 => "the server at the TCP address",
        _ => "",
    }
}

const fn read_code_meaning(code: u8) -> &'static str {
    match code {
        1 => "basic",
        2 => "regular",
        3 => "extended",
        _ => "one object",
    }
}

const fn object_name(id: u8) -> &'static str {
    match id {
        0 => "vendor name",
        1 => "product code",
        2 => "major minor revision",
        3 => "vendor URL",
        4 => "product name",
        5 => "model name",
        6 => "user application name",
        0x80.. => "the maker's own",
        _ => "reserved",
    }
}
