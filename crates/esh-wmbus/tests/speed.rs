//! How long opening takes; run it with `cargo test --release -p esh-wmbus --test speed -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use esh_core::{Carrier, Ignore, Key, Known, Manufacturer, Medium, Meter, Purpose};
use esh_wmbus::{
    Address, Framing, Wmbus,
    telegram::{Protection, Telegram},
};
use std::{hint::black_box, time::Instant};

struct One(Key);

impl Known for One {
    fn keys(&self, _: &Meter, _: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        each(&self.0)
    }
}

#[test]
#[ignore = "measures, does not judge"]
fn how_long_opening_takes() {
    let key = Key::new(&[7; 16]).unwrap();
    let known = One(key.clone());
    for (name, protection) in [
        ("mode 0", Protection::None),
        ("mode 5", Protection::Mode5 { key: &key }),
        ("mode 7", Protection::Mode7 { key: &key, counter: 9 }),
        ("mode 10", Protection::Mode10 { key: &key, counter: 9 }),
    ] {
        for framing in [Framing::FormatA, Framing::FormatB, Framing::WithoutCrc] {
            for len in [20, 78] {
                let address = Address::new(Manufacturer(0x2c2d), [1, 2, 3, 4], 7, Medium::WATER);
                let telegram = Telegram {
                    framing,
                    control: 0x44,
                    link: address,
                    primary: 0,
                    extended: None,
                    ci: 0x7a,
                    meter: address,
                    access: 1,
                    status: 0,
                    protection: protection.clone(),
                    payload: &[0x13; 78][..len],
                };
                let mut buffer = [0; 300];
                let frame = telegram.write(&mut buffer).unwrap();
                let mut copy = [0; 300];
                let (batches, rounds) = (100, 2_000);
                let each = (0..batches).map(|_| {
                    let start = Instant::now();
                    for _ in 0..rounds {
                        let copy = &mut copy[..frame.len()];
                        copy.copy_from_slice(black_box(frame));
                        black_box(Wmbus::default().open(copy, &known, &mut Ignore).unwrap());
                    }
                    start.elapsed().as_nanos() / rounds
                });
                // The least, because others use this machine too.
                let each = each.min().unwrap();
                println!("{name}, {framing:?}, {} octets: {each} ns", frame.len());
            }
        }
    }
}
