//! The line: deduplicate, decode, queue. What every capture goes through, in the order it came, on one thread.

mod events;
mod held;
mod redeem;

use crate::capture::{Capture, Stamp};
use crate::commands::Tell;
use crate::config::Config;
use crate::deduplicate::{self, Deduplicate, Frame, Seen};
use crate::event;
use crate::keys::{KeyStore, SharedKeys};
use crate::meters::{Heard, Meters, Watch};
use crate::queue::log::Damage;
use crate::queue::parked::{Counter, Parked};
use crate::queue::{self, Draft, Queue, QueueError, RestoreError, SeenFrame, StateWriter};
use crate::quiet::Quiet;
use crate::record::{Kind, Record};
use crate::sources::{self, Answer, Reply, Taken};
use crate::taught::Lesson;
use crate::telemetry::OfLine;
use esh_core::{DecodeError, Meter};
use held::{Gathered, Held, Waiting};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, warn};

/// What makes a record of a capture. It is pure but for what it has learned.
pub trait Decode: Send {
    /// Decodes one capture, of which so many copies have come.
    fn decode(&mut self, capture: &Capture, copies: u32) -> Record;

    /// What goes back to the device of the last capture, once its record is committed.
    fn reply(&mut self) -> Option<Reply> {
        None
    }

    /// The reply to a copy of a frame that was taken, where its device sends it again because it has heard none.
    fn reply_again(&mut self, capture: &Capture) -> Option<Reply> {
        let _ = capture;
        None
    }

    /// Whom that meter asks to join with the last capture, where that is what it does.
    fn join_eui(&self, meter: &Meter) -> Option<String> {
        let _ = meter;
        None
    }

    /// Why the last capture could not be decoded, or not to its end.
    fn failed(&self) -> Option<DecodeError> {
        None
    }

    /// The keys it opens frames with, for whoever explains one.
    fn keys(&self) -> SharedKeys {
        SharedKeys::default()
    }

    /// What the last capture says of its meter.
    fn heard(&self) -> Heard {
        Heard::default()
    }

    /// From now on this is said about meters.
    fn set_meters(&mut self, meters: &Arc<Meters>) {
        let _ = meters;
    }

    /// Whether nobody shall hear of the last capture.
    fn leaves_out(&self) -> bool {
        false
    }

    /// What the last capture teaches. It is stored with its record.
    fn lessons(&self) -> &[Lesson] {
        &[]
    }

    /// The last counters that the meter of the last capture had used before it.
    fn counters(&self) -> Vec<Counter> {
        Vec::new()
    }

    /// All parked frames are about to be tried again, the oldest first.
    fn afresh(&mut self) {}

    /// Decodes a parked frame with what is known now, but against the counters of its own time; `None` when it still
    /// cannot be decoded.
    fn again(&mut self, parked: &Parked) -> Option<Record> {
        let _ = parked;
        None
    }

    /// Whether the last record was taken: only then what its frame teaches becomes true.
    fn stored(&mut self, stored: bool) {
        let _ = stored;
    }

    /// Something that was taught before the gateway was started again.
    fn learn(&mut self, lesson: Lesson) {
        let _ = lesson;
    }

    /// From now on there are these keys, and this is the zone of meters that name none.
    fn change(&mut self, keys: &KeyStore, zone: Option<&TimeZone>) {
        let _ = (keys, zone);
    }

    /// How many lessons were forgotten because there were too many.
    fn forgotten(&self) -> u64 {
        0
    }

    /// Everything that was taught so far, the older first.
    fn taught(&self, each: &mut dyn FnMut(&Lesson)) {
        let _ = each;
    }
}

/// What the line can be told while it runs.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) keys: KeyStore,
    pub(crate) zone: Option<TimeZone>,
    pub(crate) deduplicate: deduplicate::Config,
    pub(crate) queue: queue::Config,
    pub(crate) parked: queue::parked::Config,
}

