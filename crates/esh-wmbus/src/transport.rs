//! The transport layer: its header, status octet and configuration field.

use crate::{address::Address, ci::Header, open::SoFar, status::alarms_of_status};
use esh_core::note::{Notes, at};
use esh_core::{DecodeError, Input, Layer, Reason};

/// The short or long header of the transport layer — EN 13757-7, 7.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport {
    /// The meter, where the header is long.
    pub address: Option<Address>,
    /// The access number.
    pub access: u8,
    /// The status octet.
    pub status: u8,
    /// The configuration field with its extension.
    pub configuration: Configuration,
}

/// The configuration field and its extension — EN 13757-7, 7.6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Where it stands.
    pub offset: usize,
    /// Both octets.
    pub word: u16,
    /// Octets of the extension, as sent.
    pub extension: [u8; 2],
    /// The message counter, where this layer has one.
    pub counter: Option<u32>,
}

const LAYER: Layer = Layer::Transport;

impl Transport {
    /// Reads the header behind a CI field; `None` where it has none.
    pub(crate) fn read(
        input: &mut Input<'_>,
        header: Header,
        reversed: bool,
        notes: &mut Notes<'_, '_>,
        so_far: &mut SoFar,
    ) -> Result<Option<Self>, DecodeError> {
        let address = match header {
            Header::None => return Ok(None),
            Header::Short => None,
            Header::Long => {
                let offset = input.offset();
                let octets = *input.array("address")?;
                let address = if reversed { Address::from_reversed(octets) } else { Address::from_transport(octets) };
                so_far.meter = Some(address.meter(so_far.protocol));
                if notes.wanted() {
                    note_address(notes, LAYER, offset, address, [("id", 0), ("manufacturer", 4), ("version", 6)]);
                }
                Some(address)
            }
        };
        let offset = input.offset();
        let access = input.u8("access number")?;
        notes.number(at(LAYER, offset, 1, "access number", "access_number"), access, &"");
        let offset = input.offset();
        let status = input.u8("status")?;
        notes.number(at(LAYER, offset, 1, "status", "status"), status, &StatusWords(status));
        let configuration = Configuration::read(input, reversed, notes, so_far)?;
        Ok(Some(Self { address, access, status, configuration }))
    }
}

impl Configuration {
    fn read(
        input: &mut Input<'_>,
        reversed: bool,
        notes: &mut Notes<'_, '_>,
        so_far: &mut SoFar,
    ) -> Result<Self, DecodeError> {
        let offset = input.offset();
        let word = input.u16_le("configuration field")?;
        let word = if reversed { word.swap_bytes() } else { word };
        let mut this = Self { offset, word, ..Self::default() };
        let mode = this.mode();
        so_far.mode = Some(mode);
        notes.number(at(LAYER, offset, 2, "configuration field", "configuration"), word, &this.words());
        let key = if mode == 0 && so_far.link_names_mode { "" } else { "mode" };
        notes.number(at(LAYER, offset, 0, "security mode", key), mode, &mode_words(mode));
        let at_extension = *input;
        match mode {
            7 => {
                let octet = input.u8("configuration field extension")?;
                this.extension = [octet, 0];
            }
            10 => this.extension = *input.array("configuration field extension")?,
            _ => return Ok(this),
        }
        let len = input.offset() - at_extension.offset();
        let extension = at_extension.rest().get(..len).unwrap_or_default();
        let meaning = format_args!("key derivation {}, key {}", this.derivation(), this.key_id());
        let place = at(LAYER, at_extension.offset(), len, "configuration field extension", "configuration_extension");
        notes.octets(place, extension, &meaning);
        if word & COUNTER != 0 {
            let offset = input.offset();
            let counter = input.u32_le("message counter")?;
            notes.number(at(LAYER, offset, 4, "message counter", "counter"), counter, &"");
            this.counter = Some(counter);
        }
        if this.has_key_version() {
            let offset = input.offset();
            let version = input.u8("key version")?;
            notes.number(at(LAYER, offset, 1, "key version", "key_version"), version, &"");
        }
        Ok(this)
    }

