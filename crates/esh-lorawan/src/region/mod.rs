//! Regions: which channels and data rates there are, and where and how fast a network answers; RP002-1.0.4.
//!
//! A region has a file with its tables as one [`Plan`]; how they are used stands here.

mod as923;
mod au915;
mod cn470;
mod data_rate;
mod eu868;
mod in865;
mod kr920;
mod ru864;
mod us915;

pub use data_rate::DataRate;

use crate::CfList;

/// A regional channel plan, RP002, clause 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Region {
    /// 863 to 870 MHz, Europe.
    Eu868,
    /// 864 to 870 MHz, Russia.
    Ru864,
    /// 865 to 867 MHz, India.
    In865,
    /// 902 to 928 MHz, the United States and Canada.
    Us915,
    /// 915 to 928 MHz, Australia and South America.
    Au915,
    /// 915 to 928 MHz, Asia: the first of four groups of countries.
    As923,
    /// The second group.
    As923_2,
    /// The third group.
    As923_3,
    /// The fourth group.
    As923_4,
    /// 920 to 923 MHz, Korea.
    Kr920,
    /// 470 to 510 MHz, China: the plan of 96 channels, which came before those of RP002.
    Cn470,
}

/// Channels in a row, each so many hertz above the one before.
#[derive(Clone, Copy, Debug)]
struct Channels {
    first: u32,
    step: u32,
    count: u8,
}

/// Where the first window is, RP002, "receive windows" of each region.
#[derive(Clone, Copy, Debug)]
enum Rx1 {
    /// On the channel of the uplink.
    Same,
    /// On one of so many channels, by the number of that of the uplink.
    Modulo(Channels),
}

/// The tables of a region.
#[derive(Debug)]
struct Plan {
    region: Region,
    word: &'static str,
    /// What Basics Station calls it.
    station: &'static str,
    /// The lowest and the highest frequency of the band, hertz.
    band: (u32, u32),
    /// The channels that every device knows, numbered one row after the other.
    uplink: &'static [Channels],
    /// Data rates by their index.
    data_rates: &'static [Option<DataRate>],
    /// The data rate of the first window by that of the uplink, for each offset of it; RP002, "RX1DROffset".
    rx1_rates: &'static [&'static [u8]],
    rx1: Rx1,
    /// Frequency and data rate of the second window.
    rx2: (u32, u8),
    /// Channels that a join accept adds where nothing else is asked for.
    added: &'static [u32],
    /// The power allowed, dBm EIRP: of a band that is an exception, its limits and what is allowed in it; and of others.
    power: (Option<(u32, u32, i8)>, i8),
}

/// A second of a region of many channels: how many of them a usual gateway hears.
const SUB_BAND: u8 = 8;

/// No channel of 125 kHz bears a number above that in a region that has channels of 500 kHz too.
const NARROW: u8 = 64;

/// Every region.
const PLANS: [&Plan; 11] = [
    &eu868::PLAN,
    &ru864::PLAN,
    &in865::PLAN,
    &us915::PLAN,
    &au915::PLAN,
    &as923::PLANS[0],
    &as923::PLANS[1],
    &as923::PLANS[2],
    &as923::PLANS[3],
    &kr920::PLAN,
    &cn470::PLAN,
];

impl Channels {
    const fn hertz(&self, n: u8) -> u32 {
        self.first + self.step * n as u32
    }

    fn iter(&self) -> impl Iterator<Item = u32> + use<> {
        let Self { first, step, count } = *self;
        (0..u32::from(count)).map(move |n| first + step * n)
    }
}

impl Region {
    /// Every region there is.
    pub const ALL: [Self; 11] = [
        Self::Eu868,
        Self::Ru864,
        Self::In865,
        Self::Us915,
        Self::Au915,
        Self::As923,
        Self::As923_2,
        Self::As923_3,
        Self::As923_4,
        Self::Kr920,
        Self::Cn470,
    ];

