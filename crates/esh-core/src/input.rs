//! A cursor over the octets of one layer.

use crate::{DecodeError, Layer, Reason};

/// The octets of one layer that are still to be read, and where in the frame they stand.
///
/// Every step names the field it reads; the name, the layer and the octet stand in the error when the step fails.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    rest: &'a [u8],
    offset: usize,
    layer: Layer,
}

impl<'a> Input<'a> {
    /// All `octets`, the first of which is octet `offset` of the frame.
    #[must_use]
    pub const fn new(octets: &'a [u8], offset: usize, layer: Layer) -> Self {
        Self { rest: octets, offset, layer }
    }

    /// The offset in the frame of the next octet.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The layer these octets belong to.
    #[must_use]
    pub const fn layer(&self) -> Layer {
        self.layer
    }

    /// The octets not read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many octets are left.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether everything has been read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next octet, not consumed.
    #[must_use]
    pub const fn peek(&self) -> Option<u8> {
        match self.rest {
            [first, ..] => Some(*first),
            [] => None,
        }
    }

    /// The same octets as the next layer up.
    #[must_use]
    pub const fn as_layer(self, layer: Layer) -> Self {
        Self { layer, ..self }
    }

    /// An error at the next octet.
    #[must_use]
    pub const fn error(&self, field: &'static str, reason: Reason) -> DecodeError {
        DecodeError { layer: self.layer, field, offset: self.offset, reason }
    }

    /// The next `N` octets.
    ///
    /// # Errors
    /// [`Reason::Truncated`] if fewer are left.
    #[inline]
    pub const fn array<const N: usize>(&mut self, field: &'static str) -> Result<&'a [u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                self.offset += N;
                Ok(taken)
            }
            None => Err(self.truncated(field, N)),
        }
    }

    /// The next `count` octets.
    ///
    /// # Errors
    /// [`Reason::Truncated`] if fewer are left.
    #[inline]
    pub const fn take(&mut self, field: &'static str, count: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                self.offset += count;
                Ok(taken)
            }
            None => Err(self.truncated(field, count)),
        }
    }

    /// The next `count` octets as an input of their own, of the same layer.
    ///
    /// # Errors
    /// [`Reason::Truncated`] if fewer are left.
    #[inline]
    pub fn sub(&mut self, field: &'static str, count: usize) -> Result<Self, DecodeError> {
        let offset = self.offset;
        Ok(Self { rest: self.take(field, count)?, offset, layer: self.layer })
    }

    /// One octet.
    ///
    /// # Errors
    /// [`Reason::Truncated`] at the end.
    #[inline]
    pub fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.array::<1>(field).map(|[octet]| *octet)
    }

    /// Two octets, least significant first.
    ///
    /// # Errors
    /// [`Reason::Truncated`] if fewer are left.
    #[inline]
    pub fn u16_le(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.array(field).map(|octets| u16::from_le_bytes(*octets))
    }

    /// Two octets, most significant first.
    ///
    /// # Errors
    /// [`Reason::Truncated`] if fewer are left.
    #[inline]
    pub fn u16_be(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.array(field).map(|octets| u16::from_be_bytes(*octets))
    }

    /// Four octets, least significant first.
    ///
    /// # Errors
    /// [`Reason::Truncated`] if fewer are left.
    #[inline]
    pub fn u32_le(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(|octets| u32::from_le_bytes(*octets))
    }

    /// Four octets, most significant first.
    ///
    /// # Errors
    /// [`Reason::Truncated`] if fewer are left.
    #[inline]
    pub fn u32_be(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(|octets| u32::from_be_bytes(*octets))
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// [`Reason::Trailing`] if something is.
    pub const fn end(&self, field: &'static str) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.error(field, Reason::Trailing { octets: self.rest.len() })) }
    }

    const fn truncated(&self, field: &'static str, needed: usize) -> DecodeError {
        self.error(field, Reason::Truncated { needed, left: self.rest.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_step_past_the_end_says_what_it_needed() {
        let mut input = Input::new(&[0x44, 0x2d], 1, Layer::Link);
        assert_eq!(input.u8("C field").unwrap(), 0x44);
        let error = input.u16_le("M field").unwrap_err();
        assert_eq!(error.to_string(), "link layer, octet 2 (M field): needs 2 octets, 1 left");
        assert_eq!(input.len(), 1, "a failed step consumes nothing");
    }

    #[test]
    fn a_sub_input_keeps_its_place() {
        let mut input = Input::new(&[1, 2, 3, 4], 10, Layer::Application);
        input.u8("a").unwrap();
        let mut inner = input.sub("b", 2).unwrap();
        assert_eq!(inner.u16_be("c").unwrap(), 0x0203);
        assert_eq!((inner.offset(), input.offset()), (13, 13));
        assert!(input.end("frame").is_err());
    }
}
