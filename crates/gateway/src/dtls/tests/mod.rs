pub(crate) mod client;

use super::cipher::Suite;
use super::*;
use client::Client;
use proptest::prelude::*;

fn path(port: u16) -> Path {
    Path { peer: SocketAddr::new("192.0.2.1".parse().unwrap(), port), local: None }
}

pub(crate) fn keys(identity: &str) -> Option<(Key, Identity)> {
    (identity == "esh1").then(|| (Key::new(b"0123456789abcdef").unwrap(), "4901".into()))
}

/// A server and what it has said to its user.
struct Bench {
    server: Server,
    now: u64,
    heard: Vec<(u64, Vec<u8>)>,
    ended: usize,
    failed: Vec<Option<Identity>>,
}

impl Bench {
    fn new(most: usize) -> Self {
        Self { server: Server::new(most).unwrap(), now: 1_000_000, heard: Vec::new(), ended: 0, failed: Vec::new() }
    }

    /// A datagram comes; what is sent.
    fn hear(&mut self, from: Path, datagram: &[u8]) -> Vec<(Path, Vec<u8>)> {
        let (mut events, mut sent) = (Vec::new(), Vec::new());
        self.server.receive(self.now, from, &mut datagram.to_vec(), &keys, &mut events);
        for event in events {
            match event {
                Event::Send(to, octets) => sent.push((to, octets)),
                Event::Heard(session, octets) => self.heard.push((session, octets)),
                Event::Begun(session) => assert!(self.server.peer(session).is_some()),
                Event::Ended(_) => self.ended += 1,
                Event::Failed(_, identity) => self.failed.push(identity),
            }
        }
        sent
    }

    /// Client and server talk until nobody has anything to say, unless what is sent is lost.
    fn talk(&mut self, from: Path, client: &mut Client, first: Vec<u8>, mut lost: impl FnMut() -> bool) {
        let mut to_server = vec![first];
        while let Some(datagram) = to_server.pop() {
            if lost() {
                continue;
            }
            for (to, answer) in self.hear(from, &datagram) {
                assert_eq!(to, from);
                if !lost() {
                    to_server.extend(client.receive(&answer).0);
                }
            }
        }
    }

    fn up(&mut self, from: Path, client: &mut Client) {
        let hello = client.hello(&[]);
        self.talk(from, client, hello, || false);
        assert!(client.is_up);
    }
}

#[test]
fn a_session_carries_both_ways_in_either_suite_with_and_without_a_connection_id() {
    for suite in [Suite::Ccm8, Suite::Gcm] {
        for cid in [None, Some(&[][..]), Some(&[1, 2, 3, 4, 5, 6, 7, 8][..])] {
            for extended in [true, false] {
                let (mut bench, mut client) = (Bench::new(10), Client::new(suite, 1, cid));
                client.extended = extended;
                bench.up(path(1), &mut client);
                let sealed = client.seal(b"reading");
                assert_eq!(sealed[0] == 25, cid.is_some());
                assert!(bench.hear(path(1), &sealed).is_empty());
                let (session, octets) = bench.heard.pop().unwrap();
                assert_eq!(octets, b"reading");
                assert_eq!(&*bench.server.peer(session).unwrap().0, "4901", "the key says whose it is");
                let (to, answer) = bench.server.send(session, b"2.04").unwrap();
                assert_eq!(to, path(1));
                assert_eq!(client.receive(&answer).1, [b"2.04"]);
                assert!(bench.hear(path(1), &sealed).is_empty() && bench.heard.is_empty(), "a record comes once");
                let closed = bench.hear(path(1), &client.close());
                assert_eq!((closed.len(), bench.ended, bench.server.sessions()), (1, 1, 0));
                assert!(bench.server.send(session, b"x").is_none());
            }
        }
    }
}

