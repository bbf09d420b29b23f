//! The archive of raw frames: what was received, in compressed files that are kept for so long, to be fed again by
//! `esh-gateway replay`.
//!
//! Records are gathered for `wait`, or up to 256 KiB of lines, and written as one member of a gzip file. A record
//! counts as delivered only once the disk has its member (`fdatasync`), so a crash loses none: what was gathered, or was
//! torn in the middle, is still in the queue. After a failed sync nothing more is written to the same file.

use crate::archive::{self, ArchiveLine, Name};
use crate::backoff::Backoff;
use crate::clock::is_after_this_was_written;
use crate::config::{Part, Size, Span, Wrong};
use crate::queue::{Position, Reader};
use crate::sinks::file::writable_above;
use crate::sources::now;
use crate::stop::Stop;
use jiff::Timestamp;
use serde::Deserialize;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

/// `kind = "archive"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What its cursor in the queue is called.
    pub name: Option<String>,
    /// The folder of the files.
    pub path: PathBuf,
    /// The size at which a new file begins, in octets as they stand on the disk.
    pub size: u64,
    /// The age at which a new file begins.
    pub every: Span,
    /// How many files are kept, the one being written among them.
    pub keep: usize,
    /// How many octets are kept.
    pub keep_size: u64,
    /// How old a file may become; without it age deletes nothing.
    pub keep_age: Option<Span>,
    /// How long records are gathered before they are written together.
    pub wait: Span,
}

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    name: Option<String>,
    path: PathBuf,
    size: Option<Size>,
    every: Option<Span>,
    keep: Option<usize>,
    keep_size: Option<Size>,
    keep_age: Option<Span>,
    wait: Option<Span>,
}

impl Config {
    /// Whether its folder can be written to.
    pub(super) fn probe(&self) -> Result<String, String> {
        writable_above(self.path.ancestors()).map(|()| format!("{} can be written to", self.path.display()))
    }
}

impl Part for Config {
    type Keys = Keys;

    fn build(keys: Keys, base: &Path) -> Result<Self, Wrong> {
        let size = keys.size.unwrap_or(Size(16 << 20)).0;
        if size < 4096 {
            return Err(Wrong::new("size", "a file holds at least 4 KiB"));
        }
        let keep = keys.keep.unwrap_or(1000);
        if !(2..=100_000).contains(&keep) {
            return Err(Wrong::new("keep", "2 to 100000 files are kept, the one being written among them"));
        }
        let keep_size = keys.keep_size.unwrap_or(Size(1 << 30)).0;
        if keep_size < 2 * size {
            return Err(Wrong::new("keep_size", "at least two files are kept: twice `size`"));
        }
        let every = keys.every.unwrap_or(Span::seconds(86_400));
        if every.0 < Duration::from_secs(60) {
            return Err(Wrong::new("every", "a file lasts at least a minute"));
        }
        let wait = keys.wait.unwrap_or(Span::seconds(10));
        if wait.0 > Duration::from_secs(30) {
            return Err(Wrong::new("wait", "records are gathered for at most 30 s: they stay in the queue until then"));
        }
        let path = base.join(keys.path);
        Ok(Self { name: keys.name, path, size, every, keep, keep_size, keep_age: keys.keep_age, wait })
    }
}

/// Writing has come to an end.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Still not possible when the gateway stops.
    #[error("cannot write to {path}: {1}", path = .0.display())]
    Write(PathBuf, #[source] io::Error),
}

/// The most octets of lines that become one member.
const TEXT: usize = 256 << 10;

/// What is gathered.
#[derive(Debug, Default)]
struct Gathered {
    lines: Vec<u8>,
    /// The last record that is in it, or has nothing to archive.
    last: Option<Position>,
}

