//! What is wrong with a configuration, said with file, line, column, the line's text and a suggestion.

use std::{fmt, ops::Range, path::Path, path::PathBuf};

/// What is wrong with a configuration file, and where.
#[derive(Debug)]
pub struct ConfigError {
    file: PathBuf,
    place: Option<Place>,
    message: String,
    help: Option<String>,
}

#[derive(Debug)]
struct Place {
    line: usize,
    column: usize,
    width: usize,
    text: String,
}

/// What is wrong with a key of a part that is otherwise well formed.
#[derive(Debug)]
pub struct Wrong {
    /// The key, by which the line is found; empty means the whole table.
    pub key: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl Wrong {
    /// Something is wrong with a key.
    pub fn new(key: &'static str, message: impl Into<String>) -> Self {
        Self { key, message: message.into() }
    }
}

impl ConfigError {
    /// Something is wrong with a file as a whole.
    pub fn whole(file: &Path, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place: None, message: message.into(), help: None }
    }

    /// Something is wrong at a place of a file.
    pub(crate) fn at(file: &Path, source: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { place: Some(Place::of(source, span)), ..Self::whole(file, message) }
    }

    /// What the reader of TOML found, in words of ours and with a suggestion.
    pub(crate) fn toml(file: &Path, source: &str, error: &toml::de::Error) -> Self {
        let place = error.span().map(|span| Place::of(source, span));
        let (message, help) = translate(error.message());
        Self { file: file.to_owned(), place, message, help }
    }

    /// Adds a suggestion for a word that is none of those known.
    pub(crate) fn suggest(mut self, word: &str, known: &[&str]) -> Self {
        self.help = suggestion(word, known);
        self
    }

    /// The line it is about, counted from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.line)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, place, message, help } = self;
        write!(f, "{}", file.display())?;
        if let Some(Place { line, column, .. }) = place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {message}")?;
        if let Some(Place { line, column, width, text }) = place {
            let margin = line.to_string().len();
            write!(f, "\n {:margin$} |\n {line} | {text}\n {:margin$} | ", "", "")?;
            write!(f, "{:1$}{2:^<3$}", "", column.saturating_sub(1), "", (*width).max(1))?;
        }
        if let Some(help) = help {
            write!(f, "\n{help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl Place {
    fn of(source: &str, span: Range<usize>) -> Self {
        let before = source.get(..span.start).unwrap_or(source);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let whole = source.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        let column = before.get(start..).unwrap_or_default().chars().count() + 1;
        let text = shown(whole);
        let left = text.chars().count().saturating_sub(column - 1);
        let width = source.get(span).unwrap_or_default().lines().next().unwrap_or_default().chars().count().min(left);
        Self { line, column, width, text }
    }
}

/// The line, without what may be a secret: in doubt the value stays hidden.
fn shown(line: &str) -> String {
    let text = line.trim_end();
    let Some((key, _)) = text.split_once('=') else {
        // A line of its own inside a text of several lines may be anything.
        let plain = text.is_empty() || text.trim_start().starts_with(['[', '#']);
        return if plain { text.to_owned() } else { "…".to_owned() };
    };
    let (name, all) = (key.trim().to_lowercase(), text);
    if has_long_hex(key) {
        return "…".to_owned();
    }
    // A misspelt name may be just what is wrong with the line.
    let near = |(word, most): &(&str, usize)| name.contains(word) || distance(&name, word) <= *most;
    let words = [("key", 1), ("password", 3), ("secret", 2), ("token", 1), ("identity", 2)];
    let secret = name != "keys" && words.iter().any(near);
    if secret || all.contains('@') || has_long_hex(all) { format!("{key}= …") } else { text.to_owned() }
}

/// Whether something looks like a key, wherever it stands.
fn has_long_hex(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_hexdigit()).any(|run| run.len() >= 16)
}

/// serde's sentences in the words of someone who writes a configuration.
fn translate(message: &str) -> (String, Option<String>) {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let message = message.lines().next().unwrap_or_default();
    if message.starts_with("unknown field") {
        let key = quoted.next().unwrap_or_default();
        let known: Vec<_> = quoted.collect();
        // Whoever puts a key's digits where its name belongs shall not find them in a log.
        let shown = if key.len() >= 16 && key.chars().all(|c| c.is_ascii_hexdigit()) { "…" } else { key };
        return (format!("unknown key `{shown}`"), suggestion(key, &known));
    }
    if message.starts_with("unknown variant") {
        let word = quoted.next().unwrap_or_default();
        let known: Vec<_> = quoted.collect();
        return (format!("unknown word `{word}`"), suggestion(word, &known));
    }
    if message.starts_with("missing field") {
        let key = quoted.next().unwrap_or_default();
        return (format!("the key `{key}` is missing"), None);
    }
    (message.to_owned(), None)
}

fn suggestion(word: &str, known: &[&str]) -> Option<String> {
    let nearest = known.iter().map(|known| (distance(word, known), known)).min()?;
    let (away, nearest) = nearest;
    if away <= 1 + word.chars().count() / 3 {
        return Some(format!("did you mean `{nearest}`?"));
    }
    let all: Vec<_> = known.iter().map(|word| format!("`{word}`")).collect();
    Some(format!("known here: {}", all.join(", ")))
}

/// How many letters are to be put in, taken out, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, &y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&above, j) + usize::from(x != y)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(&y) && b.get(j - 1) == Some(&x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested() {
        assert_eq!(distance("protcol", "protocol"), 1);
        assert_eq!(distance("lsiten", "listen"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(suggestion("lsiten", &["connect", "listen"]).as_deref(), Some("did you mean `listen`?"));
        assert_eq!(suggestion("zzzzzz", &["connect", "listen"]).as_deref(), Some("known here: `connect`, `listen`"));
    }

    #[test]
    fn a_line_that_may_hold_a_secret_is_not_shown() {
        assert_eq!(shown("password = \"hunter2\""), "password = …");
        assert_eq!(shown("  key = \"000102\" # mine"), "  key = …");
        assert_eq!(shown("url = \"mqtt://me:hunter2@host\""), "url = …");
        assert_eq!(shown("000102030405"), "…");
        assert_eq!(shown("pasword = \"hunter2\""), "pasword = …");
        assert_eq!(shown("kye = \"hunter2\""), "kye = …");
        assert_eq!(shown("x = \"00112233445566778899\""), "x = …");
        assert_eq!(shown("keys = 7"), "keys = 7");
        assert_eq!(shown("kind = \"lines\""), "kind = \"lines\"");
        assert_eq!(shown("keep = 7"), "keep = 7");
        assert_eq!(shown("name = 7"), "name = 7");
    }
}
