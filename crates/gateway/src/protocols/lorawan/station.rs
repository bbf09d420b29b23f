//! What LoRa Basics Station and its network server say to each other, as messages rather than as text: protocol 2 of the
//! LNS, "discovery", "router_config", "uplink" and "downlink" of its documentation.

use super::lns::phy_payload;
use super::octets::eui;
use crate::capture::whole;
use crate::protocols::object::Object;
use esh_core::Decimal;
use esh_core::json::Json;
use esh_lorawan::{DataRate, Eui64, Region};
use std::time::Duration;

/// A message of a station.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// It asks where its server is.
    Discovery(Eui64),
    /// It tells what it is, and wants its configuration.
    Version(String),
    /// It has received a frame.
    Uplink(Uplink),
    /// It asks for the time; its own, as it wrote it.
    TimeSync(String),
    /// It has transmitted what has that number.
    Transmitted(i64),
    /// Anything else.
    Other,
}

/// A frame that a station has received.
#[derive(Clone, Debug)]
pub(crate) struct Uplink {
    /// The frame, put together again.
    pub(crate) octets: Vec<u8>,
    /// The index of its data rate.
    pub(crate) data_rate: Option<u8>,
    pub(crate) frequency: Option<u32>,
    pub(crate) rssi: Option<i16>,
    pub(crate) snr: Option<Decimal>,
    /// When, by the station's own time, and by which of its radios: told back with what answers it.
    pub(crate) xtime: Option<i64>,
    pub(crate) rctx: i64,
}

impl Message {
    /// Reads a message; `None` where it is none, or where the frame in it cannot be put together.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let object = Object::parse(text, 0).ok()?;
        let Some(kind) = object.text(&["msgtype"]) else {
            let router = object.get(&["router"])?;
            let named = object.text(&["router"]).as_deref().and_then(eui);
            return named.or_else(|| router.get().parse().ok().map(Eui64)).map(Self::Discovery);
        };
        Some(match &*kind {
            "version" => Self::Version(object.text(&["station"]).unwrap_or_default().into_owned()),
            "updf" | "jreq" | "propdf" => Self::Uplink(Uplink::read(&object, &kind)?),
            // It is told back digit by digit.
            "timesync" => {
                Self::TimeSync(object.number(&["txtime"]).map(|_| object.get(&["txtime"]))??.get().to_owned())
            }
            "dntxed" => Self::Transmitted(object.whole(&["diid"])?),
            _ => Self::Other,
        })
    }
}

impl Uplink {
    fn read(object: &Object<'_>, kind: &str) -> Option<Self> {
        let octets = phy_payload(object, kind)?.ok()?;
        let about = object.object(&["upinfo"]);
        let about = about.as_ref();
        Some(Self {
            octets,
            data_rate: object.whole(&["DR"]).and_then(|rate| rate.try_into().ok()),
            frequency: object.whole(&["Freq"]).and_then(|hertz| hertz.try_into().ok()),
            rssi: about.and_then(|about| whole(about.number(&["rssi"])?)?.try_into().ok()),
            snr: about.and_then(|about| about.number(&["snr"])),
            xtime: about.and_then(|about| about.whole(&["xtime"])),
            rctx: about.and_then(|about| about.whole(&["rctx"])).unwrap_or_default(),
        })
    }
}

/// The answer to a discovery.
pub(crate) fn router(station: Eui64, uri: &str) -> String {
    written(|json| {
        json.key("router").text(&id6(station));
        json.key("muxs").text("::0");
        json.key("uri").text(uri);
    })
}

/// An EUI as stations write it: four groups of four digits.
fn id6(Eui64(eui): Eui64) -> String {
    format!("{:x}:{:x}:{:x}:{:x}", eui >> 48, eui >> 32 & 0xffff, eui >> 16 & 0xffff, eui & 0xffff)
}