/// The most captures between sources and line, and of one group.
const GROUP: usize = 1024;
/// How often the queue is put in order.
const UPKEEP: Duration = Duration::from_secs(1);

/// Everything between intake and sinks.
pub(crate) struct Line {
    gateway: String,
    deduplicate: Deduplicate,
    held: Held,
    decode: Box<dyn Decode>,
    watch: Watch,
    /// What is said about meters, when it changes.
    meters: watch::Receiver<Arc<Meters>>,
    queue: Queue,
    counts: Arc<OfLine>,
    quiet: Quiet,
    /// The frames of each source that were too many and of which nobody was told, and since when they are counted.
    limited: BTreeMap<Arc<str>, u64>,
    limited_since: Instant,
    /// Those who wait for the next commit, in order.
    answers: Vec<(Option<oneshot::Sender<Answer>>, Answer)>,
    /// Replies to devices that go out before them.
    replies: Vec<(oneshot::Sender<Reply>, Reply)>,
    /// Records that wait for it.
    waiting: u64,
    /// The parked frames are left alone until the next upkeep: there is no room for what they would become.
    crowded: bool,
    /// What others want to be told, such as results of commands.
    tells: Option<mpsc::Receiver<Tell>>,
    /// Who waits to hear that it was told.
    told: Vec<oneshot::Sender<()>>,
}

/// What the line waits for.
enum More {
    Captures(usize),
    Settings,
    Tell(Tell),
    Nothing,
}

impl Quiet {
    /// A frame of a meter cannot be decoded.
    fn failed(&mut self, record: &Record, source: &str, error: DecodeError, now: Instant) {
        let meter = record.meter.as_deref();
        if self.may(meter.unwrap_or(source), now) {
            let (reason, id) = (error.reason.word(), format_args!("{:032x}", record.id.0));
            warn!(meter, source, reason, %id, %error, "a frame cannot be decoded");
        }
    }

    /// Tells how many more there were.
    fn more(&mut self, now: Instant) {
        self.due(now, |of, more| warn!(of = of.unwrap_or("others"), more, "more frames that cannot be decoded"));
    }
}

/// Tells what is known: the content of a snapshot.
fn known(decode: &dyn Decode, watch: &Watch, deduplicate: &Deduplicate) -> impl Fn(&mut StateWriter) {
    move |writer| {
        decode.taught(&mut |lesson| writer.lesson(lesson));
        watch.all(&mut |meter, standing| writer.stands(meter, standing));
        let (now, wall) = (Instant::now(), wall());
        for (frame, seen, received_at) in deduplicate.frames() {
            let ago = now.saturating_duration_since(seen).as_millis();
            let wall = wall.saturating_sub(u64::try_from(ago).unwrap_or(u64::MAX));
            writer.frame(SeenFrame { frame, wall, received_at });
        }
    }
}

/// Whether a frame has come just now, by its time stamp: one of an archive has an older one.
fn is_live(stamp: Stamp) -> bool {
    const LATE: Duration = Duration::from_secs(600);
    stamp.at.is_none_or(|at| jiff::Timestamp::now().duration_since(at).unsigned_abs() <= LATE)
}

fn wall() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default()
}

