use super::*;
use crate::record::{Id, Kind};
use esh_core::Protocol;
use std::time::Duration;
use tokio::time::timeout;

fn record(n: u128) -> Record {
    Record {
        kind: Kind::Readings,
        protocol: Protocol::Wmbus,
        meter: None,
        id: Id(n),
        received_at: None,
        report: format!("{{\"n\":{n}}}").into(),
    }
}

fn queue(records: usize, when_full: WhenFull, sinks: usize) -> (Queue, Vec<Reader>) {
    Queue::new(&Config { records, when_full, ..Config::default() }, sinks)
}

async fn put(queue: &Queue, n: u128) -> Position {
    let position = queue.append(record(n)).await.unwrap();
    queue.commit().await.unwrap();
    position
}

#[tokio::test]
async fn records_are_read_in_order_once_committed() {
    let (queue, readers) = queue(10, WhenFull::Block, 1);
    let first = queue.append(record(1)).await.unwrap();
    assert!(readers[0].try_next(Position::START).is_none(), "not committed yet");
    queue.commit().await.unwrap();
    put(&queue, 2).await;
    let one = readers[0].next(Position::START).await.unwrap();
    assert_eq!((one.position, one.record.id), (first, Id(1)));
    let two = readers[0].next(one.position).await.unwrap();
    assert_eq!(two.record.id, Id(2));
    readers[0].confirm(two.position);
    assert_eq!(queue.unconfirmed(), 0);
    queue.close();
    assert!(readers[0].next(two.position).await.is_none());
}

#[tokio::test]
async fn a_record_leaves_when_every_sink_has_confirmed_it() {
    let (queue, readers) = queue(10, WhenFull::Block, 2);
    let one = put(&queue, 1).await;
    let two = put(&queue, 2).await;
    readers[0].confirm(two);
    assert_eq!(queue.unconfirmed(), 2);
    readers[1].confirm(one);
    assert_eq!(queue.unconfirmed(), 1);
    // After a fault a sink goes on where it had confirmed.
    assert_eq!(readers[1].next(readers[1].confirmed()).await.unwrap().record.id, Id(2));
    readers[1].confirm(two);
    assert_eq!(queue.unconfirmed(), 0);
}

#[tokio::test]
async fn a_full_queue_makes_its_source_wait() {
    let (queue, readers) = queue(2, WhenFull::Block, 1);
    queue.append(record(1)).await.unwrap();
    queue.append(record(2)).await.unwrap();
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.append(record(3)).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!waiting.is_finished());
    // The one that waits has committed those before it.
    let first = timeout(Duration::from_secs(1), readers[0].next(Position::START)).await.unwrap().unwrap();
    readers[0].confirm(first.position);
    assert!(timeout(Duration::from_secs(1), waiting).await.unwrap().unwrap().is_ok());
}

#[tokio::test]
async fn a_full_queue_refuses_where_it_is_told_to() {
    let (queue, readers) = queue(1, WhenFull::DropNewest, 1);
    let one = put(&queue, 1).await;
    assert_eq!(queue.append(record(2)).await, Err(QueueError::Full));
    readers[0].confirm(one);
    assert!(queue.append(record(2)).await.is_ok());
}

#[tokio::test]
async fn the_bound_in_octets_holds_and_what_never_fits_is_said() {
    let config = Config { size: Size(300), when_full: WhenFull::DropNewest, ..Config::default() };
    let (queue, _readers) = Queue::new(&config, 1);
    assert!(queue.append(record(1)).await.is_ok());
    assert!(queue.append(record(2)).await.is_ok());
    assert_eq!(queue.append(record(3)).await, Err(QueueError::Full));
    let large = Record { report: vec![b' '; 300].into(), ..record(4) };
    assert_eq!(queue.append(large).await, Err(QueueError::TooLarge));
}

#[tokio::test]
async fn closing_frees_whoever_waits() {
    let (queue, readers) = queue(1, WhenFull::Block, 1);
    let one = put(&queue, 1).await;
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.append(record(2)).await }
    });
    let reading = tokio::spawn(async move { readers[0].next(one).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    queue.close();
    assert_eq!(timeout(Duration::from_secs(1), waiting).await.unwrap().unwrap(), Err(QueueError::Closed));
    assert!(timeout(Duration::from_secs(1), reading).await.unwrap().unwrap().is_none());
}