/// The answer to a version: what the station shall listen to. It passes on everything, whoever's it is.
pub(crate) fn router_config(region: Region, channels: &[u32]) -> String {
    let (low, high) = region.band();
    written(|json| {
        json.key("msgtype").word("router_config");
        json.key("NetID").null();
        json.key("JoinEui").null();
        json.key("region").text(region.station_word());
        json.key("hwspec").word("sx1301/1");
        json.key("freq_range").array(|json| [low, high].iter().for_each(|hertz| json.number((*hertz).into())));
        json.key("DRs").array(|json| (0..16).for_each(|index| data_rate(region, index, json)));
        json.key("sx1301_conf").array(|json| json.object(|json| concentrator(channels, json)));
    })
}

/// Spreading factor, bandwidth, whether only networks send it; FSK is two zeros, none is minus one.
fn data_rate(region: Region, index: u8, json: &mut Json<'_>) {
    let rate = region.data_rate(index);
    let (spreading, width) = match rate {
        Some(DataRate::Lora { spreading, kilohertz }) => (spreading.into(), kilohertz.into()),
        Some(DataRate::Fsk { .. }) => (0, 0),
        _ => (-1, 0),
    };
    let down_only = rate.is_some_and(|rate| region.uplink_index(rate) != Some(index));
    json.array(|json| [spreading, width, i64::from(down_only)].iter().for_each(|number| json.signed(*number)));
}

/// How far from the middle of a radio a channel may lie.
const REACH: u32 = 400_000;
/// How many channels of 125 kHz a concentrator has.
const CHAINS: usize = 8;

/// The two radios and the channels of a concentrator. What no radio reaches is not heard.
fn concentrator(channels: &[u32], json: &mut Json<'_>) {
    // Beyond the first eight there is one of 500 kHz at most.
    let (narrow, wide) = channels.split_at(channels.len().min(CHAINS));
    let mut sorted = narrow.to_vec();
    sorted.sort_unstable();
    let middles = middles(&sorted);
    for (name, middle) in ["radio_0", "radio_1"].iter().zip(middles) {
        json.key(name).object(|json| {
            json.key("enable").flag(middle > 0);
            json.key("freq").number(middle.into());
        });
    }
    let place = |hertz: u32| {
        let mut places = middles.iter().zip(0_u64..).filter(|(middle, _)| **middle > 0);
        places
            .find(|(middle, _)| middle.abs_diff(hertz) <= REACH)
            .map(|(middle, radio)| (radio, i64::from(hertz) - i64::from(*middle)))
    };
    json.key("chan_FSK").object(|json| json.key("enable").flag(false));
    json.key("chan_Lora_std").object(|json| match wide.first().and_then(|hertz| place(*hertz)) {
        Some((radio, beside)) => {
            json.key("enable").flag(true);
            json.key("radio").number(radio);
            json.key("if").signed(beside);
            json.key("bandwidth").number(500_000);
            json.key("spread_factor").number(8);
        }
        None => json.key("enable").flag(false),
    });
    for chain in 0..CHAINS {
        json.key(&format!("chan_multiSF_{chain}")).object(|json| {
            match narrow.get(chain).and_then(|hertz| place(*hertz)) {
                Some((radio, beside)) => {
                    json.key("enable").flag(true);
                    json.key("radio").number(radio);
                    json.key("if").signed(beside);
                }
                None => json.key("enable").flag(false),
            }
        });
    }
}

/// The middles of two radios that share these channels, so that the farthest is as near as can be; 0 for one not needed.
fn middles(sorted: &[u32]) -> [u32; 2] {
    let middle = |part: &[u32]| match (part.first(), part.last()) {
        (Some(first), Some(last)) => first + (last - first) / 2,
        _ => 0,
    };
    let width = |part: &[u32]| part.last().zip(part.first()).map_or(0, |(last, first)| last - first);
    let splits = (0..=sorted.len()).filter_map(|at| sorted.split_at_checked(at));
    let best = splits.min_by_key(|(low, high)| width(low).max(width(high)));
    best.map_or([0, 0], |(low, high)| if low.is_empty() { [middle(high), 0] } else { [middle(low), middle(high)] })
}

