//! Messages read; Zigbee 05-3474, clauses 2.4.3 and 2.4.4.

use super::cluster::*;
use super::{Addresses, Binding, Clusters, Frame, Message, NodeDescriptor, SimpleDescriptor, Status, Target};
use esh_core::{DecodeError, Input, Reason};

impl<'a> Frame<'a> {
    /// Reads the message of a cluster; `None` for one that is not read here.
    ///
    /// # Errors
    /// When it is cut off, or a mode of addressing is reserved. Octets behind its end are those of later revisions.
    pub fn read(cluster: u16, input: &mut Input<'a>) -> Result<Option<Self>, DecodeError> {
        let sequence = input.u8("transaction sequence number")?;
        Ok(message(cluster, input)?.map(|message| Self { sequence, message }))
    }
}

fn message<'a>(cluster: u16, input: &mut Input<'a>) -> Result<Option<Message<'a>>, DecodeError> {
    const OF: &str = "NWK address of interest";
    const RSP_NWK_ADDR: u16 = NWK_ADDR | RESPONSE;
    const RSP_IEEE_ADDR: u16 = IEEE_ADDR | RESPONSE;
    const RSP_NODE_DESC: u16 = NODE_DESC | RESPONSE;
    const RSP_SIMPLE_DESC: u16 = SIMPLE_DESC | RESPONSE;
    const RSP_ACTIVE_EP: u16 = ACTIVE_EP | RESPONSE;
    const RSP_BIND: u16 = BIND | RESPONSE;
    const RSP_UNBIND: u16 = UNBIND | RESPONSE;
    const RSP_MGMT_LEAVE: u16 = MGMT_LEAVE | RESPONSE;
    const RSP_MGMT_PERMIT_JOINING: u16 = MGMT_PERMIT_JOINING | RESPONSE;
    Ok(Some(match cluster {
        NWK_ADDR => Message::NetworkAddressRequest {
            device: extended(input, "IEEE address")?,
            kind: input.u8("request type")?,
            start: input.u8("start index")?,
        },
        IEEE_ADDR => Message::IeeeAddressRequest {
            of: input.u16_le(OF)?,
            kind: input.u8("request type")?,
            start: input.u8("start index")?,
        },
        RSP_NWK_ADDR => Message::NetworkAddressResponse(addresses(input)?),
        RSP_IEEE_ADDR => Message::IeeeAddressResponse(addresses(input)?),
        NODE_DESC => Message::NodeDescriptorRequest { of: input.u16_le(OF)? },
        RSP_NODE_DESC => {
            let (status, of) = (status(input)?, input.u16_le(OF)?);
            let descriptor = if status.is_success() { Some(node_descriptor(input)?) } else { None };
            Message::NodeDescriptorResponse { status, of, descriptor }
        }
        SIMPLE_DESC => Message::SimpleDescriptorRequest { of: input.u16_le(OF)?, endpoint: input.u8("endpoint")? },
        RSP_SIMPLE_DESC => {
            let (status, of) = (status(input)?, input.u16_le(OF)?);
            let length = input.u8("length of the simple descriptor")?;
            let mut inside = input.sub("simple descriptor", length.into())?;
            let descriptor = if length > 0 { Some(simple_descriptor(&mut inside)?) } else { None };
            Message::SimpleDescriptorResponse { status, of, descriptor }
        }
        ACTIVE_EP => Message::ActiveEndpointsRequest { of: input.u16_le(OF)? },
        RSP_ACTIVE_EP => {
            let (status, of) = (status(input)?, input.u16_le(OF)?);
            let count = input.u8("number of endpoints")?;
            Message::ActiveEndpointsResponse { status, of, endpoints: input.take("endpoints", count.into())? }
        }
        DEVICE_ANNCE => Message::DeviceAnnounce {
            short: input.u16_le("NWK address")?,
            extended: extended(input, "IEEE address")?,
            capability: input.u8("capability")?,
        },
        BIND => Message::BindRequest(binding(input)?),
        UNBIND => Message::UnbindRequest(binding(input)?),
        RSP_BIND => Message::BindResponse(status(input)?),
        RSP_UNBIND => Message::UnbindResponse(status(input)?),
        MGMT_LEAVE => {
            Message::LeaveRequest { device: extended(input, "device address")?, flags: input.u8("leave flags")? }
        }
        RSP_MGMT_LEAVE => Message::LeaveResponse(status(input)?),
        MGMT_PERMIT_JOINING => Message::PermitJoiningRequest {
            duration: input.u8("permit duration")?,
            trust_centre: input.u8("trust centre significance")?,
        },
        RSP_MGMT_PERMIT_JOINING => Message::PermitJoiningResponse(status(input)?),
        _ => return Ok(None),
    }))
}

fn extended(input: &mut Input<'_>, field: &'static str) -> Result<u64, DecodeError> {
    input.array(field).map(|octets| u64::from_le_bytes(*octets))
}

fn status(input: &mut Input<'_>) -> Result<Status, DecodeError> {
    input.u8("status").map(Status)
}

fn addresses<'a>(input: &mut Input<'a>) -> Result<Addresses<'a>, DecodeError> {
    let (status, extended) = (status(input)?, extended(input, "IEEE address")?);
    let short = input.u16_le("NWK address")?;
    let (mut start, mut behind) = (0, None);
    if !input.is_empty() {
        let count = input.u8("number of associated devices")?;
        // Without any there is no index either.
        if count > 0 {
            start = input.u8("start index")?;
        }
        behind = Some(input.take("associated devices", usize::from(count) * 2)?);
    }
    Ok(Addresses { status, extended, short, start, behind })
}

fn node_descriptor(input: &mut Input<'_>) -> Result<NodeDescriptor, DecodeError> {
    Ok(NodeDescriptor {
        flags: input.u8("logical type")?,
        band: input.u8("frequency band")?,
        capability: input.u8("MAC capability flags")?,
        manufacturer: input.u16_le("manufacturer code")?,
        buffer: input.u8("maximum buffer size")?,
        incoming: input.u16_le("maximum incoming transfer size")?,
        server: input.u16_le("server mask")?,
        outgoing: input.u16_le("maximum outgoing transfer size")?,
        descriptors: input.u8("descriptor capability")?,
    })
}

fn simple_descriptor<'a>(input: &mut Input<'a>) -> Result<SimpleDescriptor<'a>, DecodeError> {
    let endpoint = input.u8("endpoint")?;
    let profile = input.u16_le("profile identifier")?;
    let device = input.u16_le("device identifier")?;
    let version = input.u8("device version")? & 15;
    let mut clusters = |field| {
        let count = input.u8(field)?;
        input.take(field, usize::from(count) * 2).map(Clusters)
    };
    let (input, output) = (clusters("input clusters")?, clusters("output clusters")?);
    Ok(SimpleDescriptor { endpoint, profile, device, version, input, output })
}

fn binding(input: &mut Input<'_>) -> Result<Binding, DecodeError> {
    let source = extended(input, "source address")?;
    let endpoint = input.u8("source endpoint")?;
    let cluster = input.u16_le("cluster identifier")?;
    let here = *input;
    let target = match input.u8("destination address mode")? {
        1 => Target::Group(input.u16_le("destination group")?),
        3 => Target::Endpoint(extended(input, "destination address")?, input.u8("destination endpoint")?),
        reserved => return Err(here.error("destination address mode", Reason::Reserved(reserved.into()))),
    };
    Ok(Binding { source, endpoint, cluster, target })
}
