use cosmwasm_std::Addr;
use cw20_ics20::msg::{AllowMsg, InitMsg};
use serde::{Deserialize, Serialize};

/// What `cw20-ics20` is instantiated with, and the code of which vouchers are made (`cw20_token`).
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct InstantiateMsg {
    pub default_timeout: u64,
    pub gov_contract: String,
    pub allowlist: Vec<AllowMsg>,
    pub default_gas_limit: Option<u64>,
    pub voucher_code_id: u64,
}

impl From<InstantiateMsg> for InitMsg {
    fn from(msg: InstantiateMsg) -> Self {
        InitMsg {
            default_timeout: msg.default_timeout,
            gov_contract: msg.gov_contract,
            allowlist: msg.allowlist,
            default_gas_limit: msg.default_gas_limit,
        }
    }
}

#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct MigrateMsg {}

/// The queries of `cw20-ics20`, and three about vouchers.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum QueryMsg {
    Port {},
    ListChannels {},
    Channel {
        id: String,
    },
    Config {},
    Admin {},
    Allowed {
        contract: String,
    },
    ListAllowed {
        start_after: Option<String>,
        limit: Option<u32>,
    },
    /// The voucher for a path such as `wasm.cosmos1../channel-0/cw20:cosmos1..`, or null.
    Voucher {
        path: String,
    },
    /// The path for which a contract is the voucher, or null.
    VoucherOf {
        contract: String,
    },
    ListVouchers {
        start_after: Option<String>,
        limit: Option<u32>,
    },
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct VoucherResponse {
    pub path: String,
    pub contract: Addr,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct ListVouchersResponse {
    pub vouchers: Vec<VoucherResponse>,
}
