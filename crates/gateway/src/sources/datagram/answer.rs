//! What a meter waits for once it has sent: octets that are always the same, and octets of its own message.

use serde::de::{self, Deserialize, Deserializer, Unexpected};
use std::ops::Range;
use std::str::FromStr;

/// An answer such as `{0}00`: the first octet of the message, and a zero. `{2..6}` are four octets of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Octets(Vec<u8>),
    Of(Range<usize>),
}

/// The longest answer.
const LONGEST: usize = 256;

impl Answer {
    /// The answer to a message; `None` when that is too short for what is to be repeated of it.
    #[must_use]
    pub fn to(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut answer = Vec::new();
        for part in &self.0 {
            match part {
                Part::Octets(octets) => answer.extend(octets),
                Part::Of(range) => answer.extend(message.get(range.clone())?),
            }
        }
        Some(answer)
    }

    fn len(&self) -> usize {
        let lengths = self.0.iter().map(|part| match part {
            Part::Octets(octets) => octets.len(),
            Part::Of(range) => range.len(),
        });
        lengths.sum()
    }
}

impl FromStr for Answer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "octets in hexadecimal, with octets of the message as `{0}` or `{2..6}`, up to 256";
        let (mut parts, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let (octets, behind) = rest.split_once('{').map_or((rest, None), |(octets, behind)| (octets, Some(behind)));
            if !octets.is_empty() {
                parts.push(Part::Octets(crate::sources::lines::octets(octets.as_bytes()).map_err(|_| EXPECTED)?));
            }
            let Some(behind) = behind else { break };
            let (place, behind) = behind.split_once('}').ok_or(EXPECTED)?;
            let number = |text: &str| text.parse::<usize>().ok().filter(|at| *at <= 65_535).ok_or(EXPECTED);
            let range = match place.split_once("..") {
                Some((from, to)) => number(from)?..number(to)?,
                None => number(place)?..number(place)? + 1,
            };
            if range.is_empty() {
                return Err(EXPECTED);
            }
            parts.push(Part::Of(range));
            rest = behind;
        }
        let answer = Self(parts);
        if (1..=LONGEST).contains(&answer.len()) { Ok(answer) } else { Err(EXPECTED) }
    }
}

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|expected: &str| de::Error::invalid_value(Unexpected::Str(&text), &expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_repeats_what_it_is_told_to() {
        let to = |text: &str, message: &[u8]| text.parse::<Answer>().unwrap().to(message);
        assert_eq!(to("06", b""), Some(vec![6]));
        assert_eq!(to("{0}00", &[0x0a, 1]), Some(vec![0x0a, 0]));
        assert_eq!(to("68{1..4}{0}16", &[1, 2, 3, 4]), Some(vec![0x68, 2, 3, 4, 1, 0x16]));
        assert_eq!(to("{4}", &[1, 2, 3, 4]), None);
        for text in ["", "0", "zz", "{", "{}", "{a}", "{2..2}", "{0..300}", "00}", "{99999}"] {
            assert!(text.parse::<Answer>().is_err(), "{text}");
        }
    }
}
