use super::answer::Wire;
use super::server::{Peer, Received, Server};
use crate::config::ConfigError;
use crate::queue::QueueError;
use crate::sources::{self, Answer, Intake, Taken};
use esh_nbiot::coap::exchange::Echo;
use esh_nbiot::coap::option::number::*;
use esh_nbiot::coap::{Code, Message, Type, Writer};
use proptest::prelude::*;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::mpsc::Receiver;

/// A server, the line behind it, and what it has sent.
struct Bench {
    server: Server,
    line: Receiver<Taken>,
    taken: Vec<Taken>,
    sent: Sent,
    now: u64,
}

#[derive(Default)]
struct Sent {
    messages: Vec<(Peer, Vec<u8>)>,
    id: u16,
}

impl Wire for Sent {
    fn send(&mut self, peer: Peer, octets: &[u8]) {
        self.messages.push((peer, octets.to_vec()));
    }

    fn challenge(&mut self, received: Received<'_>, echo: Option<&[u8]>) -> Option<Echo> {
        let tag = |time: &[u8; 8]| time.map(|octet| octet ^ 0x55);
        let shown = echo.is_some_and(|echo| Echo::check(echo, received.now, 1000, tag).is_ok());
        (!shown).then(|| Echo::new(received.now, tag))
    }

    fn id(&mut self) -> u16 {
        self.id += 1;
        self.id
    }
}

fn config(lines: &str) -> Result<super::Config, ConfigError> {
    let text =
        format!("name = \"g\"\ndata = \"d\"\n[[source]]\nkind = \"coap\"\n{lines}\n[[sink]]\nkind = \"stdout\"\n");
    let config = crate::config::Config::parse("gateway.toml".as_ref(), &text)?;
    let Some(sources::Config::Coap(config)) = config.sources.into_iter().next() else { panic!() };
    Ok(config)
}

const PATHS: &str = "listen = \"udp://127.0.0.1:5683\"\npaths = [\"/t/r\", \"/m/{id}\"]";

fn bench(lines: &str, room: usize) -> Bench {
    let (intake, line) = Intake::new(room);
    let config = Arc::new(config(lines).unwrap());
    Bench { server: Server::new(&config, intake), line, taken: Vec::new(), sent: Sent::default(), now: 1_000_000 }
}

fn address(n: u16) -> SocketAddr {
    SocketAddr::new("192.0.2.1".parse().unwrap(), n)
}

/// What was sent, in words: type, code, message id, token.
type Said = (Type, Code, u16, Vec<u8>);

impl Bench {
    fn hear(&mut self, from: u16, octets: &[u8]) -> Vec<Said> {
        self.hear_as(Peer::Plain(address(from), None), None, from, octets)
    }

    fn hear_as(&mut self, peer: Peer, psk: Option<&str>, from: u16, octets: &[u8]) -> Vec<Said> {
        let stamp =
            crate::capture::Stamp { at: jiff::Timestamp::from_millisecond(self.now as i64).ok(), synchronised: true };
        let received = Received { peer, address: address(from), psk, octets, now: self.now, stamp };
        self.server.receive(received, &mut self.sent);
        while let Ok(taken) = self.line.try_recv() {
            self.taken.push(taken);
        }
        self.said()
    }

    fn said(&mut self) -> Vec<Said> {
        self.sent.messages.drain(..).map(|(_, octets)| said(&octets)).collect()
    }

    /// The line tells about all that it has taken.
    fn tell(&mut self, answer: Answer) -> Vec<Said> {
        for taken in self.taken.drain(..) {
            let _ = taken.answer.unwrap().send(answer);
        }
        while let Some((pending, told)) = self.server.waiting.next() {
            self.server.told(self.now, pending, told, &mut self.sent);
        }
        self.said()
    }

    /// So long later.
    fn later(&mut self, milliseconds: u64) -> Vec<Said> {
        self.now += milliseconds;
        self.server.tick(self.now, &mut self.sent);
        self.said()
    }
}

