"""x/bank: balances, transfers, supply (cosmos-sdk x/bank/keeper)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from chain import coins
from chain.coins import Coin
from chain.context import Context
from chain.errors import (
    INSUFFICIENT_FUNDS,
    INVALID_ADDRESS,
    INVALID_COINS,
    UNAUTHORIZED,
    AbciError,
    GenesisError,
)
from chain.modules import genesis, grants
from chain.modules.auth.module import Auth
from chain.modules.bank import store
from chain.modules.bank.errors import (
    INPUT_OUTPUT_MISMATCH,
    MULTIPLE_SENDERS,
    NO_INPUTS,
    NO_OUTPUTS,
    SEND_DISABLED,
)
from chain.modules.bank.queries import Queries
from chain.router import MessageRouter, QueryRouter
from cosmos_pb.cosmos.bank.v1beta1 import bank_pb2, genesis_pb2, tx_pb2
from light_client.addresses import module_account

MINTER: Final = "minter"
BURNER: Final = "burner"


class Bank:
    """``blocked`` names the modules whose accounts no transfer may reach."""

    name = "bank"
    stores = (store.STORE,)

    def __init__(self, auth: Auth, blocked: Sequence[str]) -> None:
        self._auth = auth
        self._blocked = frozenset(map(module_account, blocked))

    def register(self, messages: MessageRouter, queries: QueryRouter) -> None:
        messages.register(
            tx_pb2.MsgSend, self._msg_send, lambda msg: (msg.from_address,), grants.check
        )
        messages.register(
            tx_pb2.MsgMultiSend,
            self._msg_multi_send,
            lambda msg: [each.address for each in msg.inputs],
            grants.check,
        )
        Queries(self._auth).register(queries)

    # Reading

    def balance(self, ctx: Context, address: str, denom: str) -> int:
        return store.balance(ctx, self._auth.address_bytes(address), denom)

    def balances(self, ctx: Context, address: str) -> list[Coin]:
        return list(store.balances(ctx, self._auth.address_bytes(address)))

    def supply(self, ctx: Context, denom: str) -> int:
        return store.supply(ctx, denom)

    def is_blocked(self, address: str) -> bool:
        return self._auth.address_bytes(address) in self._blocked

    def denom_metadata(self, ctx: Context, denom: str) -> bank_pb2.Metadata | None:
        return store.metadata(ctx, denom)

    def has_denom_metadata(self, ctx: Context, denom: str) -> bool:
        return store.has_metadata(ctx, denom)

    def set_denom_metadata(self, ctx: Context, metadata: bank_pb2.Metadata) -> None:
        store.set_metadata(ctx, metadata)

    def is_send_enabled(self, ctx: Context, denom: str) -> bool:
        default = store.default_send_enabled(ctx)
        own = store.send_enabled(ctx, denom)
        return default if own is None else own

    def check_send_enabled(self, ctx: Context, amount: Sequence[Coin]) -> None:
        """bank/5 for the first coin that may not be sent; the default is read first and once, as the SDK does."""
        if not amount:
            return
        default = store.default_send_enabled(ctx)
        for coin in amount:
            own = store.send_enabled(ctx, coin.denom)
            if not (default if own is None else own):
                raise SEND_DISABLED(f"{coin.denom} transfers are currently disabled")

    # Moving

    def send(self, ctx: Context, sender: str, recipient: str, amount: Sequence[Coin]) -> None:
        """Move coins and emit what SendCoins emits; an unknown recipient gets an account. sdk/5, sdk/7, sdk/10."""
        source = self._auth.address_bytes(sender)
        target = self._auth.address_bytes(recipient)
        self._subtract(ctx, source, amount)
        self._add(ctx, target, amount)
        self._ensure_account(ctx, target)
        sender = self._auth.address_text(source)
        recipient = self._auth.address_text(target)
        ctx.emit("transfer", recipient=recipient, sender=sender, amount=coins.text(amount))
        ctx.emit("message", sender=sender)

    def send_from_module(
        self, ctx: Context, module: str, recipient: str, amount: Sequence[Coin]
    ) -> None:
        self.check_not_blocked(recipient)
        self.send(ctx, self._auth.module_address(module), recipient, amount)

    def send_to_module(
        self, ctx: Context, sender: str, module: str, amount: Sequence[Coin]
    ) -> None:
        account = self._auth.ensure_module_account(ctx, module)
        self.send(ctx, sender, account.address, amount)

    def mint(self, ctx: Context, module: str, amount: Sequence[Coin]) -> None:
        """New coins for a module's account; sdk/4 unless the module may mint."""
        account = self._auth.ensure_module_account(ctx, module)
        if MINTER not in account.permissions:
            raise UNAUTHORIZED(f"module account {module} does not have permissions to mint tokens")
        self._add(ctx, self._auth.address_bytes(account.address), amount)
        self._change_supply(ctx, amount, 1)
        ctx.emit("coinbase", minter=account.address, amount=coins.text(amount))

    def burn(self, ctx: Context, module: str, amount: Sequence[Coin]) -> None:
        """Destroy coins of a module's account; sdk/4 unless the module may burn, sdk/5."""
        account = self._auth.ensure_module_account(ctx, module)
        if BURNER not in account.permissions:
            raise UNAUTHORIZED(f"module account {module} does not have permissions to burn tokens")
        self._subtract(ctx, self._auth.address_bytes(account.address), amount)
        self._change_supply(ctx, amount, -1)
        ctx.emit("burn", burner=account.address, amount=coins.text(amount))

    def check_not_blocked(self, address: str) -> None:
        if self.is_blocked(address):
            raise UNAUTHORIZED(f"{address} is not allowed to receive funds")

    def _ensure_account(self, ctx: Context, raw: bytes) -> None:
        if not self._auth.has(ctx, raw):
            self._auth.create_account(ctx, raw)

    def _subtract(self, ctx: Context, raw: bytes, amount: Sequence[Coin]) -> None:
        coins.check(amount)
        self._auth.load(
            ctx, raw
        )  # the SDK looks for locked coins of a vesting account, and pays for it
        for coin in amount:
            held = store.balance(ctx, raw, coin.denom)
            if held < coin.amount:
                have = Coin(coin.denom, held)
                raise INSUFFICIENT_FUNDS(f"spendable balance {have} is smaller than {coin}")
            store.set_balance(ctx, raw, Coin(coin.denom, held - coin.amount))
        ctx.emit("coin_spent", spender=self._auth.address_text(raw), amount=coins.text(amount))

    def _add(self, ctx: Context, raw: bytes, amount: Sequence[Coin]) -> None:
        coins.check(amount)
        for coin in amount:
            held = store.balance(ctx, raw, coin.denom)
            store.set_balance(ctx, raw, _grown(coin, held))
        ctx.emit("coin_received", receiver=self._auth.address_text(raw), amount=coins.text(amount))

    def _change_supply(self, ctx: Context, amount: Sequence[Coin], sign: int) -> None:
        for coin in amount:
            before = store.supply(ctx, coin.denom)
            store.set_supply(ctx, _grown(Coin(coin.denom, sign * coin.amount), before))

    # Messages

    def _msg_send(self, ctx: Context, msg: tx_pb2.MsgSend) -> tx_pb2.MsgSendResponse:
        self._named_address("from", msg.from_address)
        self._named_address("to", msg.to_address)
        amount = coins.from_pb(msg.amount)
        if not amount:
            raise INVALID_COINS().wrap("")  # the coins as text: there are none
        coins.check(amount)
        self.check_send_enabled(ctx, amount)
        self.check_not_blocked(msg.to_address)
        self.send(ctx, msg.from_address, msg.to_address, amount)
        return tx_pb2.MsgSendResponse()

    def _msg_multi_send(
        self, ctx: Context, msg: tx_pb2.MsgMultiSend
    ) -> tx_pb2.MsgMultiSendResponse:
        if not msg.inputs:
            raise NO_INPUTS("")
        if len(msg.inputs) != 1:
            raise MULTIPLE_SENDERS("")
        if not msg.outputs:
            raise NO_OUTPUTS("")
        spent = self._share("input", msg.inputs[0])
        parts = [(each.address, self._share("output", each)) for each in msg.outputs]
        if coins.total(amount for _, amount in parts) != spent:
            raise INPUT_OUTPUT_MISMATCH("")
        self.check_send_enabled(ctx, spent)
        for address, _ in parts:
            self.check_not_blocked(address)
        self._spread(ctx, msg.inputs[0].address, spent, parts)
        return tx_pb2.MsgMultiSendResponse()

    def _spread(
        self,
        ctx: Context,
        sender: str,
        spent: Sequence[Coin],
        parts: Sequence[tuple[str, Sequence[Coin]]],
    ) -> None:
        """In the order of ``BaseSendKeeper.InputOutputCoins``, which the events and the gas tell."""
        ctx.emit("message", sender=sender)
        for address, _ in parts:
            self._ensure_account(ctx, self._auth.address_bytes(address))
        self._subtract(ctx, self._auth.address_bytes(sender), spent)
        for address, amount in parts:
            self._add(ctx, self._auth.address_bytes(address), amount)
            ctx.emit("transfer", recipient=address, sender=sender, amount=coins.text(amount))

    def _share(self, which: str, part: bank_pb2.Input | bank_pb2.Output) -> tuple[Coin, ...]:
        """The coins of an input or output (cosmos-sdk ``x/bank/types/inputs_outputs.go`` ValidateBasic)."""
        try:
            self._auth.acc_address_bytes(part.address)
        except AbciError as error:
            raise INVALID_ADDRESS(f"invalid {which} address: {error}") from error
        amount = coins.from_pb(part.coins)
        if not amount:
            raise INVALID_COINS().wrap("")  # the coins as text: there are none
        coins.check(amount)
        return amount

    def _named_address(self, which: str, address: str) -> None:
        try:
            self._auth.address_bytes(address)
        except AbciError as error:
            raise INVALID_ADDRESS(f"invalid {which} address: {error}") from error

    # Genesis

    def init_genesis(self, ctx: Context, state: Mapping[str, Any]) -> None:
        document = genesis.read(genesis_pb2.GenesisState, state, self.name)
        params = (
            document.params
            if document.HasField("params")
            else bank_pb2.Params(default_send_enabled=True)
        )
        for switch in (*params.send_enabled, *document.send_enabled):
            store.set_send_enabled(ctx, switch.denom, enabled=switch.enabled)
        store.set_params(ctx, bank_pb2.Params(default_send_enabled=params.default_send_enabled))
        try:
            self._init_balances(ctx, document)
        except AbciError as error:
            raise GenesisError(f"app_state.bank: {error}") from error
        for metadata in document.denom_metadata:
            store.set_metadata(ctx, metadata)

    def _init_balances(self, ctx: Context, document: genesis_pb2.GenesisState) -> None:
        held: list[Sequence[Coin]] = []
        for each in document.balances:
            raw, amount = self._auth.address_bytes(each.address), coins.from_pb(each.coins)
            coins.check(amount)
            for coin in amount:
                store.set_balance(ctx, raw, coin)
            held.append(amount)
        total, stated = coins.total(held), coins.from_pb(document.supply)
        if stated and stated != total:
            raise GenesisError(
                f"app_state.bank: genesis supply is incorrect, expected {coins.text(stated)}, "
                f"got {coins.text(total)}"
            )
        for coin in total:
            store.set_supply(ctx, coin)

    def export_genesis(self, ctx: Context) -> dict[str, Any]:
        params = bank_pb2.Params(default_send_enabled=store.default_send_enabled(ctx))
        document = genesis_pb2.GenesisState(params=params)
        held: dict[str, genesis_pb2.Balance] = {}
        kv = ctx.kv(store.STORE)
        for key, stored in kv.prefix(store.BALANCE):
            end = 2 + key[1]
            address = self._auth.address_text(key[2:end])
            if address not in held:
                held[address] = document.balances.add(address=address)
            held[address].coins.add(denom=key[end:].decode(), amount=stored.decode())
        for key, stored in kv.prefix(store.SUPPLY):
            document.supply.add(denom=key[1:].decode(), amount=stored.decode())
        for _, stored in kv.prefix(store.METADATA):
            document.denom_metadata.add().MergeFromString(stored)
        for key, stored in kv.prefix(store.SEND_ENABLED):
            document.send_enabled.add(denom=key[1:].decode(), enabled=stored == b"\x01")
        return genesis.write(document)


def _grown(coin: Coin, before: int) -> Coin:
    after = before + coin.amount
    if after.bit_length() > coins.MAX_BITS:
        raise INVALID_COINS(f"integer overflow: {before} + {coin}")
    return Coin(coin.denom, after)
