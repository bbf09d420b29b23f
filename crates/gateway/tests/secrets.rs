//! Nothing the real program says, shows or keeps has a secret in it, however much it is asked to say.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::peer::{Limits, Mood, Peer};
use common::program::{Program, page, page_until};
use common::{Client, free_port};
use std::path::Path;
use std::process::Command;

const PASSWORD: &str = "correct-horse-battery-staple";
const USED_BY_NOBODY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const OF_THE_ENVIRONMENT: &str = "13579bdf02468ace13579bdf02468ace";

/// Everything that must be nowhere, in whatever way it could be written.
struct Secrets(Vec<Vec<u8>>);

impl Secrets {
    fn new(keys: &[String]) -> Self {
        let mut all = vec![PASSWORD.as_bytes().to_vec(), b"hunter2".to_vec()];
        for key in keys {
            let octets: Vec<u8> =
                (0..key.len()).step_by(2).map(|at| u8::from_str_radix(&key[at..at + 2], 16).unwrap()).collect();
            // As Debug writes octets.
            let list = octets.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
            all.extend([key.to_lowercase().into_bytes(), key.to_uppercase().into_bytes(), list.into_bytes(), octets]);
        }
        Self(all)
    }

    fn are_not_in(&self, what: &str, octets: &[u8]) {
        for secret in &self.0 {
            let found = memchr::memmem::find(octets, secret);
            assert_eq!(found, None, "{what} has a secret in it: {}", String::from_utf8_lossy(octets));
        }
    }

    fn are_in_no_file_of(&self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.are_in_no_file_of(&path);
            } else {
                self.are_not_in(&path.display().to_string(), &std::fs::read(&path).unwrap());
            }
        }
    }
}