fn said(octets: &[u8]) -> Said {
    let message = Message::parse(octets).unwrap();
    (message.type_(), message.code(), message.id(), message.token().to_vec())
}

fn written(type_: Type, code: Code, id: u16, options: &[(u16, &[u8])], payload: &[u8]) -> Vec<u8> {
    let mut buffer = vec![0; 4096];
    let mut writer = Writer::new(&mut buffer, type_, code, id, &[7, 7]).unwrap();
    for (number, value) in options {
        writer.option(*number, value).unwrap();
    }
    writer.payload(payload).unwrap().to_vec()
}

fn post(id: u16, payload: &[u8]) -> Vec<u8> {
    written(Type::Confirmable, Code::POST, id, &[(URI_PATH, b"m"), (URI_PATH, b"4901")], payload)
}

const ACK: Type = Type::Acknowledgement;

fn reply(type_: Type, code: Code, id: u16) -> Vec<Said> {
    vec![(type_, code, id, vec![7, 7])]
}

fn empty(type_: Type, id: u16) -> Vec<Said> {
    vec![(type_, Code::EMPTY, id, vec![])]
}

#[test]
fn nothing_is_acknowledged_before_the_queue_has_it_and_copies_are_counted_once() {
    let mut bench = bench(PATHS, 8);
    assert_eq!(bench.hear(1, &post(5, b"x")), []);
    assert_eq!(bench.hear(1, &post(5, b"x")), [], "it is under way");
    assert_eq!(bench.taken.len(), 1);
    assert_eq!(&*bench.taken[0].capture.octets, post(5, b"x"));
    let word = bench.taken[0].capture.framing.unwrap().to_string();
    assert!(word.starts_with("from+") && word.ends_with("+-+4901"), "{word}");
    assert_eq!(bench.tell(Ok(())), reply(ACK, Code::CHANGED, 5));
    bench.now += 45_000;
    assert_eq!(bench.hear(1, &post(5, b"x")), reply(ACK, Code::CHANGED, 5), "from memory");
    assert_eq!(bench.hear(2, &post(5, b"x")), [], "another endpoint is another exchange");
    let other = written(Type::Confirmable, Code::POST, 6, &[(URI_PATH, b"m"), (URI_PATH, b"4901")], b"x");
    assert_eq!(bench.hear(1, &other), [], "another message id, too");
    assert_eq!(bench.taken.len(), 2);
    assert_ne!(bench.taken[0].capture.framing, bench.taken[1].capture.framing);
}

#[test]
fn a_slow_commit_is_acknowledged_first_and_answered_later() {
    let mut bench = bench(PATHS, 8);
    bench.hear(1, &post(5, &[0; 20]));
    assert_eq!(bench.later(999), []);
    assert_eq!(bench.later(1), empty(ACK, 5), "before the client sends it again");
    assert_eq!(bench.hear(1, &post(5, &[0; 20])), empty(ACK, 5));
    assert_eq!(bench.later(1000), []);
    let answered = bench.tell(Ok(()));
    let [(Type::Confirmable, Code::CHANGED, id, token)] = answered.as_slice() else { panic!("{answered:?}") };
    assert_eq!(token, &[7, 7]);
    assert_eq!(bench.later(3100), answered, "nobody has acknowledged it");
    assert_eq!(bench.hear(1, &written(ACK, Code::EMPTY, *id, &[], b"")[..0]), []);
    let mut buffer = [0; 4];
    let acknowledged = Writer::new(&mut buffer, ACK, Code::EMPTY, *id, &[]).unwrap().payload(&[]).unwrap();
    assert_eq!(bench.hear(1, acknowledged), []);
    assert_eq!(bench.later(100_000), []);
    assert_eq!(bench.hear(1, &post(5, &[0; 20])), reply(ACK, Code::CHANGED, 5));
    assert_eq!(bench.taken.len(), 0, "it is not taken again");
}

