//! Where a frame begins and ends on a connection.

use crate::config::{Span, Wrong};
use serde::Deserialize;
use std::time::Duration;

/// How frames are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Octets stand between them, which are no part of them.
    Delimiter(Vec<u8>),
    /// A frame says how long it is.
    Length {
        /// What each begins with; what comes before that is noise.
        begin: Vec<u8>,
        /// Where its length stands,
        at: usize,
        /// in so many octets,
        octets: usize,
        /// the least significant one first,
        little_endian: bool,
        /// and how much is to be added to come to the whole frame.
        plus: usize,
    },
    /// A pause ends it.
    Idle(Duration),
}

/// `frame = { … }` of a source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    delimiter: Option<String>,
    length: Option<LengthKeys>,
    idle: Option<Span>,
    begin: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LengthKeys {
    at: usize,
    octets: usize,
    #[serde(default)]
    little_endian: bool,
    #[serde(default)]
    plus: usize,
}

/// The farthest place of a length.
const FAR: usize = 64;

impl Keys {
    pub(super) fn build(self) -> Result<Frame, Wrong> {
        let wrong = |message: &str| Wrong::new("frame", message.to_owned());
        let octets = |text: &str| {
            let octets = crate::sources::lines::octets(text.as_bytes()).ok();
            octets.filter(|octets| (1..=8).contains(&octets.len()))
        };
        let few = "`delimiter` and `begin` are 1 to 8 octets in hexadecimal";
        let begin = self.begin.as_deref().map(|text| octets(text).ok_or_else(|| wrong(few))).transpose()?;
        if begin.is_some() && self.length.is_none() {
            return Err(wrong("only a frame that says its `length` has a `begin`"));
        }
        match (self.delimiter, self.length, self.idle) {
            (Some(text), None, None) => octets(&text).map(Frame::Delimiter).ok_or_else(|| wrong(few)),
            (None, Some(LengthKeys { at, octets, little_endian, plus }), None) => {
                if !(1..=4).contains(&octets) || at > FAR || plus > 65_536 {
                    return Err(wrong("a `length` has 1 to 4 `octets`, `at` up to 64, and `plus` up to 65536"));
                }
                Ok(Frame::Length { begin: begin.unwrap_or_default(), at, octets, little_endian, plus })
            }
            (None, None, Some(idle)) if !idle.0.is_zero() && idle.0 <= Duration::from_secs(60) => {
                Ok(Frame::Idle(idle.0))
            }
            (None, None, Some(_)) => Err(wrong("`idle` is a pause of up to a minute")),
            _ => Err(wrong("exactly one of `delimiter`, `length` and `idle` says where a frame ends")),
        }
    }
}

/// What stands at the beginning of what was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A frame of so many octets, and behind it so many that are none of the next.
    Frame(usize, usize),
    /// So many octets that begin no frame.
    Noise(usize),
    /// It is not whole yet.
    More,
}

impl Frame {
    /// How long the line may be silent within a frame before that is at its end.
    pub(super) const fn idle(&self) -> Option<Duration> {
        match self {
            Self::Idle(idle) => Some(*idle),
            _ => None,
        }
    }

    /// Looks at what was received; a frame may be so long.
    pub(super) fn find(&self, received: &[u8], longest: usize) -> Found {
        match self {
            Self::Delimiter(delimiter) => match memchr::memmem::find(received, delimiter) {
                Some(0) => Found::Noise(delimiter.len()),
                Some(at) if at > longest => Found::Noise(at + delimiter.len()),
                Some(at) => Found::Frame(at, delimiter.len()),
                // It may end with a part of its delimiter.
                None if received.len() > longest + delimiter.len() => {
                    Found::Noise(received.len() - delimiter.len() + 1)
                }
                None => Found::More,
            },
            Self::Idle(_) if received.len() > longest => Found::Noise(received.len()),
            Self::Idle(_) => Found::More,
            Self::Length { begin, at, octets, little_endian, plus } => {
                if let Some(noise) = noise(received, begin) {
                    return Found::Noise(noise);
                }
                let Some(field) = received.get(*at..at + octets) else { return Found::More };
                let number = |octets: &mut dyn Iterator<Item = &u8>| {
                    octets.fold(0_u64, |number, octet| number << 8 | u64::from(*octet))
                };
                let said = if *little_endian { number(&mut field.iter().rev()) } else { number(&mut field.iter()) };
                let whole = usize::try_from(said).unwrap_or(usize::MAX).saturating_add(*plus);
                if whole > longest || whole < at + octets {
                    // It is no frame: the next may begin behind its first octet.
                    return Found::Noise(1);
                }
                if received.len() < whole { Found::More } else { Found::Frame(whole, 0) }
            }
        }
    }
}

