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
    let mut list = String::from("pub(super) const BUILT_IN: &[(&str, &str)] = &[\n");
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
        let name = file.strip_prefix(&folder).unwrap_or(file);
        let _ =
            writeln!(list, "    ({:?}, include_str!({:?})),", name.display().to_string(), file.display().to_string());
    }
    list.push_str("];\n");
    let out = PathBuf::from(env::var("OUT_DIR").unwrap_or_default()).join("profiles.rs");
    fs::write(out, list)
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
