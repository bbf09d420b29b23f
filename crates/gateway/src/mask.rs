//! Masks: addresses in which `*` stands for any run of characters and `?` for one, such as `wmbus:KAM:*` and
//! `wmbus:*:12345678:*`.
//!
//! Letters match in either case. What has more letters of its own is more precise; of equals the one that stands first.

use esh_core::Meter;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Write as _;

/// Things found by the address of a meter, the most precise mask first.
#[derive(Clone, Debug)]
pub(crate) struct Masks<T> {
    /// The most precise first.
    entries: Vec<(Box<str>, T)>,
    /// By a part of their masks that is written out: only an address with this part can match them.
    parts: HashMap<Box<str>, Vec<usize>>,
    /// Those without such a part.
    rest: Vec<usize>,
}

impl<T> Default for Masks<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), parts: HashMap::new(), rest: Vec::new() }
    }
}

impl<T> Masks<T> {
    /// Things by their masks.
    pub(crate) fn new(things: impl IntoIterator<Item = (String, T)>) -> Self {
        let mut entries: Vec<(Box<str>, T)> =
            things.into_iter().map(|(mask, thing)| (mask.to_lowercase().into(), thing)).collect();
        // A stable sort: of equally precise ones the first stays first.
        entries.sort_by_key(|(mask, _)| Reverse(literal(mask)));
        let mut common: HashMap<&str, usize> = HashMap::new();
        for part in entries.iter().flat_map(|(mask, _)| written_out(mask)) {
            *common.entry(part).or_default() += 1;
        }
        let mut parts: HashMap<Box<str>, Vec<usize>> = HashMap::new();
        let mut rest = Vec::new();
        for (n, (mask, _)) in entries.iter().enumerate() {
            // The part that the fewest others have tells most.
            match written_out(mask).min_by_key(|part| common.get(part).copied().unwrap_or_default()) {
                Some(part) => parts.entry(part.into()).or_default().push(n),
                None => rest.push(n),
            }
        }
        Self { entries, parts, rest }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What an address in small letters matches, the most precise first, of what is `wanted`.
    pub(crate) fn matching<'a, W: Fn(&T) -> bool>(
        &'a self,
        address: &str,
        wanted: W,
    ) -> impl Iterator<Item = &'a T> + use<'a, T, W> {
        let mut found: Vec<usize> = Vec::new();
        let by_part = address.split(':').filter_map(|part| self.parts.get(part));
        for &n in by_part.flatten().chain(&self.rest) {
            if self.entries.get(n).is_some_and(|(mask, thing)| wanted(thing) && matches(mask, address)) {
                found.push(n);
            }
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|n| self.entries.get(n)).map(|(_, thing)| thing)
    }
}

/// The address of a meter in small letters.
pub(crate) fn address(meter: &Meter) -> String {
    let mut address = String::with_capacity(64);
    // Writing into a text cannot fail.
    let _ = write!(address, "{}", meter.address());
    address.make_ascii_lowercase();
    address
}

/// How many characters of a mask stand for themselves.
fn literal(mask: &str) -> usize {
    mask.chars().filter(|c| !matches!(c, '*' | '?')).count()
}

/// The parts of a mask that an address must have as they are.
fn written_out(mask: &str) -> impl Iterator<Item = &str> {
    mask.split(':').filter(|part| !part.is_empty() && !part.contains(['*', '?']))
}

/// Whether a text fits a mask. Each `*` is tried again only from where it matched last, so that no mask takes long.
pub(crate) fn matches(mask: &str, text: &str) -> bool {
    let (mut mask, mut text) = (mask.chars(), text.chars());
    let mut again = None;
    loop {
        let before = text.clone();
        match (mask.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                again = Some((mask.clone(), before.clone()));
                text = before;
            }
            (Some(a), Some(b)) if a == '?' || a == b => {}
            _ => {
                let Some((after_star, mut from)) = again.take() else { return false };
                if from.next().is_none() {
                    return false;
                }
                mask = after_star.clone();
                text = from.clone();
                again = Some((after_star, from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_match() {
        for (mask, text) in [
            ("*", ""),
            ("*", "wmbus:kam:12345678:1b:16"),
            ("wmbus:kam:*", "wmbus:kam:12345678:1b:16"),
            ("wmbus:*:12345678:*", "wmbus:kam:12345678:1b:16"),
            ("*:1b:16", "wmbus:kam:1b:1b:16"),
            ("w?bus:*", "wmbus:x"),
            ("a*b*c", "aXbYbZc"),
        ] {
            assert!(matches(mask, text), "{mask} {text}");
        }
        for (mask, text) in
            [("", "a"), ("a", ""), ("wmbus:kam:*", "wmbus:kam"), ("?", ""), ("a*b", "ab:"), ("*:17", "x:16")]
        {
            assert!(!matches(mask, text), "{mask} {text}");
        }
        assert!(!matches(&"*a".repeat(30), &"a".repeat(29)));
    }

    #[test]
    fn thousands_of_masks_are_not_searched_one_by_one() {
        let masks = Masks::new((0..20_000u32).map(|n| (format!("wmbus:KAM:{n:08}:1b:16"), n)));
        let found: Vec<_> = masks.matching("wmbus:kam:00000300:1b:16", |_| true).collect();
        assert_eq!(found, [&300]);
        assert!(masks.parts.values().all(|entries| entries.len() == 1) && masks.rest.is_empty());
    }
}