/// Archives until the queue ends. A full disk is waited out.
///
/// # Errors
/// When the gateway stops and nothing can be written.
pub async fn run(config: Config, reader: Reader, mut stop: Stop) -> Result<(), ArchiveError> {
    let (folder, wait) = (config.path.clone(), config.wait.0);
    let mut archive = Archive { config, open: None };
    let mut backoff = Backoff::default();
    let mut position = reader.confirmed();
    loop {
        let mut gathered = gather(&reader, position, wait, &mut stop).await;
        let Some(last) = gathered.last else { return Ok(()) };
        while !gathered.lines.is_empty() {
            // Disks may take their time; the other parts shall not wait with this one.
            let written = tokio::task::spawn_blocking(move || {
                let written = archive.write(&gathered.lines, now());
                (archive, gathered, written)
            });
            let Ok((back, lines, written)) = written.await else { return Ok(()) };
            (archive, gathered) = (back, lines);
            let Err(error) = written else { break };
            if stop.is_asked() {
                return Err(ArchiveError::Write(folder, error));
            }
            reader.fault(&error);
            warn!(path = %folder.display(), %error, "cannot write, trying again");
            backoff.pause(&mut stop).await;
        }
        backoff.reset();
        position = last;
        reader.confirm(position);
    }
}

/// Takes records until there are enough, the wait is over, or the gateway stops. Nothing at all means that no more come.
async fn gather(reader: &Reader, after: Position, wait: Duration, stop: &mut Stop) -> Gathered {
    let mut gathered = Gathered::default();
    let mut after = after;
    let mut until: Option<Instant> = None;
    while gathered.lines.len() < TEXT {
        let next = reader.next(after);
        let entry = match until {
            None => next.await,
            Some(until) => tokio::select! {
                // Whoever stops wants what is there on the disk now.
                () = stop.asked() => reader.try_next(after),
                next = timeout_at(until, next) => next.ok().flatten(),
            },
        };
        let Some(entry) = entry else { break };
        until.get_or_insert_with(|| Instant::now() + wait);
        if let Some(line) = ArchiveLine::of(&entry.record) {
            line.write(&entry.record, &mut gathered.lines);
        }
        (after, gathered.last) = (entry.position, Some(entry.position));
    }
    gathered
}

/// The files of an archive, the last of them open.
#[derive(Debug)]
struct Archive {
    config: Config,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    name: Name,
    /// Octets up to the end of the last whole member.
    size: u64,
}

impl Archive {
    /// Has lines on the disk, as one member.
    fn write(&mut self, lines: &[u8], now: crate::capture::Stamp) -> io::Result<()> {
        let member = archive::deflate(lines);
        let at = now.at.unwrap_or(Timestamp::UNIX_EPOCH);
        let mut open = match self.open.take() {
            Some(open) => open,
            None => match self.again()? {
                Some(open) => open,
                None => self.begin(1, at)?,
            },
        };
        let age = at.duration_since(open.name.begun).unsigned_abs();
        if open.size > 0 && (open.size + member.len() as u64 > self.config.size || age >= self.config.every.0) {
            open = self.begin(open.name.number + 1, at)?;
        }
        if let Err(error) = open.file.write_all(&member) {
            // If this fails as well, opening it finds its last whole member.
            let _ = open.file.set_len(open.size);
            return Err(error);
        }
        if let Err(error) = open.file.sync_data() {
            // The system may have forgotten what it could not write: another file takes the same lines.
            self.open = self.begin(open.name.number + 1, at).ok();
            return Err(error);
        }
        open.size += member.len() as u64;
        self.open = Some(open);
        Ok(())
    }

    /// Opens the newest file there is, to go on behind its last whole member.
    fn again(&self) -> io::Result<Option<Open>> {
        let Some((name, path)) = archive::files(&self.config.path)?.pop() else { return Ok(None) };
        let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
        let members = archive::walk(&file)?;
        for harm in &members.harm {
            warn!(file = %path.display(), %harm, "the archive was found damaged");
        }
        let size = members.end();
        file.set_len(size)?;
        file.seek(SeekFrom::Start(size))?;
        Ok(Some(Open { file, name, size }))
    }

    /// Begins a file, and deletes those that are too many or too old.
    fn begin(&self, number: u64, at: Timestamp) -> io::Result<Open> {
        let folder = &self.config.path;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let name = Name { number, begun: at };
        let path = folder.join(name.file());
        let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
        File::open(folder)?.sync_all()?;
        self.prune(at)?;
        Ok(Open { file, name, size: 0 })
    }

