//! When whom is asked: the scheduler of one bus. It does no I/O and has no clock; time is passed in.
//!
//! * Every meter is due once a period, at full periods of the clock on the wall (slots), each a little later than the slot
//!   by a delay of its own, so that not everybody asks everywhere at once.
//! * Of those that are due the one goes first that has had the least of the bus (start-time fair queueing): who is slow
//!   waits for himself. Who is due again before he was asked is asked once: there is no burst.
//! * A meter that does not answer is asked ever more seldom. While others answer, all silent ones together get a twentieth
//!   of the bus; when nobody answers, a cable may be out, and the first answer brings all of them back.
//! * A clock that is set moves the slots, and nobody is asked more often for it.

use std::time::Duration;

/// When a meter is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// How long it is from one slot to the next.
    pub(super) period: Duration,
    /// How long after its slot it is asked.
    pub(super) delay: Duration,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This one is asked, for that moment: milliseconds since 1970.
    Ask { who: usize, slot: i64 },
    /// Nobody before then.
    Wait(Duration),
    /// Nobody at all.
    Idle,
}

/// Meters that have failed so often in a row are taken for silent.
const SILENT: u32 = 2;
/// The longest that a silent meter is left alone beyond its period.
const LONGEST: Duration = Duration::from_secs(30);
/// Silent meters leave so many parts of the bus to the others for each of theirs.
const OTHERS: u32 = 19;
/// The latest that a reading is still of its slot: a tenth of the period, but no more than this.
const LATE: i64 = 60_000;

#[derive(Debug)]
struct Task {
    /// `None` for a guest, who is asked for when he says so.
    plan: Option<Plan>,
    /// The next slot, milliseconds since 1970.
    slot: i64,
    /// A guest wants to be asked for.
    wanted: bool,
    /// Somebody wants a meter asked whatever its slots.
    at_once: bool,
    /// So it is asked now.
    hurried: bool,
    /// How much of the bus it has had, in nanoseconds, as fair queueing counts it.
    had: u64,
    failures: u32,
    not_before: Duration,
}

impl Task {
    const fn is_silent(&self) -> bool {
        self.failures >= SILENT
    }
}

/// The scheduler.
#[derive(Debug)]
pub(super) struct Schedule {
    tasks: Vec<Task>,
    /// What the one has had that was asked last.
    level: u64,
    /// Milliseconds since 1970 when the monotonic clock said 0.
    origin: i64,
    /// No silent meter before then, while others answer.
    silent_until: Duration,
    /// Slots at which nobody was asked.
    missed: u64,
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Plan {
    fn period(&self) -> i64 {
        milliseconds(self.period).max(1)
    }

    /// The slot that a moment lies in.
    fn slot(&self, wall: i64) -> i64 {
        wall.saturating_sub(wall.rem_euclid(self.period()))
    }

    fn late(&self) -> i64 {
        (self.period() / 10).min(LATE)
    }
}

impl Schedule {
    /// For meters with these plans, by their places; `now` by a monotonic clock and `wall`, milliseconds since 1970, are the
    /// same moment. Each is asked at once, and then at its slots.
    pub(super) fn new(plans: &[Plan], now: Duration, wall: i64) -> Self {
        let tasks = plans.iter().map(|plan| Task {
            plan: Some(*plan),
            slot: plan.slot(wall.saturating_sub(milliseconds(plan.delay))),
            wanted: false,
            at_once: false,
            hurried: false,
            had: 0,
            failures: 0,
            not_before: now,
        });
        let origin = wall.saturating_sub(milliseconds(now));
        Self { tasks: tasks.collect(), level: 0, origin, silent_until: now, missed: 0 }
    }

    /// Makes room for one who has no slots and is asked for when he wants: his place.
    pub(super) fn guest(&mut self) -> usize {
        let (wanted, at_once, hurried, not_before) = (false, false, false, Duration::ZERO);
        self.tasks.push(Task { plan: None, slot: 0, wanted, at_once, hurried, had: 0, failures: 0, not_before });
        self.tasks.len() - 1
    }

