use super::*;
use crate::coap::{Block, Code};
use proptest::prelude::*;
use std::collections::HashMap;
use std::{vec, vec::Vec};

fn memory(buckets: usize) -> Memory<Vec<Bucket>> {
    Memory::new(vec![Bucket::EMPTY; buckets])
}

#[test]
fn a_copy_is_answered_as_the_first_was_for_as_long_as_it_may_come() {
    let mut memory = memory(1);
    assert_eq!(memory.see(0, 7, EXCHANGE_LIFETIME), Seen::New);
    assert_eq!(memory.see(900, 7, EXCHANGE_LIFETIME), Seen::UnderWay);
    memory.answer(7, Code::CHANGED);
    assert_eq!(memory.see(45_000, 7, EXCHANGE_LIFETIME), Seen::Answered(Code::CHANGED));
    assert_eq!(memory.see(246_900, 7, EXCHANGE_LIFETIME), Seen::Answered(Code::CHANGED));
    assert_eq!(memory.see(247_000, 7, EXCHANGE_LIFETIME), Seen::New, "the message id may be used again");
    memory.withdraw(7);
    assert_eq!(memory.see(247_100, 7, EXCHANGE_LIFETIME), Seen::New, "what was withdrawn never was");
}

#[test]
fn the_oldest_answer_gives_way_and_what_is_under_way_never_does() {
    let mut memory = memory(1);
    for exchange in 0..8 {
        assert_eq!(memory.see(exchange * 1000, exchange, EXCHANGE_LIFETIME), Seen::New);
    }
    assert_eq!(memory.see(9000, 8, EXCHANGE_LIFETIME), Seen::Full);
    memory.answer(3, Code::CHANGED);
    memory.answer(5, Code::CHANGED);
    assert!(!memory.has_room(9000, 8));
    assert_eq!(memory.see(9000, 8, EXCHANGE_LIFETIME), Seen::New);
    assert_eq!(memory.forgotten(), 1);
    assert_eq!(memory.see(9000, 5, EXCHANGE_LIFETIME), Seen::Answered(Code::CHANGED));
    let mut larger = memory.moved(9000, vec![Bucket::EMPTY; 4]);
    assert_eq!((larger.places(), larger.forgotten()), (32, 1));
    assert_eq!(larger.see(9000, 5, EXCHANGE_LIFETIME), Seen::Answered(Code::CHANGED));
    assert_eq!(larger.see(9000, 0, EXCHANGE_LIFETIME), Seen::UnderWay);
    assert_eq!(larger.see(9000, 3, EXCHANGE_LIFETIME), Seen::New);
    assert_eq!(super::Memory::new(Vec::new()).see(0, 1, 1), Seen::Full, "no memory holds nothing");
}

#[test]
fn an_exchange_takes_sixteen_octets() {
    assert_eq!(size_of::<Bucket>(), 16 * Bucket::PLACES);
}

#[test]
fn blocks_come_one_after_the_other() {
    let block = |number, more, size_exponent| Block { number, more, size_exponent };
    let mut transfer = Transfer::new(0);
    let mut take = |now, block, len| transfer.take(now, block, len, 100, 6);
    assert_eq!(take(0, block(0, true, 0), 16), Step::More { at: 0, answer: block(0, true, 0) });
    assert_eq!(take(1, block(0, true, 0), 16), Step::More { at: 0, answer: block(0, true, 0) }, "its answer was lost");
    assert_eq!(take(2, block(2, true, 0), 16), Step::Refused(Code::REQUEST_ENTITY_INCOMPLETE));
    assert_eq!(take(3, block(1, true, 0), 15), Step::Refused(Code::BAD_REQUEST));
    assert_eq!(take(4, block(1, true, 0), 16), Step::More { at: 16, answer: block(1, true, 0) });
    assert_eq!(take(5, block(1, true, 1), 32), Step::More { at: 32, answer: block(1, true, 1) });
    assert_eq!(take(6, block(2, false, 1), 5), Step::Whole { at: 64, answer: block(2, false, 1) });
    assert_eq!(take(7, block(2, false, 1), 5), Step::Whole { at: 64, answer: block(2, false, 1) });
    assert_eq!(take(8, block(0, true, 3), 128), Step::Refused(Code::REQUEST_ENTITY_TOO_LARGE));
    assert_eq!(take(9, block(0, true, 0), 16), Step::More { at: 0, answer: block(0, true, 0) });
    let late = 10 + Transfer::PATIENCE;
    assert_eq!(take(late, block(1, true, 0), 16), Step::Refused(Code::REQUEST_ENTITY_INCOMPLETE));
    let mut transfer = Transfer::new(0);
    let smaller = transfer.take(0, block(0, true, 6), 1024, 4096, 4);
    assert_eq!(smaller, Step::More { at: 0, answer: block(0, true, 4) });
    assert_eq!(transfer.take(0, block(4, true, 4), 256, 4096, 4), Step::More { at: 1024, answer: block(4, true, 4) });
}

