use cosmwasm_std::{
    entry_point, from_json, to_json_binary, Binary, Deps, DepsMut, Env, IbcAcknowledgement, IbcMsg,
    IbcTimeout, IbcTimeoutBlock, MessageInfo, Order, Reply, Response, StdResult, SubMsg,
    SubMsgResponse, Timestamp,
};
use cw2::{ensure_from_older_version, set_contract_version};
use cw_storage_plus::Bound;
use serde::{Deserialize, Serialize};

use crate::error::ContractError;
use crate::msg::{
    ChannelsResponse, ExecuteMsg, InstantiateMsg, MigrateMsg, PacketData, QueryMsg,
    ReceivedResponse, SendResponse, SentResponse,
};
use crate::state::{
    count, Config, Counters, Moment, Sent, SentState, CHANNELS, CONFIG, COUNTERS, RECEIVED, SENT,
};

pub const CONTRACT_NAME: &str = "lightship:ping-pong";
pub const CONTRACT_VERSION: &str = env!("CARGO_PKG_VERSION");
pub const DEFAULT_VERSION: &str = "ping-pong-1";
pub const DEFAULT_TIMEOUT_SECONDS: u64 = 600;
pub const MAX_COUNT: u32 = 100;
const REPLY_SENT: u64 = 1;
const DEFAULT_LIMIT: u32 = 10;
const MAX_LIMIT: u32 = 100;

#[entry_point]
pub fn instantiate(
    deps: DepsMut,
    _: Env,
    _: MessageInfo,
    msg: InstantiateMsg,
) -> Result<Response, ContractError> {
    set_contract_version(deps.storage, CONTRACT_NAME, CONTRACT_VERSION)?;
    let version = msg.version.unwrap_or_else(|| DEFAULT_VERSION.to_owned());
    CONFIG.save(deps.storage, &Config { version })?;
    COUNTERS.save(deps.storage, &Counters::default())?;
    Ok(Response::new().add_attribute("action", "instantiate"))
}

#[entry_point]
pub fn migrate(deps: DepsMut, _: Env, _: MigrateMsg) -> Result<Response, ContractError> {
    ensure_from_older_version(deps.storage, CONTRACT_NAME, CONTRACT_VERSION)?;
    Ok(Response::new().add_attribute("action", "migrate"))
}

#[entry_point]
pub fn execute(
    deps: DepsMut,
    env: Env,
    _: MessageInfo,
    msg: ExecuteMsg,
) -> Result<Response, ContractError> {
    match msg {
        ExecuteMsg::Ping { channel, text, timeout_seconds, count } => {
            let data = to_json_binary(&PacketData::Ping { text })?;
            let timeout = timeout(&env, timeout_seconds, None);
            send(channel, data, timeout, count.unwrap_or(1))
        }
        ExecuteMsg::Send { channel, packet, data, timeout_seconds, timeout_height } => {
            let data = match (packet, data) {
                (Some(packet), None) => to_json_binary(&packet)?,
                (None, Some(data)) => data,
                (Some(_), Some(_)) => return Err(ContractError::PacketOrData("both")),
                (None, None) => return Err(ContractError::PacketOrData("neither")),
            };
            send(channel, data, timeout(&env, timeout_seconds, timeout_height), 1)
        }
        ExecuteMsg::Acknowledge { channel, sequence, ack } => {
            acknowledge(deps, channel, sequence, ack)
        }
        ExecuteMsg::Close { channel } => Ok(Response::new()
            .add_attribute("action", "close")
            .add_attribute("channel", &channel)
            .add_message(IbcMsg::CloseChannel { channel_id: channel })),
    }
}

/// What a send has to remember until its reply brings the sequence.
#[derive(Serialize, Deserialize)]
struct InFlight {
    channel: String,
    data: Binary,
    timeout: IbcTimeout,
}

fn send(
    channel: String,
    data: Binary,
    timeout: IbcTimeout,
    count: u32,
) -> Result<Response, ContractError> {
    if count == 0 || count > MAX_COUNT {
        return Err(ContractError::Count { count, max: MAX_COUNT });
    }
    let payload = to_json_binary(&InFlight {
        channel: channel.clone(),
        data: data.clone(),
        timeout: timeout.clone(),
    })?;
    let packet = IbcMsg::SendPacket { channel_id: channel.clone(), data, timeout };
    let message = SubMsg::reply_on_success(packet, REPLY_SENT).with_payload(payload);
    Ok(Response::new()
        .add_attribute("action", "send")
        .add_attribute("channel", channel)
        .add_submessages(vec![message; count as usize]))
}

fn timeout(env: &Env, seconds: Option<u64>, block: Option<IbcTimeoutBlock>) -> IbcTimeout {
    let after = |seconds| -> Timestamp { env.block.time.plus_seconds(seconds) };
    match (seconds, block) {
        (None, None) => IbcTimeout::with_timestamp(after(DEFAULT_TIMEOUT_SECONDS)),
        (Some(seconds), None) => IbcTimeout::with_timestamp(after(seconds)),
        (None, Some(block)) => IbcTimeout::with_block(block),
        (Some(seconds), Some(block)) => IbcTimeout::with_both(block, after(seconds)),
    }
}

