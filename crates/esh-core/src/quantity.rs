//! The canonical quantities: one name for what every protocol calls differently.

use crate::Unit;

macro_rules! quantities {
    ($($(#[$doc:meta])* $variant:ident $name:literal $unit:ident,)*) => {
        /// What a reading measures, in the words of the ESH vocabulary.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[non_exhaustive]
        pub enum Quantity {
            $($(#[$doc])* #[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Quantity {
            /// Every quantity there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name that stands in a report.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The unit it is reported in; [`Unit::None`] for dates, texts and flags.
            #[must_use]
            pub const fn unit(self) -> Unit {
                match self {
                    $(Self::$variant => Unit::$unit,)*
                }
            }
        }
    };
}

quantities! {
    EnergyActiveImport "energy.active.import" KiloWattHour,
    EnergyActiveExport "energy.active.export" KiloWattHour,
    EnergyActiveNet "energy.active.net" KiloWattHour,
    EnergyReactiveImport "energy.reactive.import" KiloVarHour,
    EnergyReactiveExport "energy.reactive.export" KiloVarHour,
    EnergyReactiveQ1 "energy.reactive.q1" KiloVarHour,
    EnergyReactiveQ2 "energy.reactive.q2" KiloVarHour,
    EnergyReactiveQ3 "energy.reactive.q3" KiloVarHour,
    EnergyReactiveQ4 "energy.reactive.q4" KiloVarHour,
    EnergyApparentImport "energy.apparent.import" KiloVoltAmpereHour,
    EnergyApparentExport "energy.apparent.export" KiloVoltAmpereHour,
    Energy "energy" GigaJoule,
    EnergyCooling "energy.cooling" GigaJoule,
    PowerActiveImport "power.active.import" KiloWatt,
    PowerActiveExport "power.active.export" KiloWatt,
    PowerActiveNet "power.active.net" KiloWatt,
    PowerActiveL1 "power.active.l1" KiloWatt,
    PowerActiveL2 "power.active.l2" KiloWatt,
    PowerActiveL3 "power.active.l3" KiloWatt,
    PowerReactiveImport "power.reactive.import" KiloVar,
    PowerReactiveExport "power.reactive.export" KiloVar,
    PowerApparent "power.apparent" KiloVoltAmpere,
    Power "power" KiloWatt,
    VoltageL1 "voltage.l1" Volt,
    VoltageL2 "voltage.l2" Volt,
    VoltageL3 "voltage.l3" Volt,
    VoltageL1l2 "voltage.l1l2" Volt,
    VoltageL2l3 "voltage.l2l3" Volt,
    VoltageL3l1 "voltage.l3l1" Volt,
    CurrentL1 "current.l1" Ampere,
    CurrentL2 "current.l2" Ampere,
    CurrentL3 "current.l3" Ampere,
    CurrentNeutral "current.neutral" Ampere,
    Frequency "frequency" Hertz,
    PowerFactor "power_factor" One,
    PhaseAngleUiL1 "phase_angle.ui.l1" Degree,
    PhaseAngleUiL2 "phase_angle.ui.l2" Degree,
    PhaseAngleUiL3 "phase_angle.ui.l3" Degree,
    PhaseAngleUuL2l1 "phase_angle.uu.l2l1" Degree,
    PhaseAngleUuL3l1 "phase_angle.uu.l3l1" Degree,
    Volume "volume" CubicMetre,
    VolumeUncorrected "volume.uncorrected" CubicMetre,
    VolumeBase "volume.base" CubicMetre,
    VolumeReverse "volume.reverse" CubicMetre,
    VolumeReturn "volume.return" CubicMetre,
    VolumeLeakage "volume.leakage" CubicMetre,
    MassSupply "mass.supply" Tonne,
    MassReturn "mass.return" Tonne,
    Flow "flow" CubicMetrePerHour,
    FlowMass "flow.mass" TonnePerHour,
    TemperatureSupply "temperature.supply" Celsius,
    TemperatureReturn "temperature.return" Celsius,
    TemperatureDifference "temperature.difference" Kelvin,
    TemperatureMedium "temperature.medium" Celsius,
    TemperatureAmbient "temperature.ambient" Celsius,
    TemperatureDevice "temperature.device" Celsius,
    TemperatureColdSource "temperature.cold_source" Celsius,
    TemperatureRadiator "temperature.radiator" Celsius,
    Humidity "humidity" Percent,
    Pressure "pressure" Bar,
    Hca "hca" HcaUnit,
    PulseCount "pulse.count" Pulse,
    TimeOperating "time.operating" Hour,
    TimeOn "time.on" Hour,
    TimeFault "time.fault" Hour,
    Age "age" Second,
    BatteryVoltage "battery.voltage" Volt,
    BatteryLevel "battery.level" Percent,
    BatteryRemaining "battery.remaining" Day,
    BatteryUsed "battery.used" Hour,
    RfRssi "rf.rssi" DecibelMilliwatt,
    RfSnr "rf.snr" Decibel,
    CounterMessage "counter.message" One,
    CounterReset "counter.reset" One,
    CounterPowerFailure "counter.power_failure" One,
    TimeDevice "time.device" None,
    DateDue "date.due" None,
    StatusFlags "status.flags" One,
    StateValve "state.valve" One,
    StateInput "state.input" One,
    /// Credit, in the currency of the meter.
    MoneyCredit "money.credit" None,
    /// Debit, in the currency of the meter.
    MoneyDebit "money.debit" None,
    /// Fabrication number.
    IdentificationFabrication "identification.fabrication" None,
    /// Enhanced identification.
    IdentificationEnhanced "identification.enhanced" None,
    /// Bus address.
    IdentificationAddress "identification.address" None,
    /// Device type.
    IdentificationDeviceType "identification.device_type" None,
    /// Manufacturer.
    IdentificationManufacturer "identification.manufacturer" None,
    /// Parameter set.
    IdentificationParameterSet "identification.parameter_set" None,
    /// Model or version.
    IdentificationModel "identification.model" None,
    /// Customer location.
    IdentificationLocation "identification.location" None,
    /// Customer.
    IdentificationCustomer "identification.customer" None,
    /// Hardware version.
    VersionHardware "version.hardware" None,
    /// Metrology firmware version.
    VersionFirmware "version.firmware" None,
    /// Other software version.
    VersionSoftware "version.software" None,
    /// An access code or password. Its value is withheld.
    AccessCode "access_code" None,
    /// Error mask.
    StatusErrorMask "status.error_mask" None,
    /// Control signal.
    StatusControlSignal "status.control_signal" None,
    /// State of parameter activation.
    StatusParameterActivation "status.parameter_activation" None,
    /// Special supplier information.
    StatusSupplier "status.supplier" None,
    /// Baud rate.
    CommunicationBaudRate "communication.baud_rate" Baud,
    /// Response delay.
    CommunicationResponseDelay "communication.response_delay" BitTime,
    /// Retries.
    CommunicationRetries "communication.retries" One,
    /// Period of nominal data transmissions.
    CommunicationPeriod "communication.period" Second,
    /// Listening window management.
    CommunicationWindow "communication.window" None,
    /// First cyclic storage number.
    StorageFirst "storage.first" One,
    /// Last cyclic storage number.
    StorageLast "storage.last" One,
    /// Size of a storage block.
    StorageBlockSize "storage.block_size" One,
    /// Storage interval.
    StorageInterval "storage.interval" Second,
    /// Descriptor of tariff and subunit.
    TariffDescriptor "tariff.descriptor" None,
    /// Start of tariff.
    TariffStart "tariff.start" None,
    /// Duration of tariff.
    TariffDuration "tariff.duration" Second,
    /// Period of tariff.
    TariffPeriod "tariff.period" Second,
    /// Averaging duration.
    AveragingDuration "averaging.duration" Second,
    /// Duration since the last readout.
    AgeReadout "age.readout" Second,
    /// Duration since the last cumulation.
    AgeCumulation "age.cumulation" Hour,
    /// Second of a time point.
    TimePointSecond "time.point_second" Second,
    /// Day of the week, 1 is Monday.
    TimeDayOfWeek "time.day_of_week" One,
    /// Week number.
    TimeWeekNumber "time.week_number" One,
    /// Time of day change.
    TimeDayChange "time.day_change" None,
    /// Daylight saving rule.
    TimeDaylightSaving "time.daylight_saving" None,
    /// When the battery was changed.
    BatteryChanged "battery.changed" None,
    /// Cumulation counter.
    CounterCumulation "counter.cumulation" One,
    /// How often the meter was stopped.
    CounterStops "counter.stops" One,
    /// Rating factor of a heat cost allocator.
    HcaRatingFactor "hca.rating_factor" One,
    /// Coefficient of performance.
    PerformanceCoefficient "performance_coefficient" One,
    /// Temperature limit between cold and warm.
    TemperatureLimit "temperature.limit" Celsius,
    /// Cumulated maxima of power.
    PowerMaximumCumulated "power.maximum_cumulated" KiloWatt,
    /// Moisture level.
    Moisture "moisture" Percent,
    /// Data of another protocol in a container.
    Container "container" None,
    /// Octets that only the maker can explain.
    ManufacturerSpecific "manufacturer_specific" None,
    /// Not in the vocabulary; its octets travel with it.
    Unknown "unknown" None,
}

impl Quantity {
    /// The quantity of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|quantity| quantity.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_finds_its_quantity() {
        for quantity in Quantity::ALL {
            assert_eq!(Quantity::from_name(quantity.name()), Some(*quantity));
        }
        assert_eq!(Quantity::from_name("nonsense"), None);
    }
}
