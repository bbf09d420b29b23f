//! SIGTERM ends the gateway in good order. A test binary of its own: the signal goes to the whole process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{Client, Plain, free_port};
use esh_gateway::{config::Config, run, stop};
use std::path::Path;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_drains_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let (port, path) = (free_port(), folder.path().join("out.jsonl"));
    let text = format!(
        "name = \"g\"\ndata = \"data\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
         listen = \"tcp://127.0.0.1:{port}\"\nack = true\n[[sink]]\nkind = \"file\"\npath = {path:?}\n"
    );
    let mut config = Config::parse(Path::new("gateway.toml"), &text).unwrap();
    config.data = folder.path().join("data");
    let signal = async { stop::signal().await.unwrap().to_owned() };
    let gateway = tokio::spawn(async move { run::run(&config, Box::new(Plain), signal).await.unwrap() });
    let mut client = Client::connect(port).await;
    for n in 0..1000 {
        client.say(&format!("2a44{n:08x}\n")).await;
    }
    for _ in 0..1000 {
        assert_eq!(client.hear().await, "ok");
    }
    let pid = std::process::id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let ended = gateway.await.unwrap();
    assert!(ended.is_clean(), "{ended:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1000);
}
