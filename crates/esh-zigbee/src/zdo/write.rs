//! Messages written; Zigbee 05-3474, clauses 2.4.3 and 2.4.4.

use super::cluster::*;
use super::{Addresses, Binding, Frame, Message, NodeDescriptor, SimpleDescriptor, Target};
use crate::write::{WriteError, Writer};

impl Message<'_> {
    /// The cluster under which it is sent.
    #[must_use]
    pub const fn cluster(&self) -> u16 {
        match self {
            Self::NetworkAddressRequest { .. } => NWK_ADDR,
            Self::IeeeAddressRequest { .. } => IEEE_ADDR,
            Self::NetworkAddressResponse(_) => NWK_ADDR | RESPONSE,
            Self::IeeeAddressResponse(_) => IEEE_ADDR | RESPONSE,
            Self::NodeDescriptorRequest { .. } => NODE_DESC,
            Self::NodeDescriptorResponse { .. } => NODE_DESC | RESPONSE,
            Self::SimpleDescriptorRequest { .. } => SIMPLE_DESC,
            Self::SimpleDescriptorResponse { .. } => SIMPLE_DESC | RESPONSE,
            Self::ActiveEndpointsRequest { .. } => ACTIVE_EP,
            Self::ActiveEndpointsResponse { .. } => ACTIVE_EP | RESPONSE,
            Self::DeviceAnnounce { .. } => DEVICE_ANNCE,
            Self::BindRequest(_) => BIND,
            Self::UnbindRequest(_) => UNBIND,
            Self::BindResponse(_) => BIND | RESPONSE,
            Self::UnbindResponse(_) => UNBIND | RESPONSE,
            Self::LeaveRequest { .. } => MGMT_LEAVE,
            Self::LeaveResponse(_) => MGMT_LEAVE | RESPONSE,
            Self::PermitJoiningRequest { .. } => MGMT_PERMIT_JOINING,
            Self::PermitJoiningResponse(_) => MGMT_PERMIT_JOINING | RESPONSE,
        }
    }
}

impl Frame<'_> {
    /// Writes the message with its transaction sequence number.
    ///
    /// # Errors
    /// When it does not fit, or an answer that says that all went well does not say what was asked for.
    pub fn write(&self, into: &mut Writer<'_>) -> Result<(), WriteError> {
        into.u8(self.sequence)?;
        match &self.message {
            Message::NetworkAddressRequest { device, kind, start } => into.u64(*device)?.u8(*kind)?.u8(*start)?,
            Message::IeeeAddressRequest { of, kind, start } => into.u16(*of)?.u8(*kind)?.u8(*start)?,
            Message::NetworkAddressResponse(both) | Message::IeeeAddressResponse(both) => return addresses(both, into),
            Message::NodeDescriptorRequest { of } | Message::ActiveEndpointsRequest { of } => into.u16(*of)?,
            Message::NodeDescriptorResponse { status, of, descriptor } => {
                into.u8(status.0)?.u16(*of)?;
                match descriptor {
                    Some(descriptor) if status.is_success() => return node_descriptor(descriptor, into),
                    None if !status.is_success() => into,
                    _ => return Err(WriteError::Malformed),
                }
            }
            Message::SimpleDescriptorRequest { of, endpoint } => into.u16(*of)?.u8(*endpoint)?,
            Message::SimpleDescriptorResponse { status, of, descriptor } => {
                into.u8(status.0)?.u16(*of)?;
                match descriptor {
                    Some(descriptor) => return simple_descriptor(descriptor, into),
                    None => into.u8(0)?,
                }
            }
            Message::ActiveEndpointsResponse { status, of, endpoints } => {
                into.u8(status.0)?.u16(*of)?.u8(count(endpoints.len())?)?.put(endpoints)?
            }
            Message::DeviceAnnounce { short, extended, capability } => {
                into.u16(*short)?.u64(*extended)?.u8(*capability)?
            }
            Message::BindRequest(of) | Message::UnbindRequest(of) => return binding(of, into),
            Message::BindResponse(status)
            | Message::UnbindResponse(status)
            | Message::LeaveResponse(status)
            | Message::PermitJoiningResponse(status) => into.u8(status.0)?,
            Message::LeaveRequest { device, flags } => into.u64(*device)?.u8(*flags)?,
            Message::PermitJoiningRequest { duration, trust_centre } => into.u8(*duration)?.u8(*trust_centre)?,
        };
        Ok(())
    }
}

fn count(len: usize) -> Result<u8, WriteError> {
    u8::try_from(len).map_err(|_| WriteError::TooLong)
}

fn addresses(both: &Addresses<'_>, into: &mut Writer<'_>) -> Result<(), WriteError> {
    into.u8(both.status.0)?.u64(both.extended)?.u16(both.short)?;
    if let Some(behind) = both.behind {
        into.u8(count(behind.len() / 2)?)?;
        if behind.len() >= 2 {
            into.u8(both.start)?.put(behind)?;
        }
    }
    Ok(())
}

fn node_descriptor(of: &NodeDescriptor, into: &mut Writer<'_>) -> Result<(), WriteError> {
    into.u8(of.flags)?.u8(of.band)?.u8(of.capability)?.u16(of.manufacturer)?.u8(of.buffer)?;
    into.u16(of.incoming)?.u16(of.server)?.u16(of.outgoing)?.u8(of.descriptors).map(|_| ())
}

fn simple_descriptor(of: &SimpleDescriptor<'_>, into: &mut Writer<'_>) -> Result<(), WriteError> {
    let (input, output) = (of.input.0, of.output.0);
    into.u8(count(8 + input.len() + output.len())?)?;
    into.u8(of.endpoint)?.u16(of.profile)?.u16(of.device)?.u8(of.version & 15)?;
    into.u8(count(input.len() / 2)?)?.put(input)?.u8(count(output.len() / 2)?)?.put(output).map(|_| ())
}

fn binding(of: &Binding, into: &mut Writer<'_>) -> Result<(), WriteError> {
    into.u64(of.source)?.u8(of.endpoint)?.u16(of.cluster)?;
    match of.target {
        Target::Group(group) => into.u8(1)?.u16(group)?,
        Target::Endpoint(device, endpoint) => into.u8(3)?.u64(device)?.u8(endpoint)?,
    };
    Ok(())
}
