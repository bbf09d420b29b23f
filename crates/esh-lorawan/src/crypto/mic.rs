//! The blocks in front of what is encrypted or protected; TS001-1.1, 4.3 and 4.4, TS001-1.0.4, 4.3.3 and 4.4.

use crate::{Asked, DevAddr, Direction};

/// The block `B0`: of every MIC in 1.0, of downlinks and of the forwarding part in 1.1. `confirmed` is the counter of the
/// frame that this one acknowledges, lower 16 bits, and 0 in 1.0 and on the way up.
#[inline]
pub(crate) const fn direction_block(
    confirmed: u16,
    direction: Direction,
    address: DevAddr,
    counter: u32,
    len: usize,
) -> [u8; 16] {
    let [c0, c1] = confirmed.to_le_bytes();
    block([0x49, c0, c1, 0, 0], direction, address, counter, len as u8)
}

/// The block `B1`: of the serving part of an uplink in 1.1.
#[inline]
pub(crate) const fn confirmed_block(
    confirmed: u16,
    data_rate: u8,
    channel: u8,
    address: DevAddr,
    counter: u32,
    len: usize,
) -> [u8; 16] {
    let [c0, c1] = confirmed.to_le_bytes();
    block([0x49, c0, c1, data_rate, channel], Direction::Up, address, counter, len as u8)
}

/// The block `A` of the payload, whose last octet counts.
#[inline]
pub(crate) const fn payload_block(direction: Direction, address: DevAddr, counter: u32) -> [u8; 16] {
    block([1, 0, 0, 0, 0], direction, address, counter, 0)
}

/// The block `A` of MAC commands in the header in 1.1, as its errata have it: it says which of the counters of the way
/// down is meant.
#[inline]
pub(crate) const fn f_opts_block(application: bool, direction: Direction, address: DevAddr, counter: u32) -> [u8; 16] {
    block([1, 0, 0, 0, if application { 2 } else { 1 }], direction, address, counter, 1)
}

/// What stands in front of a join accept of 1.1 when its MIC is made: the kind of request that it answers, the join
/// server, the nonce of the request; TS001-1.1, 6.2.3.
pub(crate) fn join_accept_prefix(asked: &Asked) -> [u8; 11] {
    /// `JoinReqType` of a join request; that of a rejoin request is its own.
    const JOIN_REQUEST: u8 = 0xff;
    let mut prefix = [0; 11];
    let [first, middle @ .., n0, n1] = &mut prefix;
    *first = asked.rejoin.unwrap_or(JOIN_REQUEST);
    *middle = asked.join_eui.to_air();
    [*n0, *n1] = asked.nonce.to_le_bytes();
    prefix
}

#[inline]
const fn block(head: [u8; 5], direction: Direction, address: DevAddr, counter: u32, last: u8) -> [u8; 16] {
    let [h0, h1, h2, h3, h4] = head;
    let [a0, a1, a2, a3] = address.to_air();
    let [f0, f1, f2, f3] = counter.to_le_bytes();
    [h0, h1, h2, h3, h4, direction.bit(), a0, a1, a2, a3, f0, f1, f2, f3, 0, last]
}
