//! `rxpk`: a packet as a packet forwarder has received it; `txpk`: one that it shall transmit. `PROTOCOL.TXT` of the packet
//! forwarder, 4 and 6, and what later gateways add.

use super::octets::base64;
use crate::capture::{Reception, whole};
use crate::protocols::object::Object;
use base64::Engine as _;
use esh_core::Decimal;
use esh_core::json::Json;
use esh_lorawan::DataRate;
use esh_lorawan::gwmp::Datagram;
use serde_json::value::RawValue;

/// A packet received.
#[derive(Clone, Debug)]
pub(crate) struct Rxpk {
    /// The frame.
    pub(crate) octets: Vec<u8>,
    /// The concentrator's own time in microseconds, which begins again after an hour and more.
    pub(crate) tmst: Option<u32>,
    pub(crate) frequency: Option<u32>,
    pub(crate) data_rate: Option<DataRate>,
    pub(crate) rssi: Option<i16>,
    pub(crate) snr: Option<Decimal>,
    /// Whether its checksum was there and fits.
    pub(crate) crc: Crc,
    /// The board that has heard it, where there are several.
    pub(crate) board: Option<i64>,
}

/// `stat`: the checksum of the radio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crc {
    Fits,
    Wrong,
    None,
}

/// What a PUSH_DATA holds: each packet, or its text where it is none; `None` where there is no JSON object.
pub(crate) fn received<'a>(datagram: &Datagram<'a>) -> Option<Vec<Result<Rxpk, &'a RawValue>>> {
    let object = Object::parse(datagram.text, datagram.text_at).ok()?;
    let packets = object.array(&["rxpk"]).unwrap_or_default();
    Some(packets.into_iter().map(|text| Rxpk::read(text).ok_or(text)).collect())
}

impl Rxpk {
    fn read(text: &RawValue) -> Option<Self> {
        let packet = Object::try_from(text).ok()?;
        let octets = base64(&packet.text(&["data"])?)?;
        let rate = packet.text(&["datr"]).map(std::borrow::Cow::into_owned);
        // FSK has a number there.
        let rate = rate.or_else(|| packet.whole(&["datr"]).map(|rate| rate.to_string()));
        let (rssi, snr) = heard(&packet);
        Some(Self {
            octets,
            tmst: packet.whole(&["tmst"]).and_then(|tmst| tmst.try_into().ok()),
            frequency: packet.number(&["freq"]).and_then(hertz),
            data_rate: rate.and_then(|rate| DataRate::from_word(&rate, packet.text(&["codr"]).as_deref())),
            rssi,
            snr,
            crc: match packet.whole(&["stat"]) {
                Some(-1) => Crc::Wrong,
                Some(0) => Crc::None,
                // Whoever says nothing passes on what is in order.
                _ => Crc::Fits,
            },
            board: packet.whole(&["brd"]),
        })
    }
}

/// Megahertz with the digits they have.
fn hertz(megahertz: Decimal) -> Option<u32> {
    u32::try_from(megahertz.scale10(6)?.to_i64()?).ok()
}

/// Signal strength and ratio: of the packet, or of the antenna that heard it best.
fn heard(packet: &Object<'_>) -> (Option<i16>, Option<Decimal>) {
    let of = |object: &Object<'_>| {
        // Some send tenths of dBm.
        let rssi = object.number(&["rssi", "rssic", "rssis"]).and_then(whole).and_then(|rssi| rssi.try_into().ok());
        (rssi, object.number(&["lsnr"]))
    };
    let antennas = packet.array(&["rsig"]).unwrap_or_default();
    let antennas = antennas.into_iter().filter_map(|antenna| Object::try_from(antenna).ok());
    let best = antennas.map(|antenna| of(&antenna)).max_by(|a, b| reception(a).compare(&reception(b)));
    let (rssi, snr) = of(packet);
    let (best_rssi, best_snr) = best.unwrap_or_default();
    (rssi.or(best_rssi), snr.or(best_snr))
}

fn reception((rssi, snr): &(Option<i16>, Option<Decimal>)) -> Reception {
    Reception { gateway: "".into(), rssi: *rssi, snr: *snr, at: None }
}

/// A packet to be transmitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Txpk<'a> {
    /// When, by the concentrator's own time.
    pub(crate) tmst: u32,
    pub(crate) frequency: u32,
    pub(crate) data_rate: DataRate,
    /// dBm EIRP.
    pub(crate) power: i8,
    pub(crate) board: Option<i64>,
    pub(crate) octets: &'a [u8],
}

impl Txpk<'_> {
    /// The JSON text of a PULL_RESP.
    pub(crate) fn write(&self, into: &mut Vec<u8>) {
        let Self { tmst, frequency, data_rate, power, board, octets } = self;
        let mut json = Json::new(into);
        json.object(|json| {
            json.key("txpk").object(|json| {
                json.key("imme").flag(false);
                json.key("tmst").number((*tmst).into());
                json.key("freq").raw(Decimal::new((*frequency).into(), -6).text().as_octets());
                json.key("rfch").number(0);
                if let Some(board) = board {
                    json.key("brd").signed(*board);
                }
                json.key("powe").signed((*power).into());
                match data_rate {
                    DataRate::Lora { .. } => {
                        json.key("modu").word("LORA");
                        json.key("datr").display(data_rate);
                        json.key("codr").word("4/5");
                        // What comes down has its polarity turned, so that devices do not hear each other.
                        json.key("ipol").flag(true);
                    }
                    DataRate::Fsk { bits } => {
                        json.key("modu").word("FSK");
                        json.key("datr").number((*bits).into());
                        json.key("fdev").number(u64::from(*bits) / 2);
                    }
                    // Nobody sends it down.
                    DataRate::LrFhss { .. } => {}
                }
                json.key("prea").number(if matches!(data_rate, DataRate::Fsk { .. }) { 5 } else { 8 });
                // Nor does it have a checksum of the radio.
                json.key("ncrc").flag(matches!(data_rate, DataRate::Lora { .. }));
                json.key("size").number(octets.len() as u64);
                json.key("data").word(&base64::engine::general_purpose::STANDARD.encode(octets));
            });
        });
    }
}

