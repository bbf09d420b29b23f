//! Function codes — MODBUS application protocol V1.1b3, clause 5.1 — and exception codes, clause 7.

/// What a public function is called; the rest of the crate knows it by its code.
const FUNCTIONS: &[(u8, &str)] = &[
    (READ_COILS, "read coils"),
    (READ_DISCRETE_INPUTS, "read discrete inputs"),
    (READ_HOLDING_REGISTERS, "read holding registers"),
    (READ_INPUT_REGISTERS, "read input registers"),
    (WRITE_SINGLE_COIL, "write single coil"),
    (WRITE_SINGLE_REGISTER, "write single register"),
    (READ_EXCEPTION_STATUS, "read exception status"),
    (DIAGNOSTICS, "diagnostics"),
    (GET_COMM_EVENT_COUNTER, "get comm event counter"),
    (GET_COMM_EVENT_LOG, "get comm event log"),
    (WRITE_MULTIPLE_COILS, "write multiple coils"),
    (WRITE_MULTIPLE_REGISTERS, "write multiple registers"),
    (REPORT_SERVER_ID, "report server ID"),
    (READ_FILE_RECORD, "read file record"),
    (WRITE_FILE_RECORD, "write file record"),
    (MASK_WRITE_REGISTER, "mask write register"),
    (READ_WRITE_MULTIPLE_REGISTERS, "read/write multiple registers"),
    (READ_FIFO_QUEUE, "read FIFO queue"),
    (ENCAPSULATED_INTERFACE, "encapsulated interface transport"),
];

pub(crate) const READ_COILS: u8 = 0x01;
pub(crate) const READ_DISCRETE_INPUTS: u8 = 0x02;
pub(crate) const READ_HOLDING_REGISTERS: u8 = 0x03;
pub(crate) const READ_INPUT_REGISTERS: u8 = 0x04;
pub(crate) const WRITE_SINGLE_COIL: u8 = 0x05;
pub(crate) const WRITE_SINGLE_REGISTER: u8 = 0x06;
pub(crate) const READ_EXCEPTION_STATUS: u8 = 0x07;
pub(crate) const DIAGNOSTICS: u8 = 0x08;
pub(crate) const GET_COMM_EVENT_COUNTER: u8 = 0x0b;
pub(crate) const GET_COMM_EVENT_LOG: u8 = 0x0c;
pub(crate) const WRITE_MULTIPLE_COILS: u8 = 0x0f;
pub(crate) const WRITE_MULTIPLE_REGISTERS: u8 = 0x10;
pub(crate) const REPORT_SERVER_ID: u8 = 0x11;
pub(crate) const READ_FILE_RECORD: u8 = 0x14;
pub(crate) const WRITE_FILE_RECORD: u8 = 0x15;
pub(crate) const MASK_WRITE_REGISTER: u8 = 0x16;
pub(crate) const READ_WRITE_MULTIPLE_REGISTERS: u8 = 0x17;
pub(crate) const READ_FIFO_QUEUE: u8 = 0x18;
pub(crate) const ENCAPSULATED_INTERFACE: u8 = 0x2b;

/// The bit that a server sets in the function code of an exception.
pub(crate) const EXCEPTION: u8 = 0x80;

/// The name of a public function, in the words of the specification.
#[must_use]
pub fn function_name(code: u8) -> Option<&'static str> {
    FUNCTIONS.iter().find(|(of, _)| *of == code).map(|(_, name)| *name)
}

/// Why a server refuses, clause 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExceptionCode(pub u8);

impl ExceptionCode {
    /// The function is not one of the server's.
    pub const ILLEGAL_FUNCTION: Self = Self(1);
    /// The server has no such address, or not so many behind it.
    pub const ILLEGAL_DATA_ADDRESS: Self = Self(2);
    /// A value of the request is not allowed.
    pub const ILLEGAL_DATA_VALUE: Self = Self(3);
    /// The server failed.
    pub const SERVER_DEVICE_FAILURE: Self = Self(4);
    /// The server has begun and needs long.
    pub const ACKNOWLEDGE: Self = Self(5);
    /// The server is at something long.
    pub const SERVER_DEVICE_BUSY: Self = Self(6);
    /// An extended file record failed its check.
    pub const MEMORY_PARITY_ERROR: Self = Self(8);
    /// A gateway has no way to the device.
    pub const GATEWAY_PATH_UNAVAILABLE: Self = Self(10);
    /// The device behind a gateway did not answer.
    pub const GATEWAY_TARGET_FAILED: Self = Self(11);

    /// Its name, as it stands in a report; `unknown` for one that no edition defines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            1 => "illegal_function",
            2 => "illegal_data_address",
            3 => "illegal_data_value",
            4 => "server_device_failure",
            5 => "acknowledge",
            6 => "server_device_busy",
            // Of the editions before V1.1, still sent.
            7 => "negative_acknowledge",
            8 => "memory_parity_error",
            10 => "gateway_path_unavailable",
            11 => "gateway_target_failed",
            _ => "unknown",
        }
    }

    /// Whether an edition of the specification defines it.
    #[must_use]
    pub const fn is_defined(self) -> bool {
        matches!(self.0, 1..=8 | 10 | 11)
    }

    /// Whether the same request may be answered later.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        matches!(self.0, 5 | 6 | 10 | 11)
    }

    /// Whether it is about what was asked, so that asking for less may help.
    #[must_use]
    pub const fn is_about_addresses(self) -> bool {
        matches!(self.0, 2 | 3)
    }
}