    fn prune(&self, at: Timestamp) -> io::Result<()> {
        let mut kept = 0;
        let mut octets = 0;
        for (name, path) in archive::files(&self.config.path)?.into_iter().rev() {
            kept += 1;
            // A file that is not full counts as one that is: it grows.
            octets += if kept == 1 { self.config.size } else { fs::metadata(&path)?.len() };
            let old = self.config.keep_age.is_some_and(|age| {
                // The newest frames of a file may be younger than its beginning by `every`. A clock that was not set
                // tells no age.
                let trusted = kept > 1
                    && is_after_this_was_written(at)
                    && is_after_this_was_written(name.begun)
                    && at > name.begun;
                trusted && at.duration_since(name.begun).unsigned_abs() > age.0 + self.config.every.0
            });
            if kept > self.config.keep || octets > self.config.keep_size || old {
                fs::remove_file(&path)?;
                info!(file = %path.display(), "an old file of the archive is deleted");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Capture, Framing, Stamp};
    use crate::queue::tests::Temporary;
    use crate::record::{Id, Kind, Record};
    use crate::run::Decode;
    use crate::simulate::Fleet;
    use crate::stop::stop;
    use crate::worker::Worker;
    use esh_core::{CivilTime, Protocol};

    fn config(folder: &Path) -> Config {
        Config {
            name: None,
            path: folder.join("archive"),
            size: 4096,
            every: Span::seconds(86_400),
            keep: 10,
            keep_size: 1 << 20,
            keep_age: None,
            wait: Span(Duration::from_millis(20)),
        }
    }

    fn stamp(second: i64) -> Stamp {
        Stamp { at: Timestamp::from_second(1_790_000_000 + second).ok(), synchronised: true }
    }

    /// Records of simulated meters, and the captures they are of.
    fn records(count: i64) -> Vec<(Record, Capture)> {
        let (mut fleet, mut worker) = (Fleet::new(6, 1), Worker::new("g", None, Fleet::new(6, 1).keys()));
        let captures = (0..count).map(|n| Capture {
            octets: fleet.send(CivilTime::date(2026, 1, 1).unwrap()).unwrap().octets.into(),
            protocol: Protocol::Wmbus,
            framing: (n % 2 == 0).then_some(Framing::A),
            received_at: stamp(n),
            source: "air".into(),
            rssi: Some(-70),
            radio: None,
        });
        captures.map(|capture| (worker.decode(&capture, 1), capture)).collect()
    }

    fn captures(folder: &Path) -> Vec<String> {
        let mut captures = Vec::new();
        for (_, path) in archive::files(&folder.join("archive")).unwrap() {
            let mut file = File::open(path).unwrap();
            for member in archive::walk(&file).unwrap().sound {
                let each = |line: &[u8]| {
                    captures.push(format!("{:?}", ArchiveLine::read(line).unwrap()));
                    true
                };
                archive::read_lines(&mut file, &member, each).unwrap();
            }
        }
        captures
    }

    fn told(records: &[(Record, Capture)]) -> Vec<String> {
        records.iter().map(|(_, capture)| format!("{capture:?}")).collect()
    }

    fn lines(records: &[(Record, Capture)]) -> Vec<u8> {
        let mut lines = Vec::new();
        for (record, _) in records {
            ArchiveLine::of(record).unwrap().write(record, &mut lines);
        }
        lines
    }

    #[tokio::test]
    async fn what_the_queue_holds_is_archived_and_then_confirmed() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(300);
        let mut queue = Temporary::new(&["archive"]);
        for (record, _) in &records {
            queue.put(record).unwrap();
        }
        let event = Record {
            kind: Kind::Event,
            protocol: None,
            meter: None,
            id: Id(1),
            received_at: None,
            report: "{}".into(),
        };
        queue.put(&event).unwrap();
        queue.handle.close();
        let (_stopper, stop) = stop();
        run(config(folder.path()), queue.readers.remove(0), stop).await.unwrap();
        assert_eq!(queue.handle.unconfirmed(), 0, "an event has nothing to archive and holds nothing up");
        assert_eq!(captures(folder.path()), told(&records));
    }

    #[test]
    fn files_rotate_by_size_and_age_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(200);
        let mut archive = Archive { config: Config { keep: 3, ..config(folder.path()) }, open: None };
        let mut written = 0;
        for part in records.chunks(10) {
            archive.write(&lines(part), stamp(written)).unwrap();
            written += 1;
        }
        let files = archive::files(&folder.path().join("archive")).unwrap();
        assert_eq!(files.len(), 3, "{files:?}");
        for (_, path) in &files {
            assert!(fs::metadata(path).unwrap().len() <= 4096);
        }
        let kept = captures(folder.path());
        assert_eq!(kept, told(&records)[200 - kept.len()..], "the newest are kept, in order");

        (archive.config.size, archive.config.keep_size) = (1 << 20, 1 << 30);
        archive.write(&lines(&records[..1]), stamp(written)).unwrap();
        let number = archive.open.as_ref().unwrap().name.number;
        archive.write(&lines(&records[..1]), stamp(86_400 + 3600)).unwrap();
        assert_eq!(archive.open.as_ref().unwrap().name.number, number + 1, "a day is over");

        archive.config.keep_age = Some(Span::seconds(86_400));
        archive.config.every = Span::seconds(3600);
        archive.write(&lines(&records[..1]), stamp(10 * 86_400)).unwrap();
        assert_eq!(captures(folder.path()).len(), 1, "the others are older than a day");
        // A clock that was not set says nothing of anybody's age.
        archive.write(&lines(&records[..1]), Stamp { at: Some(Timestamp::UNIX_EPOCH), synchronised: false }).unwrap();
        archive.write(&lines(&records[..1]), stamp(10 * 86_400 + 7200)).unwrap();
        assert_eq!(captures(folder.path()).len(), 3);
    }

