//! Commands that a bus carries out: `set_period`, which lasts, and `read`, at once.

use super::Bus;
use super::schedule::Plan;
use crate::commands::{Does, Link, Order, Reporter};
use esh_core::{Meter, Protocol};
use serde_json::{Map, Value, json};
use std::time::Duration;
use tracing::info;

/// What a bus can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    SetPeriod(Duration),
    Read,
}

/// The longest period: 31 days.
const LONGEST: u64 = 31 * 86_400;

impl Wanted {
    fn of(does: &Does) -> Result<Self, String> {
        match does {
            Does::Named { name, args } => match &**name {
                "set_period" => Ok(Self::SetPeriod(seconds(args)?)),
                "read" if args.is_empty() => Ok(Self::Read),
                "read" => Err("`read` takes no arguments".to_owned()),
                other => Err(format!("a bus does not know `{other}`: it knows set_period and read")),
            },
            Does::Raw { .. } => Err("nothing but what a profile declares is written to a bus".to_owned()),
        }
    }
}

fn seconds(args: &Map<String, Value>) -> Result<Duration, String> {
    match args.get("seconds").and_then(Value::as_u64) {
        Some(seconds @ 1..=LONGEST) if args.len() == 1 => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("`set_period` takes `seconds`, a whole number from 1 to {LONGEST}, and nothing else")),
    }
}

/// Who waits to hear that a meter was read.
pub(super) type Readers = Vec<(usize, Reporter)>;

/// Waits for an order, for ever where none can come.
pub(super) async fn order(link: &mut Option<Link>) -> Option<Order> {
    match link {
        Some(link) => link.orders.recv().await,
        None => std::future::pending().await,
    }
}

impl Bus {
    /// Takes every order that has come.
    pub(super) async fn take_orders(&mut self) {
        while let Some(order) = self.link.as_mut().and_then(|link| link.orders.try_recv().ok()) {
            self.carry_out(order).await;
        }
    }

    pub(super) async fn carry_out(&mut self, order: Order) {
        let Some(who) = self.place(&order) else { return order.pass() };
        let (command, reporter) = order.take();
        match Wanted::of(&command.does) {
            Err(wrong) => reporter.failed(wrong).await,
            Ok(Wanted::SetPeriod(period)) => self.set_period(who, period, &reporter).await,
            Ok(Wanted::Read) => {
                if reporter.sending().await {
                    self.schedule.at_once(who);
                    self.readers.push((who, reporter));
                }
            }
        }
    }

    /// The place of the meter that an order is for.
    fn place(&self, order: &Order) -> Option<usize> {
        let wanted = &*order.command.meter;
        self.meters.iter().position(|asked| {
            let named = |protocol| Meter { protocol, manufacturer: None, id: asked.id, version: None, medium: None };
            wanted == asked.id.as_str()
                || [Protocol::Modbus, Protocol::Mbus]
                    .map(named)
                    .iter()
                    .any(|meter| meter.address().to_string() == wanted)
        })
    }

    async fn set_period(&mut self, who: usize, period: Duration, reporter: &Reporter) {
        let Some(id) = self.meters.get(who).map(|asked| asked.id) else { return };
        if !reporter.sending().await {
            return;
        }
        if let Err(error) = self.memory.put_period(&id, period) {
            return reporter.failed(format!("it could not be kept: {error}")).await;
        }
        let plan = Plan { period, ..self.schedule.plan(who).unwrap_or(Plan { period, delay: Duration::ZERO }) };
        let plan = Plan { delay: plan.delay.min(period / 2), ..plan };
        self.schedule.set_plan(who, plan, super::wall());
        info!(source = &*self.name, meter = %id, ?period, "it is asked at another period");
        reporter.done(Some(json!({"seconds": period.as_secs()}))).await;
    }

    /// A meter has been asked: who waits for it hears of it.
    pub(super) async fn tell_readers(&mut self, who: usize, answered: bool) {
        let (heard, others) = std::mem::take(&mut self.readers).into_iter().partition(|(of, _)| *of == who);
        self.readers = others;
        let heard: Readers = heard;
        for (_, reporter) in heard {
            if answered {
                reporter.done(None).await;
            } else {
                reporter.failed("it does not answer").await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_bus_knows_is_told_from_what_it_does_not() {
        let named =
            |name: &str, args: Value| Does::Named { name: name.into(), args: args.as_object().unwrap().clone() };
        assert_eq!(
            Wanted::of(&named("set_period", json!({"seconds": 900}))),
            Ok(Wanted::SetPeriod(Duration::from_secs(900)))
        );
        assert_eq!(Wanted::of(&named("read", json!({}))), Ok(Wanted::Read));
        for (name, args) in [
            ("set_period", json!({})),
            ("set_period", json!({"seconds": 0})),
            ("set_period", json!({"seconds": 1.5})),
            ("set_period", json!({"seconds": 3_000_000})),
            ("set_period", json!({"seconds": 60, "more": 1})),
            ("read", json!({"all": true})),
            ("write", json!({})),
        ] {
            assert!(Wanted::of(&named(name, args.clone())).is_err(), "{name} {args}");
        }
    }
}