/// Telegrams of simulated meters, and the keys of the meters.
fn telegrams(folder: &Path) -> (Vec<String>, String) {
    let simulate = Command::new(env!("CARGO_BIN_EXE_esh-gateway"))
        .args(["simulate", "wmbus", "--count", "60", "--meters", "6", "--keys"])
        .arg(folder.join("keys.toml"))
        .output();
    let telegrams = String::from_utf8(simulate.unwrap().stdout).unwrap();
    (telegrams.lines().map(str::to_owned).collect(), std::fs::read_to_string(folder.join("keys.toml")).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_ever_said_shown_or_kept() {
    for format in ["text", "json"] {
        let folder = tempfile::tempdir().unwrap();
        let (telegrams, text) = telegrams(folder.path());
        let mut keys: Vec<String> = text
            .lines()
            .filter_map(|line| Some(line.strip_prefix("key = \"")?.trim_end_matches('"').to_owned()))
            .collect();
        assert!(keys.len() >= 4 && keys.iter().all(|key| key.len() == 32), "{keys:?}");
        // The first meter's key is a wrong one, and there are two that fit nobody.
        let wrong = "fedcba98765432100123456789abcdef".to_owned();
        let text = text.replacen(&keys[0], &wrong, 1)
            + &format!("[[key]]\nmeter = \"wmbus:KAM:*\"\nkey = \"{USED_BY_NOBODY}\"\n")
            + "[[key]]\nmeter = \"wmbus:ELS:*\"\nenv = \"A_KEY\"\n";
        std::fs::write(folder.path().join("keys.toml"), &text).unwrap();
        keys.extend([wrong, USED_BY_NOBODY.to_owned(), OF_THE_ENVIRONMENT.to_owned()]);
        let secrets = Secrets::new(&keys);
        std::fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        // A broker that does not let it in at first, one that hangs up, and one that is well.
        let moods: &[Mood] = &[Mood::Refuses(0x86), Mood::HangsUpAfter(3), Mood::Good];
        let peer = Peer::start(moods, Limits::default()).await;
        let (lines, pages) = (free_port(), free_port());
        let configuration = format!(
            "name = \"g\"\ndata = \"data\"\nkeys = \"keys.toml\"\nlog = \"{format}\"\n[queue]\nsize = \"1 MiB\"\n\
             segment = \"64 KiB\"\n[[source]]\nkind = \"lines\"\n\
             protocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"mqtt\"\n\
             name = \"out\"\nurl = \"mqtt://127.0.0.1:{}\"\nuser = \"gw\"\npassword = {{ file = \"password\" }}\n\
             [http]\nlisten = \"127.0.0.1:{pages}\"\n",
            peer.port
        );
        let environment = [("ESH_LOG", "trace"), ("A_KEY", OF_THE_ENVIRONMENT)];
        let program = Program::start(folder.path(), &configuration, &environment);
        let mut client = Client::connect(lines).await;
        for telegram in &telegrams {
            assert_eq!(client.ask(telegram).await, "ok");
        }
        for rubbish in ["2a44zz", "{\"hex\":7}", "\u{0}", "2e449315785634123303"] {
            client.ask(rubbish).await;
        }
        page_until(pages, "/metrics", |_, page| page.contains("\nesh_records_unconfirmed 0\n")).await;
        for path in ["/metrics", "/healthz", "/readyz", "/"] {
            secrets.are_not_in(path, page(pages, path).await.1.as_bytes());
        }
        secrets.are_not_in("the process list", &std::fs::read(format!("/proc/{}/cmdline", program.pid())).unwrap());
        for publish in peer.seen() {
            secrets.are_not_in(&publish.topic, publish.payload.as_bytes());
        }
        drop(client);
        let log = program.log();
        assert!(program.stop());
        assert!(log.contains("key_rejected") && log.contains("DEBUG") && log.contains("BadUserNamePassword"), "{log}");
        secrets.are_not_in("the log", log.as_bytes());
        secrets.are_in_no_file_of(&folder.path().join("data"));
        // What is said when something is wrong with the files that hold them.
        for (file, content) in [
            ("keys.toml", text.replace("meter", "metre")),
            ("keys.toml", text.replace("key = ", "kye = ")),
            ("keys.toml", text.replace("\"\n", "x\"\n")),
            ("gateway.toml", configuration.replace("{ file = \"password\" }", "\"hunter2\"")),
            ("gateway.toml", configuration.replace("mqtt://", "mqtt://gw:hunter2@")),
        ] {
            let before = std::fs::read(folder.path().join(file)).unwrap();
            std::fs::write(folder.path().join(file), content).unwrap();
            for command in ["run", "check"] {
                let mut gateway = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
                gateway.arg(command).arg("--config").arg(folder.path().join("gateway.toml")).envs(environment);
                let output = gateway.output().unwrap();
                assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
                secrets.are_not_in(command, &[output.stdout, output.stderr].concat());
            }
            std::fs::write(folder.path().join(file), before).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_from_one_meter_is_a_few_lines_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let lines = free_port();
    let configuration = format!(
        "name = \"g\"\ndata = \"data\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
         listen = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"file\"\npath = \"out.jsonl\"\n"
    );
    let program = Program::start(folder.path(), &configuration, &[]);
    let mut client = Client::connect(lines).await;
    for n in 0..1000 {
        // Encrypted, by one meter; and once by another.
        let meter = if n == 500 { "79563412" } else { "78563412" };
        client.say(&format!("1e449315{meter}33037a{:02x}001005a1b2{n:04x}c3d4e5f60718293a4b5c6d7e\n", n % 256)).await;
    }
    for _ in 0..1000 {
        assert_eq!(client.hear().await, "ok");
    }
    drop(client);
    let log = program.log();
    assert!(program.stop());
    let about =
        |meter: &str| log.lines().filter(|line| line.contains("cannot be decoded") && line.contains(meter)).count();
    assert_eq!((about(":12345678:"), about(":12345679:")), (3, 1), "{log}");
    assert!(log.contains("reason=\"no_key\"") && log.contains("source=\"lines\""), "{log}");
    assert!(log.lines().count() < 20, "{log}");
}