    /// The security mode.
    #[must_use]
    pub const fn mode(self) -> u8 {
        (self.word >> 8) as u8 & 0x1f
    }

    /// The number of encrypted blocks of 16 octets, in the modes that count so.
    #[must_use]
    pub const fn blocks(self) -> usize {
        (self.word >> 4 & 0x0f) as usize
    }

    /// How the keys are derived — EN 13757-7, 7.7.3: 0 not at all, 1 by CMAC.
    #[must_use]
    pub const fn derivation(self) -> u8 {
        let [first, _] = self.extension;
        first >> 4 & 3
    }

    /// Which key is used.
    #[must_use]
    pub const fn key_id(self) -> u8 {
        let [first, _] = self.extension;
        first & 0x0f
    }

    /// Whether the version of the key is stated.
    #[must_use]
    pub const fn has_key_version(self) -> bool {
        let [first, _] = self.extension;
        first & 0x40 != 0
    }

    /// An error at the configuration field.
    pub(crate) const fn error(self, reason: Reason) -> DecodeError {
        DecodeError { layer: Layer::Security, field: "configuration field", offset: self.offset, reason }
    }

    /// An error at its extension.
    pub(crate) const fn extension_error(self, reason: Reason) -> DecodeError {
        let field = "configuration field extension";
        DecodeError { layer: Layer::Security, field, offset: self.offset + 2, reason }
    }

    fn words(self) -> impl core::fmt::Display {
        struct Words(Configuration);
        impl core::fmt::Display for Words {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let mode = self.0.mode();
                write!(f, "security mode {mode}")?;
                match mode {
                    2 => write!(f, ", {} octets encrypted", self.0.word & 0xff),
                    5 | 7 if self.0.blocks() == 1 => f.write_str(", 1 block encrypted"),
                    5 | 7 => write!(f, ", {} blocks encrypted", self.0.blocks()),
                    _ => Ok(()),
                }
            }
        }
        Words(self)
    }
}

/// The configuration bit Z: the message counter stands in this layer.
pub(crate) const COUNTER: u16 = 0x2000;

const fn mode_words(mode: u8) -> &'static str {
    match mode {
        0 => "not encrypted",
        2 => "DES in cipher block chaining; decrypted, but not authenticated",
        3 => "DES in cipher block chaining, initialisation vector not zero",
        5 => "AES-128 in cipher block chaining; decrypted, but not authenticated",
        7 => "AES-128 in cipher block chaining, keys of this message",
        8 => "AES-128 in counter mode and CMAC",
        9 => "AES-128-GCM",
        10 => "AES-128-CCM; authenticated",
        13 => "TLS",
        _ => "not known",
    }
}

/// Notes the parts of an address, of which the one with the given offset begins each.
pub(crate) fn note_address(
    notes: &mut Notes<'_, '_>,
    layer: Layer,
    offset: usize,
    address: Address,
    [(id, id_at), (manufacturer, manufacturer_at), (version, version_at)]: [(&'static str, usize); 3],
) {
    let meter = address.meter(esh_core::Protocol::Wmbus);
    let medium = if version == "version" { "type" } else { "link_type" };
    let id = at(layer, offset + id_at, 4, "identification number", id);
    let maker = at(layer, offset + manufacturer_at, 2, "manufacturer", manufacturer);
    if id_at < manufacturer_at {
        notes.text(id, &meter.id, &"");
        notes.text(maker, &address.manufacturer(), &"");
    } else {
        notes.text(maker, &address.manufacturer(), &"");
        notes.text(id, &meter.id, &"");
    }
    notes.number(at(layer, offset + version_at, 1, "version", version), address.version(), &"");
    let place = at(layer, offset + version_at + 1, 1, "device type", medium);
    notes.number(place, address.medium().0, &address.medium());
}

struct StatusWords(u8);

impl core::fmt::Display for StatusWords {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let alarms = alarms_of_status(self.0);
        if alarms.is_empty() {
            return f.write_str("no error");
        }
        let mut between = "";
        for alarm in alarms.iter() {
            write!(f, "{between}{}", alarm.name())?;
            between = ", ";
        }
        Ok(())
    }
}