impl Line {
    /// A line that knows again what it knew before the gateway was started.
    pub(crate) fn restored(
        config: &Config,
        mut decode: Box<dyn Decode>,
        mut queue: Queue,
        mut meters: watch::Receiver<Arc<Meters>>,
        counts: Arc<OfLine>,
    ) -> Result<Self, RestoreError> {
        let mut deduplicate = Deduplicate::new(&config.deduplicate);
        let (now, wall) = (Instant::now(), wall());
        queue.counting(Arc::clone(&counts.parked));
        let mut watch = Watch::new(Arc::clone(&meters.borrow_and_update()), now);
        decode.set_meters(watch.meters());
        let late = queue.restore(
            |lesson| match lesson {
                Lesson::Heard(meter) => watch.restore(&meter, Default::default()),
                Lesson::Stands(stands) => watch.restore(&stands.0, stands.1),
                lesson => decode.learn(lesson),
            },
            |seen| {
                // A clock that was set back makes a frame as new as can be: its copy is rather counted than stored twice.
                let ago = Duration::from_millis(wall.saturating_sub(seen.wall));
                if ago <= deduplicate.window()
                    && let Some(at) = now.checked_sub(ago)
                {
                    deduplicate.keep(seen.frame, seen.received_at, at);
                }
            },
        )?;
        watch.begin();
        if late {
            // What the parked log has got from the entries just now, it shall not get from them again.
            queue.keep(&known(&*decode, &watch, &deduplicate));
        }
        let gateway = config.name.clone();
        let (limited, answers, replies) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut line = Self {
            gateway,
            deduplicate,
            held: Held::default(),
            decode,
            watch,
            meters,
            queue,
            counts,
            quiet: Quiet::default(),
            limited,
            limited_since: now,
            answers,
            replies,
            waiting: 0,
            crowded: false,
            tells: None,
            told: Vec::new(),
        };
        line.try_parked();
        Ok(line)
    }

    /// From now on it tells what comes here.
    pub(crate) fn hears(&mut self, tells: mpsc::Receiver<Tell>) {
        self.tells = Some(tells);
    }

    /// Takes captures until there are no more, waiting for the disk where it must: not for a task's thread. Gives the
    /// queue back, in which everything is committed that could be.
    pub(crate) fn run(
        mut self,
        mut captures: mpsc::Receiver<Taken>,
        mut settings: watch::Receiver<Option<Arc<Settings>>>,
        runtime: &Handle,
    ) -> Queue {
        let mut group = Vec::with_capacity(GROUP);
        let mut upkeep = Instant::now();
        loop {
            self.counts.beat.add(1);
            let deadlines = [self.queue.deadline(), self.held.deadline()];
            let mut until = deadlines.into_iter().flatten().fold(upkeep, Instant::min);
            if self.redeems() {
                // Captures come first; where there is none, parked frames are tried.
                until = Instant::now();
            }
            let tells = &mut self.tells;
            let tell = async {
                match tells {
                    Some(tells) => tells.recv().await,
                    None => None,
                }
            };
            let more = runtime.block_on(async {
                tokio::select! {
                    biased;
                    Ok(()) = settings.changed() => More::Settings,
                    more = captures.recv_many(&mut group, GROUP) => More::Captures(more),
                    Some(tell) = tell => More::Tell(tell),
                    () = tokio::time::sleep_until(until.into()) => More::Nothing,
                }
            });
            match more {
                More::Captures(0) => break,
                More::Captures(_) | More::Nothing => {}
                More::Tell(tell) => self.tell_other(tell),
                More::Settings => {
                    let settings = settings.borrow_and_update().clone();
                    settings.into_iter().for_each(|settings| self.change(&settings));
                }
            }
            if self.meters.has_changed().unwrap_or_default() {
                let meters = Arc::clone(&self.meters.borrow_and_update());
                self.decode.set_meters(&meters);
                self.watch.replace(meters);
            }
            for taken in group.drain(..) {
                self.take(taken);
            }
            while let Some(gathered) = self.held.due(Instant::now()) {
                self.go_on(gathered);
            }
            self.redeem();
            if self.queue.due() || !self.queue.is_waiting() {
                self.commit();
            }
            if Instant::now() >= upkeep {
                self.upkeep();
                upkeep = Instant::now() + UPKEEP;
            }
        }
        while let Some(gathered) = self.held.next() {
            self.go_on(gathered);
        }
        self.commit();
        self.tell_limited();
        self.upkeep();
        self.queue.keep(&known(&*self.decode, &self.watch, &self.deduplicate));
        if self.deduplicate.forgotten() > 0 {
            let frames = self.deduplicate.forgotten();
            warn!(
                frames,
                "forgotten before their time, copies of them may have come through: raise deduplicate.entries"
            );
        }
        self.queue
    }

