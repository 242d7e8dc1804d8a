//! Which contract stands for which path, and the messages that make, mint and burn.

use cosmwasm_std::{
    to_json_binary, Addr, Binary, Deps, Env, IbcEndpoint, StdResult, Storage, SubMsg, Uint128,
    WasmMsg,
};
use cw20::{Cw20Coin, Cw20ExecuteMsg, MinterResponse};
use cw20_base::msg::InstantiateMsg as TokenMsg;
use cw_storage_plus::{Item, Map};

/// The code of which vouchers are made.
pub const CODE_ID: Item<u64> = Item::new("voucher_code_id");
/// path -> contract
pub const BY_PATH: Map<&str, Addr> = Map::new("vouchers");
/// contract -> path
pub const BY_CONTRACT: Map<&Addr, String> = Map::new("voucher_paths");
/// How many there are; their symbols are numbered.
const COUNT: Item<u64> = Item::new("voucher_count");

const DECIMALS: u8 = 6;
const MAX_NAME: usize = 50; // cw20-base's limit

/// The prefix that an endpoint puts before a denomination.
pub fn prefix(endpoint: &IbcEndpoint) -> String {
    format!("{}/{}/", endpoint.port_id, endpoint.channel_id)
}

/// The channel in a voucher's path, which is where it came from and goes back to.
pub fn channel_of(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

/// A new voucher that starts with `amount` in the hands of `receiver`. `id` names the reply.
pub fn create(
    deps: Deps,
    env: &Env,
    path: &str,
    receiver: String,
    amount: Uint128,
    id: u64,
) -> StdResult<SubMsg> {
    let bridge = env.contract.address.to_string();
    let token = TokenMsg {
        name: name(path),
        symbol: symbol(COUNT.may_load(deps.storage)?.unwrap_or_default()),
        decimals: DECIMALS,
        initial_balances: vec![Cw20Coin { address: receiver, amount }],
        mint: Some(MinterResponse { minter: bridge, cap: None }),
        marketing: None,
    };
    let message = WasmMsg::Instantiate {
        admin: None,
        code_id: CODE_ID.load(deps.storage)?,
        msg: to_json_binary(&token)?,
        funds: vec![],
        label: "ICS-20 voucher".to_string(),
    };
    Ok(SubMsg::reply_always(message, id).with_payload(Binary::from(path.as_bytes())))
}

/// Remember the contract that was made for a path.
pub fn record(storage: &mut dyn Storage, path: String, contract: &Addr) -> StdResult<()> {
    BY_PATH.save(storage, &path, contract)?;
    BY_CONTRACT.save(storage, contract, &path)?;
    let count = COUNT.may_load(storage)?.unwrap_or_default();
    COUNT.save(storage, &(count + 1))
}

pub fn mint(contract: &Addr, recipient: String, amount: Uint128) -> StdResult<WasmMsg> {
    call(contract, &Cw20ExecuteMsg::Mint { recipient, amount })
}

pub fn burn(contract: &Addr, amount: Uint128) -> StdResult<WasmMsg> {
    call(contract, &Cw20ExecuteMsg::Burn { amount })
}

fn call(contract: &Addr, msg: &Cw20ExecuteMsg) -> StdResult<WasmMsg> {
    Ok(WasmMsg::Execute {
        contract_addr: contract.to_string(),
        msg: to_json_binary(msg)?,
        funds: vec![],
    })
}

/// What wallets show: the token and the channel, as far as there is room.
fn name(path: &str) -> String {
    let token = path.splitn(3, '/').nth(2).unwrap_or_default();
    let text = format!("{} {}", channel_of(path), token);
    text.chars().filter(|each| each.is_ascii_graphic() || *each == ' ').take(MAX_NAME).collect()
}

/// IBC-A, IBC-B, .. IBC-Z, IBC-BA ..: letters are all that cw20 allows.
fn symbol(number: u64) -> String {
    let mut letters = Vec::new();
    let mut rest = number;
    loop {
        letters.push(b'A' + (rest % 26) as u8);
        rest /= 26;
        if rest == 0 {
            break;
        }
    }
    letters.reverse();
    format!("IBC-{}", String::from_utf8_lossy(&letters))
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn symbols_are_letters_and_differ() {
        assert_eq!(symbol(0), "IBC-A");
        assert_eq!(symbol(25), "IBC-Z");
        assert_eq!(symbol(26), "IBC-BA");
        assert!(symbol(1 << 32).len() <= 12);
    }

    #[test]
    fn names_fit_cw20() {
        let long = format!("wasm.a/channel-7/{}", "x".repeat(300));
        assert_eq!(name(&long).len(), MAX_NAME);
        assert_eq!(name("wasm.a/channel-7/ustake"), "channel-7 ustake");
    }
}