/// What a PULL_RESP is to have transmitted: when, on which frequency, how, and the frame.
pub(crate) fn sent_down(datagram: &Datagram<'_>) -> Option<(u32, u32, DataRate, Vec<u8>)> {
    let packet = Object::parse(datagram.text, datagram.text_at).ok()?.object(&["txpk"])?;
    let rate = packet.text(&["datr"]).map(std::borrow::Cow::into_owned);
    let rate = rate.or_else(|| packet.whole(&["datr"]).map(|rate| rate.to_string()))?;
    Some((
        packet.whole(&["tmst"])?.try_into().ok()?,
        hertz(packet.number(&["freq"])?)?,
        DataRate::from_word(&rate, None)?,
        base64(&packet.text(&["data"])?)?,
    ))
}

/// What a TX_ACK says went wrong; nothing where all is well.
pub(crate) fn not_transmitted(datagram: &Datagram<'_>) -> Option<String> {
    let object = Object::parse(datagram.text, datagram.text_at).ok()?;
    let error = object.object(&["txpk_ack"])?.text(&["error"])?.into_owned();
    (error != "NONE").then_some(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(text: &str) -> Vec<u8> {
        [b"\x02\x01\x02\x00\0\0\0\0\0\0\0\x01", text.as_bytes()].concat()
    }

    #[test]
    fn packets_are_read_with_what_is_said_of_them() {
        let text = r#"{"rxpk":[
            {"tmst":4294967295,"freq":868.3,"stat":1,"modu":"LORA","datr":"SF9BW125","codr":"4/5","rssi":-101,"lsnr":-3.2,"data":"QAEC"},
            {"tmst":7,"freq":"867.1","modu":"FSK","datr":50000,"rssi":-75.9,"data":"QAECAw=="},
            {"freq":903.9,"stat":-1,"modu":"LR-FHSS","datr":"M0CW137","codr":"2/3","data":"QA",
             "rsig":[{"ant":0,"rssic":-90,"lsnr":1.0},{"ant":1,"rssic":-99,"lsnr":8.5}]},
            {"data":"?"}, 7
        ]}"#;
        let octets = push(text);
        let all = received(&Datagram::parse(&octets).unwrap()).unwrap();
        let told: Vec<_> = all
            .iter()
            .map(|packet| {
                let Rxpk { octets, tmst, frequency, data_rate, rssi, snr, crc, .. } = packet.as_ref().ok()?;
                let (rate, snr) = (data_rate.map(|rate| rate.to_string())?, snr.map(|snr| snr.to_string()));
                Some((octets.len(), *tmst, *frequency, rate, *rssi, snr, *crc))
            })
            .collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            told,
            [
                Some((
                    3,
                    Some(u32::MAX),
                    Some(868_300_000),
                    "SF9BW125".to_owned(),
                    Some(-101),
                    text("-3.2"),
                    Crc::Fits
                )),
                Some((4, Some(7), Some(867_100_000), "50000".to_owned(), Some(-75), None, Crc::Fits)),
                Some((1, None, Some(903_900_000), "M0CW137".to_owned(), Some(-99), text("8.5"), Crc::Wrong)),
                None,
                None
            ]
        );
        assert!(received(&Datagram::parse(&push("{\"rxpk\":")).unwrap()).is_none());
        assert_eq!(received(&Datagram::parse(&push("{\"stat\":{}}")).unwrap()).map(|all| all.len()), Some(0));
    }

    #[test]
    fn what_is_to_be_transmitted_reads_back() {
        let data_rate = DataRate::Lora { spreading: 12, kilohertz: 125 };
        let txpk =
            Txpk { tmst: 1, frequency: 869_525_000, data_rate, power: 29, board: None, octets: &[0x60, 1, 2, 3, 4] };
        let mut text = Vec::new();
        txpk.write(&mut text);
        let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"txpk": {
                "imme": false, "tmst": 1, "freq": 869.525, "rfch": 0, "powe": 29, "modu": "LORA", "datr": "SF12BW125",
                "codr": "4/5", "ipol": true, "prea": 8, "ncrc": true, "size": 5, "data": "YAECAwQ="
            }})
        );
    }

    #[test]
    fn an_error_of_a_transmission_is_told() {
        for (text, error) in [
            ("", None),
            ("{\"txpk_ack\":{\"error\":\"NONE\"}}", None),
            ("{\"txpk_ack\":{\"error\":\"TOO_LATE\"}}\0", Some("TOO_LATE")),
            ("{\"txpk_ack\":{\"warn\":\"TX_POWER\"}}", None),
            ("{", None),
        ] {
            let mut octets = push(text);
            octets[3] = 5;
            assert_eq!(not_transmitted(&Datagram::parse(&octets).unwrap()).as_deref(), error, "{text}");
        }
    }
}
