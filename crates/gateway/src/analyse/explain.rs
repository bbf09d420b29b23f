//! `--explain`: a frame octet by octet, with what each field means.

use super::batch::{self, Options, read_line};
use super::known::{Lessons, LineKeys, LineKnown, LineMemory};
use super::text;
use crate::capture::{Framing, Stamp};
use crate::decode::{Decoder, Frame, Witness};
use crate::keys::KeyStore;
use crate::protocols::{Fragments, Joins};
use crate::taught::{Taught, layout_name};
use esh_core::{Field, FieldValue, Key, Known, Layer, Learned, Meter, Protocol, Purpose};
use std::fmt::{self, Write};
use std::io;

/// Explains frames one after the other, each followed by what it gives; says whether every one was decoded.
///
/// # Errors
/// Those of writing.
pub fn explain(options: &Options, frames: &[String], colours: bool, output: &mut impl io::Write) -> io::Result<bool> {
    let mut decoder = batch::decoder(options);
    let (nothing, joins) = (Taught::default(), Joins::default());
    let mut fragments = Fragments::default();
    let mut all_decoded = true;
    for frame in frames.iter().map(|frame| frame.trim().as_bytes()).filter(|frame| !frame.is_empty()) {
        let mut report = Vec::new();
        let (line, error) = read_line(options.protocol, frame);
        let known = LineKnown::new(
            LineKeys::of(line.keys.as_deref(), &options.keys),
            LineMemory::Full(&nothing, &joins),
            false,
        );
        let mut explanation = Explanation::default();
        let (frame, error) = batch::frame(options, &line, error);
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

/// A frame that was heard once.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) protocol: Protocol,
    pub(crate) framing: Option<Framing>,
    pub(crate) octets: Vec<u8>,
}

impl Heard {
    fn frame(&self) -> Frame<'_> {
        let Self { protocol, framing, ref octets } = *self;
        let received_at = Stamp { at: None, synchronised: true };
        Frame { octets, protocol, framing, received_at, source: None, input: None, profile: None }
    }
}

/// A frame explained, for those who show it otherwise than as text.
#[derive(Debug)]
pub(crate) struct Explained {
    /// The octets in which the fields stand: in plain, without link checksums.
    pub(crate) octets: Vec<u8>,
    /// The fields in order.
    pub(crate) rows: Vec<Row>,
    /// The report of the frame as it decodes now.
    pub(crate) report: Vec<u8>,
}

/// Explains a frame with keys, as the command `decode --explain` does. When it opens and is not understood to its end,
/// what the `others` teach is tried too: the headers that a compact frame leaves out stand in frames of its siblings.
pub(crate) fn explained(frame: &Heard, keys: &KeyStore, others: impl Iterator<Item = Heard>) -> Explained {
    let frame = &frame.frame();
    let mut taught = Taught::default();
    let (explained, failed) = explained_with(frame, &Opening { keys, taught: &taught });
    if failed != Some(Layer::Application) {
        return explained;
    }
    let (mut decoder, mut report) = (Decoder::analyser(false), Vec::new());
    for other in others {
        let mut lessons = Lessons { list: Vec::new(), joins: Vec::new(), handed_on: None };
        report.clear();
        decoder.decode(&other.frame(), &Opening { keys, taught: &taught }, None, &mut lessons, &mut report);
        lessons.list.into_iter().for_each(|lesson| taught.learn(lesson));
    }
    explained_with(frame, &Opening { keys, taught: &taught }).0
}

/// A frame explained, and the layer that could not be read.
fn explained_with(frame: &Frame<'_>, known: &Opening<'_>) -> (Explained, Option<Layer>) {
    let (mut decoder, mut explanation) = (Decoder::analyser(false), Explanation::default());
    let (mut fragments, mut report) = (Fragments::default(), Vec::new());
    let decoded = decoder.decode(frame, known, Some(&mut fragments), &mut explanation, &mut report);
    let octets = decoder.opened_octets().to_vec();
    (Explained { octets, rows: explanation.rows, report }, decoded.error.map(|error| error.layer))
}

/// What is known when a frame is explained: keys and layouts. Nothing is a replay.
struct Opening<'a> {
    keys: &'a KeyStore,
    taught: &'a Taught,
}

impl Known for Opening<'_> {
    fn keys(&self, meter: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        self.keys.keys(meter, purpose, each)
    }

    fn layout(&self, meter: Option<&Meter>, signature: u16) -> Option<&[u8]> {
        self.taught.layout(layout_name(meter, signature))
    }
}

/// The fields of one frame, ready to be printed.
#[derive(Debug, Default)]
struct Explanation {
    rows: Vec<Row>,
}

/// A field of a frame, in words.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) layer: Layer,
    pub(crate) offset: usize,
    pub(crate) len: usize,
    pub(crate) name: &'static str,
    value: String,
    pub(crate) meaning: String,
}

impl Row {
    /// The octets it stands in.
    pub(crate) fn octets<'o>(&self, frame: &'o [u8]) -> &'o [u8] {
        frame.get(self.offset..self.offset + self.len).unwrap_or_default()
    }

    /// The value, unless it only repeats the octets.
    pub(crate) fn value(&self, octets: &[u8]) -> &str {
        let repeats = self.value.len() == octets.len() * 2 && self.value == Hex(octets).to_string().replace(' ', "");
        if repeats { "" } else { &self.value }
    }
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
            let field = row.octets(octets);
            let mut lines = field.chunks(OCTETS_A_LINE);
            let first = lines.next().unwrap_or_default();
            let value = row.value(field);
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