    /// Whether a guest wants to be asked for.
    pub(super) fn want(&mut self, who: usize, wanted: bool) {
        if let Some(task) = self.tasks.get_mut(who) {
            task.wanted = wanted;
        }
    }

    /// When a meter is asked.
    pub(super) fn plan(&self, who: usize) -> Option<Plan> {
        self.tasks.get(who)?.plan
    }

    /// A meter is asked by another plan, from its next slot on.
    pub(super) fn set_plan(&mut self, who: usize, plan: Plan, wall: i64) {
        if let Some(task) = self.tasks.get_mut(who) {
            task.slot = plan.slot(wall.saturating_sub(milliseconds(plan.delay))).saturating_add(plan.period());
            task.plan = Some(plan);
        }
    }

    /// A meter is asked as soon as it is its turn, whatever its slots: its reading is of that moment.
    pub(super) fn at_once(&mut self, who: usize) {
        if let Some(task) = self.tasks.get_mut(who) {
            task.at_once = true;
        }
    }

    /// Tells what the clock on the wall shows.
    pub(super) fn clock(&mut self, now: Duration, wall: i64) {
        self.origin = wall.saturating_sub(milliseconds(now));
        for task in &mut self.tasks {
            // A clock that was set back: nobody waits for the hour to come a second time.
            if let Some(plan) = task.plan
                && task.slot > wall.saturating_add(plan.period())
            {
                task.slot = plan.slot(wall).saturating_add(plan.period());
            }
        }
    }

    /// Slots at which nobody was asked, so far.
    pub(super) const fn missed(&self) -> u64 {
        self.missed
    }

    /// Meters that do not answer.
    pub(super) fn silent(&self) -> u64 {
        self.tasks.iter().filter(|task| task.is_silent()).count() as u64
    }

    fn wall(&self, now: Duration) -> i64 {
        self.origin.saturating_add(milliseconds(now))
    }

    /// Whether somebody answers.
    fn is_alive(&self) -> bool {
        self.tasks.iter().any(|task| task.plan.is_some() && !task.is_silent())
    }

    /// When somebody is due, by the monotonic clock; `None` for a guest who wants nothing.
    fn due(&self, task: &Task, now: Duration, alive: bool) -> Option<Duration> {
        let Some(plan) = task.plan else { return task.wanted.then_some(now) };
        if task.at_once {
            return Some(now);
        }
        let ahead = task.slot.saturating_add(milliseconds(plan.delay)).saturating_sub(self.wall(now));
        let due = now + Duration::from_millis(u64::try_from(ahead).unwrap_or_default());
        let gate = if alive && task.is_silent() { self.silent_until } else { Duration::ZERO };
        Some(due.max(task.not_before).max(gate))
    }

    /// Who is asked now. Until [`Self::done`] nobody else is.
    pub(super) fn next(&mut self, now: Duration) -> Next {
        let alive = self.is_alive();
        let (mut first, mut soonest) = (None, None::<Duration>);
        for (who, task) in self.tasks.iter().enumerate() {
            let Some(due) = self.due(task, now, alive) else { continue };
            if due > now {
                soonest = Some(soonest.map_or(due, |soonest| soonest.min(due)));
                continue;
            }
            let order = (task.had.max(self.level), task.slot, who);
            if first.is_none_or(|known| order < known) {
                first = Some(order);
            }
        }
        let Some((level, slot, who)) = first else { return soonest.map_or(Next::Idle, Next::Wait) };
        self.level = level;
        let wall = self.wall(now);
        let Some(task) = self.tasks.get_mut(who) else { return Next::Idle };
        task.had = level;
        task.hurried = std::mem::take(&mut task.at_once);
        let Some(plan) = task.plan.filter(|_| !task.hurried) else { return Next::Ask { who, slot: wall } };
        let late = wall.saturating_sub(slot).saturating_sub(milliseconds(plan.delay));
        // What comes much later than its slot is not told as if it were of that moment.
        Next::Ask { who, slot: if (0..=plan.late()).contains(&late) { slot } else { wall } }
    }

