//! Lines out of octets: bounded, and past one that is too long the next is read as if nothing had been.

use super::parse::LineError;
use std::{io, time::Duration};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};

/// Reads lines of a bounded length.
#[derive(Debug)]
pub(super) struct LineReader<R> {
    input: R,
    buffer: Vec<u8>,
    /// Where the line begins, how far it has been searched for its end.
    start: usize,
    searched: usize,
    longest: usize,
    /// In the middle of a line that was refused.
    skipping: bool,
    /// How long a line that has begun may take, however steadily its octets come,
    patience: Option<Duration>,
    /// and when it has taken too long.
    deadline: Option<Instant>,
    /// Whether what stands after the last line end is a line.
    last: LastLine,
}

/// What an input's end means for what stands after the last line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastLine {
    /// It is a line as well: a file may end without a line end.
    Whole,
    /// It is cut off: the connection was lost in its middle.
    Cut,
}

/// What comes out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'b> {
    /// A line, without its end.
    Line(&'b [u8]),
    /// A line that is refused before it is looked at.
    Refused(LineError),
    /// Nothing more comes; so many octets of an unfinished line were dropped.
    End(usize),
    /// A line has begun and does not end.
    Stalled,
}

const PIECE: usize = 4096;

impl<R: AsyncRead + Unpin> LineReader<R> {
    pub(super) const fn new(input: R, longest: usize, patience: Option<Duration>, last: LastLine) -> Self {
        let buffer = Vec::new();
        Self { input, buffer, start: 0, searched: 0, longest, skipping: false, patience, deadline: None, last }
    }

    /// The next line. What was read stays in the buffer when the wait is given up.
    pub(super) async fn next(&mut self) -> io::Result<Event<'_>> {
        loop {
            let unread = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', unread) {
                let (from, to) = (self.start, self.searched + at);
                self.start = to + 1;
                self.searched = to + 1;
                self.deadline = None;
                if std::mem::take(&mut self.skipping) {
                    continue;
                }
                if to - from > self.longest {
                    return Ok(Event::Refused(LineError::TooLong(self.longest)));
                }
                return Ok(Event::Line(self.buffer.get(from..to).unwrap_or_default()));
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            self.searched = self.buffer.len();
            if self.skipping {
                self.buffer.clear();
                self.searched = 0;
            } else if self.searched > self.longest {
                self.buffer.clear();
                self.searched = 0;
                self.skipping = true;
                return Ok(Event::Refused(LineError::TooLong(self.longest)));
            }
            if self.buffer.is_empty() {
                // An idle client shall cost little.
                self.buffer.shrink_to(PIECE);
            }
            self.buffer.reserve(PIECE);
            let begun = !self.buffer.is_empty() || self.skipping;
            let read = self.input.read_buf(&mut self.buffer);
            let count = match self.patience {
                Some(patience) if begun => {
                    let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + patience);
                    match timeout_at(deadline, read).await {
                        Ok(count) => count?,
                        Err(_) => {
                            self.deadline = None;
                            return Ok(Event::Stalled);
                        }
                    }
                }
                _ => read.await?,
            };
            if count == 0 {
                let from = std::mem::replace(&mut self.searched, 0);
                let line = std::mem::take(&mut self.buffer);
                if from == 0 || self.last == LastLine::Cut {
                    return Ok(Event::End(line.len()));
                }
                self.buffer = line;
                self.start = self.buffer.len();
                self.searched = self.start;
                return Ok(Event::Line(&self.buffer));
            }
        }
    }

    /// Drops the line that has begun, as after a pause on a serial line.
    pub(super) fn drop_begun(&mut self) {
        self.buffer.clear();
        self.start = 0;
        self.searched = 0;
        self.skipping = false;
        self.deadline = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{io::AsyncWriteExt, time::timeout};

    async fn all(input: &[u8], longest: usize, last: LastLine) -> Vec<String> {
        let mut reader = LineReader::new(input, longest, None, last);
        let mut events = Vec::new();
        loop {
            match reader.next().await.unwrap() {
                Event::Line(line) => events.push(String::from_utf8_lossy(line).into_owned()),
                Event::End(0) => return events,
                other => {
                    events.push(format!("{other:?}"));
                    if matches!(other, Event::End(_)) {
                        return events;
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn lines_end_at_line_ends() {
        assert_eq!(all(b"a\n\nbc\r\n", 64, LastLine::Cut).await, ["a", "", "bc\r"]);
        assert_eq!(all(b"a\nb", 64, LastLine::Whole).await, ["a", "b"]);
        assert_eq!(all(b"a\nb", 64, LastLine::Cut).await, ["a", "End(1)"]);
        assert_eq!(all(b"", 64, LastLine::Whole).await, [""; 0]);
    }

    #[tokio::test]
    async fn a_line_too_long_is_refused_once_and_the_next_is_read() {
        let mut input = vec![b'0'; 1_000_000];
        input.extend_from_slice(b"\n2a44\n");
        assert_eq!(all(&input, 100, LastLine::Cut).await, ["Refused(TooLong(100))", "2a44"]);
        assert_eq!(all(b"12345\n1234\n", 4, LastLine::Cut).await, ["Refused(TooLong(4))", "1234"]);
    }

    #[tokio::test]
    async fn an_endless_line_takes_no_memory() {
        let input = tokio::io::repeat(b'0').take(50_000_000);
        let mut reader = LineReader::new(input, 4096, None, LastLine::Cut);
        assert_eq!(reader.next().await.unwrap(), Event::Refused(LineError::TooLong(4096)));
        assert!(matches!(reader.next().await.unwrap(), Event::End(_)));
        assert!(reader.buffer.capacity() < 32_768, "{}", reader.buffer.capacity());
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_does_not_end_is_noticed_and_an_idle_one_is_not() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut reader = LineReader::new(server, 64, Some(Duration::from_secs(10)), LastLine::Cut);
        assert!(timeout(Duration::from_secs(3600), reader.next()).await.is_err(), "idle for an hour");
        client.write_all(b"2a").await.unwrap();
        assert_eq!(reader.next().await.unwrap(), Event::Stalled);
        client.write_all(b"44\n").await.unwrap();
        assert_eq!(reader.next().await.unwrap(), Event::Line(b"2a44"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_comes_octet_by_octet_takes_no_longer_than_any_other() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut reader = LineReader::new(server, 64, Some(Duration::from_secs(10)), LastLine::Cut);
        let slow = tokio::spawn(async move {
            while client.write_all(b"2").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        });
        let started = Instant::now();
        assert_eq!(reader.next().await.unwrap(), Event::Stalled);
        assert_eq!(started.elapsed().as_secs(), 10);
        slow.abort();
    }
}
