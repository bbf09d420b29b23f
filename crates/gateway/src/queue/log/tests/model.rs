//! The log against a model, through any order of what can be done to it.

use super::*;
use proptest::prelude::*;
use std::fs;

#[derive(Clone, Debug)]
enum Step {
    Append(u8),
    Commit,
    /// Read so many.
    Read(u8),
    /// Confirm so many of those read.
    Confirm(u8),
    Save,
    Release,
    Reopen,
    /// The process is killed: what was not committed is gone, and so are cursors that were not saved.
    Kill,
    /// The machine loses power: of what was written and not synced, some octets reached the disk.
    Torn(u8),
    /// The next sync fails.
    FailSync,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..60_u8).prop_map(Step::Append),
        4 => Just(Step::Commit),
        5 => any::<u8>().prop_map(Step::Read),
        3 => any::<u8>().prop_map(Step::Confirm),
        2 => Just(Step::Save),
        1 => Just(Step::Release),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
        1 => any::<u8>().prop_map(Step::Torn),
        1 => Just(Step::FailSync),
    ]
}

/// What must be so.
#[derive(Default)]
struct Model {
    committed: u64,
    read: u64,
    confirmed: u64,
    saved: u64,
    /// Entries that were written and never committed: each of them may be there or not.
    unsure: std::collections::BTreeSet<u64>,
}

impl Model {
    /// The entry that is read next is this one: those passed over were never committed.
    fn read(&mut self, seq: u64) {
        for passed in self.read + 1..seq {
            assert!(self.unsure.contains(&passed), "entry {passed} is lost");
        }
        self.read = seq;
    }
}

struct Run {
    dir: tempfile::TempDir,
    ends: Option<(Log, Reader)>,
    model: Model,
}

impl Run {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (log, reader, _) = one(dir.path(), &small());
        Self { dir, ends: Some((log, reader)), model: Model::default() }
    }

    fn ends(&mut self) -> (&mut Log, &mut Reader, &mut Model) {
        let (log, reader) = self.ends.as_mut().unwrap();
        (log, reader, &mut self.model)
    }

    fn step(&mut self, step: &Step) {
        let dir = self.dir.path().to_owned();
        let (log, reader, model) = self.ends();
        match *step {
            Step::Append(count) => {
                for _ in 0..count {
                    let seq = log.next;
                    assert_eq!(again(|| log.append(1, now(), &[&payload(seq)])), Seq(seq));
                }
                // The end of a segment commits.
                assert!(log.committed().0 >= model.committed);
                model.committed = log.committed().0;
            }
            Step::Commit => {
                model.committed = log.next - 1;
                assert_eq!(log.commit().unwrap(), Seq(model.committed));
            }
            Step::Read(count) => {
                for _ in 0..count {
                    let Some(entry) = reader.next().unwrap() else {
                        assert_eq!(model.read, model.committed);
                        break;
                    };
                    assert_eq!(entry.payload, payload(entry.seq.0));
                    model.read(entry.seq.0);
                }
            }
            Step::Confirm(count) => {
                model.confirmed = (model.confirmed + u64::from(count)).min(model.read.max(model.confirmed));
                assert_eq!(reader.confirm(Seq(model.confirmed)), model.confirmed - model.saved);
            }
            Step::Save => {
                again(|| reader.save());
                model.saved = model.confirmed;
            }
            Step::Release => again(|| log.release()),
            Step::FailSync => disk::fault::syncs(0, 1),
            Step::Reopen => {
                model.committed = log.commit().unwrap().0;
                again(|| reader.save());
                model.saved = model.confirmed;
                self.reopen();
            }
            Step::Kill => self.reopen(),
            Step::Torn(octets) => {
                let at = log.active.as_ref().map(|active| (active.number, active.end));
                let pending = log.pending.clone();
                self.ends = None;
                if let Some((number, end)) = at {
                    use std::os::unix::fs::FileExt;
                    let file = fs::OpenOptions::new().write(true).open(dir.join(segment::name(number))).unwrap();
                    let cut = pending.len() * usize::from(octets) / 256;
                    file.write_all_at(&pending[cut / 2..cut], end + cut as u64 / 2).unwrap();
                }
                self.reopen();
            }
        }
    }

    fn reopen(&mut self) {
        disk::fault::syncs(0, 0);
        self.ends = None;
        let (log, reader, damage) = one(self.dir.path(), &small());
        assert!(damage.iter().all(|damage| damage.harm == Harm::Tail), "{damage:?}");
        // What was not committed may be there, what was committed is.
        assert!(log.committed().0 >= self.model.committed);
        self.model.unsure.extend(self.model.committed + 1..=log.committed().0);
        self.model.committed = log.committed().0;
        assert!(reader.confirmed().0 >= self.model.saved);
        (self.model.confirmed, self.model.saved) = (reader.confirmed().0, reader.confirmed().0);
        self.model.read = self.model.confirmed;
        self.ends = Some((log, reader));
    }

    fn end(mut self) {
        disk::fault::syncs(0, 0);
        let (log, reader, model) = self.ends();
        let last = log.commit().unwrap().0;
        drain(reader).into_iter().for_each(|seq| model.read(seq));
        assert_eq!(model.read, last);
        let lost = reader.damage().into_iter().map(|damage| damage.lost.unwrap());
        assert!(lost.flat_map(|(from, to)| from.0..=to.0).all(|seq| model.unsure.contains(&seq)));
        reader.confirm(Seq(last));
        reader.save().unwrap();
        assert!(segments(self.dir.path()).len() <= 1);
    }
}

