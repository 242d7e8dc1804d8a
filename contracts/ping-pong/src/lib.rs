//! An IBC contract for demonstrations and tests: it records every packet it gets, answers it as
//! the packet itself asks, and remembers what became of every packet it sent.

pub mod contract;
pub mod error;
pub mod ibc;
pub mod msg;
pub mod state;
#[cfg(test)]
mod tests;
