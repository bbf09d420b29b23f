//! What is served and to whom, asked without a browser.

use crate::common::{Client, connect};
use crate::program::{ARCHIVE, KEY, Program, TOKEN, frame, telegram, volume};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

fn keys() -> String {
    format!(
        "[[key]]\nmeter = \"wmbus:ELS:12345678:*\"\nkey = \"0102030405060708090A0B0C0D0E0F11\"\n[[key]]\nmeter = \"*\"\nkey = \"{KEY}\"\n"
    )
}

/// The telegram of the README: mode 5, with the key above.
const ENCRYPTED: &str =
    "2e4493157856341233037a2a0020255923c95aaa26d1b2e7493b013ec4a6f6d3529b520edff0ea6defc99d6d69ebf3";
const CUT: &str = "2e449315785634123303";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_holds_no_data_and_forbids_what_it_does_not_need() {
    let gateway = Program::start(&keys(), false, ARCHIVE).await;
    for (path, kind) in
        [("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript"), ("/icon.svg", "image/svg+xml")]
    {
        let (status, head, body) = gateway.ask("GET", path, "").await;
        assert_eq!(status, 200, "{path}");
        let head = head.to_lowercase();
        for expected in [
            kind,
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(head.contains(expected), "{path}: {expected} in {head}");
        }
        assert!(!body.contains("gw-1"), "{path}");
    }
    let (status, _, body) = gateway.ask("HEAD", "/", "").await;
    assert_eq!((status, body.as_str()), (200, ""));
    for (method, path, status) in [
        ("POST", "/", 405),
        ("DELETE", "/api/meters", 405),
        ("GET", "/api/login", 405),
        ("GET", "/api/nothing", 404),
        ("GET", "/api/meters/1", 404),
        ("GET", "/api/meters/-1", 404),
        ("GET", "/api/frames/99999999999999999999", 404),
        ("GET", "/../etc/passwd", 404),
        ("POST", "/api/login", 401),
    ] {
        assert_eq!(gateway.ask(method, path, "").await.0, status, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn meters_and_frames_are_told_and_explained_and_no_key_is() {
    let gateway = Program::start(&keys(), false, ARCHIVE).await;
    let mut client = Client::connect(gateway.lines).await;
    let plain = |litres| telegram(20_260_001, &volume(litres));
    let cut_at_its_end = format!("{}0413", &plain(3)[2..]);
    let partial = format!("{:02x}{cut_at_its_end}", cut_at_its_end.len() / 2);
    for line in [&plain(6400), &plain(6408), ENCRYPTED, CUT, &partial] {
        assert_eq!(client.ask(line).await, "ok");
    }
    let meters = gateway.json("/api/meters").await;
    let meters = meters.as_array().unwrap();
    assert_eq!(meters.len(), 2, "{meters:?}");
    let of = |id: &str| meters.iter().find(|meter| meter["meter"]["id"] == id).unwrap();
    let (water, electricity) = (of("20260001"), of("12345678"));
    assert_eq!(
        (&water["count"], &water["failed"], &water["source"]),
        (&3.into(), &false.into(), &"stick <b>2</b>".into())
    );
    assert_eq!(electricity["security"]["state"], "decrypted");
    assert!(water["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(water["readings"][0]["value"], "0.003", "digits, as text: {water}");

    let frames = gateway.json("/api/frames").await;
    let frames = frames.as_array().unwrap();
    assert_eq!(frames.len(), 2, "{frames:?}");
    assert_eq!(frames[0]["meter"]["id"], "20260001", "the newest first; decoded in part it stands in both");
    let cut = &frames[1];
    assert_eq!(
        (&cut["failed"], &cut["error"]["reason"], &cut["octets"]),
        (&true.into(), &"truncated".into(), &10.into())
    );
    let explained = gateway.json(&format!("/api/frames/{}", cut["n"])).await;
    assert_eq!(explained["hex"], CUT);
    assert_eq!(explained["error"]["reason"], "truncated");

    let detail = gateway.json(&format!("/api/meters/{}", electricity["n"])).await;
    let fields = detail["fields"].as_array().unwrap();
    let field =
        |name: &str| fields.iter().find(|field| field["name"] == name).unwrap_or_else(|| panic!("{name}: {detail}"));
    assert_eq!(field("L-field")["octet"], 0);
    assert_eq!(field("manufacturer")["value"], "ELS");
    // The octets are shown in plain.
    assert!(fields.iter().any(|field| field["hex"] == "2f2f") || detail.to_string().contains("m3"), "{detail}");
    assert!(!detail["readings"].as_array().unwrap().is_empty() && detail["error"].is_null(), "{detail}");

    // The same as the command line shows, field by field.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
    let keys = gateway.folder.path().join("keys.toml");
    let shown = command.args(["decode", "wmbus", "--explain", "--keys"]).arg(keys).arg(ENCRYPTED).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    for field in fields {
        let (name, meaning) = (field["name"].as_str().unwrap(), field["meaning"].as_str().unwrap());
        assert!(shown.contains(name) && shown.contains(meaning), "{field} in {shown}");
    }

    let deadline = Instant::now() + Duration::from_secs(10);
    let points = loop {
        let detail = gateway.json(&format!("/api/meters/{}", water["n"])).await;
        if let Some(series) = detail["series"].as_array().unwrap().first() {
            break series.clone();
        }
        assert!(Instant::now() < deadline, "{detail}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(
        (&points["label"], &points["unit"], &points["points"][0][1]),
        (&"volume".into(), &"m3".into(), &"0.003".into())
    );

    let status = gateway.json("/api/status").await;
    assert_eq!((&status["meters"], &status["frames"], &status["gateway"]), (&2.into(), &2.into(), &"gw-1".into()));
    assert_eq!((&status["line"]["decoded"], &status["line"]["failed"]["truncated"]), (&3.into(), &2.into()));
    assert_eq!(status["obstacles"], Value::Array(Vec::new()));
    assert_eq!(status["sources"][0]["frames"], 5);
    assert_eq!(status["sinks"][0]["name"], "archive");

    for path in ["/api/meters", "/api/frames", "/api/status", "/metrics"] {
        let (_, _, body) = gateway.ask("GET", path, "").await;
        let body = body.to_lowercase();
        assert!(!body.contains(KEY) && !body.contains("0102030405060708090a0b0c0d0e0f11"), "{path}");
    }
    let detail = detail.to_string().to_lowercase();
    assert!(!detail.contains(KEY) && !detail.contains("0102030405060708090a0b0c0d0e0f11"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compact_frame_is_explained_by_a_full_one_of_its_sibling() {
    let gateway = Program::start("", false, ARCHIVE).await;
    let mut client = Client::connect(gateway.lines).await;
    let headers = [0x04, 0x13, 0x44, 0x13, 0x02, 0x5b, 0x01, 0x67];
    let values: [&[u8]; 4] = [&[0x40, 0x19, 0, 0], &[0x10, 0x18, 0, 0], &[21, 0], &[9]];
    let records: Vec<u8> = headers.chunks(2).zip(values).flat_map(|(header, value)| [header, value].concat()).collect();
    let compact = |records: &[u8]| {
        let (signature, crc) = (esh_wmbus::crc(&headers), esh_wmbus::crc(records));
        [&[0x79][..], &signature.to_le_bytes(), &crc.to_le_bytes(), &values.concat()].concat()
    };
    let sent = frame(20_260_005, &compact(&records));
    assert_eq!(client.ask(&sent).await, "ok");
    let frames = gateway.json("/api/frames").await;
    assert_eq!(frames[0]["error"]["reason"], "unknown_format", "nothing has taught its headers yet: {frames}");
    let path = format!("/api/frames/{}", frames[0]["n"]);
    assert!(gateway.json(&path).await["error"].is_object());
    assert_eq!(client.ask(&frame(20_260_004, &[&[0x78][..], &records].concat())).await, "ok");
    let explained = gateway.json(&path).await;
    assert!(explained["error"].is_null(), "{explained}");
    assert_eq!(explained["readings"][0]["value"], "6.464", "{explained}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_is_away_is_told_with_its_fault_and_what_waits() {
    let broker = crate::common::free_port();
    let sink = format!("{ARCHIVE}[[sink]]\nkind = \"mqtt\"\nname = \"far\"\nurl = \"mqtt://127.0.0.1:{broker}\"\n");
    let gateway = Program::start("", false, &sink).await;
    assert_eq!(Client::connect(gateway.lines).await.ask(&telegram(1, &volume(1))).await, "ok");
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let status = gateway.json("/api/status").await;
        let far = &status["sinks"][1];
        let told = far["fault"].is_string() && far["away"] == true && far["behind"] == 2;
        // A second of age shows that it is that of the record.
        if told && status["sinks"][0]["behind"] == 0 && status["queue"]["oldest"].as_u64().unwrap() > 1000 {
            assert_eq!(status["queue"]["waiting"], 2);
            break;
        }
        assert!(Instant::now() < deadline, "{status}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (_, _, metrics) = gateway.ask("GET", "/metrics", "").await;
    let age = metrics.lines().find_map(|line| line.strip_prefix("esh_queue_oldest_age_seconds ")).unwrap();
    assert!(age.parse::<f64>().unwrap() > 1.0, "{age}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_sites_and_other_names_are_refused() {
    let gateway = Program::start("", false, ARCHIVE).await;
    for path in ["/", "/api/status", "/metrics", "/api/live"] {
        let (status, _, body) = gateway.ask("GET", path, "host: rebound.example\r\n").await;
        assert_eq!(status, 403, "{path} {body}");
        let (status, ..) = gateway.ask("GET", path, "origin: http://evil.example\r\n").await;
        assert_eq!(status, 403, "{path}");
        let (status, ..) = gateway.ask("GET", path, "sec-fetch-site: cross-site\r\nsec-fetch-mode: no-cors\r\n").await;
        assert_eq!(status, 403, "{path}");
    }
    let (status, ..) = gateway.ask("GET", "/", "sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\n").await;
    assert_eq!(status, 200, "a link may lead here");
    let (status, ..) = gateway.ask("GET", "/healthz", "host: rebound.example\r\n").await;
    assert_eq!(status, 200, "whoever watches over it may ask by any name");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_has_the_token_may_look() {
    let gateway = Program::start("", true, ARCHIVE).await;
    for path in ["/metrics", "/api/status", "/api/meters", "/api/meters/1", "/api/frames", "/api/live"] {
        let (status, head, _) = gateway.ask("GET", path, "").await;
        assert_eq!(status, 401, "{path}");
        assert!(head.to_lowercase().contains("www-authenticate: bearer"), "{head}");
        let (status, ..) = gateway.ask("GET", path, "authorization: Bearer not-the-token-at-all\r\n").await;
        assert_eq!(status, 401, "{path}");
        let (status, ..) = gateway.ask("GET", &format!("{path}?token={TOKEN}"), "").await;
        assert_eq!(status, 401, "no token in an address: {path}");
    }
    for path in ["/healthz", "/readyz", "/"] {
        assert_eq!(gateway.ask("GET", path, "host: gateway.example\r\n").await.0, 200, "{path}");
    }
    let bearer = format!("authorization: Bearer {TOKEN}\r\n");
    let (status, _, metrics) = gateway.ask("GET", "/metrics", &bearer).await;
    assert_eq!(status, 200);
    assert!(metrics.contains("\nesh_http_denied_total 18\n"), "{metrics}");
    assert_eq!(gateway.ask("GET", "/api/status", &format!("{bearer}host: gateway.example\r\n")).await.0, 200);
    let (status, head, _) = gateway.ask("POST", "/api/login", &bearer).await;
    assert_eq!(status, 200);
    let set = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(set.starts_with("esh-gw-1=") && set.ends_with("; HttpOnly; SameSite=Strict"), "{set}");
    let cookie = format!("cookie: {}\r\n", set.split(';').next().unwrap());
    assert_eq!(gateway.ask("GET", "/api/meters", &cookie).await.0, 200);
    let (status, ..) = gateway.ask("POST", "/api/login", &format!("{bearer}origin: http://evil.example\r\n")).await;
    assert_eq!(status, 403);
    assert!(!gateway.log().contains(TOKEN));
    // A token that can be guessed is none.
    std::fs::write(gateway.folder.path().join("token"), "short").unwrap();
    for command in ["check", "run"] {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
        let done =
            program.arg(command).arg("--config").arg(gateway.folder.path().join("gateway.toml")).output().unwrap();
        let told = String::from_utf8(done.stderr).unwrap();
        if command == "check" {
            assert!(
                !done.status.success() && told.contains("16 or more characters") && !told.contains("short"),
                "{told}"
            );
        } else {
            assert!(!done.status.success(), "{told}");
        }
    }
}

/// A stream of events, read line by line.
struct Live(BufReader<tokio::net::TcpStream>);

impl Live {
    async fn open(port: u16) -> (u16, Self) {
        let mut stream = connect(port).await;
        stream.write_all(b"GET /api/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut live = Self(BufReader::new(stream));
        let status = live.line().await[9..12].parse().unwrap();
        (status, live)
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.0.read_line(&mut line);
        assert!(
            tokio::time::timeout(Duration::from_secs(10), read).await.unwrap().unwrap() > 0,
            "the stream has ended"
        );
        line.trim_end().to_owned()
    }

    /// The data of the next event of this name.
    async fn event(&mut self, name: &str) -> Value {
        loop {
            if self.line().await == format!("event: {name}") {
                return serde_json::from_str(self.line().await.strip_prefix("data: ").unwrap()).unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn telegrams_are_told_as_they_come_for_longer_than_an_answer_may_take() {
    let gateway = Program::start("", false, ARCHIVE).await;
    let (status, mut live) = Live::open(gateway.http).await;
    assert_eq!(status, 200);
    let begun = Instant::now();
    assert_eq!(live.event("status").await["gateway"], "gw-1");
    let mut client = Client::connect(gateway.lines).await;
    let mut litres = 0;
    while begun.elapsed() < Duration::from_secs(7) {
        litres += 1;
        assert_eq!(client.ask(&telegram(20_260_001, &volume(litres))).await, "ok");
        let told = live.event("telegram").await;
        assert_eq!((&told["count"], &told["meter"]["id"]), (&litres.into(), &"20260001".into()));
        if litres % 8 == 0 {
            live.event("status").await;
        }
    }
    // More than anybody can read are told as a number.
    let mut sent = 0;
    for _ in 0..40 {
        let burst: String = (0..50).map(|n| format!("{}\n", telegram(30_000_000 + sent + n, &volume(n)))).collect();
        sent += 50;
        client.say(&burst).await;
    }
    let (mut told, mut more) = (0, 0);
    while told + more < u64::from(sent) {
        let line = live.line().await;
        told += u64::from(line == "event: telegram");
        if line == "event: more" {
            more += live.line().await.strip_prefix("data: ").unwrap().parse::<u64>().unwrap();
        }
    }
    assert_eq!(told + more, u64::from(sent), "every telegram is told or counted");
    assert!(more > 0);
    let meters = gateway.json("/api/meters").await;
    assert!((500..=1000).contains(&meters.as_array().unwrap().len()), "bounded, whatever ids are made up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_so_many_may_watch_and_a_place_is_free_again_when_one_leaves() {
    let gateway = Program::start("", false, ARCHIVE).await;
    let mut watching = Vec::new();
    for _ in 0..16 {
        let (status, live) = Live::open(gateway.http).await;
        assert_eq!(status, 200);
        watching.push(live);
    }
    let (status, mut refused) = Live::open(gateway.http).await;
    assert_eq!(status, 503);
    let mut rest = String::new();
    refused.0.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("too many watch\n"), "{rest}");
    assert_eq!(gateway.ask("GET", "/healthz", "").await.0, 200);
    watching.truncate(8);
    let deadline = Instant::now() + Duration::from_secs(10);
    while Live::open(gateway.http).await.0 != 200 {
        assert!(Instant::now() < deadline, "their places are never free");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Those who still watch do not hold up a stop.
    let mut live = watching.pop().unwrap();
    live.event("status").await;
}
