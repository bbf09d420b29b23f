//! Members of a gzip file (RFC 1952, section 2.2): each is whole, or it is passed over and told.

use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;

/// How the members begin that [`deflate`] makes: a damaged file is read again from the next of them.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The longest line that is read.
const LONGEST: u64 = 4 << 20;

/// Whole lines as one member.
#[must_use]
pub fn deflate(lines: &[u8]) -> Vec<u8> {
    // No time and no name stand in it, so equal lines are equal octets.
    let mut encoder = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::default());
    // Writing into a buffer that grows cannot fail.
    let _ = encoder.write_all(lines);
    encoder.finish().unwrap_or_default()
}

/// What is in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// The members that are whole, their checksums right.
    pub sound: Vec<Range<u64>>,
    /// Where the rest is.
    pub harm: Vec<Harm>,
}

/// Octets that are no whole member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Harm {
    /// The file ends within a member: a crash tears the last one, whose records were never confirmed.
    #[error("the last member, from octet {0} on, is cut off: it is passed over, its records were not confirmed")]
    Torn(u64),
    /// What stands here is not what was written.
    #[error("octets {} to {} are damaged: what they held is not fed", .0.start, .0.end)]
    Damaged(Range<u64>),
}

impl Members {
    /// Where a file may go on: behind its last whole member.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.sound.last().map_or(0, |member| member.end)
    }
}

/// Looks through a file and checks every member, in memory that does not grow with it.
///
/// # Errors
/// When it cannot be read.
pub fn walk(file: impl Read + Seek) -> io::Result<Members> {
    let mut file = BufReader::new(file);
    let length = file.seek(SeekFrom::End(0))?;
    let mut members = Members::default();
    let mut at = 0;
    // Where octets begin that are no member.
    let mut wrong = None;
    while at < length {
        file.seek(SeekFrom::Start(at))?;
        let decoded = io::copy(&mut GzDecoder::new(&mut file), &mut io::sink());
        let Err(error) = decoded else {
            let end = file.stream_position()?;
            if let Some(wrong) = wrong.take() {
                members.harm.push(Harm::Damaged(wrong..at));
            }
            members.sound.push(at..end);
            at = end;
            continue;
        };
        let begin = *wrong.get_or_insert(at);
        match next_head(&mut file, at + 1)? {
            Some(next) => at = next,
            None => {
                let torn = error.kind() == io::ErrorKind::UnexpectedEof && begin == at;
                members.harm.push(if torn { Harm::Torn(begin) } else { Harm::Damaged(begin..length) });
                break;
            }
        }
    }
    Ok(members)
}

/// Where the next member of ours begins, from a place on.
fn next_head(file: &mut (impl BufRead + Seek), mut from: u64) -> io::Result<Option<u64>> {
    file.seek(SeekFrom::Start(from))?;
    // The end of what was searched, in which the beginning of a head may stand.
    let mut piece = Vec::new();
    loop {
        let more = file.fill_buf()?;
        if more.is_empty() {
            return Ok(None);
        }
        let count = more.len();
        piece.extend_from_slice(more);
        file.consume(count);
        if let Some(found) = memchr::memmem::find(&piece, &HEAD) {
            return Ok(Some(from + found as u64));
        }
        let done = piece.len().saturating_sub(HEAD.len() - 1);
        piece.drain(..done);
        from += done as u64;
    }
}

/// Gives each line of a member that is sound, without its end, until one is not wanted.
///
/// # Errors
/// When it cannot be read, or holds what no archive holds.
pub fn read_lines(
    file: &mut (impl Read + Seek),
    member: &Range<u64>,
    mut each: impl FnMut(&[u8]) -> bool,
) -> io::Result<()> {
    file.seek(SeekFrom::Start(member.start))?;
    let octets = BufReader::new(file.take(member.end - member.start));
    let mut lines = BufReader::new(GzDecoder::new(octets));
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = lines.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        if read as u64 == LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line that does not end"));
        }
        if !each(line.strip_suffix(b"\n").unwrap_or(&line)) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn lines_of(octets: &[u8]) -> (Vec<String>, Vec<Harm>) {
        let members = walk(Cursor::new(octets)).unwrap();
        let mut lines = Vec::new();
        for member in &members.sound {
            read_lines(&mut Cursor::new(octets), member, |line| {
                lines.push(String::from_utf8(line.to_vec()).unwrap());
                true
            })
            .unwrap();
        }
        (lines, members.harm)
    }

    fn three() -> (Vec<u8>, Vec<usize>) {
        let (mut file, mut ends) = (Vec::new(), Vec::new());
        for n in 0..3 {
            let text: String = (0..40).map(|line| format!("{{\"member\":{n},\"line\":{line}}}\n")).collect();
            file.extend(deflate(text.as_bytes()));
            ends.push(file.len());
        }
        (file, ends)
    }

    #[test]
    fn a_head_is_what_deflate_makes() {
        assert_eq!(deflate(b"x\n")[..10], HEAD);
        let (file, ends) = three();
        let members = walk(Cursor::new(&file)).unwrap();
        assert_eq!(members.end(), ends[2] as u64);
        assert_eq!(lines_of(&file).0.len(), 120);
    }

    #[test]
    fn cut_off_anywhere_it_gives_what_was_whole() {
        let (file, ends) = three();
        for length in 0..file.len() {
            let whole = ends.iter().filter(|end| **end <= length).count();
            let (lines, harm) = lines_of(&file[..length]);
            assert_eq!(lines.len(), whole * 40, "{length}");
            let begin = if whole == 0 { 0 } else { ends[whole - 1] };
            let expected = if begin == length { vec![] } else { vec![Harm::Torn(begin as u64)] };
            assert_eq!(harm, expected, "{length}");
        }
    }

    #[test]
    fn a_flipped_bit_costs_one_member_and_is_told() {
        let (file, ends) = three();
        let (whole, mut same) = (lines_of(&file).0, 0);
        for at in ends[0]..ends[1] {
            let mut damaged = file.clone();
            damaged[at] ^= 0x10;
            let (lines, harm) = lines_of(&damaged);
            let first_and_last: Vec<_> = lines.iter().filter(|line| !line.contains("\"member\":1")).collect();
            assert_eq!(first_and_last.len(), 80, "{at}");
            // A few bits, such as those of the time in the head, say nothing of the content.
            if lines == whole {
                assert_eq!(harm, [], "{at}");
                same += 1;
            } else {
                assert_eq!(harm, [Harm::Damaged(ends[0] as u64..ends[1] as u64)], "{at}");
                assert_eq!(lines.len(), 80, "{at}");
            }
        }
        assert!(same < 16, "{same}");
    }

    #[test]
    fn zeros_at_the_end_are_no_member() {
        let (mut file, ends) = three();
        file.extend([0; 5000]);
        let (lines, harm) = lines_of(&file);
        assert_eq!((lines.len(), harm), (120, vec![Harm::Damaged(ends[2] as u64..file.len() as u64)]));
    }

    proptest! {
        #[test]
        fn arbitrary_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..300), whole in any::<bool>()) {
            let mut file = if whole { deflate(b"{}\n") } else { HEAD.to_vec() };
            file.extend(&octets);
            let members = walk(Cursor::new(&file)).unwrap();
            for member in &members.sound {
                let _ = read_lines(&mut Cursor::new(&file), member, |_| true);
            }
            prop_assert!(!whole || !members.sound.is_empty());
        }
    }
}
