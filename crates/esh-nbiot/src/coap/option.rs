//! The options of CoAP, RFC 7252, clause 5.10, and its successors.

/// One option of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoapOption<'a> {
    /// Its number.
    pub number: u16,
    /// Its value.
    pub value: &'a [u8],
}

impl<'a> CoapOption<'a> {
    /// Whether a message with it must be refused by whoever does not know it; RFC 7252, clause 5.4.1.
    #[must_use]
    pub const fn is_critical(self) -> bool {
        self.number & 1 == 1
    }

    /// Whether a proxy that does not know it must not forward it; RFC 7252, clause 5.4.2.
    #[must_use]
    pub const fn is_unsafe(self) -> bool {
        self.number & 2 == 2
    }

    /// What is known of it; `None` for a number nobody here has heard of.
    #[must_use]
    pub fn definition(self) -> Option<&'static Definition> {
        OPTIONS.iter().find(|definition| definition.number == self.number)
    }

    /// Its value as an unsigned number without leading zeros; RFC 7252, clause 3.2. `None` beyond 8 octets.
    #[must_use]
    pub fn uint(self) -> Option<u64> {
        (self.value.len() <= 8).then(|| self.value.iter().fold(0, |number, octet| number << 8 | u64::from(*octet)))
    }

    /// Its value as text; `None` when it is no UTF-8.
    #[must_use]
    pub fn text(self) -> Option<&'a str> {
        core::str::from_utf8(self.value).ok()
    }

    /// Whether its value has a length that its definition allows. An elective option whose value has not is to be
    /// treated like an unknown one; RFC 7252, clause 5.4.3.
    #[must_use]
    pub fn has_good_length(self) -> bool {
        self.definition().is_none_or(|is| (is.min..=is.max).contains(&(self.value.len() as u16)))
    }
}

/// What the value of an option is; RFC 7252, clause 3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueFormat {
    /// Nothing.
    Empty,
    /// Octets.
    Opaque,
    /// An unsigned number.
    Uint,
    /// UTF-8 text.
    Text,
}

/// What is known of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its number.
    pub number: u16,
    /// Its name.
    pub name: &'static str,
    /// What its value is.
    pub format: ValueFormat,
    /// The fewest octets of its value.
    pub min: u16,
    /// The most octets of its value.
    pub max: u16,
    /// Whether it may stand in a message more than once.
    pub repeatable: bool,
}

macro_rules! options {
    ($($const:ident $number:literal $name:literal $format:ident $min:literal $max:literal $repeatable:literal,)*) => {
        /// The numbers of the options.
        #[allow(missing_docs, reason = "the name is the documentation")]
        pub mod number {
            $(pub const $const: u16 = $number;)*
        }

        /// Every option known here.
        pub const OPTIONS: &[Definition] = &[
            $(Definition {
                number: $number, name: $name, format: ValueFormat::$format, min: $min, max: $max, repeatable: $repeatable,
            },)*
        ];
    };
}

// constant, number, name, format, fewest and most octets, repeatable
options! {
    IF_MATCH 1 "If-Match" Opaque 0 8 true,
    URI_HOST 3 "Uri-Host" Text 1 255 false,
    ETAG 4 "ETag" Opaque 1 8 true,
    IF_NONE_MATCH 5 "If-None-Match" Empty 0 0 false,
    OBSERVE 6 "Observe" Uint 0 3 false,
    URI_PORT 7 "Uri-Port" Uint 0 2 false,
    LOCATION_PATH 8 "Location-Path" Text 0 255 true,
    OSCORE 9 "OSCORE" Opaque 0 255 false,
    URI_PATH 11 "Uri-Path" Text 0 255 true,
    CONTENT_FORMAT 12 "Content-Format" Uint 0 2 false,
    MAX_AGE 14 "Max-Age" Uint 0 4 false,
    URI_QUERY 15 "Uri-Query" Text 0 255 true,
    HOP_LIMIT 16 "Hop-Limit" Uint 1 1 false,
    ACCEPT 17 "Accept" Uint 0 2 false,
    Q_BLOCK1 19 "Q-Block1" Uint 0 3 false,
    LOCATION_QUERY 20 "Location-Query" Text 0 255 true,
    EDHOC 21 "EDHOC" Empty 0 0 false,
    BLOCK2 23 "Block2" Uint 0 3 false,
    BLOCK1 27 "Block1" Uint 0 3 false,
    SIZE2 28 "Size2" Uint 0 4 false,
    Q_BLOCK2 31 "Q-Block2" Uint 0 3 true,
    PROXY_URI 35 "Proxy-Uri" Text 1 1034 false,
    PROXY_SCHEME 39 "Proxy-Scheme" Text 1 255 false,
    SIZE1 60 "Size1" Uint 0 4 false,
    ECHO 252 "Echo" Opaque 1 40 false,
    NO_RESPONSE 258 "No-Response" Uint 0 1 false,
    REQUEST_TAG 292 "Request-Tag" Opaque 0 8 true,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_a_number_tells_what_an_option_is() {
        assert!(OPTIONS.is_sorted_by(|a, b| a.number < b.number));
        let option = |number, value| CoapOption { number, value };
        assert!(option(number::URI_PATH, b"rd").is_critical() && option(number::URI_PATH, b"rd").is_unsafe());
        assert!(!option(number::CONTENT_FORMAT, b"").is_critical());
        assert_eq!(option(number::CONTENT_FORMAT, b"\x2d\x16").uint(), Some(11542));
        assert_eq!(option(number::CONTENT_FORMAT, b"").uint(), Some(0));
        assert!(!option(number::BLOCK1, b"\0\0\0\x08").has_good_length());
        assert!(option(65_001, b"").definition().is_none());
    }
}
