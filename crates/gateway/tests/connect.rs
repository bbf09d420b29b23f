//! `check --connect` against a real broker, real sockets and real files.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{Broker, Client, Gateway, Subscriber, free_port};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What `check --connect` prints of the things it tried, and its exit status.
async fn check(folder: &Path, text: &str) -> (Vec<String>, i32) {
    let file = folder.join("gateway.toml");
    std::fs::write(&file, text).unwrap();
    let output = tokio::task::spawn_blocking(move || {
        Command::new(env!("CARGO_BIN_EXE_esh-gateway")).args(["check", "--connect", "--config"]).arg(file).output()
    });
    let output = output.await.unwrap().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let lines = out.lines().filter(|line| line.starts_with("ok ") || line.starts_with("FAILED "));
    (lines.map(str::to_owned).collect(), output.status.code().unwrap())
}

fn has(lines: &[String], begin: &str, end: &str) {
    assert!(lines.iter().any(|line| line.starts_with(begin) && line.contains(end)), "{begin} … {end}\n{lines:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_can_begin_is_told_so() {
    let Some(broker) = Broker::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server_port = server.local_addr().unwrap().port();
    let (lines, http) = (free_port(), free_port());
    std::fs::write(folder.path().join("lines.txt"), "").unwrap();
    for version in ["5", "3.1.1"] {
        let text = format!(
            "name = \"g\"\ndata = \"data\"\n\
             [[source]]\nkind = \"lines\"\nname = \"a\"\nprotocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{lines}\"\n\
             [[source]]\nkind = \"lines\"\nname = \"b\"\nprotocol = \"wmbus\"\nconnect = \"tcp://127.0.0.1:{server_port}\"\n\
             [[source]]\nkind = \"lines\"\nname = \"c\"\nprotocol = \"wmbus\"\nfile = \"lines.txt\"\n\
             [[source]]\nkind = \"lines\"\nname = \"d\"\nprotocol = \"wmbus\"\ncommand = [\"cat\"]\n\
             [[source]]\nkind = \"simulate\"\nname = \"e\"\n\
             [[sink]]\nkind = \"mqtt\"\nname = \"broker\"\nurl = \"mqtt://127.0.0.1:{}\"\nversion = \"{version}\"\n\
             [[sink]]\nkind = \"file\"\nname = \"f\"\npath = \"deep/out.jsonl\"\n\
             [queue]\nsize = \"1 MiB\"\n[http]\nlisten = \"127.0.0.1:{http}\"\n",
            broker.port
        );
        let (found, status) = check(folder.path(), &text).await;
        assert_eq!(status, 0, "{found:#?}");
        assert_eq!(found.len(), 9, "{found:#?}");
        for (begin, end) in [
            ("ok      data ", "can be written to"),
            ("ok      source a: ", "is free"),
            ("ok      source b: ", "lets us in"),
            ("ok      source c: ", "can be read"),
            ("ok      source d: ", "can be run"),
            ("ok      sink broker: mqtt://127.0.0.1:", "lets us in"),
            ("ok      sink f: ", "can be written to"),
            ("ok      http: ", "is free"),
        ] {
            has(&found, begin, end);
        }
    }
    assert!(!folder.path().join("data").exists() && !folder.path().join("deep").exists(), "it leaves nothing behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_thing_that_fails_is_told_and_none_hides_another() {
    let folder = tempfile::tempdir().unwrap();
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = (taken.local_addr().unwrap().port(), taken);
    std::fs::write(folder.path().join("data"), "a file in the way").unwrap();
    let text = format!(
        "name = \"g\"\ndata = \"data/inside\"\n\
         [[source]]\nkind = \"lines\"\nname = \"a\"\nprotocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{0}\"\n\
         [[source]]\nkind = \"lines\"\nname = \"b\"\nprotocol = \"wmbus\"\nconnect = \"tcp://127.0.0.1:{1}\"\n\
         [[source]]\nkind = \"lines\"\nname = \"c\"\nprotocol = \"wmbus\"\nfile = \"no such file\"\n\
         [[source]]\nkind = \"lines\"\nname = \"d\"\nprotocol = \"wmbus\"\ncommand = [\"no-such-program\"]\n\
         [[source]]\nkind = \"lines\"\nname = \"e\"\nprotocol = \"wmbus\"\nserial = \"/dev/no-such-port\"\n\
         [[source]]\nkind = \"lines\"\nname = \"f\"\nprotocol = \"wmbus\"\nserial = \"{2}/gateway.toml\"\n\
         [[sink]]\nkind = \"mqtt\"\nname = \"broker\"\nurl = \"mqtt://127.0.0.1:{1}\"\n\
         [[sink]]\nkind = \"file\"\nname = \"g\"\npath = \"data/out.jsonl\"\n\
         [http]\nlisten = \"127.0.0.1:{0}\"\n",
        taken.0,
        free_port(),
        folder.path().display()
    );
    let (found, status) = check(folder.path(), &text).await;
    assert_eq!((status, found.len()), (1, 10), "{found:#?}");
    for (begin, end) in [
        ("FAILED  data ", "nothing can be written"),
        ("FAILED  source a: ", "does the gateway run?"),
        ("FAILED  source b: ", "no connection"),
        ("FAILED  source c: ", "cannot read"),
        ("FAILED  source d: ", "there is no program no-such-program"),
        ("FAILED  source e: ", "no serial port"),
        ("FAILED  source f: ", "is no serial port"),
        ("FAILED  sink broker: ", "refused"),
        ("FAILED  sink g: ", "nothing can be written"),
        ("FAILED  http: ", "does the gateway run?"),
    ] {
        has(&found, begin, end);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_at_work_is_not_disturbed_and_a_wrong_password_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("right", "correct horse\n"), ("wrong", "battery staple\n")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let users = tempfile::tempdir().unwrap();
    let passwords = Command::new("mosquitto_passwd")
        .args(["-b", "-c"])
        .arg(users.path().join("users"))
        .args(["gw", "correct horse"])
        .status();
    if !passwords.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("ESH_SKIP_MOSQUITTO").is_some(), "this test needs mosquitto_passwd");
        println!("skipped: no mosquitto_passwd");
        return;
    }
    let open = free_port();
    let lines = format!(
        "per_listener_settings true\nallow_anonymous false\npassword_file FOLDER/users\n\
         listener {open} 127.0.0.1\nallow_anonymous true\n"
    );
    let Some(broker) = Broker::inside(users, &lines).await else { return };
    let status = Subscriber::start(open, "esh/v1/g/status").await;
    let lines = free_port();
    let config = |password: &str| {
        let folder = folder.path().display();
        format!(
            "name = \"g\"\ndata = \"data\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
             listen = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"mqtt\"\nname = \"broker\"\n\
             url = \"mqtt://127.0.0.1:{}\"\nuser = \"gw\"\npassword = {{ file = \"{folder}/{password}\" }}\n",
            broker.port
        )
    };
    let gateway = Gateway::start(&config("right"));
    assert_eq!(status.next(Duration::from_secs(10)).unwrap().payload, "online");
    let (found, _) = check(folder.path(), &config("right")).await;
    has(&found, "ok      sink broker: ", "lets us in");
    has(&found, "FAILED  source lines: ", "does the gateway run?");
    let (found, exit) = check(folder.path(), &config("wrong")).await;
    has(&found, "FAILED  sink broker: ", "it does not allow it: the connection: ");
    assert_eq!(exit, 1);
    assert!(!found.concat().contains("battery"));
    assert!(status.next(Duration::from_millis(500)).is_none(), "the gateway was thrown out");
    assert_eq!(Client::connect(lines).await.ask("2a4401").await, "ok");
    assert!(gateway.stop().await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_behind_tls_is_tried_through_tls() {
    let (ours, of_broker) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // Each vouches for itself alone.
    for (folder, name) in [(of_broker.path(), "server"), (ours.path(), "stranger")] {
        let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test";
        let more = format!(
            "-keyout {name}.key -out {name}.pem -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
        );
        let arguments = new.split(' ').chain(more.split(' '));
        let output = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    std::fs::copy(of_broker.path().join("server.pem"), ours.path().join("server.pem")).unwrap();
    let lines = "allow_anonymous true\ncertfile FOLDER/server.pem\nkeyfile FOLDER/server.key\n";
    let Some(broker) = Broker::inside(of_broker, lines).await else { return };
    let config = |scheme: &str, more: &str| {
        format!(
            "name = \"g\"\ndata = \"data\"\n[[source]]\nkind = \"simulate\"\n[[sink]]\nkind = \"mqtt\"\nname = \"broker\"\n\
             url = \"{scheme}://127.0.0.1:{}\"\n{more}\n[queue]\nsize = \"1 MiB\"\n",
            broker.port
        )
    };
    let (found, status) = check(ours.path(), &config("mqtts", "ca = \"server.pem\"")).await;
    has(&found, "ok      sink broker: mqtts://", "lets us in");
    assert_eq!(status, 0, "{found:#?}");
    let (found, status) = check(ours.path(), &config("mqtts", "ca = \"stranger.pem\"")).await;
    has(&found, "FAILED  sink broker: mqtts://", "ertificate");
    assert_eq!(status, 1);
    let (found, status) = check(ours.path(), &config("mqtt", "")).await;
    has(&found, "FAILED  sink broker: mqtt://", ":");
    assert_eq!(status, 1);
}