    /// The region that a word such as `EU868` names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        PLANS.iter().find(|plan| plan.word.eq_ignore_ascii_case(word)).map(|plan| plan.region)
    }

    fn plan(self) -> &'static Plan {
        PLANS.iter().find(|plan| plan.region == self).copied().unwrap_or(&eu868::PLAN)
    }

    /// Its common name.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.plan().word
    }

    /// What Basics Station calls it.
    #[must_use]
    pub fn station_word(self) -> &'static str {
        self.plan().station
    }

    /// The lowest and the highest frequency of its band, in hertz.
    #[must_use]
    pub fn band(self) -> (u32, u32) {
        self.plan().band
    }

    /// The data rate of an index.
    #[must_use]
    pub fn data_rate(self, index: u8) -> Option<DataRate> {
        self.plan().data_rates.get(usize::from(index)).copied().flatten()
    }

    /// The index under which an uplink has a data rate.
    #[must_use]
    pub fn uplink_index(self, rate: DataRate) -> Option<u8> {
        let rates = self.plan().data_rates.iter();
        // What only networks send has the higher indices.
        rates.take(self.plan().rx1_rates.len()).position(|known| *known == Some(rate)).map(|index| index as u8)
    }

    /// The channels that every device knows, in the order of their numbers.
    pub fn channels(self) -> impl Iterator<Item = u32> {
        self.plan().uplink.iter().flat_map(Channels::iter)
    }

    /// The number of a channel that every device knows.
    #[must_use]
    pub fn channel(self, hertz: u32) -> Option<u8> {
        self.channels().position(|channel| channel == hertz).map(|number| number as u8)
    }

    /// Whether devices know so many channels that a gateway hears but a part of them.
    #[must_use]
    pub fn has_sub_bands(self) -> bool {
        self.channels().count() > usize::from(SUB_BAND) * 2
    }

    /// The channels of a part of a region that has parts, the first being 0: eight of 125 kHz, and one of 500 kHz where
    /// there are such.
    pub fn sub_band(self, part: u8) -> impl Iterator<Item = u32> {
        let (from, wide) = (u16::from(part) * u16::from(SUB_BAND), u16::from(NARROW) + u16::from(part));
        let has_wide = self.plan().uplink.len() > 1;
        let narrow = if has_wide { u16::from(NARROW) } else { u16::MAX };
        self.channels().zip(0u16..).filter_map(move |(hertz, n)| {
            let is_in = n < narrow && (from..from + u16::from(SUB_BAND)).contains(&n) || has_wide && n == wide;
            is_in.then_some(hertz)
        })
    }

    /// How many parts a region has.
    #[must_use]
    pub fn sub_bands(self) -> u8 {
        if !self.has_sub_bands() {
            return 0;
        }
        self.plan().uplink.first().map_or(0, |narrow| narrow.count / SUB_BAND)
    }

    /// Frequency and index of the data rate of the first window, after an uplink on that frequency with a data rate of
    /// that index; `None` where there is no such uplink.
    #[must_use]
    pub fn rx1(self, uplink: u32, data_rate: u8, offset: u8) -> Option<(u32, u8)> {
        let plan = self.plan();
        let rate = *plan.rx1_rates.get(usize::from(data_rate))?.get(usize::from(offset))?;
        let hertz = match plan.rx1 {
            Rx1::Same => uplink,
            Rx1::Modulo(channels) => channels.hertz(self.channel(uplink)? % channels.count),
        };
        Some((hertz, rate))
    }

    /// Frequency and index of the data rate of the second window.
    #[must_use]
    pub fn rx2(self) -> (u32, u8) {
        self.plan().rx2
    }

    /// What may be sent on a frequency, dBm EIRP.
    #[must_use]
    pub fn power(self, hertz: u32) -> i8 {
        match self.plan().power {
            (Some((from, to, power)), _) if (from..to).contains(&hertz) => power,
            (_, power) => power,
        }
    }

    /// Channels that a join accept adds to those that every device knows, where nobody asks for others.
    #[must_use]
    pub fn added(self) -> &'static [u32] {
        self.plan().added
    }

    /// Whether a device takes channels by their frequency; otherwise those it knows are switched on and off.
    #[must_use]
    pub fn adds_channels(self) -> bool {
        !self.has_sub_bands()
    }

    /// The list of channels for a join accept: up to five more by their frequency, or the part of the region that is
    /// heard. In CN470 a join accept has none.
    #[must_use]
    pub fn cf_list(self, more: &[u32], part: Option<u8>) -> Option<CfList> {
        if self.adds_channels() {
            let mut list = [0; 5];
            list.iter_mut().zip(more).for_each(|(place, hertz)| *place = *hertz);
            return (!more.is_empty()).then(|| CfList::of_frequencies(list));
        }
        let part = part.filter(|part| self.plan().uplink.len() > 1 && *part < self.sub_bands())?;
        let mut masks = [0; 6];
        if let Some(mask) = masks.get_mut(usize::from(part / 2)) {
            *mask = 0xff << (8 * (part % 2));
        }
        masks[4] = 1 << part;
        Some(CfList::of_masks(masks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn every_region_has_its_plan() {
        for region in Region::ALL {
            assert_eq!(Region::from_word(region.word()), Some(region));
            let (hertz, rate) = region.rx2();
            assert!((region.band().0..=region.band().1).contains(&hertz) && region.data_rate(rate).is_some());
            assert!(region.channels().all(|channel| (region.band().0..=region.band().1).contains(&channel)));
            for row in region.plan().rx1_rates.iter().flat_map(|row| row.iter()) {
                assert!(region.data_rate(*row).is_some(), "{region:?}: {row}");
            }
        }
        assert_eq!(Region::from_word("eu868"), Some(Region::Eu868));
        assert_eq!(Region::from_word("EU433"), None);
    }

    #[test]
    fn a_part_of_a_region_is_eight_channels_and_a_wide_one() {
        let second: Vec<u32> = Region::Us915.sub_band(1).collect();
        assert_eq!((second.len(), second[0], second[7], second[8]), (9, 903_900_000, 905_300_000, 904_600_000));
        let masks = Region::Us915.cf_list(&[], Some(1)).unwrap().masks().unwrap();
        assert_eq!(masks, [0xff00, 0, 0, 0, 0x0002, 0]);
        assert_eq!(Region::Au915.cf_list(&[], Some(7)).unwrap().masks().unwrap(), [0, 0, 0, 0xff00, 0x80, 0]);
        assert_eq!((Region::Us915.sub_bands(), Region::Cn470.sub_bands(), Region::Eu868.sub_bands()), (8, 12, 0));
        let eleventh: Vec<u32> = Region::Cn470.sub_band(10).collect();
        assert_eq!((eleventh.len(), eleventh[0]), (8, 486_300_000));
        assert_eq!(Region::Cn470.cf_list(&[], Some(10)), None);
        assert_eq!(Region::Us915.cf_list(&[], Some(8)), None);
    }

    #[test]
    fn an_index_is_that_of_an_uplink() {
        let wide = DataRate::Lora { spreading: 8, kilohertz: 500 };
        assert_eq!(Region::Us915.uplink_index(wide), Some(4));
        assert_eq!(Region::Us915.uplink_index(DataRate::Lora { spreading: 12, kilohertz: 500 }), None);
        assert_eq!(Region::Eu868.uplink_index(DataRate::Fsk { bits: 50_000 }), Some(7));
        assert_eq!(Region::Eu868.rx1(868_100_000, 0, 0), Some((868_100_000, 0)));
        assert_eq!(Region::Eu868.rx1(868_100_000, 14, 0), None);
        assert_eq!(Region::Us915.rx1(902_500_000, 3, 0), Some((923_900_000, 13)));
        assert_eq!(Region::Us915.rx1(868_100_000, 3, 0), None, "no channel of that region");
    }
}
