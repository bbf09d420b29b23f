//! The profiles that come with the program.

// `BUILT_IN`: the path of each file below `profiles/`, and its text.
include!(concat!(env!("OUT_DIR"), "/profiles.rs"));
