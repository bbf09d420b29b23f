//! Answers: what is sent about a request, and in which kind of message.

use super::server::{Peer, Received};
use esh_nbiot::coap::exchange::Echo;
use esh_nbiot::coap::option::number::*;
use esh_nbiot::coap::{Block, Code, DoesNotFit, Message, Type, Writer};

/// A request that is to be answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) peer: Peer,
    /// Its hash.
    pub(super) exchange: u64,
    pub(super) confirmable: bool,
    pub(super) id: u16,
    token: [u8; 8],
    token_length: u8,
    /// The block that it brought.
    block1: Option<Block>,
    /// The classes of answers that are not wanted; RFC 7967.
    unwanted: u8,
    /// How much may be sent about it: an address that may be somebody else's never gets more than three times what came
    /// from there.
    pub(super) budget: usize,
    /// An empty acknowledgement has been sent: the answer comes in a message of its own.
    pub(super) acknowledged: bool,
}

impl Asked {
    pub(super) fn new(peer: Peer, exchange: u64, message: &Message<'_>, octets: usize) -> Self {
        let mut token = [0; 8];
        let length = message.token().len().min(8);
        token.iter_mut().zip(message.token()).for_each(|(to, from)| *to = *from);
        let uint = |number| message.option(number).filter(|option| option.has_good_length())?.uint();
        Self {
            peer,
            exchange,
            confirmable: message.type_() == Type::Confirmable,
            id: message.id(),
            token,
            token_length: length as u8,
            block1: uint(BLOCK1).and_then(Block::from_uint),
            unwanted: uint(NO_RESPONSE).unwrap_or_default() as u8,
            budget: match peer {
                Peer::Plain(..) => octets * 3,
                Peer::Session(_) => usize::MAX,
            },
            acknowledged: false,
        }
    }

    fn token(&self) -> &[u8] {
        self.token.get(..self.token_length.into()).unwrap_or_default()
    }

    /// Whether its sender does not care for an answer of that class.
    pub(super) const fn leaves_out(&self, code: Code) -> bool {
        let class = code.class();
        class >= 1 && class <= 5 && self.unwanted & (1 << (class - 1)) != 0
    }

    /// The message of an answer.
    pub(super) fn write<'b>(
        &self,
        buffer: &'b mut [u8],
        type_: Type,
        id: u16,
        reply: Reply<'_>,
    ) -> Result<&'b [u8], DoesNotFit> {
        let mut writer = Writer::new(buffer, type_, reply.code, id, self.token())?;
        if let Some((format, _)) = reply.content {
            writer.uint(CONTENT_FORMAT, format.into())?;
        }
        if let Some(max_age) = reply.max_age {
            writer.uint(MAX_AGE, max_age.into())?;
        }
        if let Some(block) = reply.block2 {
            writer.uint(BLOCK2, block.to_uint())?;
        }
        if let Some(block) = reply.block1.or(self.block1).filter(|_| reply.code.class() == 2) {
            writer.uint(BLOCK1, block.to_uint())?;
        }
        if let Some(size1) = reply.size1 {
            writer.uint(SIZE1, size1.into())?;
        }
        if let Some(echo) = reply.echo {
            writer.option(ECHO, echo.octets())?;
        }
        writer.payload(reply.content.map_or(&[], |(_, content)| content))
    }
}

/// What is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply<'a> {
    pub(super) code: Code,
    pub(super) max_age: Option<u32>,
    pub(super) block1: Option<Block>,
    pub(super) block2: Option<Block>,
    pub(super) size1: Option<u32>,
    pub(super) echo: Option<Echo>,
    /// The payload, and its Content-Format.
    pub(super) content: Option<(u16, &'a [u8])>,
}

impl Reply<'_> {
    pub(super) const fn of(code: Code) -> Self {
        Self { code, max_age: None, block1: None, block2: None, size1: None, echo: None, content: None }
    }
}

/// The longest answer.
pub(super) const LONGEST: usize = 1152;

/// Where messages go out.
pub(super) trait Wire {
    /// Sends a message.
    fn send(&mut self, peer: Peer, octets: &[u8]);

    /// What an address has to send back to show that it hears us, unless `echo` shows it.
    fn challenge(&mut self, received: Received<'_>, echo: Option<&[u8]>) -> Option<Echo>;

    /// A number for a message of our own that is not confirmable.
    fn id(&mut self) -> u16;

    /// Acknowledges a message without an answer.
    fn acknowledge(&mut self, peer: Peer, id: u16) {
        self.empty(peer, Type::Acknowledgement, id);
    }

    /// Rejects a message.
    fn reset(&mut self, peer: Peer, id: u16) {
        self.empty(peer, Type::Reset, id);
    }

    /// Sends an empty message.
    fn empty(&mut self, peer: Peer, type_: Type, id: u16) {
        let mut buffer = [0; 4];
        if let Ok(octets) = Writer::new(&mut buffer, type_, Code::EMPTY, id, &[]).and_then(|writer| writer.payload(&[]))
        {
            self.send(peer, octets);
        }
    }

    /// Answers a request at once.
    fn answer(&mut self, asked: &Asked, reply: Reply<'_>) {
        if asked.leaves_out(reply.code) {
            if asked.confirmable {
                self.acknowledge(asked.peer, asked.id);
            }
            return;
        }
        let (type_, id) =
            if asked.confirmable { (Type::Acknowledgement, asked.id) } else { (Type::NonConfirmable, self.id()) };
        let mut buffer = [0; LONGEST];
        if let Ok(octets) = asked.write(&mut buffer, type_, id, reply)
            && octets.len() <= asked.budget
        {
            self.send(asked.peer, octets);
        }
    }
}