/// The answer to a timesync: the station's own time, and that of GPS in microseconds.
pub(crate) fn time_sync(txtime: &str, gps: Duration) -> String {
    written(|json| {
        json.key("msgtype").word("timesync");
        json.key("txtime").raw(txtime.as_bytes());
        json.key("gpstime").number(u64::try_from(gps.as_micros()).unwrap_or_default());
    })
}

/// Something for a device, in the windows behind an uplink.
#[derive(Clone, Debug)]
pub(crate) struct Downlink<'a> {
    /// By which the station tells what became of it.
    pub(crate) diid: i64,
    pub(crate) octets: &'a [u8],
    /// Seconds from the uplink to the first window.
    pub(crate) rx_delay: u64,
    /// Index of the data rate, and frequency.
    pub(crate) rx1: Option<(u8, u32)>,
    pub(crate) rx2: Option<(u8, u32)>,
    pub(crate) xtime: i64,
    pub(crate) rctx: i64,
}

impl Downlink<'_> {
    /// The message.
    pub(crate) fn write(&self) -> String {
        let Self { diid, octets, rx_delay, rx1, rx2, xtime, rctx } = self;
        written(|json| {
            json.key("msgtype").word("dnmsg");
            // Whose it is the station tells back and does not look at.
            json.key("DevEui").word("00-00-00-00-00-00-00-00");
            // Class A.
            json.key("dC").number(0);
            json.key("diid").signed(*diid);
            json.key("pdu").hex(octets);
            json.key("RxDelay").number(*rx_delay);
            for (window, rate, frequency) in [(rx1, "RX1DR", "RX1Freq"), (rx2, "RX2DR", "RX2Freq")] {
                if let Some((index, hertz)) = window {
                    json.key(rate).number((*index).into());
                    json.key(frequency).number((*hertz).into());
                }
            }
            json.key("priority").number(0);
            json.key("xtime").signed(*xtime);
            json.key("rctx").signed(*rctx);
        })
    }
}