    /// Goes on with other settings.
    fn change(&mut self, Settings { keys, zone, deduplicate, queue, parked }: &Settings) {
        self.decode.change(keys, zone.as_ref());
        self.deduplicate.set(deduplicate);
        if let Err(error) = self.queue.set(queue, parked) {
            warn!(%error, "the queue goes on as it was");
        }
        self.try_parked();
    }

    fn take(&mut self, Taken { capture, answer, reply }: Taken) {
        let now = Instant::now();
        let taken = match self.deduplicate.see(&capture, now) {
            // What waits cannot be had on the disk now, so nothing more is taken, and nothing is promised.
            _ if self.queue.is_failed() => Err(QueueError::Disk),
            // Its original may still wait for the commit, and then so does its answer.
            Seen::Copy(_) => {
                self.counts.copies.add(1);
                let again = reply.is_some().then(|| self.decode.reply_again(&capture)).flatten();
                self.replies.extend(reply.zip(again));
                Ok(())
            }
            Seen::First(frame) => {
                if let Some((capture, waiting)) = self.held.take(frame, capture, Waiting { answer, reply }, now) {
                    self.go_on(Gathered::alone(frame, capture, waiting, now));
                }
                return;
            }
        };
        self.answers.push((answer, taken));
    }

    /// Takes a frame that is held back no longer: whoever heard it best transmits the reply.
    fn go_on(&mut self, gathered: Gathered) {
        let (copies, answers) = (gathered.copies(), gathered.waiting.iter().any(|waiting| waiting.answer.is_some()));
        let Gathered { frame, seen, capture, waiting, best } = gathered;
        let taken = if self.queue.is_failed() {
            Err(QueueError::Disk)
        } else {
            self.counts.copies.add(u64::from(copies) - 1);
            self.first(&capture, copies, frame, seen, answers)
        };
        let mut said = self.decode.reply().filter(|_| taken.is_ok());
        for (n, Waiting { answer, reply }) in waiting.into_iter().enumerate() {
            if n == best {
                self.replies.extend(reply.zip(said.take()));
            }
            self.answers.push((answer, taken));
        }
    }

    /// Takes a frame that is no copy.
    fn first(
        &mut self,
        capture: &Capture,
        copies: u32,
        frame: Frame,
        now: Instant,
        answers: bool,
    ) -> Result<(), QueueError> {
        if let Err(limited) = self.watch.admit_source(&capture.source, now) {
            return self.too_many(capture, limited, answers);
        }
        let record = self.decode.decode(capture, copies);
        let heard = self.decode.heard();
        let heard = Heard { live: heard.live && is_live(capture.received_at), ..heard };
        if self.decode.leaves_out() {
            self.decode.stored(false);
            self.counts.copies.add(1);
            return Ok(());
        }
        if let Some(unwanted) = heard.unwanted {
            // It is nobody's business here. Its source has done what it had to.
            self.decode.stored(false);
            self.counts.unwanted(unwanted);
            return Ok(());
        }
        match self.decode.failed() {
            Some(error) => {
                self.counts.failed(error.reason);
                self.quiet.failed(&record, &capture.source, error, now);
            }
            None if record.kind == Kind::Undecoded => self.counts.unread.add(1),
            None => self.counts.decoded.add(1),
        }
        if let Some(meter) = &heard.meter
            && let Err(limited) = self.watch.admit_meter(meter, now)
        {
            self.decode.stored(false);
            return self.too_many(capture, limited, answers);
        }
        let stands =
            heard.meter.map(|meter| (meter, self.watch.heard(&meter, &heard, record.id, capture.received_at, now)));
        let parked = (record.kind == Kind::Undecoded).then(|| {
            let counters = self.decode.counters();
            Parked { capture: capture.clone(), id: record.id, counters }
        });
        let appended = loop {
            let stands = stands.as_ref().map(|(meter, standing)| (meter, standing));
            let draft = Draft { record: &record, frame: Some(frame), lessons: self.decode.lessons(), stands };
            let known = known(&*self.decode, &self.watch, &self.deduplicate);
            let appended = match &parked {
                Some(parked) => self.queue.append_parking(&draft, parked, &known),
                None => self.queue.append(&draft, &known),
            };
            drop(known);
            match appended {
                Err(QueueError::Full) => {
                    // Those before it are on the disk, and are answered while this one waits.
                    self.commit();
                    self.counts.full.set(true);
                    self.counts.beat.add(1);
                    if !self.queue.wait_for_room() {
                        break Err(self.queue.no_room());
                    }
                }
                appended => break appended,
            }
        };
        self.decode.stored(appended.is_ok());
        if appended.is_ok() {
            self.counts.full.set(false);
            self.deduplicate.keep(frame, capture.received_at.at, now);
            self.waiting += 1;
            self.counts.recent.put(record, capture.framing, self.decode.failed().map(|error| error.reason));
            if let Some((meter, standing)) = stands {
                self.watch.keep_heard(&meter, standing, heard.live && heard.reachable != Some(false), now);
                self.tell_owed();
            }
        }
        appended.map(drop)
    }