#[test]
fn a_hello_without_a_cookie_costs_no_memory_and_is_answered_in_fewer_octets() {
    let mut bench = Bench::new(10);
    for n in 0..1000 {
        let hello = Client::new(Suite::Ccm8, n, None).hello(&[]);
        let sent = bench.hear(path(n as u16), &hello);
        assert!(sent.len() == 1 && sent[0].1.len() < hello.len(), "{} for {}", sent[0].1.len(), hello.len());
    }
    assert!(bench.server.handshakes.is_empty());
    // A cookie is good for its address, its hello and its time.
    let cookie_of = |bench: &mut Bench, client: &mut Client| {
        let hello = client.hello(&[]);
        bench.hear(path(1), &hello).remove(0).1[28..].to_vec()
    };
    let mut client = Client::new(Suite::Ccm8, 1, None);
    let cookie = cookie_of(&mut bench, &mut client);
    let mut other = Client::new(Suite::Ccm8, 2, None);
    let refused =
        [(path(2), client.hello(&cookie)), (path(1), other.hello(&cookie)), (path(1), client.hello(b"guess"))];
    for (from, hello) in refused {
        bench.hear(from, &hello);
        assert!(bench.server.handshakes.is_empty());
    }
    bench.now += 2 * COOKIE;
    bench.hear(path(1), &client.hello(&cookie));
    assert!(bench.server.handshakes.is_empty());
    let cookie = cookie_of(&mut bench, &mut client);
    bench.hear(path(1), &client.hello(&cookie));
    assert_eq!(bench.server.handshakes.len(), 1);
}

#[test]
fn whoever_has_another_key_is_told_and_nothing_more() {
    for (identity, psk, whose) in [("esh1", "another key of ours", "4901"), ("nobody", "0123456789abcdef", "nobody")] {
        let (mut bench, mut client) = (Bench::new(10), Client::new(Suite::Ccm8, 1, None));
        (client.identity, client.psk) = (identity, psk.into());
        let hello = client.hello(&[]);
        bench.talk(path(1), &mut client, hello, || false);
        assert!(!client.is_up);
        assert_eq!((bench.server.sessions(), bench.server.handshakes.len()), (0, 0));
        assert_eq!(bench.failed, [Some(whose.into())]);
    }
    let mut bench = Bench::new(10);
    let mut hello = Client::new(Suite::Ccm8, 1, None).hello(&[]);
    let at = hello.windows(2).position(|octets| octets == [0xc0, 0xa8]).unwrap();
    hello[at] = 0xc1;
    let cookie = bench.hear(path(1), &hello).remove(0).1[28..].to_vec();
    let mut hello = Client::new(Suite::Ccm8, 1, None).hello(&cookie);
    let at = hello.windows(2).position(|octets| octets == [0xc0, 0xa8]).unwrap();
    hello[at] = 0xc1;
    let alert = bench.hear(path(1), &hello).remove(0).1;
    assert_eq!((alert[0], &alert[13..]), (21, &[2, 40][..]), "no suite of ours");
}

#[test]
fn a_session_goes_with_its_peer_to_another_address_where_it_has_a_connection_id() {
    for (cid, follows) in [(Some(&[][..]), true), (None, false)] {
        let (mut bench, mut client) = (Bench::new(10), Client::new(Suite::Ccm8, 1, cid));
        bench.up(path(1), &mut client);
        let (old, new) = (client.seal(b"old"), client.seal(b"new"));
        bench.hear(path(2), &new);
        assert_eq!(bench.heard.len(), usize::from(follows));
        let Some((session, _)) = bench.heard.pop() else { continue };
        assert_eq!(bench.server.send(session, b"x").unwrap().0, path(2));
        // An older record comes late, from where the peer was before: it is taken, and leads nowhere.
        bench.hear(path(1), &old);
        assert_eq!(bench.heard.pop().unwrap().1, b"old");
        assert_eq!(bench.server.send(session, b"x").unwrap().0, path(2));
        // Neither does one that is not authentic.
        let mut forged = client.seal(b"forged");
        *forged.last_mut().unwrap() ^= 1;
        bench.hear(path(3), &forged);
        assert_eq!((bench.server.send(session, b"x").unwrap().0, bench.heard.len()), (path(2), 0));
    }
}

