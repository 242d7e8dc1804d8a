use cosmwasm_std::{
    entry_point, from_json, to_json_binary, Binary, DepsMut, Env, Ibc3ChannelOpenResponse,
    IbcBasicResponse, IbcChannelCloseMsg, IbcChannelConnectMsg, IbcChannelOpenMsg, IbcPacket,
    IbcPacketAckMsg, IbcPacketReceiveMsg, IbcPacketTimeoutMsg, IbcReceiveResponse, Never, Reply,
    Response, SubMsg, SubMsgResult,
};
use cw20_ics20::ibc::{Ics20Ack, Ics20Packet};
use cw_utils::parse_instantiate_response_data;

use crate::error::ContractError;
use crate::vouchers;

/// Replies of this crate; all others belong to `cw20-ics20`.
const NEW_VOUCHER: u64 = 20_001;
const MINTED: u64 = 20_002;
const REFUNDED: u64 = 20_003;

fn ack_fail(error: String) -> Result<Binary, ContractError> {
    Ok(to_json_binary(&Ics20Ack::Error(error))?)
}

#[entry_point]
pub fn ibc_channel_open(
    deps: DepsMut,
    env: Env,
    msg: IbcChannelOpenMsg,
) -> Result<Option<Ibc3ChannelOpenResponse>, ContractError> {
    Ok(cw20_ics20::ibc::ibc_channel_open(deps, env, msg)?)
}

#[entry_point]
pub fn ibc_channel_connect(
    deps: DepsMut,
    env: Env,
    msg: IbcChannelConnectMsg,
) -> Result<IbcBasicResponse, ContractError> {
    Ok(cw20_ics20::ibc::ibc_channel_connect(deps, env, msg)?)
}

#[entry_point]
pub fn ibc_channel_close(
    _deps: DepsMut,
    _env: Env,
    _msg: IbcChannelCloseMsg,
) -> Result<IbcBasicResponse, ContractError> {
    Err(ContractError::NeverClosed)
}

#[entry_point]
pub fn ibc_packet_receive(
    deps: DepsMut,
    env: Env,
    msg: IbcPacketReceiveMsg,
) -> Result<IbcReceiveResponse, Never> {
    match from_json::<Ics20Packet>(&msg.packet.data) {
        Ok(data) if !data.denom.starts_with(&vouchers::prefix(&msg.packet.src)) => {
            Ok(receive_foreign(deps, env, &msg.packet, data).unwrap_or_else(refuse))
        }
        _ => cw20_ics20::ibc::ibc_packet_receive(deps, env, msg).map_err(|never| match never {}),
    }
}

fn refuse(error: ContractError) -> IbcReceiveResponse {
    let text = error.to_string();
    let ack = ack_fail(text.clone()).unwrap_or_default();
    IbcReceiveResponse::new(ack)
        .add_attribute("action", "receive")
        .add_attribute("success", "false")
        .add_attribute("error", text)
}

/// A token from elsewhere: mint of its voucher, which is made when there is none yet. Whatever goes
/// wrong in the token contract is the reply's to turn into an error acknowledgement.
fn receive_foreign(
    deps: DepsMut,
    env: Env,
    packet: &IbcPacket,
    data: Ics20Packet,
) -> Result<IbcReceiveResponse, ContractError> {
    if data.amount.is_zero() {
        return Err(ContractError::NoFunds);
    }
    let path = format!("{}{}", vouchers::prefix(&packet.dest), data.denom);
    let receiver = data.receiver.clone();
    let give = match vouchers::BY_PATH.may_load(deps.storage, &path)? {
        Some(contract) => {
            SubMsg::reply_on_error(vouchers::mint(&contract, receiver, data.amount)?, MINTED)
        }
        None => vouchers::create(deps.as_ref(), &env, &path, receiver, data.amount, NEW_VOUCHER)?,
    };
    let success = to_json_binary(&Ics20Ack::Result(b"1".into()))?;
    Ok(IbcReceiveResponse::new(success)
        .add_submessage(give)
        .add_attribute("action", "receive")
        .add_attribute("sender", data.sender)
        .add_attribute("receiver", data.receiver)
        .add_attribute("denom", path)
        .add_attribute("amount", data.amount)
        .add_attribute("success", "true"))
}

#[entry_point]
pub fn ibc_packet_ack(
    deps: DepsMut,
    env: Env,
    msg: IbcPacketAckMsg,
) -> Result<IbcBasicResponse, ContractError> {
    if let Ics20Ack::Error(error) = from_json(&msg.acknowledgement.data)? {
        if let Some(response) = refund_voucher(&deps, &msg.original_packet, error)? {
            return Ok(response);
        }
    }
    Ok(cw20_ics20::ibc::ibc_packet_ack(deps, env, msg)?)
}

#[entry_point]
pub fn ibc_packet_timeout(
    deps: DepsMut,
    env: Env,
    msg: IbcPacketTimeoutMsg,
) -> Result<IbcBasicResponse, ContractError> {
    match refund_voucher(&deps, &msg.packet, "timeout".to_string())? {
        Some(response) => Ok(response),
        None => Ok(cw20_ics20::ibc::ibc_packet_timeout(deps, env, msg)?),
    }
}

/// Mint again what was burnt for a packet that failed; None when it carried no voucher.
fn refund_voucher(
    deps: &DepsMut,
    packet: &IbcPacket,
    error: String,
) -> Result<Option<IbcBasicResponse>, ContractError> {
    let data: Ics20Packet = from_json(&packet.data)?;
    let Some(contract) = vouchers::BY_PATH.may_load(deps.storage, &data.denom)? else {
        return Ok(None);
    };
    let mint = vouchers::mint(&contract, data.sender.clone(), data.amount)?;
    let response = IbcBasicResponse::new()
        .add_submessage(SubMsg::reply_on_error(mint, REFUNDED))
        .add_attribute("action", "acknowledge")
        .add_attribute("sender", data.sender)
        .add_attribute("receiver", data.receiver)
        .add_attribute("denom", data.denom)
        .add_attribute("amount", data.amount)
        .add_attribute("success", "false")
        .add_attribute("error", error);
    Ok(Some(response))
}

#[entry_point]
pub fn reply(deps: DepsMut, env: Env, reply: Reply) -> Result<Response, ContractError> {
    match (reply.id, reply.result) {
        (NEW_VOUCHER, SubMsgResult::Ok(made)) => {
            let answer = made.msg_responses.first().ok_or(ContractError::NoVoucherAddress)?;
            let parsed = parse_instantiate_response_data(answer.value.as_slice())
                .map_err(|_| ContractError::NoVoucherAddress)?;
            let contract = deps.api.addr_validate(&parsed.contract_address)?;
            let path = String::from_utf8_lossy(reply.payload.as_slice()).into_owned();
            vouchers::record(deps.storage, path, &contract)?;
            Ok(Response::new().add_attribute("voucher", contract))
        }
        (NEW_VOUCHER | MINTED, SubMsgResult::Err(error)) => {
            Ok(Response::new().set_data(ack_fail(error)?))
        }
        (REFUNDED, SubMsgResult::Err(error)) => {
            Ok(Response::new().add_attribute("refund_error", error))
        }
        (_, result) => {
            let rest = Reply { result, ..reply };
            Ok(cw20_ics20::ibc::reply(deps, env, rest)?)
        }
    }
}