#[test]
fn what_the_queue_refuses_may_come_again() {
    let mut bench = bench(PATHS, 8);
    for (id, error, code) in [
        (1, QueueError::Full, Code::SERVICE_UNAVAILABLE),
        (2, QueueError::Rate, Code::TOO_MANY_REQUESTS),
        (3, QueueError::TooLarge, Code::REQUEST_ENTITY_TOO_LARGE),
    ] {
        bench.hear(1, &post(id, b"x"));
        assert_eq!(bench.tell(Err(error)), reply(ACK, code, id));
        assert_eq!(bench.hear(1, &post(id, b"x")), []);
        assert_eq!(bench.tell(Ok(())), reply(ACK, Code::CHANGED, id));
    }
}

#[test]
fn a_line_that_is_behind_is_not_outrun() {
    let mut bench = bench(PATHS, 1);
    for id in 0..6000 {
        let octets = post(id, b"x");
        let stamp = sources::now();
        let (peer, address) = (Peer::Plain(address(id), None), address(id));
        let received = Received { peer, address, psk: None, octets: &octets, now: bench.now, stamp };
        bench.server.receive(received, &mut bench.sent);
    }
    assert!(bench.said().is_empty());
    assert_eq!(bench.server.intake.counts.frames.get(), 1 + 4096);
    assert_eq!(bench.hear(5999, &post(5999, b"x")), [], "it was not taken, so it is none that came before");
}

#[test]
fn what_cannot_be_done_is_said_in_the_codes_of_the_standard() {
    let mut bench = bench(&format!("{PATHS}\nlargest = 100"), 8);
    let (con, non) = (Type::Confirmable, Type::NonConfirmable);
    let known: &[(u16, &[u8])] = &[(URI_PATH, b"t"), (URI_PATH, b"r")];
    let with = |option: (u16, &'static [u8])| {
        let mut options = known.to_vec();
        options.push(option);
        options.sort_by_key(|(number, _)| *number);
        options
    };
    for (n, octets, code) in [
        (1, written(con, Code::POST, 1, &[(URI_PATH, b"x")], b"1"), Code::NOT_FOUND),
        (2, written(con, Code::GET, 2, known, b""), Code::METHOD_NOT_ALLOWED),
        (3, written(con, Code::DELETE, 3, known, b""), Code::METHOD_NOT_ALLOWED),
        (4, written(con, Code::POST, 4, &with((IF_MATCH, b"1")), b"1"), Code::BAD_OPTION),
        (5, written(con, Code::POST, 5, &with((65_001, b"1")), b"1"), Code::BAD_OPTION),
        (6, written(con, Code::POST, 6, known, &[0; 101]), Code::REQUEST_ENTITY_TOO_LARGE),
        (7, written(con, Code::POST, 7, &with((PROXY_URI, b"coap://x")), b"1"), Code::PROXYING_NOT_SUPPORTED),
        (8, written(con, Code::POST, 8, &with((BLOCK1, &[0x1e])), b"1"), Code::REQUEST_ENTITY_INCOMPLETE),
        (9, written(con, Code::POST, 9, &with((BLOCK1, &[7])), b"1"), Code::BAD_REQUEST),
        (10, written(con, Code::POST, 10, &with((SIZE1, &[1, 0])), b"1"), Code::REQUEST_ENTITY_TOO_LARGE),
    ] {
        assert_eq!(bench.hear(1, &octets), reply(ACK, code, n));
    }
    let said = bench.hear(1, &written(non, Code::POST, 11, &[(URI_PATH, b"x")], b"1"));
    assert_eq!((said[0].0, said[0].1), (non, Code::NOT_FOUND));
    assert!(bench.taken.is_empty());
    // A message that is none: a confirmable one is rejected, any other is not answered.
    assert_eq!(bench.hear(1, &[0x40, 0, 0x12, 0x34]), empty(Type::Reset, 0x1234), "whether we are there");
    assert_eq!(bench.hear(1, &[0x40, 2, 0x12, 0x34, 0xff]), empty(Type::Reset, 0x1234));
    assert_eq!(bench.hear(1, &[0x50, 2, 0x12, 0x34, 0xff]), []);
    assert_eq!(bench.hear(1, &[0x80, 2, 0x12, 0x34]), []);
    assert_eq!(bench.hear(1, &[0x40, 0x45, 0x12, 0x34]), empty(Type::Reset, 0x1234), "an answer to nothing");
    assert_eq!(bench.hear(1, &[]), []);
    // An empty body is no reading.
    assert_eq!(bench.hear(1, &written(con, Code::POST, 12, known, b"")), reply(ACK, Code::CHANGED, 12));
}

