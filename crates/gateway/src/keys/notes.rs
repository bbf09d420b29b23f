//! Delivery notes: the LoRaWAN devices of a consignment with their keys, as makers send them: CSV with a line of names on
//! top. What is not known is passed over, such as serial numbers.

use super::{KeysError, others_may_read};
use crate::config::ConfigError;
use crate::mask;
use csv::{ReaderBuilder, StringRecord, Trim};
use esh_core::{Key, Purpose};
use std::fs;
use std::path::{Path, PathBuf};
use zeroize::Zeroize;

/// A key by the address of its device.
type Entry = (String, Purpose, Key);

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    DevEui,
    JoinEui,
    DevAddr,
    AppKey,
    NwkKey,
    NwkSKey,
    SNwkSIntKey,
    NwkSEncKey,
    AppSKey,
}

/// The names that columns have, in small letters, letters and digits alone.
const NAMES: &[(&str, Column)] = &[
    ("deveui", Column::DevEui),
    ("deviceeui", Column::DevEui),
    ("eui", Column::DevEui),
    ("eui64", Column::DevEui),
    ("joineui", Column::JoinEui),
    ("appeui", Column::JoinEui),
    ("applicationeui", Column::JoinEui),
    ("devaddr", Column::DevAddr),
    ("deviceaddress", Column::DevAddr),
    ("appkey", Column::AppKey),
    ("applicationkey", Column::AppKey),
    ("nwkkey", Column::NwkKey),
    ("networkkey", Column::NwkKey),
    ("nwkskey", Column::NwkSKey),
    ("networksessionkey", Column::NwkSKey),
    ("fnwksintkey", Column::NwkSKey),
    ("snwksintkey", Column::SNwkSIntKey),
    ("nwksenckey", Column::NwkSEncKey),
    ("appskey", Column::AppSKey),
    ("applicationsessionkey", Column::AppSKey),
];

/// The files that a pattern names: `*` and `?` may stand in its last part.
///
/// # Errors
/// When the folder cannot be read.
pub(super) fn files(base: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let path = base.join(pattern);
    let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| name.contains(['*', '?'])) else {
        return Ok(vec![path]);
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let fits =
        |path: &PathBuf| path.file_name().and_then(|file| file.to_str()).is_some_and(|file| mask::matches(name, file));
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(fits).collect();
    files.sort();
    Ok(files)
}

/// Reads a delivery note, and says what is doubtful about it.
///
/// # Errors
/// Says what is wrong, with line and column, without showing a key.
pub(super) fn load(file: &Path, warnings: &mut Vec<String>) -> Result<Vec<Entry>, KeysError> {
    let mut text = fs::read_to_string(file).map_err(|error| ConfigError::whole(file, error.to_string()))?;
    let entries = parse(file, &text);
    text.zeroize();
    warnings.extend(others_may_read(file));
    Ok(entries?)
}

/// Reads the text of a delivery note.
fn parse(file: &Path, text: &str) -> Result<Vec<Entry>, ConfigError> {
    // What programs for tables write in front.
    let (mark, body) = text.strip_prefix('\u{feff}').map_or((0, text), |body| (3, body));
    let note = Note { file, text, mark };
    let delimiter = delimiter(body);
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .trim(Trim::All)
        .from_reader(body.as_bytes());
    let mut columns: Option<Vec<Option<Column>>> = None;
    let mut entries = Vec::new();
    let mut record = StringRecord::new();
    loop {
        let more = reader.read_record(&mut record).map_err(|error| {
            let at = error.position().map_or(0, csv::Position::byte);
            note.wrong(at as usize, 0, "this is no CSV")
        })?;
        if !more {
            break;
        }
        let at = mark + record.position().map_or(0, csv::Position::byte) as usize;
        match &columns {
            None => columns = Some(note.header(&record, at)?),
            Some(columns) => note.device(columns, &record, at, &mut entries)?,
        }
    }
    if columns.is_none() {
        return Err(ConfigError::whole(file, "nothing stands in it: a line of names, then a line for each device"));
    }
    Ok(entries)
}

/// What stands most often in the first line that could be one.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |delimiter: u8| first.bytes().filter(|octet| *octet == delimiter).count();
    [b',', b';', b'\t'].into_iter().max_by_key(|delimiter| (count(*delimiter), *delimiter == b',')).unwrap_or(b',')
}

