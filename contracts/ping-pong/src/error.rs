use cosmwasm_std::StdError;
use cw2::VersionError;
use thiserror::Error;

#[derive(Error, Debug, PartialEq)]
pub enum ContractError {
    #[error("{0}")]
    Std(#[from] StdError),
    #[error("{0}")]
    Version(#[from] VersionError),
    #[error("give either packet or data, not {0}")]
    PacketOrData(&'static str),
    #[error("count is {count}, allowed are 1 to {max}")]
    Count { count: u32, max: u32 },
    #[error("no channel {0} is connected to this contract")]
    NoChannel(String),
    #[error("no packet {channel}/{sequence} was received")]
    NeverReceived { channel: String, sequence: u64 },
    #[error("packet {channel}/{sequence} was received before")]
    ReceivedTwice { channel: String, sequence: u64 },
    #[error("packet {channel}/{sequence} is acknowledged already")]
    AcknowledgedTwice { channel: String, sequence: u64 },
    #[error("no packet {channel}/{sequence} was sent")]
    NeverSent { channel: String, sequence: u64 },
    #[error("packet {channel}/{sequence} is settled already")]
    SettledTwice { channel: String, sequence: u64 },
    #[error("the reply to a sent packet carries no sequence: {0}")]
    NoSequence(String),
    #[error("unknown reply id {0}")]
    UnknownReply(u64),
    /// What a `fail` packet asks for: the text as it is.
    #[error("{0}")]
    AsAsked(String),
}