    /// The one who was asked could not be: he is asked first when it goes on.
    pub(super) fn put_back(&mut self, who: usize) {
        if let Some(task) = self.tasks.get_mut(who) {
            task.had = self.level;
        }
    }

    /// The one who was asked is done with, since `began`; whether he answered.
    pub(super) fn done(&mut self, who: usize, began: Duration, now: Duration, answered: bool) {
        let (asked_at, was_alive) = (self.wall(began), self.is_alive());
        let took = now.saturating_sub(began);
        let Some(task) = self.tasks.get_mut(who) else { return };
        task.had = task.had.saturating_add(nanoseconds(took).max(1));
        let Some(plan) = task.plan else { return };
        // He was asked for all the slots that had come when it began.
        let come = plan.slot(asked_at.saturating_sub(milliseconds(plan.delay)));
        if come >= task.slot || !std::mem::take(&mut task.hurried) {
            let covered = come.max(task.slot);
            self.missed += u64::try_from((covered - task.slot) / plan.period()).unwrap_or_default();
            task.slot = covered.saturating_add(plan.period());
        }
        if answered {
            task.failures = 0;
            task.not_before = now;
        } else {
            task.failures = task.failures.saturating_add(1);
            if task.is_silent() {
                let doubled = took.saturating_mul(1 << task.failures.min(10));
                task.not_before = now + doubled.min(LONGEST);
                self.silent_until = now + took.saturating_mul(OTHERS);
            }
        }
        if answered && !was_alive {
            self.silent_until = now;
            self.tasks.iter_mut().for_each(|task| task.not_before = now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WALL: i64 = 1_795_500_000_123;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn plans(count: usize, period: u64) -> Vec<Plan> {
        vec![Plan { period: ms(period), delay: Duration::ZERO }; count]
    }

    /// Runs a bus for some time: how each is asked costs so long, and whether he answers. What was asked: who, when, for
    /// which slot.
    fn run(
        schedule: &mut Schedule,
        until: Duration,
        now: &mut Duration,
        mut ask: impl FnMut(usize, Duration) -> (Duration, bool),
    ) -> Vec<(usize, Duration, i64)> {
        let mut asked = Vec::new();
        while *now < until {
            match schedule.next(*now) {
                Next::Ask { who, slot } => {
                    asked.push((who, *now, slot));
                    let (cost, answered) = ask(who, *now);
                    let began = *now;
                    *now += cost;
                    schedule.done(who, began, *now, answered);
                }
                Next::Wait(at) => {
                    assert!(at > *now, "it waits for what is past");
                    *now = at.min(until);
                }
                Next::Idle => break,
            }
        }
        asked
    }

    fn count(asked: &[(usize, Duration, i64)], who: usize) -> usize {
        asked.iter().filter(|(of, ..)| *of == who).count()
    }

    #[test]
    fn slots_are_full_periods_and_each_has_its_delay() {
        let plan = Plan { period: Duration::from_secs(900), delay: Duration::from_secs(3) };
        let mut schedule = Schedule::new(&[plan], Duration::ZERO, WALL);
        let mut now = Duration::ZERO;
        let asked = run(&mut schedule, Duration::from_secs(3600), &mut now, |_, _| (ms(80), true));
        assert_eq!(asked.len(), 5);
        assert_eq!(asked[0], (0, Duration::ZERO, WALL), "at the start, which is no slot");
        for (_, at, slot) in &asked[1..] {
            assert_eq!(slot % 900_000, 0);
            assert_eq!(WALL + milliseconds(*at), slot + 3000);
        }
        assert_eq!(schedule.missed(), 0);
    }

    #[test]
    fn after_a_pause_everybody_is_asked_once() {
        let mut schedule = Schedule::new(&plans(30, 10_000), Duration::ZERO, WALL);
        let mut now = Duration::ZERO;
        run(&mut schedule, Duration::from_secs(100), &mut now, |_, _| (ms(20), true));
        // Nothing can be asked for an hour.
        now += Duration::from_secs(3605);
        let until = now + ms(30 * 20);
        let asked = run(&mut schedule, until, &mut now, |_, _| (ms(20), true));
        for who in 0..30 {
            assert_eq!(count(&asked, who), 1, "{who}");
        }
        assert!(asked.iter().all(|(_, at, slot)| *slot == WALL + milliseconds(*at)), "they are of no slot");
        assert!((30 * 359..=30 * 360).contains(&schedule.missed()), "{}", schedule.missed());
    }

    #[test]
    fn a_silent_or_slow_meter_does_not_hold_up_the_others() {
        // Ten meters are asked as fast as the bus can; one of them answers never, or after nine hundred milliseconds.
        let full = {
            let (mut schedule, mut now) = (Schedule::new(&plans(10, 1), Duration::ZERO, WALL), Duration::ZERO);
            run(&mut schedule, Duration::from_secs(600), &mut now, |_, _| (ms(47), true))
        };
        for (cost, answered) in [(3000, false), (1000, false), (900, true)] {
            let (mut schedule, mut now) = (Schedule::new(&plans(10, 1), Duration::ZERO, WALL), Duration::ZERO);
            let asked = run(&mut schedule, Duration::from_secs(600), &mut now, |who, _| match who {
                4 => (ms(cost), answered),
                _ => (ms(47), true),
            });
            for who in (0..10).filter(|who| *who != 4) {
                let (is, was) = (count(&asked, who), count(&full, who));
                assert!(is * 10 >= was * 9, "{cost} ms: {who} was asked {is} times, before {was}");
            }
            assert!(count(&asked, 4) >= 5, "it is not forgotten: {}", count(&asked, 4));
        }
    }

    #[test]
    fn when_the_cable_is_back_all_come_back_at_once() {
        let (mut schedule, mut now) = (Schedule::new(&plans(30, 1000), Duration::ZERO, WALL), Duration::ZERO);
        let out = Duration::from_secs(60)..Duration::from_secs(400);
        run(
            &mut schedule,
            out.end,
            &mut now,
            |_, at| if out.contains(&at) { (ms(1500), false) } else { (ms(20), true) },
        );
        assert_eq!(schedule.silent(), 30);
        let back = now;
        let asked = run(&mut schedule, back + Duration::from_secs(33), &mut now, |_, _| (ms(20), true));
        for who in 0..30 {
            assert!(count(&asked, who) > 0, "{who}");
        }
        assert!(asked[0].1 - back <= LONGEST);
        let first = asked[0].1;
        assert!(asked.iter().take_while(|(_, at, _)| *at < first + Duration::from_secs(1)).count() >= 30);
        assert_eq!(schedule.silent(), 0);
    }

    #[test]
    fn a_guest_has_his_share_and_no_more() {
        let mut schedule = Schedule::new(&plans(3, 1), Duration::ZERO, WALL);
        let (guest, mut now) = (schedule.guest(), Duration::ZERO);
        let asked = run(&mut schedule, Duration::from_secs(10), &mut now, |_, _| (ms(50), true));
        assert_eq!(count(&asked, guest), 0);
        schedule.want(guest, true);
        let asked = run(&mut schedule, Duration::from_secs(50), &mut now, |_, _| (ms(50), true));
        for who in 0..4 {
            assert!(count(&asked, who).abs_diff(200) <= 1, "{who}: {}", count(&asked, who));
        }
    }

    #[test]
    fn a_clock_that_is_set_moves_the_slots() {
        for moved in [-7_200_000, 7_200_000, -1, 400] {
            let mut schedule = Schedule::new(&plans(2, 60_000), Duration::ZERO, WALL);
            let mut now = Duration::ZERO;
            run(&mut schedule, Duration::from_secs(300), &mut now, |_, _| (ms(30), true));
            let wall = WALL + milliseconds(now) + moved;
            schedule.clock(now, wall);
            let set = now;
            let asked = run(&mut schedule, set + Duration::from_secs(180), &mut now, |_, _| (ms(30), true));
            for who in 0..2 {
                let times = count(&asked, who);
                assert!((3..=4).contains(&times), "moved by {moved}: {who} was asked {times} times");
            }
            let aligned = asked.iter().filter(|(.., slot)| slot % 60_000 == 0).count();
            assert!(aligned >= 6, "moved by {moved}: {asked:?}");
        }
    }

    proptest! {
        /// Whatever meters cost, whether they answer or not, and however the clock is set: nobody is asked more often than
        /// his period allows, nobody is forgotten, and slots go on.
        #[test]
        fn nobody_is_asked_in_a_burst_or_forgotten(
            meters in proptest::collection::vec((50u64..5_000, 0u64..400, 1u64..200, 0u8..4), 1..12),
            moves in proptest::collection::vec(-400_000i64..400_000, 0..4),
        ) {
            let plans: Vec<_> = meters.iter().map(|(period, delay, ..)| Plan { period: ms(*period), delay: ms(*delay) }).collect();
            let mut schedule = Schedule::new(&plans, Duration::ZERO, WALL);
            let (mut now, mut moved) = (Duration::ZERO, 0);
            let mut all = Vec::new();
            for step in 0..=moves.len() {
                let until = now + Duration::from_secs(60);
                let asked = run(&mut schedule, until, &mut now, |who, _| {
                    let (.., cost, kind) = meters[who];
                    // Some never answer.
                    if kind == 0 { (ms(cost * 4), false) } else { (ms(cost), true) }
                });
                for (who, (period, ..)) in meters.iter().enumerate() {
                    let times = count(&asked, who) as u64;
                    prop_assert!(times <= (now.as_millis() as u64).min(60_000 + 2_000) / period + 3, "{who}: {times} in a minute at {period} ms");
                    if meters[who].3 != 0 {
                        // The others cost no more than this for each time that he is asked.
                        let round: u64 = meters.iter().map(|(.., cost, _)| cost * 4).max().unwrap() * meters.len() as u64 * 2;
                        prop_assert!(times + 2 >= 60_000 / period.max(&round), "{who}: {times} in a minute at {period} ms");
                    }
                }
                all.extend(asked);
                if let Some(by) = moves.get(step) {
                    moved += by;
                    schedule.clock(now, WALL + moved + milliseconds(now));
                }
            }
            prop_assert!(all.windows(2).all(|pair| pair[0].1 < pair[1].1));
        }
    }

    #[test]
    fn another_plan_begins_with_its_next_slot_and_who_is_wanted_is_asked_at_once() {
        let (mut now, wall) = (Duration::ZERO, 1_795_500_000_000);
        let mut schedule = Schedule::new(&plans(1, 60_000), now, wall);
        let asked = run(&mut schedule, ms(10_000), &mut now, |_, _| (ms(10), true));
        assert_eq!(asked.len(), 1, "at the beginning");
        now = ms(10_000);
        schedule.at_once(0);
        assert_eq!(schedule.next(now), Next::Ask { who: 0, slot: wall + 10_000 });
        schedule.done(0, now, now + ms(10), true);
        assert_eq!(schedule.next(now + ms(10)), Next::Wait(ms(60_000)), "its slots are what they were");
        schedule.set_plan(0, Plan { period: ms(15_000), delay: Duration::ZERO }, wall + 10_010);
        now = ms(10_010);
        let asked = run(&mut schedule, ms(46_000), &mut now, |_, _| (ms(10), true));
        let slots: Vec<_> = asked.iter().map(|(_, _, slot)| slot - wall).collect();
        assert_eq!(slots, [15_000, 30_000, 45_000]);
    }
}