/// A note that is read.
struct Note<'a> {
    file: &'a Path,
    text: &'a str,
    mark: usize,
}

impl Note<'_> {
    /// The columns by their names.
    fn header(&self, record: &StringRecord, at: usize) -> Result<Vec<Option<Column>>, ConfigError> {
        let column = |name: &str| {
            let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
            NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name)).map(|(_, column)| *column)
        };
        let columns: Vec<_> = record.iter().map(column).collect();
        let has = |wanted| columns.contains(&Some(wanted));
        let joins = has(Column::DevEui) && (has(Column::AppKey) || has(Column::NwkKey));
        if !(joins || has(Column::DevAddr) && has(Column::NwkSKey)) {
            let message = "the first line names the columns: DevEUI and AppKey (of 1.1 also NwkKey), \
                           or DevAddr, NwkSKey and AppSKey";
            return Err(self.wrong(at, 0, message));
        }
        for (n, column) in columns.iter().enumerate() {
            let before = columns.get(..n).unwrap_or_default();
            if column.is_some() && before.contains(column) {
                let name = record.get(n).unwrap_or_default();
                return Err(self.field(record, n, at, format!("there is another column `{name}`")));
            }
        }
        Ok(columns)
    }

    /// The keys of a device.
    fn device(
        &self,
        columns: &[Option<Column>],
        record: &StringRecord,
        at: usize,
        entries: &mut Vec<Entry>,
    ) -> Result<(), ConfigError> {
        if record.iter().all(str::is_empty) {
            return Ok(());
        }
        if record.len() > columns.len() {
            return Err(self.field(record, columns.len(), at, "there is no column for this".to_owned()));
        }
        let place = |wanted| columns.iter().position(|column| *column == Some(wanted));
        let value = |wanted| {
            let n = place(wanted)?;
            record.get(n).filter(|text| !text.is_empty()).map(|text| (n, text))
        };
        let digits = |wanted, name: &str, count: usize| {
            let Some((n, text)) = value(wanted) else { return Ok(None) };
            let digits: String =
                text.chars().filter(|c| !matches!(c, '-' | ':' | ' ')).collect::<String>().to_lowercase();
            let digits = digits.strip_prefix("0x").unwrap_or(&digits);
            if digits.len() != count || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                let message = format!("{name} is {count} digits in hexadecimal");
                return Err(self.field(record, n, at, message));
            }
            Ok(Some(digits.to_owned()))
        };
        let key = |wanted, name: &str| {
            let Some((n, text)) = value(wanted) else { return Ok(None) };
            let key = Key::from_hex(text).ok().filter(|key| key.expose_128().is_some());
            key.map(Some).ok_or_else(|| self.field(record, n, at, format!("{name} is 32 digits in hexadecimal")))
        };
        digits(Column::JoinEui, "JoinEUI", 16)?;
        let device = digits(Column::DevEui, "DevEUI", 16)?;
        let address = digits(Column::DevAddr, "DevAddr", 8)?;
        let (application, network) = (key(Column::AppKey, "AppKey")?, key(Column::NwkKey, "NwkKey")?);
        let joins = match (network, application) {
            // A device of 1.1 joins with its NwkKey.
            (Some(network), application) => {
                vec![(Purpose::Join, Some(network)), (Purpose::JoinApplication, application)]
            }
            (None, application) => vec![(Purpose::Join, application)],
        };
        let session = vec![
            (Purpose::Network, key(Column::NwkSKey, "NwkSKey")?),
            (Purpose::NetworkIntegrity, key(Column::SNwkSIntKey, "SNwkSIntKey")?),
            (Purpose::NetworkEncryption, key(Column::NwkSEncKey, "NwkSEncKey")?),
            (Purpose::Application, key(Column::AppSKey, "AppSKey")?),
        ];
        let before = entries.len();
        for (name, keys) in [(device, joins), (address, session)] {
            let Some(name) = name else { continue };
            let keys = keys.into_iter().filter_map(|(purpose, key)| Some((purpose, key?)));
            entries.extend(keys.map(|(purpose, key)| (format!("lorawan:{name}"), purpose, key)));
        }
        if entries.len() == before {
            return Err(self.wrong(at, 0, "a device has a DevEUI and an AppKey, or a DevAddr and its session keys"));
        }
        Ok(())
    }

    /// Something is wrong with a field.
    fn field(&self, record: &StringRecord, n: usize, at: usize, message: impl Into<String>) -> ConfigError {
        let mut from = at;
        for field in record.iter().take(n) {
            from += self.text.get(from..).and_then(|rest| rest.find(field)).unwrap_or_default() + field.len() + 1;
        }
        let field = record.get(n).unwrap_or_default();
        from += self.text.get(from..).and_then(|rest| rest.find(field)).unwrap_or_default();
        self.wrong(from, field.len(), message)
    }

    fn wrong(&self, at: usize, len: usize, message: impl Into<String>) -> ConfigError {
        // Wherever the error is, nothing of the line is shown: a key may stand in it.
        let hidden: String = self.text.chars().map(|c| if c == '\n' || !c.is_ascii() { c } else { ' ' }).collect();
        let at = at.max(self.mark);
        ConfigError::at(self.file, &hidden, at..at + len, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "00112233445566778899aabbccddeeff";

    fn told(text: &str) -> Vec<(String, &'static str, u8)> {
        let entries = parse(Path::new("note.csv"), &text.replace("SECRET", SECRET)).unwrap();
        entries.into_iter().map(|(meter, purpose, key)| (meter, purpose.word(), key.expose()[1])).collect()
    }

    #[test]
    fn notes_of_makers_are_read() {
        let join = |meter: &str| (meter.to_owned(), "join", 0x11);
        let one = "lorawan:0102030405060708";
        for text in [
            "DevEUI,AppEUI,AppKey\n0102030405060708,0000000000000001,SECRET\n",
            "\u{feff}Serial;Device EUI;APP_KEY\r\n\"a;1\";01-02-03-04-05-06-07-08;SECRET\r\n;;\r\n",
            "app key\tdev_eui\n00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF\t0x0102030405060708",
            "DevEUI,AppKey,DevAddr,NwkSKey\n0102030405060708,SECRET,,\n",
        ] {
            assert_eq!(told(text), [join(one)], "{text}");
        }
        let text = "DevEui,NwkKey,AppKey\n0102030405060708,SECRET,SECRET\n";
        assert_eq!(told(text), [join(one), (one.to_owned(), "join-application", 0x11)]);
        let text = "DevAddr,NwkSKey,AppSKey,Location\n26011BDA,SECRET,SECRET,\"cellar, left\"\n";
        let address = || "lorawan:26011bda".to_owned();
        assert_eq!(told(text), [(address(), "network", 0x11), (address(), "application", 0x11)]);
    }

    #[test]
    fn a_wrong_line_is_said_and_no_key_is_shown() {
        for (text, expected) in [
            ("", "note.csv: nothing stands in it"),
            ("Serial,AppKey\n1,SECRET\n", "note.csv:1:1: the first line names the columns"),
            ("DevEUI,AppKey,app_key\n", "note.csv:1:15: there is another column `app_key`"),
            ("DevEUI,AppKey\n0102030405060708,SECRET\n01020304050607,SECRET\n", "note.csv:3:1: DevEUI is 16 digits"),
            ("DevEUI,AppKey\n0102030405060708,SECRET00\n", "note.csv:2:18: AppKey is 32 digits"),
            ("DevEUI,AppKey\n0102030405060708,\n", "note.csv:2:1: a device has a DevEUI and an AppKey"),
            ("DevEUI,AppKey\n0102030405060708,SECRET,SECRET\n", "note.csv:2:51: there is no column for this"),
            ("DevEUI;AppKey;note\n0102030405060708;SECRETx;k = SECRET\n", "note.csv:2:18: AppKey is 32 digits"),
        ] {
            let error = parse(Path::new("note.csv"), &text.replace("SECRET", SECRET)).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.starts_with(expected), "{shown}\nshould say: {expected}");
            assert!(!shown.contains("00112233") && !shown.contains("0102030405"), "{shown}");
        }
    }

    #[test]
    fn a_pattern_names_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv", "a.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = files(folder.path(), "*.csv").unwrap();
        assert_eq!(found, ["a.csv", "b.csv"].map(|name| folder.path().join(name)));
        assert_eq!(files(folder.path(), "c.csv").unwrap(), [folder.path().join("c.csv")]);
        assert!(files(folder.path(), "none/*.csv").is_err());
    }
}
