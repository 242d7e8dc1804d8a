"""Queries that a message may make: those that upstream's services mark as ``module_query_safe``.

From the ``query.proto`` of cosmos-sdk v0.53, ibc-go v10 and wasmd v0.61. Not all of them are served here.
"""

from __future__ import annotations

from typing import Final

_BY_SERVICE: Final = {
    "cosmos.auth.v1beta1": (
        "Account AccountAddressByID AccountInfo Accounts ModuleAccountByName ModuleAccounts Params"
    ),
    "cosmos.bank.v1beta1": (
        "AllBalances Balance DenomMetadata DenomMetadataByQueryString DenomOwners "
        "DenomOwnersByQuery DenomsMetadata Params SendEnabled SpendableBalanceByDenom "
        "SpendableBalances SupplyOf TotalSupply"
    ),
    "cosmos.staking.v1beta1": (
        "Delegation DelegatorDelegations DelegatorUnbondingDelegations DelegatorValidator "
        "DelegatorValidators HistoricalInfo Params Pool Redelegations UnbondingDelegation Validator "
        "ValidatorDelegations ValidatorUnbondingDelegations Validators"
    ),
    "cosmwasm.wasm.v1": (
        "AllContractState BuildAddress Code CodeInfo Codes ContractHistory ContractInfo "
        "ContractsByCode ContractsByCreator Params PinnedCodes RawContractState"
    ),
    "ibc.core.client.v1": "VerifyMembership",
}

MODULE_QUERY_SAFE: Final = frozenset(
    f"/{service}.Query/{method}"
    for service, methods in _BY_SERVICE.items()
    for method in methods.split()
)