#[test]
fn a_body_in_blocks_is_one_message() {
    let mut bench = bench(PATHS, 8);
    let options = |block: &'static [u8]| -> [(u16, &[u8]); 4] {
        [(URI_PATH, b"m"), (URI_PATH, b"4901"), (CONTENT_FORMAT, &[110]), (BLOCK1, block)]
    };
    let block = |id, block, payload: &[u8]| written(Type::Confirmable, Code::POST, id, &options(block), payload);
    assert_eq!(bench.hear(1, &block(1, &[0x08], &[b'a'; 16])), reply(ACK, Code::CONTINUE, 1));
    assert_eq!(bench.hear(1, &block(1, &[0x08], &[b'a'; 16])), reply(ACK, Code::CONTINUE, 1));
    assert_eq!(bench.hear(1, &block(2, &[0x18], &[b'b'; 16])), reply(ACK, Code::CONTINUE, 2));
    assert_eq!(bench.hear(1, &block(1, &[0x08], &[b'a'; 16])), reply(ACK, Code::CONTINUE, 1), "it begins nothing anew");
    assert_eq!(bench.hear(1, &block(3, &[0x20], b"cc")), []);
    let body = [&[b'a'; 16][..], &[b'b'; 16], b"cc"].concat();
    let whole = written(Type::Confirmable, Code::POST, 3, &options(&[])[..3], &body);
    assert_eq!(&*bench.taken[0].capture.octets, whole);
    assert_eq!(bench.tell(Ok(())), reply(ACK, Code::CHANGED, 3));
}

#[test]
fn whoever_does_not_want_an_answer_gets_none() {
    let mut bench = bench(PATHS, 8);
    let options: &[(u16, &[u8])] = &[(URI_PATH, b"t"), (URI_PATH, b"r"), (NO_RESPONSE, &[2])];
    for (type_, answered) in [(Type::Confirmable, empty(ACK, 1)), (Type::NonConfirmable, vec![])] {
        bench.hear(1, &written(type_, Code::POST, 1, options, b"x"));
        assert_eq!(bench.tell(Ok(())), answered);
        bench.now += 300_000;
    }
}

#[test]
fn an_endpoint_that_sends_too_much_is_told_and_then_not_heard() {
    let mut bench = bench(&format!("{PATHS}\nrate = \"1/s\""), 100);
    let mut answered = Vec::new();
    for id in 0..100 {
        answered.extend(bench.hear(1, &post(id, b"x")).into_iter().map(|(_, code, ..)| code));
    }
    assert_eq!(bench.taken.len(), 10);
    assert_eq!(answered, [Code::TOO_MANY_REQUESTS; 10]);
    assert_eq!(bench.hear(2, &post(200, b"x")), []);
    assert_eq!(bench.taken.len(), 11, "others are");
}

