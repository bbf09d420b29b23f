//! Files of JSON lines: one report a line, a new file when the old one is large or a day is over.

use crate::backoff::Backoff;
use crate::config::{Part, Size, Wrong};
use crate::connect::writable;
use crate::queue::{Entry, Position, Reader};
use crate::stop::Stop;
use serde::Deserialize;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tracing::warn;

/// `kind = "file"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What its cursor in the queue is called.
    pub name: Option<String>,
    /// The file that is written to; older ones stand beside it as `name.1`, `name.2` …
    pub path: PathBuf,
    /// The size at which a new file begins.
    pub size: u64,
    /// How many older files are kept.
    pub keep: usize,
    /// Whether each day (UTC) has its own file.
    pub daily: bool,
    /// Whether a record counts as delivered only once the disk has it. Safe against a power cut, and slower.
    pub sync: bool,
}

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    name: Option<String>,
    path: PathBuf,
    size: Option<Size>,
    keep: Option<usize>,
    #[serde(default)]
    daily: bool,
    #[serde(default)]
    sync: bool,
}

impl Part for Config {
    type Keys = Keys;

    fn build(keys: Keys, base: &Path) -> Result<Self, Wrong> {
        let size = keys.size.unwrap_or(Size(100 << 20)).0;
        if size < 4096 {
            return Err(Wrong::new("size", "a file holds at least 4 KiB"));
        }
        let keep = keys.keep.unwrap_or(9);
        if keep > 10_000 {
            return Err(Wrong::new("keep", "at most 10000 files are kept"));
        }
        Ok(Self { name: keys.name, path: base.join(keys.path), size, keep, daily: keys.daily, sync: keys.sync })
    }
}

impl Config {
    /// Whether its file can be written to; the file itself is left as it is.
    pub(super) fn probe(&self) -> Result<String, String> {
        let shown = self.path.display();
        if self.path.exists() {
            OpenOptions::new()
                .append(true)
                .open(&self.path)
                .map_err(|error| format!("cannot write to {shown}: {error}"))?;
        }
        // Other files come to stand beside it.
        writable_above(self.path.ancestors().skip(1)).map(|()| format!("{shown} can be written to"))
    }
}

/// Whether the first of these folders that is there can be written to.
pub(super) fn writable_above<'p>(mut folders: impl Iterator<Item = &'p Path>) -> Result<(), String> {
    let there = folders.find(|folder| folder.as_os_str().is_empty() || folder.exists());
    writable(there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new(".")))
}

/// Writing has come to an end.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Still not possible when the gateway stops.
    #[error("cannot write to {path}: {1}", path = .0.display())]
    Write(PathBuf, #[source] io::Error),
}

/// The most records written between two confirmations.
const BATCH: usize = 256;

/// Writes reports until the queue ends. A full disk is waited out.
///
/// # Errors
/// When the gateway stops and nothing can be written.
pub async fn run(config: Config, reader: Reader, mut stop: Stop) -> Result<(), FileError> {
    let mut rotating = Rotating::new(config);
    let mut backoff = Backoff::default();
    let mut position = reader.confirmed();
    while let Some(entry) = reader.next(position).await {
        let mut batch = vec![entry];
        while batch.len() < BATCH
            && let Some(entry) = reader.try_next(batch.last().map_or(position, |entry| entry.position))
        {
            batch.push(entry);
        }
        // Disks may take their time; the other parts shall not wait with this one.
        let written = tokio::task::spawn_blocking(move || {
            let (written, error) = rotating.write(&batch, today());
            (rotating, written, error)
        });
        let Ok((back, written, error)) = written.await else { return Ok(()) };
        rotating = back;
        if let Some(written) = written {
            position = written;
            reader.confirm(position);
            backoff.reset();
        }
        if let Some(error) = error {
            if stop.is_asked() {
                return Err(FileError::Write(rotating.config.path, error));
            }
            reader.fault(&error);
            warn!(path = %rotating.config.path.display(), %error, "cannot write, trying again");
            backoff.pause(&mut stop).await;
        }
    }
    Ok(())
}

