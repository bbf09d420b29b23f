//! `--explain`: a frame octet by octet, with what each field means.

use super::batch::{self, Options, read_line};
use super::known::{LineKeys, LineKnown, LineMemory};
use super::text;
use crate::decode::{Decoder, Witness};
use crate::protocols::Fragments;
use crate::taught::Taught;
use esh_core::{Field, FieldValue, Layer, Learned, Meter};
use std::fmt::{self, Write};
use std::io;

/// Explains frames one after the other, each followed by what it gives; says whether every one was decoded.
///
/// # Errors
/// Those of writing.
pub fn explain(options: &Options, frames: &[String], colours: bool, output: &mut impl io::Write) -> io::Result<bool> {
    let mut decoder = Decoder::analyser(true);
    let nothing = Taught::default();
    let mut fragments = Fragments::default();
    let mut all_decoded = true;
    for frame in frames.iter().map(|frame| frame.trim().as_bytes()).filter(|frame| !frame.is_empty()) {
        let mut report = Vec::new();
        let (line, error) = read_line(options.protocol, frame);
        let known =
            LineKnown::new(LineKeys::of(line.keys.as_deref(), &options.keys), LineMemory::Full(&nothing), false);
        let mut explanation = Explanation::default();
        let frame = batch::frame(options.protocol, &line);
        let decoded = match error {
            None => decoder.decode(&frame, &known, Some(&mut fragments), &mut explanation, &mut report),
            Some(error) => decoder.refuse(&frame, error, &mut report),
        };
        let mut page = String::new();
        explanation.print(decoder.opened_octets(), colours, &mut page);
        page.push('\n');
        output.write_all(page.as_bytes())?;
        let mut summary = Vec::new();
        text::print(&report, colours, &mut summary);
        summary.push(b'\n');
        output.write_all(&summary)?;
        all_decoded &= decoded.error.is_none();
    }
    Ok(all_decoded)
}

/// The fields of one frame, ready to be printed.
#[derive(Debug, Default)]
struct Explanation {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    layer: Layer,
    offset: usize,
    len: usize,
    name: &'static str,
    value: String,
    meaning: String,
}

impl Witness for Explanation {
    fn learned(&mut self, _: Option<&Meter>, _: Learned<'_>) {}

    fn wants_fields(&self) -> bool {
        true
    }

    fn field(&mut self, field: Field<'_>) {
        if matches!(field.value, FieldValue::End) {
            return;
        }
        self.rows.push(Row {
            layer: field.layer,
            offset: field.offset,
            len: field.len,
            name: field.name,
            value: field.value.to_string(),
            meaning: field.meaning.to_string(),
        });
    }
}

/// Octets shown on one line; a longer field goes on below.
const OCTETS_A_LINE: usize = 8;

impl Explanation {
    /// Prints the fields beside their octets, with colours where wanted.
    fn print(&self, octets: &[u8], colours: bool, into: &mut String) {
        let paint = |code: &'static str| if colours { code } else { "" };
        let (bold, dim, reset) = (paint("\x1b[1m"), paint("\x1b[2m"), paint("\x1b[0m"));
        let mut layer = None;
        for row in &self.rows {
            if layer != Some(row.layer) {
                layer = Some(row.layer);
                let colour = paint(colour(row.layer));
                let _ = writeln!(into, "{colour}{bold}{} layer{reset}", row.layer.word().replace('_', " "));
            }
            let field = octets.get(row.offset..row.offset + row.len).unwrap_or_default();
            let mut lines = field.chunks(OCTETS_A_LINE);
            let first = lines.next().unwrap_or_default();
            let value = shown_value(row, field);
            let _ = write!(into, "{dim}{:>4}{reset}  {:<23}  {}", row.offset, Hex(first).to_string(), row.name);
            if !value.is_empty() {
                let _ = write!(into, ": {bold}{value}{reset}");
            }
            if !row.meaning.is_empty() && row.meaning != value {
                let _ = write!(into, "{} {}", if value.is_empty() { ":" } else { "," }, row.meaning);
            }
            into.push('\n');
            for (count, line) in lines.enumerate() {
                let _ = writeln!(into, "{dim}{:>4}{reset}  {}", row.offset + (count + 1) * OCTETS_A_LINE, Hex(line));
            }
        }
    }
}

/// The value, unless it only repeats the octets.
fn shown_value<'r>(row: &'r Row, octets: &[u8]) -> &'r str {
    let repeats = row.value.len() == octets.len() * 2 && row.value == Hex(octets).to_string().replace(' ', "");
    if repeats { "" } else { &row.value }
}

const fn colour(layer: Layer) -> &'static str {
    match layer {
        Layer::Link | Layer::Line => "\x1b[36m",
        Layer::ExtendedLink => "\x1b[34m",
        Layer::Authentication | Layer::Security => "\x1b[33m",
        Layer::Transport => "\x1b[35m",
        _ => "\x1b[32m",
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, octet) in self.0.iter().enumerate() {
            write!(f, "{}{octet:02x}", if at == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}
