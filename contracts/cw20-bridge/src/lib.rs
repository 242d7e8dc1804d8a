//! An ICS-20 bridge that works from contract to contract.
//!
//! Tokens of this chain are in the hands of the published `cw20-ics20`: it escrows them when they leave
//! and pays them out when they come home. What it refuses, tokens that come from elsewhere, is done here:
//! they become vouchers, cw20 tokens of which this contract is the minter, one for every path over which
//! tokens arrive. A voucher that is sent back over its channel is burnt, and minted again when the packet
//! fails.

pub mod contract;
pub mod error;
pub mod ibc;
pub mod msg;
pub mod vouchers;

#[cfg(test)]
mod tests;