fn today() -> i64 {
    jiff::Timestamp::now().as_second().div_euclid(86_400)
}

/// A file that gives way to a new one.
#[derive(Debug)]
struct Rotating {
    config: Config,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Octets up to the end of the last whole line.
    size: u64,
    day: i64,
}

impl Rotating {
    const fn new(config: Config) -> Self {
        Self { config, open: None }
    }

    /// Writes records in order; tells the last one that is wholly written, and what stopped the rest.
    fn write(&mut self, batch: &[Entry], day: i64) -> (Option<Position>, Option<io::Error>) {
        let mut written = None;
        let mut rest = batch;
        while let [first, ..] = rest {
            let step = self.file(first.record.report.len() as u64 + 1, day).and_then(|(open, room)| {
                let mut lines = Vec::new();
                let mut count = 0;
                for entry in rest {
                    let report = &entry.record.report;
                    if count > 0 && lines.len() as u64 + report.len() as u64 + 1 > room {
                        break;
                    }
                    lines.extend_from_slice(report);
                    lines.push(b'\n');
                    count += 1;
                }
                open.file.write_all(&lines)?;
                open.size += lines.len() as u64;
                Ok(count)
            });
            let synced = step.and_then(|count| match (&self.open, self.config.sync) {
                (Some(open), true) => open.file.sync_data().map(|()| count),
                _ => Ok(count),
            });
            match synced {
                Ok(count) => {
                    let (done, more) = rest.split_at_checked(count).unwrap_or((rest, &[]));
                    written = done.last().map(|entry| entry.position).or(written);
                    rest = more;
                }
                Err(error) => {
                    // Opened again, the file is cut back to its last whole line.
                    self.close();
                    return (written, Some(error));
                }
            }
        }
        (written, None)
    }

    /// The file for so many octets more, and its room.
    fn file(&mut self, more: u64, day: i64) -> io::Result<(&mut Open, u64)> {
        let over = self.open.as_ref().is_some_and(|open| {
            open.size > 0 && (open.size + more > self.config.size || (self.config.daily && open.day != day))
        });
        if over {
            self.open = None;
            self.rotate()?;
        }
        if self.open.is_none() {
            let open = open(&self.config.path)?;
            let other_day = self.config.daily && open.day != day;
            if open.size > 0 && (open.size + more > self.config.size || other_day) {
                drop(open);
                self.rotate()?;
            }
        }
        let open = match self.open.take() {
            Some(open) => open,
            None => Open { day, ..open(&self.config.path)? },
        };
        let open = self.open.insert(open);
        let room = self.config.size.saturating_sub(open.size);
        Ok((open, room))
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            // If this fails as well, opening it finds the last line end.
            let _ = open.file.set_len(open.size);
        }
    }

    fn rotate(&self) -> io::Result<()> {
        let path = &self.config.path;
        if self.config.keep == 0 {
            return fs::remove_file(path);
        }
        for n in (1..self.config.keep).rev() {
            move_away(&numbered(path, n), &numbered(path, n + 1))?;
        }
        move_away(path, &numbered(path, 1))
    }
}

fn move_away(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn numbered(path: &Path, n: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    name.into()
}

/// Opens a file to go on after its last whole line.
fn open(path: &Path) -> io::Result<Open> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().create(true).read(true).write(true).truncate(false).open(path)?;
    let metadata = file.metadata()?;
    let day = metadata.modified().ok().and_then(|at| jiff::Timestamp::try_from(at).ok());
    let size = whole_lines(&mut file, metadata.len())?;
    if size < metadata.len() {
        file.set_len(size)?;
    }
    file.seek(SeekFrom::Start(size))?;
    Ok(Open { file, size, day: day.map_or_else(today, |at| at.as_second().div_euclid(86_400)) })
}

