//! Alarms are told when they have stood for a while, and again when they have been gone for a while.

use super::config::Debounce;
use super::standing::{Happened, Pending, Standing};
use esh_core::{Alarm, Alarms};
use std::time::Duration;

/// What the alarms of one more report come to. `whole` tells that the report speaks of every alarm, so that one that is
/// not in it is gone; `since` is how long the report before it is ago. Each alarm that is raised or cleared by it is told.
pub(super) fn settle(
    standing: &mut Standing,
    (alarms, whole): (Alarms, bool),
    since: Duration,
    debounce: Debounce,
    mut tell: impl FnMut(Happened),
) {
    let pending = standing.pending.iter().fold(Alarms::NONE, |all, pending| all.with(pending.alarm));
    let all = alarms.and(standing.alarms).and(pending);
    if all.is_empty() {
        return;
    }
    for alarm in all.iter() {
        let (present, raised) = (alarms.contains(alarm), standing.alarms.contains(alarm));
        if !present && !whole {
            continue;
        }
        if present == raised {
            standing.pending.retain(|pending| pending.alarm != alarm);
        } else if stood(&mut standing.pending, alarm, since, debounce) {
            standing.pending.retain(|pending| pending.alarm != alarm);
            if present {
                standing.alarms = standing.alarms.with(alarm);
                tell(Happened::Raised(alarm));
            } else {
                standing.alarms = standing.alarms.without(alarm);
                tell(Happened::Cleared(alarm));
            }
        }
    }
}

/// Counts one more report; whether it has been so long enough.
fn stood(all: &mut Vec<Pending>, alarm: Alarm, since: Duration, debounce: Debounce) -> bool {
    let since = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let now = match all.iter_mut().find(|pending| pending.alarm == alarm) {
        Some(pending) => {
            pending.reports = pending.reports.saturating_add(1);
            pending.stood = pending.stood.saturating_add(since);
            *pending
        }
        None => {
            let first = Pending { alarm, reports: 1, stood: 0 };
            all.push(first);
            first
        }
    };
    match debounce {
        Debounce::Reports(reports) => now.reports >= reports,
        Debounce::Time(time) => u128::from(now.stood) >= time.as_millis(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAK: Alarms = Alarms::NONE.with(Alarm::Leak);
    const BOTH: Alarms = LEAK.with(Alarm::BatteryLow);

    /// What reports that are a minute apart come to: their alarms, and whether they speak of all.
    fn told(debounce: Debounce, reports: &[(Alarms, bool)]) -> Vec<(usize, Happened)> {
        let (mut standing, mut told) = (Standing::default(), Vec::new());
        for (n, report) in reports.iter().enumerate() {
            settle(&mut standing, *report, Duration::from_secs(60), debounce, |happened| told.push((n, happened)));
        }
        told
    }

    #[test]
    fn an_alarm_must_stand_and_be_gone() {
        use Happened::{Cleared, Raised};
        let (leak, battery, none) = (Alarm::Leak, Alarm::BatteryLow, Alarms::NONE);
        let once = Debounce::Reports(1);
        let twice = Debounce::Reports(2);
        let long = Debounce::Time(Duration::from_secs(120));
        for (debounce, reports, expected) in [
            (once, vec![(LEAK, true), (none, true)], vec![(0, Raised(leak)), (1, Cleared(leak))]),
            (twice, vec![(LEAK, true), (none, true), (LEAK, true), (none, true)], vec![]),
            (twice, vec![(LEAK, true), (LEAK, true), (LEAK, true)], vec![(1, Raised(leak))]),
            // One report without it is no end of it.
            (
                twice,
                vec![(LEAK, true), (LEAK, true), (none, true), (LEAK, true), (none, true)],
                vec![(1, Raised(leak))],
            ),
            (
                twice,
                vec![(BOTH, true), (LEAK, true), (BOTH, true), (BOTH, true), (none, true), (none, true)],
                vec![(1, Raised(leak)), (3, Raised(battery)), (5, Cleared(battery)), (5, Cleared(leak))],
            ),
            // What says nothing about alarms ends none, and breaks no series.
            (once, vec![(LEAK, true), (none, false), (none, false)], vec![(0, Raised(leak))]),
            (twice, vec![(LEAK, true), (none, false), (LEAK, true)], vec![(2, Raised(leak))]),
            (long, vec![(LEAK, true), (LEAK, true), (LEAK, true), (none, true)], vec![(2, Raised(leak))]),
            (Debounce::Time(Duration::ZERO), vec![(LEAK, true)], vec![(0, Raised(leak))]),
        ] {
            assert_eq!(told(debounce, &reports), expected, "{debounce:?} {reports:?}");
        }
    }
}
