//! Paths, OMA LwM2M Core 1.1, clause 7.3: object, instance, resource, resource instance.

use core::fmt;

/// Up to four ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Path {
    ids: [u16; 4],
    len: u8,
}

impl Path {
    /// The path of no id: `/`.
    pub const ROOT: Self = Self { ids: [0; 4], len: 0 };

    /// The path of a text such as `/3424/0/1`; slashes at the ends may be there or not. `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::of_chars(text.chars())
    }

    /// The same, character by character.
    pub(crate) fn of_chars(characters: impl Iterator<Item = char>) -> Option<Self> {
        let (mut path, mut id) = (Self::ROOT, None::<u32>);
        // A slash at the end closes the last id.
        let mut characters = characters.chain(core::iter::once('/')).enumerate().peekable();
        while let Some((at, character)) = characters.next() {
            match (character, id) {
                ('/', Some(whole)) => {
                    path = path.join(u16::try_from(whole).ok()?)?;
                    id = None;
                }
                ('/', None) if at == 0 || characters.peek().is_none() => {}
                ('0'..='9', id_so_far) => {
                    let digit = character.to_digit(10)?;
                    id = Some(id_so_far.unwrap_or(0).checked_mul(10)?.checked_add(digit)?).filter(|id| *id <= 65_535);
                    id?;
                }
                _ => return None,
            }
        }
        Some(path)
    }

    /// The path with one id more; `None` beyond four.
    #[must_use]
    pub fn join(self, id: u16) -> Option<Self> {
        let Self { mut ids, len } = self;
        *ids.get_mut(usize::from(len))? = id;
        Some(Self { ids, len: len + 1 })
    }

    /// Its ids.
    #[must_use]
    pub fn ids(&self) -> &[u16] {
        self.ids.get(..self.len.into()).unwrap_or_default()
    }

    /// The path of its first `len` ids.
    #[must_use]
    pub fn up_to(self, len: usize) -> Self {
        self.ids().iter().take(len).fold(Self::ROOT, |path, id| path.join(*id).unwrap_or(path))
    }

    /// Its object.
    #[must_use]
    pub fn object(&self) -> Option<u16> {
        self.ids().first().copied()
    }

    /// Its instance.
    #[must_use]
    pub fn instance(&self) -> Option<u16> {
        self.ids().get(1).copied()
    }

    /// Its resource.
    #[must_use]
    pub fn resource(&self) -> Option<u16> {
        self.ids().get(2).copied()
    }

    /// Its resource instance.
    #[must_use]
    pub fn resource_instance(&self) -> Option<u16> {
        self.ids().get(3).copied()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ids() {
            [] => f.write_str("/"),
            ids => ids.iter().try_for_each(|id| write!(f, "/{id}")),
        }
    }
}

/// The text of a path, held without an allocation.
pub(crate) struct PathText {
    octets: [u8; 24],
    len: usize,
}

impl PathText {
    pub(crate) fn of(path: Path) -> Self {
        let mut text = Self { octets: [0; 24], len: 0 };
        // Four ids of five digits and their slashes fit.
        let _ = fmt::Write::write_fmt(&mut text, format_args!("{path}"));
        text
    }

    pub(crate) fn as_str(&self) -> &str {
        self.octets.get(..self.len).and_then(|octets| core::str::from_utf8(octets).ok()).unwrap_or_default()
    }
}

impl fmt::Write for PathText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.octets.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_path_is_up_to_four_ids() {
        for (text, told) in [
            ("/", "/"),
            ("", "/"),
            ("/3424/0/1", "/3424/0/1"),
            ("3/0/6/1", "/3/0/6/1"),
            ("/34/0/", "/34/0"),
            ("/65535", "/65535"),
        ] {
            assert_eq!(Path::parse(text).unwrap().to_string(), told);
            assert_eq!(PathText::of(Path::parse(text).unwrap()).as_str(), told);
        }
        for text in ["/65536", "/3/x", "/1/2/3/4/5", "/99999999999", "urn:dev:1", "-1", "/3//0"] {
            assert_eq!(Path::parse(text), None, "{text}");
        }
        let path = Path::parse("/3/0/6/1").unwrap();
        assert_eq!((path.object(), path.resource(), path.resource_instance()), (Some(3), Some(6), Some(1)));
        assert_eq!(path.up_to(2).to_string(), "/3/0");
    }
}
