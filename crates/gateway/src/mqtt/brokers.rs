//! Which broker of the list is spoken to: the first one, the next when one stays away, and the first again after a while.

use super::Url;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tracing::info;

/// A place in the list of brokers.
#[derive(Debug)]
pub(crate) struct Brokers {
    count: usize,
    /// How long one may stay away before the next is tried.
    patience: Duration,
    now: usize,
    /// Since when the present one cannot be reached.
    away: Option<Instant>,
    /// Since when it is there and takes no record.
    refusing: Option<Instant>,
    /// Where to go back to when the first is not there after all.
    from: Option<usize>,
}

impl Brokers {
    pub(crate) const fn new(count: usize, patience: Duration) -> Self {
        Self { count, patience, now: 0, away: None, refusing: None, from: None }
    }

    /// Which one is spoken to.
    pub(crate) const fn now(&self) -> usize {
        self.now
    }

    /// It lets the gateway in.
    pub(crate) const fn is_there(&mut self) {
        self.away = None;
    }

    /// It has taken a record.
    pub(crate) const fn has_taken(&mut self) {
        (self.away, self.refusing, self.from) = (None, None, None);
    }

    /// The first is tried again.
    pub(crate) const fn back_to_first(&mut self) {
        *self = Self { from: Some(self.now), ..Self::new(self.count, self.patience) };
    }

    /// A connection has ended with a fault, after the broker had refused a record or without it. Says whether another
    /// broker is next.
    pub(crate) fn fault(&mut self, at: Instant, refused: bool) -> bool {
        if self.count < 2 {
            return false;
        }
        if let Some(from) = self.from {
            *self = Self { now: from, ..Self::new(self.count, self.patience) };
            return true;
        }
        let since = *if refused { &mut self.refusing } else { &mut self.away }.get_or_insert(at);
        if at.saturating_duration_since(since) < self.patience {
            return false;
        }
        *self = Self { now: (self.now + 1) % self.count, ..Self::new(self.count, self.patience) };
        true
    }

    /// How long the present one is tried for still; none when there is no other.
    pub(crate) fn left(&self, at: Instant) -> Option<Duration> {
        let since = [self.away, self.refusing].into_iter().flatten().min()?;
        (self.count > 1).then(|| self.patience.saturating_sub(at.saturating_duration_since(since)))
    }
}

/// Completes when the first broker is there again and another one, `now`, is spoken to, after a while; never otherwise.
pub(crate) async fn first_is_back(urls: &[Url], now: usize, first_after: Duration) {
    let Some(first) = urls.first().filter(|_| now > 0) else { return std::future::pending().await };
    loop {
        sleep(first_after).await;
        let connected = TcpStream::connect((first.host.as_str(), first.port));
        if let Ok(Ok(_)) = timeout(Duration::from_secs(5), connected).await {
            info!(broker = %first, "the first broker is there again");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn the_next_is_tried_when_one_stays_away_and_the_first_after_the_last() {
        let (mut brokers, start) = (Brokers::new(2, PATIENCE), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(brokers.left(at(0)), None);
        assert!(!brokers.fault(at(0), false));
        assert!(!brokers.fault(at(29), false));
        assert_eq!(brokers.left(at(29)), Some(Duration::from_secs(1)));
        brokers.is_there();
        assert!(!brokers.fault(at(31), false), "it was there in between");
        assert!(brokers.fault(at(61), false));
        assert_eq!(brokers.now(), 1);
        assert!(!brokers.fault(at(62), false));
        assert!(brokers.fault(at(92), false));
        assert_eq!(brokers.now(), 0);
    }

    #[test]
    fn one_that_is_there_and_takes_nothing_is_as_good_as_away() {
        let (mut brokers, start) = (Brokers::new(2, PATIENCE), Instant::now());
        for seconds in [0, 15] {
            assert!(!brokers.fault(start + Duration::from_secs(seconds), true));
            brokers.is_there();
        }
        assert!(brokers.fault(start + PATIENCE, true));
        brokers.fault(start + PATIENCE, true);
        brokers.has_taken();
        assert!(!brokers.fault(start + 2 * PATIENCE, true));
    }

    #[test]
    fn a_first_that_is_not_back_after_all_is_left_at_once() {
        let (mut brokers, start) = (Brokers::new(3, PATIENCE), Instant::now());
        brokers.fault(start, false);
        assert!(brokers.fault(start + PATIENCE, false));
        brokers.has_taken();
        brokers.back_to_first();
        assert_eq!(brokers.now(), 0);
        assert!(brokers.fault(start + 2 * PATIENCE, false));
        assert_eq!(brokers.now(), 1);
        brokers.back_to_first();
        brokers.has_taken();
        assert!(!brokers.fault(start + 3 * PATIENCE, false), "it is the first again, and has its time");
    }

    #[test]
    fn one_alone_is_never_left() {
        let (mut brokers, start) = (Brokers::new(1, PATIENCE), Instant::now());
        assert!(!brokers.fault(start, false) && !brokers.fault(start + 9 * PATIENCE, false));
        assert_eq!(brokers.left(start), None);
    }
}
