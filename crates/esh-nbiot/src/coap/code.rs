//! Method and response codes, RFC 7252, clause 12.1, and its successors.

use core::fmt;

/// A code: a class in three bits and a detail in five.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub u8);

impl Code {
    /// Its class: 0 for requests, 2 for success, 4 and 5 for errors.
    #[must_use]
    pub const fn class(self) -> u8 {
        self.0 >> 5
    }

    /// Its detail.
    #[must_use]
    pub const fn detail(self) -> u8 {
        self.0 & 0x1f
    }

    /// The code of that class and detail.
    #[must_use]
    pub const fn new(class: u8, detail: u8) -> Self {
        Self(class << 5 | detail & 0x1f)
    }

    /// Whether it is a request.
    #[must_use]
    pub const fn is_request(self) -> bool {
        self.class() == 0 && self.0 != 0
    }

    /// Its name; empty for a code that is not assigned.
    #[must_use]
    pub fn name(self) -> &'static str {
        CODES.iter().find(|(code, _)| *code == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.class(), self.detail())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

macro_rules! codes {
    ($($const:ident $class:literal $detail:literal $name:literal,)*) => {
        #[allow(missing_docs, reason = "the name is the documentation")]
        impl Code {
            $(pub const $const: Self = Self::new($class, $detail);)*
        }

        const CODES: &[(Code, &str)] = &[$((Code::$const, $name),)*];
    };
}

codes! {
    EMPTY 0 0 "Empty",
    GET 0 1 "GET",
    POST 0 2 "POST",
    PUT 0 3 "PUT",
    DELETE 0 4 "DELETE",
    FETCH 0 5 "FETCH",
    PATCH 0 6 "PATCH",
    IPATCH 0 7 "iPATCH",
    CREATED 2 1 "Created",
    DELETED 2 2 "Deleted",
    VALID 2 3 "Valid",
    CHANGED 2 4 "Changed",
    CONTENT 2 5 "Content",
    CONTINUE 2 31 "Continue",
    BAD_REQUEST 4 0 "Bad Request",
    UNAUTHORIZED 4 1 "Unauthorized",
    BAD_OPTION 4 2 "Bad Option",
    FORBIDDEN 4 3 "Forbidden",
    NOT_FOUND 4 4 "Not Found",
    METHOD_NOT_ALLOWED 4 5 "Method Not Allowed",
    NOT_ACCEPTABLE 4 6 "Not Acceptable",
    REQUEST_ENTITY_INCOMPLETE 4 8 "Request Entity Incomplete",
    CONFLICT 4 9 "Conflict",
    PRECONDITION_FAILED 4 12 "Precondition Failed",
    REQUEST_ENTITY_TOO_LARGE 4 13 "Request Entity Too Large",
    UNSUPPORTED_CONTENT_FORMAT 4 15 "Unsupported Content-Format",
    UNPROCESSABLE_ENTITY 4 22 "Unprocessable Entity",
    TOO_MANY_REQUESTS 4 29 "Too Many Requests",
    INTERNAL_SERVER_ERROR 5 0 "Internal Server Error",
    NOT_IMPLEMENTED 5 1 "Not Implemented",
    BAD_GATEWAY 5 2 "Bad Gateway",
    SERVICE_UNAVAILABLE 5 3 "Service Unavailable",
    GATEWAY_TIMEOUT 5 4 "Gateway Timeout",
    PROXYING_NOT_SUPPORTED 5 5 "Proxying Not Supported",
    HOP_LIMIT_REACHED 5 8 "Hop Limit Reached",
}
