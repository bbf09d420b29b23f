//! JSON text, written straight into a buffer of the caller.

use alloc::vec::Vec;
use core::fmt;

/// Writes JSON into a buffer that the caller reuses: no tree, no allocation beyond the buffer's growth.
///
/// It writes what it is told, in the order it is told; commas are its own business.
#[derive(Debug)]
pub struct Json<'b> {
    buffer: &'b mut Vec<u8>,
    comma: bool,
}

impl<'b> Json<'b> {
    /// Appends to a buffer.
    #[must_use]
    pub const fn new(buffer: &'b mut Vec<u8>) -> Self {
        Self { buffer, comma: false }
    }

    /// `{`, what `members` writes, `}`.
    pub fn object(&mut self, members: impl FnOnce(&mut Self)) {
        self.separate();
        self.open(b'{');
        members(self);
        self.close(b'}');
    }

    /// `[`, what `elements` writes, `]`.
    pub fn array(&mut self, elements: impl FnOnce(&mut Self)) {
        self.separate();
        self.open(b'[');
        elements(self);
        self.close(b']');
    }

    /// Begins an object or array that [`Self::close`] ends.
    pub fn open(&mut self, bracket: u8) {
        self.buffer.push(bracket);
        self.comma = false;
    }

    /// Ends what [`Self::open`] began.
    pub fn close(&mut self, bracket: u8) {
        self.buffer.push(bracket);
        self.comma = true;
    }

    /// The name of a member, which needs no escapes; its value is to follow.
    #[inline]
    pub fn key(&mut self, name: &str) -> &mut Self {
        self.separate();
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(name.as_bytes());
        self.buffer.extend_from_slice(b"\":");
        self.comma = false;
        self
    }

    /// A word that needs no escapes.
    #[inline]
    pub fn word(&mut self, word: &str) {
        self.separate();
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(word.as_bytes());
        self.buffer.push(b'"');
    }

    /// A text, escaped as needed.
    pub fn text(&mut self, text: &str) {
        self.separate();
        self.buffer.push(b'"');
        text.chars().for_each(|character| self.escape(character));
        self.buffer.push(b'"');
    }

    /// What something displays, escaped as needed.
    pub fn display(&mut self, value: &(impl fmt::Display + ?Sized)) {
        self.separate();
        self.buffer.push(b'"');
        // Writing into a buffer that grows cannot fail.
        let _ = fmt::Write::write_fmt(&mut Escaped(self), format_args!("{value}"));
        self.buffer.push(b'"');
    }

    /// Octets in lower-case hexadecimal.
    pub fn hex(&mut self, octets: &[u8]) {
        self.separate();
        self.buffer.reserve(octets.len() * 2 + 2);
        self.buffer.push(b'"');
        // Four octets are eight digits in one word: most of a report is the frame's hexadecimal.
        let (fours, rest) = octets.as_chunks::<4>();
        for four in fours {
            self.buffer.extend_from_slice(&hex_digits(u32::from_be_bytes(*four)));
        }
        for octet in rest {
            self.buffer.extend_from_slice(&[hex_digit(octet >> 4), hex_digit(*octet)]);
        }
        self.buffer.push(b'"');
    }

    /// Text that is JSON already: a number or a whole value.
    #[inline]
    pub fn raw(&mut self, json: &[u8]) {
        self.separate();
        self.buffer.extend_from_slice(json);
    }

    /// A whole number.
    #[inline]
    pub fn number(&mut self, number: u64) {
        self.separate();
        if number < 10 {
            self.buffer.push(b'0' + number as u8);
            return;
        }
        let mut digits = [0u8; 20];
        let mut rest = number;
        let mut at = digits.len();
        for slot in digits.iter_mut().rev() {
            *slot = b'0' + (rest % 10) as u8;
            at -= 1;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.buffer.extend_from_slice(digits.get(at..).unwrap_or_default());
    }

    /// A whole number with a sign.
    pub fn signed(&mut self, number: i64) {
        self.separate();
        self.comma = false;
        if number < 0 {
            self.buffer.push(b'-');
        }
        self.number(number.unsigned_abs());
    }

    /// `true` or `false`.
    pub fn flag(&mut self, flag: bool) {
        self.raw(if flag { b"true" } else { b"false" });
    }

    /// `null`.
    pub fn null(&mut self) {
        self.raw(b"null");
    }

    #[inline]
    fn separate(&mut self) {
        if self.comma {
            self.buffer.push(b',');
        }
        self.comma = true;
    }

    fn escape(&mut self, character: char) {
        match character {
            '"' => self.buffer.extend_from_slice(b"\\\""),
            '\\' => self.buffer.extend_from_slice(b"\\\\"),
            '\n' => self.buffer.extend_from_slice(b"\\n"),
            '\r' => self.buffer.extend_from_slice(b"\\r"),
            '\t' => self.buffer.extend_from_slice(b"\\t"),
            '\u{8}' => self.buffer.extend_from_slice(b"\\b"),
            '\u{c}' => self.buffer.extend_from_slice(b"\\f"),
            '\0'..='\u{1f}' => {
                let code = character as u8;
                self.buffer.extend_from_slice(b"\\u00");
                self.buffer.extend_from_slice(&[hex_digit(code >> 4), hex_digit(code)]);
            }
            _ => self.buffer.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// The eight digits of four octets, the first octet in the top bits.
#[inline]
const fn hex_digits(octets: u32) -> [u8; 8] {
    // Spread the nibbles, one to a byte, then turn each into its digit without a branch: '0' + n, and 39 more from 10 on.
    let mut word = octets as u64;
    word = (word | word << 16) & 0x0000_ffff_0000_ffff;
    word = (word | word << 8) & 0x00ff_00ff_00ff_00ff;
    word = (word | word << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = (word + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    (word + 0x3030_3030_3030_3030 + letters * 39).to_be_bytes()
}

/// The digit of the low four bits.
#[inline]
pub(crate) const fn hex_digit(nibble: u8) -> u8 {
    match nibble & 15 {
        digit @ 0..=9 => b'0' + digit,
        letter => b'a' - 10 + letter,
    }
}

struct Escaped<'j, 'b>(&'j mut Json<'b>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().for_each(|character| self.0.escape(character));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "serde")]
    #[test]
    fn every_character_is_escaped_as_serde_json_does_it() {
        for character in ('\0'..='\u{ff}').chain(['\u{2028}', '\u{1f600}']) {
            let text = std::string::String::from(character);
            let mut buffer = Vec::new();
            Json::new(&mut buffer).text(&text);
            assert_eq!(buffer, serde_json::to_vec(&text).unwrap(), "{character:?}");
        }
    }

    #[test]
    fn commas_and_escapes_are_right() {
        let mut buffer = Vec::new();
        let mut json = Json::new(&mut buffer);
        json.object(|json| {
            json.key("a").number(120);
            json.key("b").array(|json| {
                json.word("x");
                json.null();
                json.flag(true);
                json.hex(&[0x0a, 0xff]);
                json.hex(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x90]);
            });
            json.key("c").object(|_| {});
            json.key("n").array(|json| {
                json.signed(-71);
                json.signed(71);
            });
            json.key("d").text("\"\\\n\u{1}é");
            json.key("e").display(&"\u{7f}\t");
        });
        assert_eq!(
            core::str::from_utf8(&buffer).unwrap(),
            "{\"a\":120,\"b\":[\"x\",null,true,\"0aff\",\"0123456789abcdef90\"],\"c\":{},\"n\":[-71,71],\"d\":\"\\\"\\\\\\n\\u0001é\",\"e\":\"\u{7f}\\t\"}"
        );
    }
}