    /// Commits what waits, and answers everybody.
    fn commit(&mut self) {
        let (begun, waits) = (Instant::now(), self.queue.is_waiting());
        let committed = self.queue.commit();
        if waits && committed.is_ok() {
            self.counts.committed(begun.elapsed());
        }
        self.counts.broken.set(self.queue.is_broken());
        if let Err(error) = committed {
            debug!(%error, "what waits is kept and tried again");
        } else {
            self.counts.records.add(std::mem::take(&mut self.waiting));
            // Whoever asked may have gone.
            self.told.drain(..).for_each(|told| told.send(()).unwrap_or_default());
        }
        for (whom, reply) in self.replies.drain(..).filter(|_| committed.is_ok()) {
            // Whoever transmits may have gone.
            let _ = whom.send(reply);
        }
        for (answer, taken) in self.answers.drain(..) {
            let answered = taken.and(committed);
            self.counts.refused.add(answered.is_err().into());
            if let Some(answer) = answer {
                // Whoever asked may have gone.
                let _ = answer.send(answered);
            }
        }
    }

    /// Tells of losses, and has the queue put in order.
    fn upkeep(&mut self) {
        self.quiet.more(Instant::now());
        // Whether it still is, the next record shows.
        self.counts.full.set(false);
        self.crowded = false;
        let now = sources::now();
        self.watch_over(now);
        let losses = self.queue.losses();
        if !losses.is_empty() {
            let told = event::of_losses(&self.gateway, &losses, now);
            let told = told.iter().try_for_each(|record| {
                let draft = Draft { record, frame: None, lessons: &[], stands: None };
                self.queue.append(&draft, &known(&*self.decode, &self.watch, &self.deduplicate)).map(drop)
            });
            // Otherwise they are told the next time.
            if told.is_ok() && self.queue.commit().is_ok() {
                self.commit();
                self.queue.recorded(&losses);
                let dropped = losses.dropped.map_or(0, |dropped| dropped.count);
                self.counts.made_room.add(dropped);
                self.counts.no_room.add(losses.refused);
                self.counts.damaged.add(losses.damage.iter().map(Damage::count).sum());
                warn!(
                    dropped,
                    refused = losses.refused,
                    damaged = losses.damage.len(),
                    "records were lost, which events tell"
                );
            }
        }
        self.queue.upkeep(now.synchronised, &known(&*self.decode, &self.watch, &self.deduplicate));
    }
}

#[cfg(test)]
mod tests;
