use cosmwasm_std::{
    Addr, Binary, BlockInfo, IbcChannel, IbcEndpoint, IbcTimeout, StdResult, Storage, Timestamp,
};
use cw_storage_plus::{Item, Map};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Config {
    pub version: String,
}

#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Counters {
    pub received: u64,
    pub sent: u64,
    pub acknowledged: u64,
    pub timed_out: u64,
}

/// Where and when something happened on this chain.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Moment {
    pub height: u64,
    pub time: Timestamp,
}

impl From<&BlockInfo> for Moment {
    fn from(block: &BlockInfo) -> Self {
        Moment { height: block.height, time: block.time }
    }
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Channel {
    pub channel: IbcChannel,
    pub opened: Moment,
    pub closed: Option<Moment>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Received {
    pub sequence: u64,
    pub src: IbcEndpoint,
    pub dest: IbcEndpoint,
    pub data: Binary,
    pub timeout: IbcTimeout,
    pub relayer: Addr,
    pub at: Moment,
    /// Absent as long as a `defer` packet waits for its acknowledgement.
    pub ack: Option<Binary>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Sent {
    pub channel: String,
    pub sequence: u64,
    pub data: Binary,
    pub timeout: IbcTimeout,
    pub at: Moment,
    pub state: SentState,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum SentState {
    Pending {},
    Acknowledged { ack: Binary, relayer: Addr, at: Moment },
    TimedOut { relayer: Addr, at: Moment },
}

pub const CONFIG: Item<Config> = Item::new("config");
pub const COUNTERS: Item<Counters> = Item::new("counters");
pub const CHANNELS: Map<&str, Channel> = Map::new("channels");
/// By (channel here, sequence), as SENT.
pub const RECEIVED: Map<(&str, u64), Received> = Map::new("received");
pub const SENT: Map<(&str, u64), Sent> = Map::new("sent");

pub fn count(storage: &mut dyn Storage, step: impl FnOnce(&mut Counters)) -> StdResult<()> {
    let mut counters = COUNTERS.load(storage)?;
    step(&mut counters);
    COUNTERS.save(storage, &counters)
}
