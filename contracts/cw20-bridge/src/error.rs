use cosmwasm_std::StdError;
use thiserror::Error;

#[derive(Error, Debug, PartialEq)]
pub enum ContractError {
    #[error("{0}")]
    Std(#[from] StdError),

    #[error("{0}")]
    Ics20(#[from] cw20_ics20::ContractError),

    #[error("{0}")]
    Payment(#[from] cw_utils::PaymentError),

    #[error("voucher of {own} can only go back over {own}, not over {asked}")]
    OtherChannel { own: String, asked: String },

    #[error("denomination {denom} has the form of a voucher of this bridge")]
    LooksLikeVoucher { denom: String },

    #[error("no tokens were sent")]
    NoFunds,

    #[error("a channel of this bridge is never closed: it holds tokens")]
    NeverClosed,

    #[error("cannot migrate from {contract}")]
    CannotMigrate { contract: String },

    #[error("the reply to the new voucher carries no address")]
    NoVoucherAddress,
}