#[test]
fn what_a_meter_has_is_observed_once_it_has_sent() {
    let mut bench =
        bench("listen = \"udp://127.0.0.1:5683\"\n[[source.resource]]\npath = \"/t/r\"\nobserve = \"/t/d\"", 8);
    let register =
        written(Type::Confirmable, Code::POST, 1, &[(URI_PATH, b"t"), (URI_PATH, b"r"), (URI_QUERY, b"ep=4901")], b"");
    let stamp = sources::now();
    let (peer, from) = (Peer::Plain(address(1), None), address(1));
    let received = Received { peer, address: from, psk: None, octets: &register, now: bench.now, stamp };
    bench.server.receive(received, &mut bench.sent);
    let sent: Vec<_> = std::mem::take(&mut bench.sent.messages).into_iter().map(|(_, octets)| octets).collect();
    let asked = Message::parse(&sent[0]).unwrap();
    assert_eq!((asked.type_(), asked.code()), (Type::Confirmable, Code::GET));
    assert_eq!(asked.option(OBSERVE).unwrap().uint(), Some(0));
    assert_eq!(asked.uri_path().collect::<Vec<_>>(), ["t", "d"]);
    assert_eq!(said(&sent[1]), (ACK, Code::CHANGED, 1, vec![7, 7]));
    let notify = |type_, id, observe: &[u8], payload: &[u8]| {
        let mut buffer = [0; 100];
        let mut writer = Writer::new(&mut buffer, type_, Code::CONTENT, id, asked.token()).unwrap();
        writer.option(OBSERVE, observe).unwrap();
        writer.payload(payload).unwrap().to_vec()
    };
    assert_eq!(bench.hear(1, &notify(ACK, asked.id(), &[1], b"")), []);
    assert_eq!(bench.later(10_000), [], "it is not asked again");
    assert_eq!(bench.hear(1, &notify(Type::Confirmable, 70, &[2], b"first")), []);
    assert_eq!(bench.hear(1, &notify(Type::Confirmable, 70, &[2], b"first")), []);
    assert_eq!(bench.taken.len(), 1);
    assert!(bench.taken[0].capture.framing.unwrap().to_string().ends_with("+4901"));
    assert_eq!(bench.tell(Ok(())), empty(ACK, 70));
    assert_eq!(bench.hear(1, &notify(Type::Confirmable, 70, &[2], b"first")), empty(ACK, 70));
    assert_eq!(bench.hear(9, &notify(Type::Confirmable, 71, &[3], b"from another address")), []);
    assert_eq!(bench.tell(Ok(())), empty(ACK, 71));
    let mut stranger = notify(Type::Confirmable, 72, &[4], b"x");
    stranger[4] ^= 1;
    assert_eq!(bench.hear(1, &stranger), empty(Type::Reset, 72), "a token of nobody");
}

#[test]
fn a_long_answer_goes_only_to_who_shows_that_it_hears_us() {
    let paths: Vec<_> = (0..20).map(|n| format!("\"/path/{n}\"")).collect();
    let mut bench = bench(&format!("listen = \"udp://127.0.0.1:5683\"\npaths = [{}]", paths.join(",")), 8);
    let core: &[(u16, &[u8])] = &[(URI_PATH, b".well-known"), (URI_PATH, b"core")];
    let get = written(Type::Confirmable, Code::GET, 1, core, b"");
    let peer = Peer::Plain(address(1), None);
    let mut ask = |octets: &[u8]| {
        let stamp = sources::now();
        let received = Received { peer, address: address(1), psk: None, octets, now: bench.now, stamp };
        bench.server.receive(received, &mut bench.sent);
        bench.sent.messages.pop().unwrap().1
    };
    let refused = ask(&get);
    let refused = Message::parse(&refused).unwrap();
    assert_eq!(refused.code(), Code::UNAUTHORIZED);
    let echo = refused.option(ECHO).unwrap().value.to_vec();
    let mut options = core.to_vec();
    options.push((ECHO, &echo));
    let told = ask(&written(Type::Confirmable, Code::GET, 2, &options, b""));
    let told = Message::parse(&told).unwrap();
    assert_eq!((told.code(), told.content_format()), (Code::CONTENT, Some(40)));
    assert!(told.payload().starts_with(b"</path/0>,</path/1>"));
}