fn acknowledge(
    deps: DepsMut,
    channel: String,
    sequence: u64,
    ack: Binary,
) -> Result<Response, ContractError> {
    let key = (channel.as_str(), sequence);
    let Some(mut packet) = RECEIVED.may_load(deps.storage, key)? else {
        return Err(ContractError::NeverReceived { channel, sequence });
    };
    if packet.ack.is_some() {
        return Err(ContractError::AcknowledgedTwice { channel, sequence });
    }
    packet.ack = Some(ack.clone());
    RECEIVED.save(deps.storage, key, &packet)?;
    Ok(Response::new()
        .add_attribute("action", "acknowledge")
        .add_attribute("channel", &channel)
        .add_attribute("sequence", sequence.to_string())
        .add_message(IbcMsg::WriteAcknowledgement {
            channel_id: channel,
            packet_sequence: sequence,
            ack: IbcAcknowledgement::new(ack),
        }))
}

#[entry_point]
pub fn reply(deps: DepsMut, env: Env, reply: Reply) -> Result<Response, ContractError> {
    if reply.id != REPLY_SENT {
        return Err(ContractError::UnknownReply(reply.id));
    }
    let result = reply.result.into_result();
    let sequence = sent_sequence(&result.map_err(ContractError::NoSequence)?)?;
    let InFlight { channel, data, timeout } = from_json(&reply.payload)?;
    let sent = Sent {
        channel: channel.clone(),
        sequence,
        data,
        timeout,
        at: Moment::from(&env.block),
        state: SentState::Pending {},
    };
    SENT.save(deps.storage, (&channel, sequence), &sent)?;
    count(deps.storage, |counters| counters.sent += 1)?;
    Ok(Response::new()
        .add_attribute("action", "sent")
        .add_attribute("channel", &channel)
        .add_attribute("sequence", sequence.to_string())
        .set_data(to_json_binary(&SendResponse { channel, sequence })?))
}

/// The sequence in cosmwasm.wasm.v1.MsgIBCSendResponse, whose only field is `uint64 sequence = 1`.
/// Chains older than CosmWasm 2.0 give it in `data` alone.
fn sent_sequence(response: &SubMsgResponse) -> Result<u64, ContractError> {
    #[allow(deprecated)]
    let old_style = response.data.as_ref();
    let bytes = response
        .msg_responses
        .iter()
        .find(|answer| answer.type_url.ends_with(".MsgIBCSendResponse"))
        .map(|answer| &answer.value)
        .or(old_style)
        .ok_or_else(|| ContractError::NoSequence("no response".to_owned()))?;
    uint64_field_1(bytes).ok_or_else(|| ContractError::NoSequence(bytes.to_base64()))
}

fn uint64_field_1(bytes: &[u8]) -> Option<u64> {
    let (&tag, varint) = bytes.split_first()?;
    let (&last, rest) = varint.split_last()?;
    let well_formed = last < 0x80 && rest.iter().all(|byte| *byte >= 0x80) && rest.len() < 10;
    if tag != 0x08 || !well_formed {
        return None;
    }
    varint
        .iter()
        .rev()
        .try_fold(0u64, |value, byte| value.checked_mul(128)?.checked_add(u64::from(byte & 0x7f)))
}

#[entry_point]
pub fn query(deps: Deps, _: Env, msg: QueryMsg) -> Result<Binary, ContractError> {
    let json = match msg {
        QueryMsg::Config {} => to_json_binary(&CONFIG.load(deps.storage)?),
        QueryMsg::Counters {} => to_json_binary(&COUNTERS.load(deps.storage)?),
        QueryMsg::Channel { channel } => match CHANNELS.may_load(deps.storage, &channel)? {
            Some(record) => to_json_binary(&record),
            None => return Err(ContractError::NoChannel(channel)),
        },
        QueryMsg::Channels { start_after, limit } => {
            let start = start_after.as_deref().map(Bound::exclusive);
            let channels = CHANNELS
                .range(deps.storage, start, None, Order::Ascending)
                .take(page(limit))
                .map(|entry| entry.map(|(_, channel)| channel))
                .collect::<StdResult<_>>()?;
            to_json_binary(&ChannelsResponse { channels })
        }
        QueryMsg::Packet { channel, sequence } => {
            match RECEIVED.may_load(deps.storage, (&channel, sequence))? {
                Some(packet) => to_json_binary(&packet),
                None => return Err(ContractError::NeverReceived { channel, sequence }),
            }
        }
        QueryMsg::Received { channel, start_after, limit } => {
            let packets = RECEIVED
                .prefix(&channel)
                .range(deps.storage, start_after.map(Bound::exclusive), None, Order::Ascending)
                .take(page(limit))
                .map(|entry| entry.map(|(_, packet)| packet))
                .collect::<StdResult<_>>()?;
            to_json_binary(&ReceivedResponse { packets })
        }
        QueryMsg::Sent { channel, sequence } => {
            match SENT.may_load(deps.storage, (&channel, sequence))? {
                Some(packet) => to_json_binary(&packet),
                None => return Err(ContractError::NeverSent { channel, sequence }),
            }
        }
        QueryMsg::ListSent { channel, start_after, limit } => {
            let packets = SENT
                .prefix(&channel)
                .range(deps.storage, start_after.map(Bound::exclusive), None, Order::Ascending)
                .take(page(limit))
                .map(|entry| entry.map(|(_, packet)| packet))
                .collect::<StdResult<_>>()?;
            to_json_binary(&SentResponse { packets })
        }
    };
    Ok(json?)
}

fn page(limit: Option<u32>) -> usize {
    limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT) as usize
}
