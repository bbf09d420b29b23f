//! Whose a datagram or a frame is.

use crate::protocols::name_of;
use crate::sources::net::endpoint;
use esh_core::Id;
use serde::Deserialize;
use std::net::SocketAddr;

/// What names the meter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// The address it sends from, without the port.
    #[default]
    Address,
    /// The IMEI of its modem, which stands in what it sends.
    Imei(Imei),
}

/// Where an IMEI stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imei {
    /// Its first octet.
    at: usize,
    /// How it is written.
    #[serde(rename = "as")]
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// Fifteen digits of text.
    Text,
    /// Eight octets, whose first digit is a zero.
    Bcd,
}

impl Imei {
    /// The IMEI of a message; `None` where there is none at its place. The last digit checks the others (3GPP TS 23.003,
    /// annex B), so a message without one is not taken for that of another meter.
    fn of(self, message: &[u8]) -> Option<Id> {
        let digits: String = match self.form {
            Form::Text => {
                let text = message.get(self.at..self.at.checked_add(15)?)?;
                text.iter().map(|digit| char::from(*digit)).collect()
            }
            Form::Bcd => {
                let octets = message.get(self.at..self.at.checked_add(8)?)?;
                let mut digits = octets.iter().flat_map(|octet| [octet >> 4, octet & 15]);
                (digits.next() == Some(0)).then_some(())?;
                digits.map(|digit| char::from_digit(digit.into(), 10)).collect::<Option<_>>()?
            }
        };
        let mut sum = 0;
        for (n, digit) in digits.chars().enumerate() {
            let digit = digit.to_digit(10)?;
            let doubled = digit * (1 + (n as u32 & 1));
            sum += doubled / 10 + doubled % 10;
        }
        (sum % 10 == 0).then(|| name_of(&digits)).flatten()
    }
}

/// Who sends from an address: what its messages have told so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    address: SocketAddr,
    imei: Option<Id>,
}

impl Who {
    pub(super) const fn at(address: SocketAddr) -> Self {
        Self { address, imei: None }
    }

    /// The endpoint and the meter of a message. On a connection a meter that has named itself once is known by that.
    pub(super) fn of(&mut self, identity: Identity, message: &[u8]) -> (u64, Option<Id>) {
        match identity {
            Identity::Address => {
                (endpoint::of_address(self.address), name_of(&self.address.ip().to_canonical().to_string()))
            }
            Identity::Imei(imei) => {
                self.imei = imei.of(message).or(self.imei);
                let named = self.imei.map(|imei| endpoint::of_name(imei.as_str()));
                (named.unwrap_or_else(|| endpoint::of_address(self.address)), self.imei)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_imei_is_one_only_with_its_check_digit() {
        let (text, bcd) = (Imei { at: 1, form: Form::Text }, Imei { at: 0, form: Form::Bcd });
        let of = |imei: Imei, message: &[u8]| imei.of(message).map(|imei| imei.to_string());
        assert_eq!(of(text, b"*490154203237518#"), Some("490154203237518".to_owned()));
        assert_eq!(of(text, b"*490154203237517#"), None);
        assert_eq!(of(text, b"*49015420323751"), None);
        assert_eq!(of(text, b"*49015420323751x"), None);
        assert_eq!(of(bcd, &[0x04, 0x90, 0x15, 0x42, 0x03, 0x23, 0x75, 0x18, 9]), Some("490154203237518".to_owned()));
        assert_eq!(of(bcd, &[0x14, 0x90, 0x15, 0x42, 0x03, 0x23, 0x75, 0x18]), None);
        assert_eq!(of(bcd, &[0x04, 0x90, 0x15, 0x42, 0x03, 0x23, 0x75, 0x1a]), None);
        assert_eq!(of(bcd, &[0x04]), None);
        assert_eq!(of(Imei { at: usize::MAX, form: Form::Text }, b"1"), None);
    }

    #[test]
    fn a_meter_that_has_named_itself_keeps_its_name_on_its_connection() {
        let identity = Identity::Imei(Imei { at: 0, form: Form::Text });
        let mut who = Who::at("192.0.2.1:7".parse().unwrap());
        let (before, nobody) = who.of(identity, b"data");
        let (after, somebody) = who.of(identity, b"490154203237518");
        assert_ne!(before, after);
        assert_eq!((nobody, somebody.unwrap().as_str()), (None, "490154203237518"));
        assert_eq!(who.of(identity, b"data"), (after, somebody));
        assert_eq!(who.of(Identity::Address, b"").1.unwrap().as_str(), "192.0.2.1");
    }
}
