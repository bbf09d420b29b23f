//! The PHYPayload: one of six kinds of frames; TS001, 4.1.

use crate::{
    Direction, MType, Mhdr,
    data::Data,
    join::{JoinRequest, RejoinRequest, SealedJoinAccept},
};
use esh_core::{DecodeError, Input, Layer, Reason};

/// The longest PHYPayload: what the length octet of the radio can say.
pub const LIMIT: usize = 255;

/// A frame as it came, encrypted.
#[derive(Clone, Copy, Debug)]
pub enum PhyPayload<'a> {
    /// Data of either direction.
    Data(Data<'a>),
    /// A device wants to join.
    JoinRequest(JoinRequest<'a>),
    /// The network lets it.
    JoinAccept(SealedJoinAccept<'a>),
    /// A device wants to join again.
    RejoinRequest(RejoinRequest<'a>),
    /// Octets of somebody's own.
    Proprietary(&'a [u8]),
}

impl<'a> PhyPayload<'a> {
    /// Takes a frame apart.
    ///
    /// # Errors
    /// Where it is shorter or longer than its kind, or not of LoRaWAN R1.
    #[inline]
    pub fn parse(frame: &'a [u8]) -> Result<Self, DecodeError> {
        Ok(Self::parse_with_header(frame)?.1)
    }

    #[inline]
    pub(crate) fn parse_with_header(frame: &'a [u8]) -> Result<(Mhdr, Self), DecodeError> {
        let mut input = Input::new(frame, 0, Layer::Link);
        if frame.len() > LIMIT {
            return Err(input.error("PHYPayload", Reason::TooLong { limit: LIMIT, found: frame.len() }));
        }
        let header = Mhdr::read(&mut input)?;
        let m_type = header.m_type();
        let payload = match m_type {
            MType::UnconfirmedDataUp | MType::ConfirmedDataUp => {
                Self::Data(Data::read(frame, m_type, Direction::Up, input)?)
            }
            MType::UnconfirmedDataDown | MType::ConfirmedDataDown => {
                Self::Data(Data::read(frame, m_type, Direction::Down, input)?)
            }
            MType::JoinRequest => Self::JoinRequest(JoinRequest::read(frame, &input)?),
            MType::JoinAccept => Self::JoinAccept(SealedJoinAccept::read(input)?),
            MType::RejoinRequest => Self::RejoinRequest(RejoinRequest::read(frame, input)?),
            MType::Proprietary => Self::Proprietary(input.rest()),
        };
        Ok((header, payload))
    }
}
