//! The desk with links of the tests' own: what the sources do is tested with them.

use super::*;
use crate::record::Record;
use crate::stop::{Stopper, stop};
use esh_core::Protocol;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// A desk at work.
struct Working {
    bring: mpsc::Sender<Incoming>,
    tells: mpsc::Receiver<Tell>,
    links: Links,
    stopper: Stopper,
    task: JoinHandle<()>,
}

impl Working {
    fn begin(data: &Path) -> Self {
        let (tell, tells) = mpsc::channel(1);
        let links = Links::default();
        let config = Config { enabled: true, ..Config::default() };
        let desk = Desk::open(data, "g", &config, links.clone(), tell).unwrap();
        let (bring, incoming) = mpsc::channel(4);
        let (stopper, stop) = stop();
        Self { bring, tells, links, stopper, task: tokio::spawn(desk.run(incoming, stop)) }
    }

    async fn bring(&self, meter: &str, json: &Value) {
        let (kept, heard) = oneshot::channel();
        let topic = ("lorawan".to_owned(), meter.to_owned());
        self.bring.send(Incoming { topic, json: json.to_string().into_bytes(), kept }).await.unwrap();
        timeout(PATIENCE, heard).await.unwrap().unwrap();
    }

    /// What is told next; it is committed.
    async fn told(&mut self) -> (Value, Record) {
        let Tell { record, committed } = timeout(PATIENCE, self.tells.recv()).await.unwrap().unwrap();
        committed.send(()).unwrap();
        (serde_json::from_slice(&record.report).unwrap(), record)
    }

    async fn end(self) {
        self.stopper.stop();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

fn raw(id: &str) -> Value {
    json!({"id": id, "raw": {"port": 2, "hex": "0a"}})
}

#[tokio::test]
async fn a_command_goes_to_the_link_that_reaches_its_meter_and_what_became_of_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Working::begin(folder.path());
    let mut one = desk.links.link("one", &[Protocol::Lorawan]);
    let mut other = desk.links.link("other", &[Protocol::Lorawan]);
    let _bus = desk.links.link("bus", &[Protocol::Modbus]);
    let passing = tokio::spawn(async move {
        while let Some(order) = one.orders.recv().await {
            order.pass();
        }
    });
    desk.bring("lorawan:01", &raw("a")).await;
    let (told, record) = desk.told().await;
    assert_eq!((told["command"].as_str(), told["state"].as_str()), (Some("a"), Some("queued")));
    assert_eq!((record.kind.word(), record.meter.as_deref()), ("result", Some("lorawan:01")));
    let (command, reporter) = timeout(PATIENCE, other.orders.recv()).await.unwrap().unwrap().take();
    let Does::Raw { raw } = &command.does else { panic!("{command:?}") };
    assert_eq!((raw.port, raw.octets()), (Some(2), vec![0x0a]));
    let reporting = tokio::spawn(async move {
        assert!(reporter.sending().await);
        reporter.done(Some(json!({"fcnt": 7}))).await;
        assert!(!reporter.sending().await, "it has come to its end");
    });
    assert_eq!(desk.told().await.0["state"], "sent");
    let (done, _) = desk.told().await;
    assert_eq!((&done["state"], &done["data"]["fcnt"]), (&json!("done"), &json!(7)));
    reporting.await.unwrap();
    desk.end().await;
    passing.abort();
}

#[tokio::test]
async fn what_was_sent_is_not_sent_again_after_a_kill_and_what_was_not_told_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Working::begin(folder.path());
    let mut link = desk.links.link("one", &[Protocol::Lorawan]);
    desk.bring("lorawan:01", &raw("sent")).await;
    desk.bring("lorawan:02", &raw("waits")).await;
    let (command, reporter) = timeout(PATIENCE, link.orders.recv()).await.unwrap().unwrap().take();
    assert_eq!(&*command.id, "sent");
    assert!(reporter.sending().await);
    // Nobody has committed a result, and nothing is asked of the desk any more.
    desk.task.abort();
    assert_eq!(look(folder.path(), "sent").unwrap(), Some((State::Sent, None)));
    let mut desk = Working::begin(folder.path());
    let mut link = desk.links.link("one", &[Protocol::Lorawan]);
    let (command, _) = timeout(PATIENCE, link.orders.recv()).await.unwrap().unwrap().take();
    assert_eq!(&*command.id, "waits", "what was sent is not sent again");
    let mut told = Vec::new();
    for _ in 0..3 {
        let (result, _) = desk.told().await;
        told.push(format!("{} {}", result["command"], result["state"]).replace('"', ""));
    }
    assert_eq!(told, ["sent queued", "waits queued", "sent sent"]);
    desk.end().await;
}

#[tokio::test]
async fn a_link_that_ends_gives_its_commands_back() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Working::begin(folder.path());
    let mut link = desk.links.link("one", &[Protocol::Lorawan]);
    desk.bring("lorawan:01", &raw("a")).await;
    let (command, reporter) = timeout(PATIENCE, link.orders.recv()).await.unwrap().unwrap().take();
    drop((link, reporter));
    let mut link = desk.links.link("one", &[Protocol::Lorawan]);
    let (again, _) = timeout(PATIENCE, link.orders.recv()).await.unwrap().unwrap().take();
    assert_eq!(again, command);
    desk.end().await;
}

#[tokio::test]
async fn what_is_no_command_is_answered_and_files_are_commands_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Working::begin(folder.path());
    desk.bring("lorawan:01", &json!({"id": "bad", "raw": {"hex": "0"}})).await;
    let (told, _) = desk.told().await;
    assert_eq!((&told["command"], &told["state"]), (&json!("bad"), &json!("failed")));
    assert!(told["error"].as_str().unwrap().contains("raw.hex"), "{told}");
    let order =
        json!({"id": "a/b", "protocol": "modbus", "meter": "modbus:1", "name": "set_period", "args": {"seconds": 60}});
    put(folder.path(), order.to_string().as_bytes()).unwrap();
    assert_eq!(desk.told().await.0["command"], "a/b");
    assert_eq!(look(folder.path(), "a/b").unwrap(), Some((State::Queued, None)));
    let left = || std::fs::read_dir(folder.path().join(FOLDER).join("in")).unwrap().count();
    for _ in 0..200 {
        if left() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(left(), 0);
    assert!(put(folder.path(), b"{}").is_err());
    desk.end().await;
}