#[test]
fn what_is_wrong_in_the_configuration_is_said() {
    for (lines, told) in [
        ("paths = [\"/t/r\"]", "`listen` or `secure`"),
        ("listen = \"udp://127.0.0.1:5683\"", "nobody could send anything"),
        ("listen = \"tcp://127.0.0.1:5683\"\npaths = [\"/t\"]", "an address such as `udp://127.0.0.1:5683`"),
        ("listen = \"udp://127.0.0.1:5683\"\npaths = [\"t\"]", "a path is like"),
        (
            "listen = \"udp://127.0.0.1:5683\"\n[[source.resource]]\npath = \"/t\"\nformat = \"wmbs\"",
            "`wmbs`: a format is",
        ),
        (
            "listen = \"udp://127.0.0.1:5683\"\n[[source.resource]]\npath = \"/t\"\nidentity = \"path\"",
            "names no meter",
        ),
        ("listen = \"udp://127.0.0.1:5683\"\n[[source.resource]]\npath = \"/t\"\nidentity = \"psk\"", "only `secure`"),
        (
            "listen = \"udp://127.0.0.1:5683\"\n[[source.resource]]\npath = \"/t\"\nfromat = \"wmbus\"",
            "did you mean `format`",
        ),
        ("listen = \"udp://127.0.0.1:5683\"\npaths = [\"/t\"]\nlargest = 1", "64 octets"),
        ("listen = \"udp://127.0.0.1:5683\"\npaths = [\"/t\"]\nexchanges = 1", "exchanges can be remembered"),
    ] {
        let error = config(lines).unwrap_err().to_string();
        assert!(error.contains(told), "{error}\nshould say: {told}");
    }
}

proptest! {
    /// Whatever comes from an address, it is never sent more than three times as much; and nothing is taken twice.
    #[test]
    fn an_address_is_not_flooded_through_us(
        steps in prop::collection::vec((0u16..3, 0u16..6, 0u8..9, prop::collection::vec(any::<u8>(), 0..40), 0u64..4000), 1..60),
    ) {
        let mut bench = bench(
            "listen = \"udp://127.0.0.1:5683\"\npaths = [\"/m/{id}\"]\n[[source.resource]]\npath = \"/t/r\"\nobserve = \"/t/d\"",
            1000,
        );
        let (mut came, mut went): (HashMap<Peer, usize>, HashMap<Peer, usize>) = Default::default();
        let mut taken = HashMap::new();
        for (from, id, what, octets, later) in steps {
            let peer = Peer::Plain(address(from), None);
            let long = [0x20 | 0x08];
            let octets = match what {
                0 => octets,
                1 => written(Type::Confirmable, Code::POST, id, &[(URI_PATH, b"t"), (URI_PATH, b"r")], &octets),
                2 => written(Type::NonConfirmable, Code::POST, id, &[(URI_PATH, b"m"), (URI_PATH, b"1")], &octets),
                3 => written(Type::Confirmable, Code::GET, id, &[(URI_PATH, b".well-known"), (URI_PATH, b"core")], b""),
                4 => written(Type::Confirmable, Code::POST, id, &[(URI_PATH, b"m"), (URI_PATH, b"1"), (BLOCK1, &long)], &octets),
                5 => written(Type::Confirmable, Code::POST, id, &[(URI_PATH, b"m"), (URI_PATH, b"1"), (27, &[0x08])], &[0; 16]),
                _ => written(Type::Confirmable, Code::POST, id, &[(URI_PATH, b"m"), (URI_PATH, b"1")], &octets),
            };
            *came.entry(peer).or_default() += octets.len();
            let stamp = sources::now();
            let received = Received { peer, address: address(from), psk: None, octets: &octets, now: bench.now, stamp };
            bench.server.receive(received, &mut bench.sent);
            while let Ok(captured) = bench.line.try_recv() {
                if what > 5 {
                    let message = (peer, id);
                    prop_assert!(taken.insert(message, ()).is_none(), "{message:?} was taken twice");
                }
                bench.taken.push(captured);
            }
            bench.now += later;
            bench.server.tick(bench.now, &mut bench.sent);
            if later % 3 == 0 {
                for captured in bench.taken.drain(..) {
                    let _ = captured.answer.unwrap().send(Ok(()));
                }
                while let Some((pending, told)) = bench.server.waiting.next() {
                    bench.server.told(bench.now, pending, told, &mut bench.sent);
                }
            }
            for (peer, octets) in bench.sent.messages.drain(..) {
                *went.entry(peer).or_default() += octets.len();
            }
            for (peer, went) in &went {
                prop_assert!(went <= &(3 * came[peer]), "{went} octets for {}", came[peer]);
            }
        }
    }
}
