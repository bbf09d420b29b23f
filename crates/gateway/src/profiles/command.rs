//! `esh-gateway profile`: what profiles there are, what they say, and whether they are right.

use super::new::{self, Expected};
use super::set::{Found, Profiles, built_in};
use super::test;
use crate::sources::lines::octets;
use anyhow::Context;
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Look at profiles, test them, begin one.
#[derive(Debug, Args)]
pub struct Command {
    #[command(subcommand)]
    what: What,
    /// A folder of profiles beside those that come with the program
    #[arg(long, value_name = "DIR", global = true)]
    profile_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every profile there is, and where it comes from
    List,
    /// The file of a profile
    Show {
        /// Its name, or a file
        name: String,
        /// As the source of a constant, for firmware
        #[arg(long)]
        rust: bool,
    },
    /// Begin a profile from a payload and from what the meter showed: it tries where each number could stand
    New {
        /// The port of LoRaWAN that it was sent on
        #[arg(long, value_name = "N")]
        port: Option<u8>,
        /// The payload in hexadecimal
        #[arg(long, value_name = "HEX")]
        hex: String,
        /// What it must hold: `volume=1.408`, or in another unit `volume=1408 L`; may be given again
        #[arg(long, value_name = "QUANTITY=VALUE", required = true)]
        expect: Vec<String>,
    },
    /// Run the tests of a profile, of a file, or of all
    Test {
        /// Names or files; without any all profiles there are
        profiles: Vec<String>,
    },
}

impl Command {
    /// Does it; says whether all was well.
    ///
    /// # Errors
    /// When a profile is none, there is none of that name, or the output cannot be written.
    pub fn run(&self, out: &mut impl Write) -> anyhow::Result<bool> {
        let profiles = || -> anyhow::Result<_> {
            let profiles = Profiles::with_folder(self.profile_dir.as_deref())?;
            for (name, file) in profiles.replaced() {
                eprintln!("esh-gateway: profile {name}: another takes the place of {}", file.display());
            }
            Ok(profiles)
        };
        match &self.what {
            What::List => {
                for found in profiles()?.all() {
                    list(found, out)?;
                }
                Ok(true)
            }
            What::Show { name, rust } => {
                let found = named(&*profiles()?, name)?;
                if *rust {
                    out.write_all(super::rust::source(found.profile)?.as_bytes())?;
                } else {
                    out.write_all(found.text.as_bytes())?;
                }
                Ok(true)
            }
            What::New { port, hex, expect } => {
                let payload = octets(hex.as_bytes()).context("--hex")?;
                let expected = expect.iter().map(|text| Expected::parse(text)).collect::<Result<Vec<_>, _>>();
                let expected = expected.map_err(anyhow::Error::msg)?;
                out.write_all(new::begin(*port, &payload, &expected).as_bytes())?;
                Ok(true)
            }
            What::Test { profiles: names } => {
                let mut all_right = true;
                let found: Vec<Found> = if names.is_empty() {
                    // One that cannot be compiled is not in the set: its error is to be seen here.
                    for found in built_in() {
                        if let Err(error) = found {
                            writeln!(out, "{error}")?;
                            all_right = false;
                        }
                    }
                    profiles()?.all().collect()
                } else {
                    let profiles = profiles()?;
                    names.iter().map(|name| named(&profiles, name)).collect::<anyhow::Result<_>>()?
                };
                let (mut tests, mut failures) = (0, 0);
                for found in found {
                    let outcome = test::run(found);
                    tests += outcome.tests;
                    failures += outcome.failures.len();
                    if outcome.tests == 0 {
                        writeln!(out, "{}: no tests", found.profile.name)?;
                    }
                    for failure in outcome.failures {
                        writeln!(out, "{failure}")?;
                    }
                }
                writeln!(out, "{tests} tests, {failures} failed")?;
                Ok(all_right && failures == 0)
            }
        }
    }
}

fn list(found: Found, out: &mut impl Write) -> std::io::Result<()> {
    let protocol = found.protocol.map_or("any", |protocol| protocol.word());
    let from = if found.built_in { "built in".to_owned() } else { found.file.display().to_string() };
    let how = if found.masks.is_empty() { "by name".to_owned() } else { found.masks.join(", ") };
    writeln!(out, "{:<28} {protocol:<8} {} ({how}; {from})", found.profile.name, found.description)
}

fn by_name(profiles: &Profiles, name: &str) -> anyhow::Result<Found> {
    profiles.by_name(name).with_context(|| profiles.unknown(name))
}

/// A profile by its name, or in a file.
fn named(profiles: &Profiles, name: &str) -> anyhow::Result<Found> {
    let path = Path::new(name);
    if path.extension().is_some_and(|end| end == "toml") {
        let text = std::fs::read_to_string(path).with_context(|| name.to_owned())?;
        return Ok(super::set::load(path, &text, None)?);
    }
    by_name(profiles, name)
}