/// How many octets stand before what a frame begins with.
fn noise(received: &[u8], begin: &[u8]) -> Option<usize> {
    let starts = |rest: &[u8]| rest.iter().zip(begin).all(|(octet, expected)| octet == expected);
    let at = (0..received.len()).find(|at| received.get(*at..).is_some_and(starts)).unwrap_or(received.len());
    (at > 0).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(text: &str) -> Result<Frame, String> {
        #[derive(Deserialize)]
        struct Holder {
            frame: Keys,
        }
        toml::from_str::<Holder>(text).unwrap().frame.build().map_err(|wrong| format!("{wrong:?}"))
    }

    /// All frames of what comes in pieces of so many octets, and how many octets were none.
    fn all(frame: &Frame, received: &[u8], piece: usize, longest: usize) -> (Vec<Vec<u8>>, usize) {
        let (mut frames, mut noise, mut buffer) = (Vec::new(), 0, Vec::new());
        for piece in received.chunks(piece) {
            buffer.extend_from_slice(piece);
            loop {
                match frame.find(&buffer, longest) {
                    Found::Frame(len, behind) => {
                        frames.push(buffer[..len].to_vec());
                        buffer.drain(..len + behind);
                    }
                    Found::Noise(len) => {
                        assert!((1..=buffer.len()).contains(&len));
                        noise += len;
                        buffer.drain(..len);
                    }
                    Found::More => break,
                }
            }
            assert!(buffer.len() <= longest + 70, "{}", buffer.len());
        }
        (frames, noise)
    }

    #[test]
    fn frames_are_told_apart_as_their_maker_says() {
        let lines = frame("frame = { delimiter = \"0d0a\" }").unwrap();
        let expected = vec![b"a\rb".to_vec(), b"c".to_vec()];
        for piece in 1..6 {
            assert_eq!(all(&lines, b"a\rb\r\n\r\nc\r\nd", piece, 10), (expected.clone(), 2));
        }
        let meters = frame("frame = { begin = \"68\", length = { at = 2, octets = 1, plus = 4 } }").unwrap();
        let stream = [1, 2, 0x68, 9, 1, 7, 0x68, 9, 2, 7, 8, 0x68, 0x68, 0xff, 0xff, 0x68, 9, 1, 5, 6];
        for piece in 1..6 {
            let (frames, _) = all(&meters, &stream, piece, 20);
            assert_eq!(frames[0], [0x68, 9, 1, 7, 0x68], "{frames:?}");
        }
        let little = frame("frame = { length = { at = 0, octets = 2, little_endian = true, plus = 2 } }").unwrap();
        assert_eq!(all(&little, &[1, 0, 7, 2, 0, 8, 9, 0, 0], 1, 20).0, [vec![1, 0, 7], vec![2, 0, 8, 9], vec![0, 0]]);
    }

    #[test]
    fn what_tells_nothing_apart_is_refused() {
        for text in [
            "frame = {}",
            "frame = { delimiter = \"\" }",
            "frame = { delimiter = \"0a\", idle = \"1s\" }",
            "frame = { begin = \"68\", idle = \"1s\" }",
            "frame = { idle = \"0s\" }",
            "frame = { length = { at = 65, octets = 1 } }",
            "frame = { length = { at = 0, octets = 5 } }",
        ] {
            assert!(frame(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn frames_come_whole_in_any_pieces(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..8), piece in 1usize..40) {
            let length = Frame::Length { begin: vec![0x68], at: 1, octets: 1, little_endian: false, plus: 2 };
            let framed: Vec<Vec<u8>> =
                bodies.iter().map(|body| [&[0x68, body.len() as u8][..], body].concat()).collect();
            prop_assert_eq!(all(&length, &framed.concat(), piece, 100), (framed, 0));
        }

        #[test]
        fn anything_is_framed_or_noise(received in prop::collection::vec(any::<u8>(), 0..400), piece in 1usize..40, at in 0usize..5, octets in 1usize..5) {
            let length = Frame::Length { begin: vec![], at, octets, little_endian: true, plus: 1 };
            for frame in [length, Frame::Delimiter(vec![0, 1]), Frame::Idle(Duration::from_secs(1))] {
                all(&frame, &received, piece, 60);
            }
        }
    }
}
