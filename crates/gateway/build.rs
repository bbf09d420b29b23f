//! Lists the profiles that come with the program.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    // A link in the repository, so that a package of the crate has the files.
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("profiles");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    for protocol in entries(&folder)? {
        println!("cargo:rerun-if-changed={}", protocol.display());
        files.extend(entries(&protocol)?.into_iter().filter(|file| file.extension().is_some_and(|end| end == "toml")));
    }
    let mut list = format!("pub(super) static BUILT_IN: [BuiltIn; {}] = [\n", files.len());
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
        let (name, text) = (file.strip_prefix(&folder).unwrap_or(file), fs::read_to_string(file)?);
        let (name, path) = (name.display().to_string(), file.display().to_string());
        let _ = writeln!(list, "    BuiltIn::new({name:?}, &{:?}, include_str!({path:?})),", masks(&text));
    }
    list.push_str("];\n");
    let out = PathBuf::from(env::var("OUT_DIR").unwrap_or_default()).join("profiles.rs");
    fs::write(out, list)
}

/// The masks of `match`, so that the program need not read a file to know that it is not wanted. A test holds that they are
/// those that reading it gives.
fn masks(text: &str) -> Vec<&str> {
    let list = text.lines().find_map(|line| line.strip_prefix("match = ["));
    list.map_or_else(Vec::new, |list| list.split('"').skip(1).step_by(2).collect())
}

/// What stands in a folder, in the order of names; nothing where it is a file or is not there.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut entries: Vec<_> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    entries.sort();
    Ok(entries)
}
