"""Which modules make up the application, and which keeper each is handed: the one place that knows all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chain.ante import Ante
from chain.modules.auth.module import Auth
from chain.modules.authz.module import Authz
from chain.modules.bank.module import BURNER, MINTER, Bank
from chain.modules.base.consensus import Consensus
from chain.modules.base.upgrade import Upgrade
from chain.modules.feegrant.module import FeeGrant
from chain.modules.ibc.module import Ibc
from chain.modules.ica.module import InterchainAccounts
from chain.modules.idle import Idle
from chain.modules.staking.authorizations import STAKE
from chain.modules.staking.module import Staking
from chain.modules.transfer.authorizations import TRANSFER
from chain.modules.transfer.hooks import Hooks
from chain.modules.transfer.module import Transfer
from chain.modules.wasm import authorizations
from chain.modules.wasm.module import Wasm
from chain.modules.wasm.validate import Validator
from chain.router import Module, Routers
from chain.vm import VM

MODULE_ACCOUNTS: Final[Mapping[str, tuple[str, ...]]] = {
    "fee_collector": (),
    "mint": (MINTER,),
    "bonded_tokens_pool": (BURNER, "staking"),
    "not_bonded_tokens_pool": (BURNER, "staking"),
    "gov": (BURNER,),
    "transfer": (MINTER, BURNER),
    "interchainaccounts": (),
    "wasm": (BURNER,),
}
"""Module accounts and their permissions, as wasmd has them (app/app.go)."""

AUTHORITY: Final = "gov"
"""The module whose account may change parameters; it also may receive coins, which the others may not."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """The modules in the order of their genesis, and what the application needs of some by name."""

    modules: tuple[Module, ...]
    routers: Routers
    auth: Auth
    bank: Bank
    staking: Staking
    consensus: Consensus
    upgrade: Upgrade
    ibc: Ibc
    ante: Ante
    wasm: Wasm | None

    @property
    def stores(self) -> list[str]:
        return [store for module in self.modules for store in module.stores]


def assemble(bech32_prefix: str, vm: VM | None) -> Assembly:
    """Build and register every module. Without a ``vm`` the chain has no contracts."""
    routers = Routers()
    auth = Auth(bech32_prefix, MODULE_ACCOUNTS)
    authority = auth.module_address(AUTHORITY)
    bank = Bank(auth, blocked=[name for name in MODULE_ACCOUNTS if name != AUTHORITY])
    feegrant = FeeGrant(auth, bank)
    contract_grants = authorizations.kinds(Validator(auth)) if vm else ()
    authz = Authz(auth, bank, routers.messages, (STAKE, TRANSFER, *contract_grants))
    staking = Staking(auth)
    consensus, upgrade = Consensus(), Upgrade(authority)
    ibc = Ibc(authority)
    transfer = Transfer(auth, bank, ibc, routers.messages)
    ica = InterchainAccounts(auth, ibc, routers)
    wasm = Wasm(auth, bank, staking, ibc, routers, vm, authority, consensus) if vm else None
    of_contracts: tuple[Module, ...] = ()
    if wasm is not None:
        transfer.call_back(wasm.callbacks)
        ica.call_back(wasm.callbacks)
        hooks = Hooks(auth, wasm.hooked)
        transfer.hook(hooks)
        of_contracts = (wasm, hooks)
    built: list[Any] = [
        auth,
        bank,
        feegrant,
        authz,
        staking,
        consensus,
        upgrade,
        ibc,
        transfer,
        ica,
    ]
    modules: tuple[Module, ...] = (*built, *of_contracts)
    for module in modules:
        module.register(routers.messages, routers.queries)
    Idle(auth, staking).register(routers.queries)
    ante = Ante(auth, bank, feegrant, after_setup=(wasm.ante,) if wasm else (), last=(ibc.ante,))
    return Assembly(modules, routers, auth, bank, staking, consensus, upgrade, ibc, ante, wasm)