#[test]
fn a_body_is_given_in_blocks() {
    let body: Vec<u8> = (0..40).collect();
    let block = |number, more, size_exponent| Some(Block { number, more, size_exponent });
    assert_eq!(part(&body, None, 2), Some((&body[..], None)));
    assert_eq!(part(&body, None, 0), Some((&body[..16], block(0, true, 0))));
    assert_eq!(part(&body, block(0, false, 6), 1), Some((&body[..32], block(0, true, 1))));
    assert_eq!(part(&body, block(2, false, 0), 6), Some((&body[32..], block(2, false, 0))));
    assert_eq!(part(&body, block(3, false, 0), 6), None);
    assert_eq!(part(&[], block(0, false, 0), 6), Some((&[][..], block(0, false, 0))));
}

#[test]
fn notifications_are_put_in_order() {
    let mut freshness = Freshness::default();
    assert!(freshness.is_newer(10, 0));
    assert!(!freshness.is_newer(10, 1) && !freshness.is_newer(9, 1));
    assert!(freshness.is_newer(0x7f_ffff, 2));
    assert!(freshness.is_newer(0xff_fffe, 3) && freshness.is_newer(1, 4), "numbers begin again");
    assert!(!freshness.is_newer(0xff_fffe, 5));
    assert!(freshness.is_newer(0xff_fffe, 4 + 128_001), "after 128 s anything is newer");
    assert!(sequence(16) > sequence(0));
}

#[test]
fn an_echo_value_shows_that_its_peer_heard_it_lately() {
    let tag = |key: u8| move |time: &[u8; 8]| time.map(|octet| octet ^ key);
    let echo = Echo::new(1000, tag(7));
    assert_eq!(Echo::check(echo.octets(), 1500, 1000, tag(7)), Ok(()));
    assert_eq!(Echo::check(echo.octets(), 2001, 1000, tag(7)), Err(EchoError::Old));
    assert_eq!(Echo::check(echo.octets(), 999, 1000, tag(7)), Err(EchoError::Old));
    assert_eq!(Echo::check(echo.octets(), 1500, 1000, tag(8)), Err(EchoError::Foreign));
    assert_eq!(Echo::check(&echo.octets()[..15], 1500, 1000, tag(7)), Err(EchoError::Foreign));
}

#[test]
fn a_message_is_sent_again_four_times_with_longer_and_longer_waits() {
    for (random, first) in [(0, 2000), (u16::MAX, 3000)] {
        let mut transmission = Transmission::new(0, random);
        let (mut now, mut waits) = (0, vec![]);
        loop {
            match transmission.poll(now) {
                Due::At(due) => {
                    waits.push(due - now);
                    now = due;
                }
                Due::Again => {}
                Due::GivenUp => break,
            }
        }
        assert_eq!(waits, [1, 2, 4, 8, 16].map(|factor| first * factor));
    }
}

proptest! {
    /// Against a model that forgets nothing: with room nothing is answered twice and nothing is taken for another.
    #[test]
    fn no_exchange_is_begun_twice(steps in prop::collection::vec((0u64..60, 0u64..40, 0u8..4), 1..400)) {
        let mut memory = memory(16);
        let mut model: HashMap<u64, (u64, Option<Code>)> = HashMap::new();
        let mut now = 0;
        for (later, exchange, what) in steps {
            now += later * 100;
            match what {
                0 | 1 => {
                    let seen = memory.see(now, exchange, 10_000);
                    let known = model.get(&exchange).copied().filter(|(until, code)| code.is_none() || *until > now);
                    prop_assert_eq!(seen, match known {
                        None => Seen::New,
                        Some((_, None)) => Seen::UnderWay,
                        Some((_, Some(code))) => Seen::Answered(code),
                    });
                    if known.is_none() {
                        model.insert(exchange, (now + 10_000, None));
                    }
                }
                2 => {
                    memory.answer(exchange, Code::CHANGED);
                    if let Some((_, code @ None)) = model.get_mut(&exchange) {
                        *code = Some(Code::CHANGED);
                    }
                }
                _ => {
                    memory.withdraw(exchange);
                    if model.get(&exchange).is_some_and(|(_, code)| code.is_none()) {
                        model.remove(&exchange);
                    }
                }
            }
        }
        prop_assert_eq!(memory.forgotten(), 0);
    }

    #[test]
    fn a_body_goes_over_in_blocks_of_any_size(body in prop::collection::vec(any::<u8>(), 0..500), size_exponent in 0u8..7, again: bool) {
        let (mut transfer, mut taken, mut number) = (Transfer::new(0), Vec::<u8>::new(), 0);
        loop {
            let asked = Block { number, more: false, size_exponent };
            let (octets, block) = part(&body, Some(asked), 6).unwrap();
            let block = block.unwrap();
            let step = transfer.take(0, block, octets.len(), 500, 6);
            if again {
                prop_assert_eq!(transfer.take(0, block, octets.len(), 500, 6), step);
            }
            match step {
                Step::More { at, answer } => {
                    taken.truncate(at);
                    taken.extend(octets);
                    prop_assert_eq!(answer, block);
                }
                Step::Whole { at, .. } => {
                    taken.truncate(at);
                    taken.extend(octets);
                    break;
                }
                Step::Refused(code) => prop_assert!(false, "{}", code),
            }
            number += 1;
        }
        prop_assert_eq!(taken, body);
    }
}
