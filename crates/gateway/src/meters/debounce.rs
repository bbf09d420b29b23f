//! Alarms are told when they have stood for a while, and again when they have been gone for a while.

use super::config::Debounce;
use super::standing::{Happened, Pending, Standing};
use esh_core::{Alarm, Alarms};
use std::time::Duration;

/// What one more report comes to: the alarms it shows, and those that it says are not there; what it does not speak of
/// stays as it is. `since` is how long the report before it is ago. Each alarm that is raised or cleared by it is told.
pub(super) fn settle(
    standing: &mut Standing,
    (alarms, absent): (Alarms, Alarms),
    since: Duration,
    debounce: Debounce,
    mut tell: impl FnMut(Happened),
) {
    if alarms.is_empty() && standing.alarms.is_empty() && standing.pending.is_empty() {
        return;
    }
    for alarm in alarms.and(absent).iter() {
        let (present, raised) = (alarms.contains(alarm), standing.alarms.contains(alarm));
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

    /// What reports that are a minute apart come to: their alarms, and those they speak of.
    fn told(debounce: Debounce, reports: &[(Alarms, Alarms)]) -> Vec<(usize, Happened)> {
        let (mut standing, mut told) = (Standing::default(), Vec::new());
        for (n, report) in reports.iter().enumerate() {
            settle(
                &mut standing,
                (report.0, report.1.minus(report.0)),
                Duration::from_secs(60),
                debounce,
                |happened| told.push((n, happened)),
            );
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
            (once, vec![(LEAK, BOTH), (none, BOTH)], vec![(0, Raised(leak)), (1, Cleared(leak))]),
            (twice, vec![(LEAK, BOTH), (none, BOTH), (LEAK, BOTH), (none, BOTH)], vec![]),
            (twice, vec![(LEAK, BOTH), (LEAK, BOTH), (LEAK, BOTH)], vec![(1, Raised(leak))]),
            // One report without it is no end of it.
            (
                twice,
                vec![(LEAK, BOTH), (LEAK, BOTH), (none, BOTH), (LEAK, BOTH), (none, BOTH)],
                vec![(1, Raised(leak))],
            ),
            (
                twice,
                vec![(BOTH, BOTH), (LEAK, BOTH), (BOTH, BOTH), (BOTH, BOTH), (none, BOTH), (none, BOTH)],
                vec![(1, Raised(leak)), (3, Raised(battery)), (5, Cleared(battery)), (5, Cleared(leak))],
            ),
            // What says nothing about alarms ends none, and breaks no series.
            (once, vec![(LEAK, BOTH), (none, Alarms::NONE), (none, Alarms::NONE)], vec![(0, Raised(leak))]),
            (twice, vec![(LEAK, BOTH), (none, Alarms::NONE), (LEAK, BOTH)], vec![(2, Raised(leak))]),
            (long, vec![(LEAK, BOTH), (LEAK, BOTH), (LEAK, BOTH), (none, BOTH)], vec![(2, Raised(leak))]),
            // Nor does what speaks of another.
            (once, vec![(LEAK, BOTH), (none, Alarms::NONE.with(Alarm::BatteryLow))], vec![(0, Raised(leak))]),
            (Debounce::Time(Duration::ZERO), vec![(LEAK, BOTH)], vec![(0, Raised(leak))]),
        ] {
            assert_eq!(told(debounce, &reports), expected, "{debounce:?} {reports:?}");
        }
    }
}