/// One failed sync may fail what was asked, but nothing is changed by it: asked again, it is done.
fn again<T>(mut ask: impl FnMut() -> Result<T, LogError>) -> T {
    ask().or_else(|_| ask()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_steps_loses_nothing_that_was_committed(steps in proptest::collection::vec(step(), 1..80)) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        run.end();
    }
}

#[test]
fn a_failed_sync_moves_everything_to_a_fresh_segment() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, mut reader, _) = one(dir.path(), &small());
    fill(&mut log, 5);
    for seq in 6..=9 {
        log.append(0, now(), &[&payload(seq)]).unwrap();
    }
    disk::fault::syncs(0, 1);
    assert_eq!(log.commit().unwrap(), Seq(9));
    assert_eq!(segments(dir.path()).len(), 2);
    assert_eq!(drain(&mut reader), (1..=9).collect::<Vec<_>>());
    // Both files hold the four; they are read once, also after opening.
    drop((log, reader));
    let (log, mut reader, damage) = one(dir.path(), &small());
    assert_eq!(damage, []);
    assert_eq!(drain(&mut reader), (1..=9).collect::<Vec<_>>());
    let verified = inspect::verify(dir.path()).unwrap();
    assert_eq!((verified.entries, verified.damage.len()), (9, 0));
    drop(log);
}

#[test]
fn when_a_second_file_fails_too_the_entries_stay_in_memory_and_the_log_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, mut reader, _) = one(dir.path(), &small());
    fill(&mut log, 5);
    log.append(0, now(), &[&payload(6)]).unwrap();
    log.append(0, now(), &[&payload(7)]).unwrap();
    for again in 0..3 {
        disk::fault::syncs(0, 9);
        let error = log.commit().unwrap_err();
        assert!(matches!(error, LogError::NotDurable { kept: 2, .. }), "{again}: {error}");
        assert_eq!(log.committed(), Seq(5));
        assert!(log.append(0, now(), &[b"8"]).is_err(), "nothing is taken meanwhile");
        assert_eq!(segments(dir.path()).len(), 1, "no file is left of the trial");
    }
    // The header of the new file is synced, its entries are not.
    disk::fault::syncs(1, 1);
    assert!(log.commit().is_err());
    assert_eq!(segments(dir.path()).len(), 1);
    assert_eq!(drain(&mut reader), [1, 2, 3, 4, 5]);
    disk::fault::syncs(0, 0);
    assert_eq!(log.commit().unwrap(), Seq(7));
    assert_eq!(drain(&mut reader), [6, 7]);
    fill(&mut log, 100);
    assert_eq!(drain(&mut reader).len(), 93);
}
