//! The folder of a queue: the few things the log asks of the file system.

use super::LogError;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A folder whose entries are made durable.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    handle: File,
}

impl Folder {
    /// Opens the folder, made for the owner alone if it is not there.
    pub(super) fn open_or_make(path: &Path) -> Result<Self, LogError> {
        let name = || path.display().to_string();
        if !path.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(LogError::io("make", name()))?;
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                let sync = File::open(parent).and_then(|parent| parent.sync_all());
                sync.map_err(LogError::io("sync the folder above", name()))?;
            }
        }
        Self::open(path)
    }

    /// Opens a folder that is there.
    pub(super) fn open(path: &Path) -> Result<Self, LogError> {
        let handle = File::open(path).map_err(LogError::io("open", path.display().to_string()))?;
        Ok(Self { path: path.to_owned(), handle })
    }

    /// The names of its files.
    pub(super) fn names(&self) -> Result<Vec<String>, LogError> {
        let list = || fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>();
        let names = list().map_err(LogError::io("list", self.path.display().to_string()))?;
        Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    /// Opens a file to read it.
    pub(super) fn read(&self, name: &str) -> Result<File, LogError> {
        File::open(self.path.join(name)).map_err(LogError::io("open", name))
    }

    /// Opens a file to read and write it.
    pub(super) fn write(&self, name: &str) -> Result<File, LogError> {
        let open = OpenOptions::new().read(true).write(true).open(self.path.join(name));
        open.map_err(LogError::io("open", name))
    }

    /// Makes an empty file for the owner alone, in the place of one that is there.
    pub(super) fn make(&self, name: &str) -> Result<File, LogError> {
        let make = || {
            // The mode holds for new files only: one that is there goes first.
            match fs::remove_file(self.path.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(self.path.join(name))
        };
        make().map_err(LogError::io("make", name))
    }

    /// Takes the lock that keeps a second process out. It is held as long as the file lives.
    pub(super) fn lock(&self, name: &str) -> Result<File, LogError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(self.path.join(name)).map_err(LogError::io("open", name))?;
        // A program that is just being started holds every open file for a moment, and so does a gateway that has just ended.
        for _ in 0..20 {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(fs::TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
                Err(fs::TryLockError::Error(source)) => return Err(LogError::io("lock", name)(source)),
            }
        }
        Err(LogError::InUse)
    }

    /// Gives a file its name, for good.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), LogError> {
        fs::rename(self.path.join(from), self.path.join(to)).map_err(LogError::io("rename", from))?;
        self.sync()
    }

    /// Removes a file; that it is not there is well too.
    pub(super) fn remove(&self, name: &str) -> Result<(), LogError> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LogError::io("remove", name)(error)),
            _ => Ok(()),
        }
    }

    /// Makes names durable.
    pub(super) fn sync(&self) -> Result<(), LogError> {
        self.handle.sync_all().map_err(LogError::io("sync", "the folder"))
    }
}

/// Gives a file all its octets now, so that writing them later cannot meet a full disk.
pub(super) fn allocate(file: &File, octets: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, octets) {
        Ok(()) => return Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS | rustix::io::Errno::INVAL) => {}
        Err(error) => return Err(error.into()),
    }
    let zeros = [0; 64 << 10];
    let mut file = file;
    let mut left = octets;
    while left > 0 {
        let count = left.min(zeros.len() as u64);
        file.write_all(zeros.get(..count as usize).unwrap_or_default())?;
        left -= count;
    }
    Ok(())
}

/// Writes octets at a place and has them on the disk.
pub(super) fn write_durably(file: &File, octets: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(octets, offset)?;
    sync(file)
}

/// Has a file's octets on the disk.
pub(super) fn sync(file: &File) -> io::Result<()> {
    #[cfg(test)]
    fault::strike()?;
    file.sync_data()
}

/// Lets chosen syncs of a test fail, as a worn card would.
#[cfg(test)]
pub(crate) mod fault {
    use std::cell::Cell;
    use std::io;

    thread_local! {
        static AFTER: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
    }

    /// After so many syncs that work, so many fail.
    pub(crate) fn syncs(after: u32, fail: u32) {
        AFTER.set((after, fail));
    }

    pub(super) fn strike() -> io::Result<()> {
        match AFTER.get() {
            (_, 0) => Ok(()),
            (0, fail) => {
                AFTER.set((0, fail - 1));
                Err(io::Error::from_raw_os_error(5))
            }
            (after, fail) => {
                AFTER.set((after - 1, fail));
                Ok(())
            }
        }
    }
}
