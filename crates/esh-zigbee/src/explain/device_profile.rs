//! What messages of the device profile say, and the command that brings a key.

use crate::transport_key::{KeyType, TransportKey};
use crate::zcl::Eui64;
use crate::zdo::{Addresses, Binding, Clusters, Frame, Message, SimpleDescriptor, Target, name};
use esh_core::note::{Notes, Place, at};
use esh_core::{Field, Layer};

type At<'p> = &'p dyn Fn(&'static str, &'static str) -> Place<'static>;

pub(crate) fn device_profile(
    cluster: u16,
    frame: Option<&Frame<'_>>,
    octets: &[u8],
    offset: usize,
    notes: &mut Notes<'_, '_>,
) {
    if !notes.wanted() {
        return;
    }
    let place = |name, key| at(Layer::Application, offset, octets.len(), name, key);
    notes.object(place("message of the device profile", "zdo"), |notes| {
        let suffix = match (cluster & 0x8000, name(cluster)) {
            (_, "" | "Device_annce" | "Parent_annce") => "",
            (0, _) => "_req",
            _ => "_rsp",
        };
        notes.text(place("command", "command"), &format_args!("{}{suffix}", name(cluster)), &"");
        if let Some(sequence) = octets.first() {
            notes.number(place("transaction sequence number", "sequence"), *sequence, &"");
        }
        if let Some(frame) = frame {
            message(&frame.message, &place, notes);
        }
    });
}

fn extended(place: Place<'static>, address: u64, notes: &mut Notes<'_, '_>) {
    notes.text(place, &Eui64(address.to_le_bytes()), &"");
}

fn message(message: &Message<'_>, place: At<'_>, notes: &mut Notes<'_, '_>) {
    let of = |of: u16, notes: &mut Notes<'_, '_>| notes.number(place("NWK address of interest", "nwkAddress"), of, &"");
    let status = |status: u8, notes: &mut Notes<'_, '_>| notes.number(place("status", "status"), status, &"");
    match message {
        Message::NetworkAddressRequest { device, .. } => extended(place("IEEE address", "ieee"), *device, notes),
        Message::IeeeAddressRequest { of: short, .. }
        | Message::NodeDescriptorRequest { of: short }
        | Message::ActiveEndpointsRequest { of: short } => of(*short, notes),
        Message::NetworkAddressResponse(both) | Message::IeeeAddressResponse(both) => {
            let Addresses { status: said, extended: long, short, .. } = both;
            status(said.0, notes);
            extended(place("IEEE address", "ieee"), *long, notes);
            of(*short, notes);
        }
        Message::NodeDescriptorResponse { status: said, of: short, descriptor } => {
            status(said.0, notes);
            of(*short, notes);
            if let Some(node) = descriptor {
                notes.number(place("logical type", "logicalType"), node.flags & 7, &"");
                notes.number(place("manufacturer code", "manufacturerCode"), node.manufacturer, &"");
                notes.number(place("MAC capability flags", "capability"), node.capability, &"");
            }
        }
        Message::SimpleDescriptorRequest { of: short, endpoint } => {
            of(*short, notes);
            notes.number(place("endpoint", "endpoint"), *endpoint, &"");
        }
        Message::SimpleDescriptorResponse { status: said, of: short, descriptor } => {
            status(said.0, notes);
            of(*short, notes);
            if let Some(simple) = descriptor {
                simple_descriptor(simple, place, notes);
            }
        }
        Message::ActiveEndpointsResponse { status: said, of: short, endpoints } => {
            status(said.0, notes);
            of(*short, notes);
            notes.array(place("endpoints", "endpoints"), |notes| {
                for endpoint in *endpoints {
                    notes.number(place("endpoint", Field::ELEMENT), *endpoint, &"");
                }
            });
        }
        Message::DeviceAnnounce { short, extended: long, capability } => {
            of(*short, notes);
            extended(place("IEEE address", "ieee"), *long, notes);
            notes.number(place("MAC capability flags", "capability"), *capability, &"");
        }
        Message::BindRequest(of) | Message::UnbindRequest(of) => binding(of, place, notes),
        Message::BindResponse(said)
        | Message::UnbindResponse(said)
        | Message::LeaveResponse(said)
        | Message::PermitJoiningResponse(said) => status(said.0, notes),
        Message::LeaveRequest { device, flags } => {
            extended(place("device address", "ieee"), *device, notes);
            notes.number(place("leave flags", "flags"), *flags, &"");
        }
        Message::PermitJoiningRequest { duration, .. } => {
            notes.number(place("permit duration", "duration"), *duration, &"seconds");
        }
    }
}

fn simple_descriptor(simple: &SimpleDescriptor<'_>, place: At<'_>, notes: &mut Notes<'_, '_>) {
    notes.number(place("endpoint", "endpoint"), simple.endpoint, &"");
    notes.number(place("profile identifier", "profileId"), simple.profile, &"");
    notes.number(place("device identifier", "deviceId"), simple.device, &"");
    notes.number(place("device version", "deviceVersion"), simple.version, &"");
    clusters("input clusters", "inClusters", simple.input, place, notes);
    clusters("output clusters", "outClusters", simple.output, place, notes);
}

fn clusters(name: &'static str, key: &'static str, of: Clusters<'_>, place: At<'_>, notes: &mut Notes<'_, '_>) {
    notes.array(place(name, key), |notes| {
        for cluster in of.iter() {
            notes.number(place("cluster", Field::ELEMENT), cluster, &"");
        }
    });
}

fn binding(of: &Binding, place: At<'_>, notes: &mut Notes<'_, '_>) {
    extended(place("source address", "srcIeee"), of.source, notes);
    notes.number(place("source endpoint", "srcEndpoint"), of.endpoint, &"");
    notes.number(place("cluster identifier", "clusterId"), of.cluster, &"");
    match of.target {
        Target::Group(group) => notes.number(place("destination group", "dstGroup"), group, &""),
        Target::Endpoint(device, endpoint) => {
            extended(place("destination address", "dstIeee"), device, notes);
            notes.number(place("destination endpoint", "dstEndpoint"), endpoint, &"");
        }
    }
}

pub(crate) fn transport_key(
    transported: &TransportKey<'_>,
    start: usize,
    end: usize,
    tell_keys: bool,
    notes: &mut Notes<'_, '_>,
) {
    let place = |name, key| at(Layer::Transport, start, end - start, name, key);
    notes.object(place("transport key", "transport_key"), |notes| {
        let word = match transported.of {
            KeyType::StandardNetwork { .. } => "network",
            KeyType::TrustCentreLink { .. } => "trust centre link",
            KeyType::ApplicationLink { .. } => "application link",
        };
        notes.text(place("key type", "type"), &word, &"");
        if tell_keys {
            notes.octets(place("key", "key"), transported.key, &"");
        } else {
            notes.text(place("key", "key"), &"withheld", &"");
        }
        match transported.of {
            KeyType::StandardNetwork { sequence, destination, source } => {
                notes.number(place("key sequence number", "sequence"), sequence, &"");
                extended(place("destination address", "destination64"), destination, notes);
                extended(place("source address", "source64"), source, notes);
            }
            KeyType::TrustCentreLink { destination, source } => {
                extended(place("destination address", "destination64"), destination, notes);
                extended(place("source address", "source64"), source, notes);
            }
            KeyType::ApplicationLink { partner, initiator } => {
                extended(place("partner address", "partner64"), partner, notes);
                notes.flag(place("initiator flag", "initiator"), initiator, &"");
            }
        }
    });
}