/// The size of a file up to its last line end.
fn whole_lines(file: &mut File, len: u64) -> io::Result<u64> {
    use std::io::Read;
    let mut end = len;
    let mut piece = [0; 4096];
    while end > 0 {
        let from = end.saturating_sub(piece.len() as u64);
        file.seek(SeekFrom::Start(from))?;
        let piece = piece.get_mut(..(end - from) as usize).unwrap_or_default();
        file.read_exact(piece)?;
        if let Some(at) = memchr::memrchr(b'\n', piece) {
            return Ok(from + at as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::tests::{Temporary, place};
    use crate::record::{Id, Kind, Record};
    use crate::stop::stop;
    use esh_core::Protocol;

    fn config(folder: &Path) -> Config {
        Config { name: None, path: folder.join("readings.jsonl"), size: 4096, keep: 2, daily: false, sync: true }
    }

    fn entries(range: std::ops::Range<u32>) -> Vec<Entry> {
        range.map(|n| Entry { position: place(n), record: record(n) }).collect()
    }

    fn record(n: u32) -> Record {
        let report = format!("{{\"n\":{n},\"pad\":\"{}\"}}", "x".repeat(80)).into();
        let (kind, protocol) = (Kind::Readings, Some(Protocol::Wmbus));
        Record { kind, protocol, meter: None, id: Id(n.into()), received_at: None, report }
    }

    fn lines(path: &Path) -> Vec<String> {
        fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn files_rotate_by_size_and_only_so_many_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let entries = entries(0..200);
        let mut rotating = Rotating::new(config(folder.path()));
        let (written, error) = rotating.write(&entries, 0);
        assert!(error.is_none());
        assert_eq!(written, entries.last().map(|entry| entry.position));
        let path = folder.path().join("readings.jsonl");
        let mut all = Vec::new();
        for path in [numbered(&path, 2), numbered(&path, 1), path.clone()] {
            assert!(fs::metadata(&path).unwrap().len() <= 4096);
            all.extend(lines(&path));
        }
        assert!(!numbered(&path, 3).exists());
        let last: Vec<_> =
            entries.iter().map(|entry| String::from_utf8_lossy(&entry.record.report).into_owned()).collect();
        assert_eq!(all, last[last.len() - all.len()..], "in order, nothing between them missing");
    }

    #[tokio::test]
    async fn a_day_has_its_own_file() {
        let folder = tempfile::tempdir().unwrap();
        let entries = entries(0..2);
        let mut rotating = Rotating::new(Config { daily: true, ..config(folder.path()) });
        let day = today();
        assert!(rotating.write(&entries[..1], day).1.is_none());
        assert!(rotating.write(&entries[1..], day + 1).1.is_none());
        let path = folder.path().join("readings.jsonl");
        assert_eq!((lines(&path).len(), lines(&numbered(&path, 1)).len()), (1, 1));
    }

    #[tokio::test]
    async fn a_torn_line_is_cut_off_and_the_file_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("readings.jsonl");
        fs::write(&path, "{\"n\":0}\n{\"n\":1,\"to").unwrap();
        let mut rotating = Rotating::new(config(folder.path()));
        assert!(rotating.write(&entries(2..3), today()).1.is_none());
        assert_eq!(lines(&path).len(), 2);
        assert!(lines(&path).iter().all(|line| line.starts_with('{') && line.ends_with('}')));
    }

    #[tokio::test]
    async fn what_cannot_be_written_stays_unconfirmed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("blocked"), "").unwrap();
        let config = Config { path: folder.path().join("blocked/readings.jsonl"), ..config(folder.path()) };
        let mut queue = Temporary::new(&["file"]);
        for n in 0..3 {
            queue.put(&record(n)).unwrap();
        }
        queue.handle.close();
        let (stopper, stop) = stop();
        stopper.stop();
        let ended = run(config, queue.readers.remove(0), stop).await;
        assert!(matches!(ended, Err(FileError::Write(..))));
        assert_eq!(queue.handle.unconfirmed(), 3);
    }
}
