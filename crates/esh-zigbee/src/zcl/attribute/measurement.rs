//! The clusters of sensors and of the device itself, ZCL 07-5123, clauses 3.2, 3.3, 3.4, 3.8 and 4.

use super::{Scale, attribute_table};
use esh_core::Unit;

attribute_table! {
    /// Basic, 0x0000.
    BASIC:
    0x0000 "ZCLVersion" Unknown Scale::None;
    0x0001 "ApplicationVersion" Unknown Scale::None;
    0x0002 "StackVersion" Unknown Scale::None;
    0x0003 "HWVersion" Unknown Scale::None;
    0x0004 "ManufacturerName" Unknown Scale::None;
    0x0005 "ModelIdentifier" Unknown Scale::None;
    0x0006 "DateCode" Unknown Scale::None;
    0x0007 "PowerSource" Unknown Scale::None;
    0x4000 "SWBuildID" Unknown Scale::None;
}

attribute_table! {
    /// Power Configuration, 0x0001.
    POWER_CONFIGURATION:
    0x0000 "MainsVoltage" Unknown Scale::Fixed(Unit::Volt, -1);
    0x0001 "MainsFrequency" Frequency Scale::Fixed(Unit::Hertz, 0);
    0x0010 "MainsAlarmMask" Unknown Scale::None;
    0x0020 "BatteryVoltage" BatteryVoltage Scale::Fixed(Unit::Volt, -1);
    0x0021 "BatteryPercentageRemaining" BatteryLevel Scale::Halves(Unit::Percent);
    0x0030 "BatteryManufacturer" Unknown Scale::None;
    0x0031 "BatterySize" Unknown Scale::None;
    0x0035 "BatteryAlarmMask" Unknown Scale::None;
    0x003e "BatteryAlarmState" StatusFlags Scale::None;
}

attribute_table! {
    /// Device Temperature Configuration, 0x0002.
    DEVICE_TEMPERATURE:
    0x0000 "CurrentTemperature" TemperatureDevice Scale::Fixed(Unit::Celsius, 0);
    0x0001 "MinTempExperienced" TemperatureDevice Scale::Fixed(Unit::Celsius, 0), Minimum;
    0x0002 "MaxTempExperienced" TemperatureDevice Scale::Fixed(Unit::Celsius, 0), Maximum;
}

attribute_table! {
    /// On/Off, 0x0006.
    ON_OFF:
    0x0000 "OnOff" StateValve Scale::None;
    0x4000 "GlobalSceneControl" Unknown Scale::None;
    0x4001 "OnTime" Unknown Scale::None;
    0x4002 "OffWaitTime" Unknown Scale::None;
    0x4003 "StartUpOnOff" Unknown Scale::None;
}

attribute_table! {
    /// Illuminance Measurement, 0x0400: 10,000 times the logarithm of lux, plus 1, which is told as it is.
    ILLUMINANCE:
    0x0000 "MeasuredValue" Unknown Scale::None;
    0x0001 "MinMeasuredValue" Unknown Scale::None;
    0x0002 "MaxMeasuredValue" Unknown Scale::None;
}

attribute_table! {
    /// Temperature Measurement, 0x0402.
    TEMPERATURE:
    0x0000 "MeasuredValue" TemperatureAmbient Scale::Fixed(Unit::Celsius, -2);
    0x0001 "MinMeasuredValue" Unknown Scale::Fixed(Unit::Celsius, -2);
    0x0002 "MaxMeasuredValue" Unknown Scale::Fixed(Unit::Celsius, -2);
    0x0003 "Tolerance" Unknown Scale::Fixed(Unit::Kelvin, -2);
}

attribute_table! {
    /// Pressure Measurement, 0x0403: in 0.1 kPa.
    PRESSURE:
    0x0000 "MeasuredValue" Pressure Scale::Fixed(Unit::Pascal, 2);
    0x0001 "MinMeasuredValue" Unknown Scale::Fixed(Unit::Pascal, 2);
    0x0002 "MaxMeasuredValue" Unknown Scale::Fixed(Unit::Pascal, 2);
    0x0003 "Tolerance" Unknown Scale::Fixed(Unit::Pascal, 2);
}

attribute_table! {
    /// Flow Measurement, 0x0404: in 0.1 m3/h.
    FLOW:
    0x0000 "MeasuredValue" Flow Scale::Fixed(Unit::CubicMetrePerHour, -1);
    0x0001 "MinMeasuredValue" Unknown Scale::Fixed(Unit::CubicMetrePerHour, -1);
    0x0002 "MaxMeasuredValue" Unknown Scale::Fixed(Unit::CubicMetrePerHour, -1);
    0x0003 "Tolerance" Unknown Scale::Fixed(Unit::CubicMetrePerHour, -1);
}

attribute_table! {
    /// Relative Humidity, 0x0405.
    HUMIDITY:
    0x0000 "MeasuredValue" Humidity Scale::Fixed(Unit::Percent, -2);
    0x0001 "MinMeasuredValue" Unknown Scale::Fixed(Unit::Percent, -2);
    0x0002 "MaxMeasuredValue" Unknown Scale::Fixed(Unit::Percent, -2);
    0x0003 "Tolerance" Unknown Scale::Fixed(Unit::Percent, -2);
}
