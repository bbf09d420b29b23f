//! How a folder that an older release wrote becomes one of this release.
//!
//! Each segment is written anew beside itself and takes the place of the old one by its name, so that a crash between
//! two of them leaves both kinds, and opening goes on where it stopped. Version 1 is the first there is, so there is no
//! step yet; a test has one of its own.

use super::disk::{self, Folder};
use super::format::{Head, Header, SEGMENT_HEADER, Seed, VERSION};
use super::{LogError, segment};
use std::io::{Read, Write};

/// Reads the records of one segment of an older version, damaged ones left out.
pub(super) type Step = fn(&[u8]) -> Vec<(Head, Vec<u8>)>;

/// The versions that can be upgraded, and how their segments are read.
pub(super) const STEPS: &[(u32, Step)] = &[];

/// Refuses what this release cannot read, before anything is touched.
pub(super) fn check(versions: impl Iterator<Item = u32>, steps: &[(u32, Step)]) -> Result<(), LogError> {
    for found in versions {
        if found > VERSION {
            return Err(LogError::Newer { found, known: VERSION });
        }
        if found < VERSION && !steps.iter().any(|(version, _)| *version == found) {
            return Err(LogError::Older { found });
        }
    }
    Ok(())
}

/// Writes a segment of an older version as one of this version; gives its header and its octets.
pub(super) fn segment(folder: &Folder, header: &Header, steps: &[(u32, Step)]) -> Result<(Header, u64), LogError> {
    let Some((_, step)) = steps.iter().find(|(version, _)| *version == header.version) else {
        return Err(LogError::Older { found: header.version });
    };
    let name = segment::name(header.number);
    let mut old = Vec::new();
    folder.read(&name)?.read_to_end(&mut old).map_err(LogError::io("read", &*name))?;
    let header = Header { version: VERSION, ..*header };
    let mut octets = header.write().to_vec();
    debug_assert_eq!(octets.len(), SEGMENT_HEADER);
    for (head, payload) in step(&old) {
        head.write(Seed::new(header.queue), &[&payload], &mut octets);
    }
    let new = format!("{name}.new");
    let mut file = folder.make(&new)?;
    let write = file.write_all(&octets).and_then(|()| disk::sync(&file));
    write.map_err(LogError::io("write", &*new))?;
    folder.rename(&new, &name)?;
    Ok((header, octets.len() as u64))
}