#[test]
fn a_peer_that_has_forgotten_its_session_begins_another_one() {
    let mut bench = Bench::new(10);
    let (mut first, mut second) = (Client::new(Suite::Ccm8, 1, None), Client::new(Suite::Ccm8, 2, None));
    bench.up(path(1), &mut first);
    // Until the new one stands, the old one is there: anyone can send a hello with this address.
    let hello = second.hello(&[]);
    let request = bench.hear(path(1), &hello).remove(0).1;
    let hello = second.receive(&request).0.remove(0);
    let flight = bench.hear(path(1), &hello).remove(0).1;
    bench.hear(path(1), &first.seal(b"still here"));
    assert_eq!(bench.heard.pop().unwrap().1, b"still here");
    let last = second.receive(&flight).0.remove(0);
    bench.talk(path(1), &mut second, last, || false);
    assert!(second.is_up);
    assert_eq!((bench.server.sessions(), bench.ended), (1, 1));
    bench.hear(path(1), &second.seal(b"here again"));
    assert_eq!(bench.heard.pop().unwrap().1, b"here again");
}

#[test]
fn sessions_are_bounded_and_the_quiet_ones_go_first() {
    let mut bench = Bench::new(100);
    let mut clients: Vec<_> = (0..130).map(|n| Client::new(Suite::Ccm8, n, None)).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        bench.now += 1000;
        bench.up(path(n as u16), client);
        if n == 99 {
            // The first one is heard again.
            bench.now += 1000;
        }
    }
    bench.heard.clear();
    assert!(bench.server.sessions() <= 100 && bench.ended == 130 - bench.server.sessions());
    bench.hear(path(129), &clients[129].seal(b"x"));
    bench.hear(path(0), &clients[0].seal(b"x"));
    assert_eq!(bench.heard.len(), 1);
}

/// What a session takes; `cargo test -p esh-gateway --lib memory_of_sessions -- --ignored --nocapture` shows it.
#[test]
#[ignore = "a measurement"]
fn memory_of_sessions() {
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    };
    let mut bench = Bench::new(20_000);
    let before = resident();
    for n in 0..20_000 {
        bench.up(path(n), &mut Client::new(Suite::Ccm8, n.into(), Some(&[])));
    }
    assert_eq!(bench.server.sessions(), 20_000);
    println!("{} octets per session", (resident() - before) / 20_000);
}

proptest! {
    /// Whatever is lost, the client sends again, and in the end the session stands.
    #[test]
    fn a_handshake_survives_losses(losses in prop::collection::vec(any::<bool>(), 0..12), cid: bool) {
        let (mut bench, mut client) = (Bench::new(10), Client::new(Suite::Ccm8, 1, cid.then_some(&[])));
        let mut losses = losses.into_iter();
        let mut tries = 0;
        while !client.is_up {
            tries += 1;
            prop_assert!(tries < 30);
            bench.now += 1000;
            let next = if client.has_flight() { client.again() } else { client.hello_again() };
            bench.talk(path(1), &mut client, next, || losses.next().unwrap_or_default());
        }
        let sealed = client.seal(b"reading");
        bench.hear(path(1), &sealed);
        prop_assert_eq!(&bench.heard.pop().unwrap().1[..], b"reading");
    }

    /// Anything may come: nothing stands because of it, and no more is sent than came.
    #[test]
    fn anything_is_taken_or_left(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 1..20), begin in 0usize..4) {
        let mut bench = Bench::new(10);
        let start: &[&[u8]] = &[&[], &[22, 0xfe, 0xfd, 0, 0], &[25, 0xfe, 0xfd, 0, 1], &[23, 0xfe, 0xfd, 0, 1]];
        for datagram in datagrams {
            let datagram = [start[begin], &datagram].concat();
            let sent: usize = bench.hear(path(1), &datagram).iter().map(|(_, octets)| octets.len()).sum();
            prop_assert!(sent <= datagram.len());
        }
        prop_assert_eq!(bench.server.sessions(), 0);
    }
}
