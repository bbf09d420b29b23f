//! MAC commands: in the header of a frame or, on port 0, in its payload; TS001, 5.

mod down;
mod up;

use crate::Direction;

/// A command of a table: its identifier, how many octets follow, its name.
pub(crate) struct Row {
    cid: u8,
    len: u8,
    name: &'static str,
}

const fn row(cid: u8, len: u8, name: &'static str) -> Row {
    Row { cid, len, name }
}

/// A MAC command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacCommand<'a> {
    /// Its identifier.
    pub cid: u8,
    /// Its name; `None` for one that is not known, which takes all octets that are left.
    pub name: Option<&'static str>,
    /// Its octets behind the identifier.
    pub payload: &'a [u8],
    /// Whether none of its octets are missing.
    pub whole: bool,
}

/// MAC commands one after the other.
#[derive(Clone, Copy, Debug)]
pub struct MacCommands<'a> {
    octets: &'a [u8],
    direction: Direction,
}

impl<'a> MacCommands<'a> {
    /// The commands in those octets, in plain.
    #[must_use]
    pub const fn new(octets: &'a [u8], direction: Direction) -> Self {
        Self { octets, direction }
    }
}

impl<'a> Iterator for MacCommands<'a> {
    type Item = MacCommand<'a>;

    fn next(&mut self) -> Option<MacCommand<'a>> {
        let (cid, rest) = self.octets.split_first()?;
        let table = match self.direction {
            Direction::Up => up::COMMANDS,
            Direction::Down => down::COMMANDS,
        };
        let known = table.iter().find(|row| row.cid == *cid);
        // How long an unknown command is, nobody knows: the rest is its own.
        let len = known.map_or(rest.len(), |row| row.len.into());
        let (payload, rest) = rest.split_at(len.min(rest.len()));
        self.octets = rest;
        Some(MacCommand { cid: *cid, name: known.map(|row| row.name), payload, whole: payload.len() == len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    type Expected = (u8, Option<&'static str>, &'static [u8], bool);

    #[test]
    fn commands_are_taken_apart() {
        let up: &[(&'static [u8], &[Expected])] = &[
            (
                &[0x03, 7, 0x02, 0x80, 1, 2],
                &[
                    (3, Some("LinkADRAns"), &[7], true),
                    (2, Some("LinkCheckReq"), &[], true),
                    (0x80, None, &[1, 2], true),
                ],
            ),
            (&[0x20, 2], &[(0x20, Some("DeviceModeInd"), &[2], true)]),
            (&[0x06, 255], &[(6, Some("DevStatusAns"), &[255], false)]),
        ];
        let down: &[(&'static [u8], &[Expected])] = &[
            (&[0x02, 7, 1], &[(2, Some("LinkCheckAns"), &[7, 1], true)]),
            (
                &[0x06, 0x05, 1, 2],
                &[(6, Some("DevStatusReq"), &[], true), (5, Some("RXParamSetupReq"), &[1, 2], false)],
            ),
        ];
        for (direction, cases) in [(Direction::Up, up), (Direction::Down, down)] {
            for (octets, expected) in cases {
                let commands: Vec<Expected> =
                    MacCommands::new(octets, direction).map(|c| (c.cid, c.name, c.payload, c.whole)).collect();
                assert_eq!(commands, *expected);
            }
        }
    }

    #[test]
    fn identifiers_stand_in_order() {
        for table in [up::COMMANDS, down::COMMANDS] {
            assert!(table.windows(2).all(|pair| pair[0].cid < pair[1].cid));
        }
    }
}