    #[test]
    fn the_size_of_all_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = Archive { config: Config { keep_size: 12_288, ..config(folder.path()) }, open: None };
        for part in records(300).chunks(10) {
            archive.write(&lines(part), stamp(0)).unwrap();
            let files = archive::files(&folder.path().join("archive")).unwrap();
            let octets: u64 = files.iter().map(|(_, path)| fs::metadata(path).unwrap().len()).sum();
            assert!(octets <= 12_288, "{octets}");
        }
    }

    #[test]
    fn a_torn_member_is_cut_off_and_the_file_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(30);
        let mut archive = Archive { config: config(folder.path()), open: None };
        archive.write(&lines(&records[..10]), stamp(0)).unwrap();
        archive.write(&lines(&records[10..20]), stamp(0)).unwrap();
        let (_, path) = archive::files(&folder.path().join("archive")).unwrap().remove(0);
        let whole = fs::metadata(&path).unwrap().len();
        // As a crash leaves it: the second member is not whole.
        File::options().write(true).open(&path).unwrap().set_len(whole - 7).unwrap();
        assert_eq!(captures(folder.path()), told(&records[..10]));
        let mut archive = Archive { config: config(folder.path()), open: None };
        archive.write(&lines(&records[10..]), stamp(0)).unwrap();
        assert_eq!(captures(folder.path()), told(&records));
        assert!(archive::walk(File::open(&path).unwrap()).unwrap().harm.is_empty());
    }

    #[tokio::test]
    async fn what_cannot_be_written_stays_unconfirmed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("archive"), "a file is in the way").unwrap();
        let mut queue = Temporary::new(&["archive"]);
        for (record, _) in &records(3) {
            queue.put(record).unwrap();
        }
        queue.handle.close();
        let (stopper, stop) = stop();
        stopper.stop();
        let ended = run(config(folder.path()), queue.readers.remove(0), stop).await;
        assert!(matches!(ended, Err(ArchiveError::Write(..))));
        assert_eq!(queue.handle.unconfirmed(), 3);
    }
}