fn written(members: impl FnOnce(&mut Json<'_>)) -> String {
    let mut text = Vec::new();
    Json::new(&mut text).object(members);
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn messages_are_told_apart() {
        let read = |text: &str| Message::read(text.as_bytes());
        assert!(matches!(
            read(r#"{"router":"b827:ebff:fe00:1"}"#),
            Some(Message::Discovery(Eui64(0xb827_ebff_fe00_0001)))
        ));
        assert!(matches!(read(r#"{"router":7}"#), Some(Message::Discovery(Eui64(7)))));
        assert!(
            matches!(read(r#"{"msgtype":"version","station":"2.0.6"}"#), Some(Message::Version(text)) if text == "2.0.6")
        );
        assert!(
            matches!(read(r#"{"msgtype":"timesync","txtime":1.50}"#), Some(Message::TimeSync(text)) if text == "1.50")
        );
        assert!(matches!(read(r#"{"msgtype":"dntxed","diid":-3}"#), Some(Message::Transmitted(-3))));
        assert!(matches!(read(r#"{"msgtype":"rmtsh"}"#), Some(Message::Other)));
        for text in ["", "{", "{}", "7", r#"{"msgtype":"updf","MHdr":64}"#, r#"{"msgtype":"timesync"}"#] {
            assert!(read(text).is_none(), "{text}");
        }
        let text = r#"{"msgtype":"updf","MHdr":64,"DevAddr":-10,"FCtrl":0,"FCnt":3,"FOpts":"","FPort":1,"FRMPayload":"0a","MIC":-1,
            "DR":5,"Freq":868100000,"upinfo":{"rssi":-97.5,"snr":-3.25,"xtime":12666373963464220,"rctx":1}}"#;
        let Some(Message::Uplink(uplink)) = read(text) else { panic!("no uplink") };
        assert_eq!(uplink.octets, [0x40, 0xf6, 0xff, 0xff, 0xff, 0, 3, 0, 1, 0x0a, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!((uplink.rssi, uplink.xtime, uplink.rctx), (Some(-97), Some(12_666_373_963_464_220), 1));
    }

    #[test]
    fn a_station_is_told_what_to_listen_to() {
        let channels: Vec<u32> = Region::Eu868.channels().chain(Region::Eu868.added().iter().copied()).collect();
        let config = value(&router_config(Region::Eu868, &channels));
        assert_eq!((&config["region"], &config["freq_range"]), (&json!("EU863"), &json!([863_000_000, 870_000_000])));
        assert_eq!(
            (&config["DRs"][0], &config["DRs"][7], &config["DRs"][8]),
            (&json!([12, 125, 0]), &json!([0, 0, 0]), &json!([-1, 0, 0]))
        );
        let board = &config["sx1301_conf"][0];
        assert_eq!((&board["radio_0"]["freq"], &board["radio_1"]["freq"]), (&json!(867_400_000), &json!(868_200_000)));
        let heard = |region: Region, board: &Value| {
            let heard = (0..8).filter_map(|chain| {
                let chain = &board[format!("chan_multiSF_{chain}")];
                let radio = chain["radio"].as_u64()?;
                let middle = board[format!("radio_{radio}")]["freq"].as_i64()?;
                Some(u32::try_from(middle + chain["if"].as_i64()?).unwrap())
            });
            let heard: Vec<u32> = heard.collect();
            assert!(heard.iter().all(|hertz| (region.band().0..region.band().1).contains(hertz)));
            heard
        };
        assert_eq!(heard(Region::Eu868, board), channels);
        for part in 0..8 {
            let channels: Vec<u32> = Region::Us915.sub_band(part).collect();
            let config = value(&router_config(Region::Us915, &channels));
            let board = &config["sx1301_conf"][0];
            assert_eq!(heard(Region::Us915, board), channels[..8]);
            let wide = &board["chan_Lora_std"];
            let middle = board[format!("radio_{}", wide["radio"])]["freq"].as_i64().unwrap();
            assert_eq!(middle + wide["if"].as_i64().unwrap(), i64::from(channels[8]));
            assert_eq!((&config["DRs"][4], &config["DRs"][12]), (&json!([8, 500, 0]), &json!([8, 500, 1])));
        }
    }

    #[test]
    fn a_downlink_names_both_windows() {
        let downlink = Downlink {
            diid: 4,
            octets: &[0x60, 1],
            rx_delay: 5,
            rx1: Some((3, 868_300_000)),
            rx2: Some((0, 869_525_000)),
            xtime: 12_666_373_963_464_220,
            rctx: 2,
        };
        assert_eq!(
            value(&downlink.write()),
            json!({"msgtype": "dnmsg", "DevEui": "00-00-00-00-00-00-00-00", "dC": 0, "diid": 4, "pdu": "6001", "RxDelay": 5,
                "RX1DR": 3, "RX1Freq": 868_300_000, "RX2DR": 0, "RX2Freq": 869_525_000, "priority": 0,
                "xtime": 12_666_373_963_464_220_i64, "rctx": 2})
        );
        assert_eq!(
            value(&router(Eui64(0xb827_ebff_fe00_0001), "ws://a:1/gateway/b827ebfffe000001")),
            json!({"router": "b827:ebff:fe00:1", "muxs": "::0", "uri": "ws://a:1/gateway/b827ebfffe000001"})
        );
        assert_eq!(
            value(&time_sync("1.50", Duration::from_micros(1_319_199_387_069_121))),
            json!({"msgtype": "timesync", "txtime": 1.5, "gpstime": 1_319_199_387_069_121_u64})
        );
    }
}
