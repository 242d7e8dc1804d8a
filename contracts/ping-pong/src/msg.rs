use cosmwasm_std::{Binary, IbcTimeoutBlock};
use serde::{Deserialize, Serialize};

use crate::state::{Channel, Received, Sent};

#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct InstantiateMsg {
    /// Proposed when a channel is opened without a version; any other version is accepted.
    pub version: Option<String>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct MigrateMsg {}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ExecuteMsg {
    /// Sends `count` (default 1) ping packets.
    Ping {
        channel: String,
        text: String,
        timeout_seconds: Option<u64>,
        count: Option<u32>,
    },
    /// Sends one packet: a `packet` of the kinds below, or any `data`.
    /// Without a timeout of either kind it is 600 s.
    Send {
        channel: String,
        packet: Option<PacketData>,
        data: Option<Binary>,
        timeout_seconds: Option<u64>,
        timeout_height: Option<IbcTimeoutBlock>,
    },
    /// Writes the acknowledgement of a packet that asked to `defer` it.
    Acknowledge {
        channel: String,
        sequence: u64,
        ack: Binary,
    },
    Close {
        channel: String,
    },
}

/// The data of a packet says how the receiver has to answer it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PacketData {
    /// `{"result": base64({"pong":{"text":..}})}`
    Ping { text: String },
    /// `{"error": reason}`, returned by the contract; the packet is recorded.
    Refuse { reason: String },
    /// These bytes.
    Answer { with: Binary },
    /// No acknowledgement until somebody executes `acknowledge`.
    Defer {},
    /// The contract returns an error: the chain makes the acknowledgement, nothing is recorded.
    Fail { reason: String },
    /// The contract panics: the relayer's message fails, the packet stays undelivered.
    Panic {},
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Pong { text: String },
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum QueryMsg {
    /// [`crate::state::Config`]
    Config {},
    /// [`crate::state::Counters`]
    Counters {},
    /// [`Channel`]
    Channel { channel: String },
    /// [`ChannelsResponse`]
    Channels { start_after: Option<String>, limit: Option<u32> },
    /// [`Received`]: one packet
    Packet { channel: String, sequence: u64 },
    /// [`ReceivedResponse`]: packets by sequence
    Received { channel: String, start_after: Option<u64>, limit: Option<u32> },
    /// [`Sent`]: one packet
    Sent { channel: String, sequence: u64 },
    /// [`SentResponse`]: packets by sequence
    ListSent { channel: String, start_after: Option<u64>, limit: Option<u32> },
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct ChannelsResponse {
    pub channels: Vec<Channel>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct ReceivedResponse {
    pub packets: Vec<Received>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct SentResponse {
    pub packets: Vec<Sent>,
}

/// The data of a transaction that sent a packet.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct SendResponse {
    pub channel: String,
    pub sequence: u64,
}
