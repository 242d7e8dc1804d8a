use cosmwasm_std::{
    entry_point, from_json, to_json_binary, Binary, DepsMut, Env, Ibc3ChannelOpenResponse,
    IbcBasicResponse, IbcChannelCloseMsg, IbcChannelConnectMsg, IbcChannelOpenMsg, IbcOrder,
    IbcPacket, IbcPacketAckMsg, IbcPacketReceiveMsg, IbcPacketTimeoutMsg, IbcReceiveResponse,
    StdAck, StdResult, Storage,
};

use crate::error::ContractError;
use crate::msg::{Answer, PacketData};
use crate::state::{
    count, Channel, Moment, Received, Sent, SentState, CHANNELS, CONFIG, RECEIVED, SENT,
};

/// Takes any order and any version; proposes its own version where the opener names none.
#[entry_point]
pub fn ibc_channel_open(
    deps: DepsMut,
    _: Env,
    msg: IbcChannelOpenMsg,
) -> Result<Option<Ibc3ChannelOpenResponse>, ContractError> {
    let proposed = msg.counterparty_version().unwrap_or(&msg.channel().version);
    let version =
        if proposed.is_empty() { CONFIG.load(deps.storage)?.version } else { proposed.to_owned() };
    Ok(Some(Ibc3ChannelOpenResponse { version }))
}

#[entry_point]
pub fn ibc_channel_connect(
    deps: DepsMut,
    env: Env,
    msg: IbcChannelConnectMsg,
) -> Result<IbcBasicResponse, ContractError> {
    let channel =
        Channel { channel: msg.channel().clone(), opened: Moment::from(&env.block), closed: None };
    let id = &channel.channel.endpoint.channel_id;
    CHANNELS.save(deps.storage, id, &channel)?;
    Ok(IbcBasicResponse::new()
        .add_attribute("action", "channel_opened")
        .add_attribute("channel", id))
}

#[entry_point]
pub fn ibc_channel_close(
    deps: DepsMut,
    env: Env,
    msg: IbcChannelCloseMsg,
) -> Result<IbcBasicResponse, ContractError> {
    let id = &msg.channel().endpoint.channel_id;
    record_close(deps.storage, &env, id)?;
    Ok(IbcBasicResponse::new()
        .add_attribute("action", "channel_closed")
        .add_attribute("channel", id))
}

fn record_close(storage: &mut dyn Storage, env: &Env, channel: &str) -> StdResult<()> {
    let mut record = CHANNELS.load(storage, channel)?;
    record.closed.get_or_insert_with(|| Moment::from(&env.block));
    CHANNELS.save(storage, channel, &record)
}

#[entry_point]
pub fn ibc_packet_receive(
    deps: DepsMut,
    env: Env,
    msg: IbcPacketReceiveMsg,
) -> Result<IbcReceiveResponse, ContractError> {
    let packet = msg.packet;
    let (kind, ack) = answer(&packet.data)?;
    let channel = packet.dest.channel_id.clone();
    let sequence = packet.sequence;
    if RECEIVED.has(deps.storage, (&channel, sequence)) {
        return Err(ContractError::ReceivedTwice { channel, sequence });
    }
    let record = Received {
        sequence,
        src: packet.src,
        dest: packet.dest,
        data: packet.data,
        timeout: packet.timeout,
        relayer: msg.relayer,
        at: Moment::from(&env.block),
        ack: ack.clone(),
    };
    RECEIVED.save(deps.storage, (&channel, sequence), &record)?;
    count(deps.storage, |counters| counters.received += 1)?;
    let response = match ack {
        Some(ack) => IbcReceiveResponse::new(ack),
        None => IbcReceiveResponse::without_ack(),
    };
    Ok(response
        .add_attribute("action", "receive")
        .add_attribute("packet", kind)
        .add_attribute("channel", channel)
        .add_attribute("sequence", sequence.to_string()))
}

/// The kind of a packet and the acknowledgement that it asks for.
fn answer(data: &Binary) -> Result<(&'static str, Option<Binary>), ContractError> {
    let Ok(packet) = from_json::<PacketData>(data) else {
        return Ok(("unknown", Some(StdAck::error("not a ping-pong packet").to_binary())));
    };
    Ok(match packet {
        PacketData::Ping { text } => {
            let pong = to_json_binary(&Answer::Pong { text })?;
            ("ping", Some(StdAck::success(pong).to_binary()))
        }
        PacketData::Refuse { reason } => ("refuse", Some(StdAck::error(reason).to_binary())),
        PacketData::Answer { with } => ("answer", Some(with)),
        PacketData::Defer {} => ("defer", None),
        PacketData::Fail { reason } => return Err(ContractError::AsAsked(reason)),
        PacketData::Panic {} => panic!("the packet asked for it"),
    })
}

#[entry_point]
pub fn ibc_packet_ack(
    deps: DepsMut,
    env: Env,
    msg: IbcPacketAckMsg,
) -> Result<IbcBasicResponse, ContractError> {
    let state = SentState::Acknowledged {
        ack: msg.acknowledgement.data,
        relayer: msg.relayer,
        at: Moment::from(&env.block),
    };
    let response = settle(deps.storage, &msg.original_packet, state, "acknowledged")?;
    count(deps.storage, |counters| counters.acknowledged += 1)?;
    Ok(response)
}

/// The chain closes an ordered channel on a timeout and does not call `ibc_channel_close`.
#[entry_point]
pub fn ibc_packet_timeout(
    deps: DepsMut,
    env: Env,
    msg: IbcPacketTimeoutMsg,
) -> Result<IbcBasicResponse, ContractError> {
    let state = SentState::TimedOut { relayer: msg.relayer, at: Moment::from(&env.block) };
    let response = settle(deps.storage, &msg.packet, state, "timed_out")?;
    count(deps.storage, |counters| counters.timed_out += 1)?;
    let id = &msg.packet.src.channel_id;
    if CHANNELS.load(deps.storage, id)?.channel.order == IbcOrder::Ordered {
        record_close(deps.storage, &env, id)?;
    }
    Ok(response)
}

fn settle(
    storage: &mut dyn Storage,
    packet: &IbcPacket,
    state: SentState,
    action: &str,
) -> Result<IbcBasicResponse, ContractError> {
    let channel = packet.src.channel_id.clone();
    let sequence = packet.sequence;
    let Some(sent) = SENT.may_load(storage, (&channel, sequence))? else {
        return Err(ContractError::NeverSent { channel, sequence });
    };
    if sent.state != (SentState::Pending {}) {
        return Err(ContractError::SettledTwice { channel, sequence });
    }
    SENT.save(storage, (&channel, sequence), &Sent { state, ..sent })?;
    Ok(IbcBasicResponse::new()
        .add_attribute("action", action)
        .add_attribute("channel", channel)
        .add_attribute("sequence", sequence.to_string()))
}
