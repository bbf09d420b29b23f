//! What the log says when it cannot do as it was told.

use super::Seq;
use std::io;

/// Why the log refused, or what failed below it.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The operating system refused.
    #[error("{doing} {file}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file of the folder.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has the folder open.
    #[error("the queue is in use by another process")]
    InUse,
    /// A later release wrote this folder; nothing in it was touched.
    #[error("the queue has format version {found}, this release knows {known}: install the newer release again")]
    Newer {
        /// The version found.
        found: u32,
        /// The newest version this release reads and writes.
        known: u32,
    },
    /// A release older than this one can upgrade wrote this folder; nothing in it was touched.
    #[error("the queue has format version {found}, which this release cannot upgrade")]
    Older {
        /// The version found.
        found: u32,
    },
    /// A setting does not make sense.
    #[error("queue settings: {0}")]
    Settings(&'static str),
    /// A sink's name cannot be a file's name.
    #[error("sink name {0:?}: letters, digits, '-', '_' and '.' only, and a letter or digit first")]
    Name(String),
    /// The entry would not fit into a segment.
    #[error("an entry of {octets} octets is larger than a segment takes ({most})")]
    TooLarge {
        /// What was to be appended.
        octets: usize,
        /// The most that can be.
        most: usize,
    },
    /// There is no room now; it comes back when sinks confirm.
    #[error("{0}")]
    Full(Room),
    /// The oldest entries would have to go, but no durable snapshot covers them yet.
    #[error("the queue is full and its oldest entries wait for a state snapshot")]
    SnapshotNeeded,
    /// The entries are not on the disk. They are kept in memory, and the next commit tries another file.
    #[error("{kept} entries are not on the disk and kept in memory: {source}")]
    NotDurable {
        /// How many.
        kept: u64,
        /// Why.
        source: Box<Self>,
    },
    /// The log of parked frames, which has a folder of its own.
    #[error("the frames that wait for a key, in the folder parked beside it: {0}")]
    Parked(#[source] Box<Self>),
    /// A snapshot cannot speak for entries that are not committed.
    #[error("a snapshot up to entry {asked} while only {committed} are committed")]
    NotCommitted {
        /// The entry asked for.
        asked: Seq,
        /// The last one committed.
        committed: Seq,
    },
}

/// What there is no room in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// The quota is used up.
    Quota,
    /// The disk is full.
    Disk,
}

impl std::fmt::Display for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Quota => "queue full",
            Self::Disk => "disk full",
        })
    }
}

impl LogError {
    /// Whether waiting for sinks to confirm can help.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    pub(super) fn io(doing: &'static str, file: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let file = file.into();
        move |source| Self::Io { doing, file, source }
    }

    pub(super) fn is_disk_full(&self) -> bool {
        // A quota of the file system is as full a disk as any.
        let full = |e: &io::Error| matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        matches!(self, Self::Io { source, .. } if full(source))
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
