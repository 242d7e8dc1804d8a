use cosmwasm_std::{
    entry_point, from_json, to_json_binary, Binary, Deps, DepsMut, Env, IbcMsg, MessageInfo, Order,
    Response, StdResult,
};
use cw2::{get_contract_version, set_contract_version};
use cw20::Cw20ReceiveMsg;
use cw20_ics20::ibc::Ics20Packet;
use cw20_ics20::msg::{ExecuteMsg, QueryMsg as Ics20Query, TransferMsg};
use cw20_ics20::state::{CHANNEL_INFO, CONFIG};
use cw_storage_plus::Bound;
use cw_utils::{nonpayable, one_coin};

use crate::error::ContractError;
use crate::msg::{InstantiateMsg, ListVouchersResponse, MigrateMsg, QueryMsg, VoucherResponse};
use crate::vouchers;

const NAME: &str = "lightship:cw20-bridge";
const VERSION: &str = env!("CARGO_PKG_VERSION");

const MAX_LIMIT: u32 = 30;
const DEFAULT_LIMIT: u32 = 10;

#[entry_point]
pub fn instantiate(
    mut deps: DepsMut,
    env: Env,
    info: MessageInfo,
    msg: InstantiateMsg,
) -> Result<Response, ContractError> {
    vouchers::CODE_ID.save(deps.storage, &msg.voucher_code_id)?;
    let response = cw20_ics20::contract::instantiate(deps.branch(), env, info, msg.into())?;
    set_contract_version(deps.storage, NAME, VERSION)?;
    Ok(response)
}

#[entry_point]
pub fn migrate(deps: DepsMut, _env: Env, _msg: MigrateMsg) -> Result<Response, ContractError> {
    let stored = get_contract_version(deps.storage)?;
    if stored.contract != NAME {
        return Err(ContractError::CannotMigrate { contract: stored.contract });
    }
    set_contract_version(deps.storage, NAME, VERSION)?;
    Ok(Response::new())
}

#[entry_point]
pub fn execute(
    deps: DepsMut,
    env: Env,
    info: MessageInfo,
    msg: ExecuteMsg,
) -> Result<Response, ContractError> {
    match &msg {
        ExecuteMsg::Receive(wrapper) => {
            if let Some(path) = vouchers::BY_CONTRACT.may_load(deps.storage, &info.sender)? {
                return send_home(deps, env, info, wrapper.clone(), path);
            }
        }
        ExecuteMsg::Transfer(_) => {
            // A packet with such a denomination would be read as a voucher that goes home.
            let denom = one_coin(&info)?.denom;
            if denom.starts_with(&format!("wasm.{}/", env.contract.address)) {
                return Err(ContractError::LooksLikeVoucher { denom });
            }
        }
        _ => {}
    }
    Ok(cw20_ics20::contract::execute(deps, env, info, msg)?)
}

/// Burn vouchers, and send their whole path, which the chain that they came from knows as its own.
fn send_home(
    deps: DepsMut,
    env: Env,
    info: MessageInfo,
    wrapper: Cw20ReceiveMsg,
    path: String,
) -> Result<Response, ContractError> {
    nonpayable(&info)?;
    if wrapper.amount.is_zero() {
        return Err(ContractError::NoFunds);
    }
    let wish: TransferMsg = from_json(&wrapper.msg)?;
    let own = vouchers::channel_of(&path);
    if wish.channel != own {
        let (own, asked) = (own.to_string(), wish.channel);
        return Err(ContractError::OtherChannel { own, asked });
    }
    CHANNEL_INFO.load(deps.storage, own)?;
    let seconds = wish.timeout.unwrap_or(CONFIG.load(deps.storage)?.default_timeout);
    let sender = deps.api.addr_validate(&wrapper.sender)?;
    let packet =
        Ics20Packet::new(wrapper.amount, path.clone(), sender.as_str(), &wish.remote_address)
            .with_memo(wish.memo);
    let send = IbcMsg::SendPacket {
        channel_id: wish.channel,
        data: to_json_binary(&packet)?,
        timeout: env.block.time.plus_seconds(seconds).into(),
    };
    Ok(Response::new()
        .add_message(vouchers::burn(&info.sender, wrapper.amount)?)
        .add_message(send)
        .add_attribute("action", "transfer")
        .add_attribute("sender", packet.sender)
        .add_attribute("receiver", packet.receiver)
        .add_attribute("denom", packet.denom)
        .add_attribute("amount", packet.amount))
}

#[entry_point]
pub fn query(deps: Deps, env: Env, msg: QueryMsg) -> StdResult<Binary> {
    let published = match msg {
        QueryMsg::Voucher { path } => return to_json_binary(&voucher(deps, path)?),
        QueryMsg::VoucherOf { contract } => return to_json_binary(&voucher_of(deps, contract)?),
        QueryMsg::ListVouchers { start_after, limit } => {
            return to_json_binary(&list_vouchers(deps, start_after, limit)?)
        }
        QueryMsg::Port {} => Ics20Query::Port {},
        QueryMsg::ListChannels {} => Ics20Query::ListChannels {},
        QueryMsg::Channel { id } => Ics20Query::Channel { id },
        QueryMsg::Config {} => Ics20Query::Config {},
        QueryMsg::Admin {} => Ics20Query::Admin {},
        QueryMsg::Allowed { contract } => Ics20Query::Allowed { contract },
        QueryMsg::ListAllowed { start_after, limit } => {
            Ics20Query::ListAllowed { start_after, limit }
        }
    };
    cw20_ics20::contract::query(deps, env, published)
}

fn voucher(deps: Deps, path: String) -> StdResult<Option<VoucherResponse>> {
    let found = vouchers::BY_PATH.may_load(deps.storage, &path)?;
    Ok(found.map(|contract| VoucherResponse { path, contract }))
}

fn voucher_of(deps: Deps, contract: String) -> StdResult<Option<VoucherResponse>> {
    let contract = deps.api.addr_validate(&contract)?;
    let found = vouchers::BY_CONTRACT.may_load(deps.storage, &contract)?;
    Ok(found.map(|path| VoucherResponse { path, contract }))
}

fn list_vouchers(
    deps: Deps,
    start_after: Option<String>,
    limit: Option<u32>,
) -> StdResult<ListVouchersResponse> {
    let start = start_after.as_deref().map(Bound::exclusive);
    let vouchers = vouchers::BY_PATH
        .range(deps.storage, start, None, Order::Ascending)
        .take(limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT) as usize)
        .map(|found| found.map(|(path, contract)| VoucherResponse { path, contract }))
        .collect::<StdResult<_>>()?;
    Ok(ListVouchersResponse { vouchers })
}
