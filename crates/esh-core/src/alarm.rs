//! The canonical alarms, and sets of them.

use core::fmt;

macro_rules! alarms {
    ($($variant:ident $name:literal $severity:ident,)*) => {
        /// A state of a meter that someone should know of, in the words of the ESH vocabulary.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[non_exhaustive]
        pub enum Alarm {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Alarm {
            /// Every alarm there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name that stands in a report.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// How grave it is: `info`, `warning` or `critical`.
            #[must_use]
            pub const fn severity(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($severity),)*
                }
            }
        }
    };
}

alarms! {
    BatteryLow "battery.low" warning,
    ErrorPermanent "error.permanent" critical,
    ErrorTemporary "error.temporary" warning,
    ErrorApplication "error.application" warning,
    AlarmAbnormal "alarm.abnormal" warning,
    MeterBusy "meter.busy" info,
    StatusVendor "status.vendor" info,
    Leak "leak" warning,
    Burst "burst" critical,
    FlowReverse "flow.reverse" warning,
    FlowSensorFault "flow.sensor_fault" critical,
    TamperCase "tamper.case" critical,
    TamperMagnetic "tamper.magnetic" critical,
    TamperRemoved "tamper.removed" critical,
    PipeEmpty "pipe.empty" warning,
    Frost "frost" warning,
    Overheat "overheat" warning,
    SensorTemperatureFault "sensor.temperature_fault" critical,
    SensorSupplyFault "sensor.supply_fault" critical,
    SensorReturnFault "sensor.return_fault" critical,
    MeterBlocked "meter.blocked" warning,
    FlowOverRange "flow.over_range" warning,
    PressureLow "pressure.low" warning,
    PressureHigh "pressure.high" warning,
    PowerFailure "power.failure" warning,
    PowerQuality "power.quality" info,
    PhaseLost "phase.lost" critical,
    SupplyDisconnected "supply.disconnected" info,
    Smoke "smoke" critical,
    SmokeFault "smoke.fault" warning,
    SmokeObstructed "smoke.obstructed" warning,
    ClockInvalid "clock.invalid" warning,
    DeviceReboot "device.reboot" info,
    BoardFault "board.fault" critical,
    CommSilent "comm.silent" warning,
    DecodeError "decode.error" warning,
    DecryptFailed "decrypt.failed" warning,
}

/// A set of alarms.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Alarms(u64);

impl Alarms {
    /// No alarm.
    pub const NONE: Self = Self(0);

    /// The same set with one alarm more.
    #[must_use]
    pub const fn with(self, alarm: Alarm) -> Self {
        Self(self.0 | 1 << alarm as u8)
    }

    /// The alarms that are not in the other set.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The same set without that alarm.
    #[must_use]
    pub const fn without(self, alarm: Alarm) -> Self {
        Self(self.0 & !(1 << alarm as u8))
    }

    /// The alarms of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the alarm is in the set.
    #[must_use]
    pub const fn contains(self, alarm: Alarm) -> bool {
        self.0 & 1 << alarm as u8 != 0
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The alarms, in the order of the vocabulary.
    pub fn iter(self) -> impl Iterator<Item = Alarm> {
        Alarm::ALL.iter().copied().filter(move |alarm| self.contains(*alarm))
    }
}

impl fmt::Debug for Alarms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Alarm::name)).finish()
    }
}

const _: () = assert!(Alarm::ALL.len() <= 64, "a set holds 64 alarms");
