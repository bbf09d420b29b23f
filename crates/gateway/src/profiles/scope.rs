//! Which fields of a message others refer to, and by which slot.

use super::body::Here;
use crate::config::ConfigError;
use esh_core::profile::SLOTS;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use toml::Spanned;

/// How a field is referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It must stand before.
    Before,
    /// It may stand behind.
    Ahead,
}

/// The names that a place in a message knows.
#[derive(Debug)]
pub(super) struct Scope {
    /// Words that something in the file refers to.
    wanted: HashSet<String>,
    /// The names of the message, then those of the elements inside.
    levels: Vec<BTreeMap<String, u8>>,
    /// For each place inside: the slot that was free before it, and whether it refers to what stands behind in it.
    inside: Vec<(u8, bool)>,
    /// What has been read before.
    read: BTreeSet<u8>,
    next: u8,
    /// Whether something refers to what stands behind.
    pub(super) looks_ahead: bool,
}

impl Scope {
    /// For a file: every word of it that may be a reference.
    pub(super) fn wanted(text: &str) -> HashSet<String> {
        fn walk(value: &toml::Value, key: &str, into: &mut HashSet<String>) {
            match value {
                toml::Value::String(word) if key != "name" => {
                    into.insert(word.clone());
                }
                toml::Value::Array(items) => items.iter().for_each(|item| walk(item, key, into)),
                toml::Value::Table(table) => table.iter().for_each(|(key, value)| walk(value, key, into)),
                _ => {}
            }
        }
        let mut wanted = HashSet::from(["tag".to_owned(), "length".to_owned()]);
        if let Ok(table) = text.parse::<toml::Table>() {
            walk(&toml::Value::Table(table), "", &mut wanted);
        }
        wanted
    }

    pub(super) fn new(wanted: HashSet<String>) -> Self {
        Self { wanted, levels: Vec::new(), inside: Vec::new(), read: BTreeSet::new(), next: 0, looks_ahead: false }
    }

    /// A place inside begins, in which these names stand; gives its slots.
    pub(super) fn enter<'n>(
        &mut self,
        here: Here<'_>,
        names: impl IntoIterator<Item = &'n Spanned<String>>,
    ) -> Result<(u8, u8), ConfigError> {
        let (first, mut level) = (self.next, BTreeMap::new());
        for name in names {
            if self.wanted.contains(name.get_ref()) && !level.contains_key(name.get_ref()) {
                let slot = self.one(here, name)?;
                level.insert(name.get_ref().clone(), slot);
            }
        }
        self.levels.push(level);
        self.inside.push((first, false));
        Ok((first, self.next))
    }

    /// A slot that has no name.
    pub(super) fn one(&mut self, here: Here<'_>, at: &Spanned<String>) -> Result<u8, ConfigError> {
        if usize::from(self.next) >= SLOTS {
            let message = format!("others can refer to at most {SLOTS} fields of a message");
            return Err(here.at(at.span(), message));
        }
        self.next += 1;
        Ok(self.next - 1)
    }

    /// The place inside ends: what stands behind may have its slots. Says whether it refers to what stands behind in it.
    pub(super) fn leave(&mut self) -> bool {
        self.levels.pop();
        let (first, ahead) = self.inside.pop().unwrap_or((self.next, false));
        self.next = first;
        self.read.retain(|slot| *slot < first);
        ahead
    }

    /// The slot of a field that is being read here.
    pub(super) fn own(&mut self, name: &str) -> Option<u8> {
        let slot = *self.levels.last()?.get(name)?;
        self.read.insert(slot);
        Some(slot)
    }

    /// The slot of a field that is referred to.
    pub(super) fn slot(&mut self, here: Here<'_>, name: &Spanned<String>, how: Use) -> Result<u8, ConfigError> {
        let found = self.levels.iter().enumerate().rev().find_map(|(n, level)| Some((n, *level.get(name.get_ref())?)));
        let Some((level, slot)) = found else {
            let known: Vec<_> = self.levels.iter().flat_map(|level| level.keys().map(String::as_str)).collect();
            let error = here.at(name.span(), format!("no field here is called `{}`", name.get_ref()));
            return Err(if known.is_empty() { error } else { error.suggest(name.get_ref(), &known) });
        };
        if !self.read.contains(&slot) {
            if how == Use::Before {
                let message = format!("`{}` stands behind: write its field first, with `at`", name.get_ref());
                return Err(here.at(name.span(), message));
            }
            match self.inside.get_mut(level) {
                Some((_, ahead)) if level > 0 => *ahead = true,
                _ => self.looks_ahead = true,
            }
        }
        Ok(slot)
    }

    /// The slot of a name of the message, where it has one.
    pub(super) fn find(&self, name: &str) -> Option<u8> {
        self.levels.first()?.get(name).copied()
    }
}
