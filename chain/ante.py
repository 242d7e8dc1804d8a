"""What every transaction must pass before its messages run: gas, fee, signatures, sequence.

The decorators and their order are those of wasmd's ante handler on Cosmos SDK 0.53 (wasmd app/ante.go, cosmos-sdk
x/auth/ante); refusals carry the SDK's codespace, code and text. A decorator is ``(ctx, tx) -> ctx``.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import Final

from chain import coins, gojson, signatures
from chain.coins import Coin
from chain.context import Context, Mode
from chain.errors import (
    INSUFFICIENT_FEE,
    INSUFFICIENT_FUNDS,
    INVALID_ADDRESS,
    INVALID_GAS_LIMIT,
    INVALID_PUBKEY,
    INVALID_REQUEST,
    MEMO_TOO_LARGE,
    NO_SIGNATURES,
    NOT_SUPPORTED,
    PANIC,
    TOO_MANY_SIGNATURES,
    TX_TIMEOUT_HEIGHT,
    UNAUTHORIZED,
    UNKNOWN_ADDRESS,
    WRONG_SEQUENCE,
    AbciError,
    OutOfGas,
    Registered,
    nil_pointer,
)
from chain.gas import HAS_COST, GasMeter
from chain.keys import SECP256K1, PublicKey
from chain.modules.auth.account import Account
from chain.modules.auth.module import FEE_COLLECTOR, Auth
from chain.modules.bank.module import Bank
from chain.modules.feegrant.allowances import Spending
from chain.modules.feegrant.module import FeeGrant
from chain.router import type_url
from chain.signatures import Signature
from chain.signing import SignerData, SigningError, sign_bytes
from chain.tx import DecodedTx
from light_client.values import Timestamp

Decorator = Callable[[Context, DecodedTx], Context]

MAX_GAS: Final = 2**63 - 1
TX_TIMEOUT: Final = Registered("sdk", 42, "tx timeout")

SIMULATED_KEY: Final = PublicKey(
    SECP256K1, bytes.fromhex("035ad6810a47f073553ff30d2fcc7e0d3b1c0b74b61a1aaa2582344037151e143a")
)
"""Stands in for the key of a signer that a simulation does not know (x/auth/ante/sigverify.go)."""


class Ante:
    """``after_setup`` and ``last`` are the decorators of modules, at the places where wasmd has them."""

    def __init__(
        self,
        auth: Auth,
        bank: Bank,
        feegrant: FeeGrant,
        after_setup: Sequence[Decorator] = (),
        last: Sequence[Decorator] = (),
    ) -> None:
        self._auth = auth
        self._bank = bank
        self._feegrant = feegrant
        self.decorators: tuple[Decorator, ...] = (
            set_up,
            *after_setup,
            charge_circuit,
            self.validate_basic,
            check_timeout,
            self.check_memo,
            self.charge_size,
            self.deduct_fee,
            self.set_public_keys,
            self.limit_signatures,
            self.charge_signatures,
            self.verify_signatures,
            self.increment_sequences,
            *last,
        )

    def validate_basic(self, ctx: Context, tx: DecodedTx) -> Context:
        """cosmos-sdk types/tx/types.go ValidateBasic."""
        if ctx.mode is Mode.RECHECK:
            return ctx
        if tx.gas_limit > MAX_GAS:
            raise INVALID_REQUEST(f"invalid gas supplied; {tx.gas_limit} > {MAX_GAS}")
        if any(coin.amount < 0 for coin in tx.fee):
            raise INSUFFICIENT_FEE(f"invalid fee provided: {coins.text(tx.fee)}")
        if tx.fee_payer:
            try:
                self._auth.acc_address_bytes(tx.fee_payer)
            except AbciError as error:
                raise INVALID_ADDRESS(f"Invalid fee payer address ({error})") from error
        if not tx.signatures:
            raise NO_SIGNATURES("")
        if len(tx.signatures) != len(tx.signers):
            raise UNAUTHORIZED(
                f"wrong number of signers; expected {len(tx.signers)}, got {len(tx.signatures)}"
            )
        return ctx

    def check_memo(self, ctx: Context, tx: DecodedTx) -> Context:
        if tx.memo:
            size, limit = len(tx.memo.encode()), self._auth.params(ctx).max_memo_characters
            if size > limit:
                raise MEMO_TOO_LARGE(
                    f"maximum number of characters is {limit} but received {size} characters"
                )
        return ctx

    def charge_size(self, ctx: Context, tx: DecodedTx) -> Context:
        params = self._auth.params(ctx)
        cost = params.tx_size_cost_per_byte
        ctx.gas.consume(cost * len(tx.raw), "txSize")
        if ctx.mode is Mode.SIMULATE:
            signed = signatures.of(tx)
            for index, signer in enumerate(tx.signers):
                if index < len(signed) and not signatures.is_incomplete(signed[index]):
                    continue
                account = self._auth.load(ctx, signer)
                key = (account.pub_key if account else None) or SIMULATED_KEY
                size = signatures.imagined_size(key, params.tx_sig_limit)
                ctx.gas.consume(cost * size, "txSize")
        return ctx

    def deduct_fee(self, ctx: Context, tx: DecodedTx) -> Context:
        if ctx.mode is not Mode.SIMULATE:
            if ctx.height > 0 and tx.gas_limit == 0:
                raise INVALID_GAS_LIMIT("must provide positive gas")
            check_fee(ctx, tx)
        charged = self._charged(ctx, tx)
        if self._auth.load(ctx, charged) is None:
            shown = gojson.text(charged)  # the SDK shows its bytes
            raise UNKNOWN_ADDRESS(f"fee payer address: {shown} does not exist")
        payer = self._auth.address_text(charged)
        if any(coin.amount for coin in tx.fee):
            self._collect(ctx, payer, tx.fee)
        ctx.emit("tx", fee=coins.text(tx.fee), fee_payer=payer)
        return ctx

    def set_public_keys(self, ctx: Context, tx: DecodedTx) -> Context:
        simulate = ctx.mode is Mode.SIMULATE
        if len(tx.signer_infos) > len(tx.signers):
            raise _wrong_signer_count(tx)
        for index, (signer, info) in enumerate(zip(tx.signers, tx.signer_infos, strict=False)):
            key = info.public_key or (SIMULATED_KEY if simulate else None)
            if key is None:
                continue
            if not simulate and key.address != signer:
                address = self._auth.address_text(signer)
                raise INVALID_PUBKEY(
                    f"pubKey does not match signer address {address} with signer index: {index}"
                )
            account = self._auth.require(ctx, signer)
            if account.pub_key is None:
                self._auth.save(ctx, signer, account.with_key(key))
        self._emit_signatures(ctx, tx)
        return ctx

    def limit_signatures(self, ctx: Context, tx: DecodedTx) -> Context:
        limit = self._auth.params(ctx).tx_sig_limit
        count = 0
        for info in tx.signer_infos:
            count += info.public_key.count if info.public_key else 0
            if count > limit:
                raise TOO_MANY_SIGNATURES(f"signatures: {count}, limit: {limit}")
        return ctx

    def charge_signatures(self, ctx: Context, tx: DecodedTx) -> Context:
        params = self._auth.params(ctx)
        for signer, signature in zip(tx.signers, signatures.of(tx), strict=False):
            key = self._auth.require(ctx, signer).pub_key
            if key is None:
                if ctx.mode is not Mode.SIMULATE:
                    raise INVALID_PUBKEY("unrecognized public key type: <nil>")
                key = SIMULATED_KEY
            signatures.charge(ctx.gas, key, signature, params)
        return ctx

    def verify_signatures(self, ctx: Context, tx: DecodedTx) -> Context:
        if tx.unordered:
            raise NOT_SUPPORTED("unordered transactions are not enabled")
        if len(tx.signer_infos) != len(tx.signers):
            raise _wrong_signer_count(tx)
        signed = zip(tx.signers, tx.signer_infos, signatures.of(tx), strict=True)
        for signer, info, signature in signed:
            account = self._auth.require(ctx, signer)
            if account.pub_key is None and ctx.mode is not Mode.SIMULATE:
                raise INVALID_PUBKEY("pubkey on account is not set")
            if info.sequence != account.sequence:
                raise WRONG_SEQUENCE(
                    f"account sequence mismatch, expected {account.sequence}, got {info.sequence}"
                )
            if ctx.mode not in {Mode.SIMULATE, Mode.RECHECK}:
                verify(ctx, tx, account, signature)
        return ctx

    def increment_sequences(self, ctx: Context, tx: DecodedTx) -> Context:
        for signer in tx.signers:
            self._auth.save(ctx, signer, self._auth.require(ctx, signer).next())
        return ctx

    def _charged(self, ctx: Context, tx: DecodedTx) -> bytes:
        """Who pays: the granter if there is one and it lets the payer spend so much, else the payer."""
        payer = self._auth.address_bytes(tx.fee_payer) if tx.fee_payer else tx.signers[0]
        if not tx.fee_granter:
            return payer
        try:
            granter = self._auth.address_bytes(tx.fee_granter)
        except AbciError as error:
            raise PANIC(f"recovered: {error}") from error  # types/tx/types.go FeeGranter
        if granter != payer:
            self._use_grant(ctx, tx, granter, payer)
        return granter

    def _use_grant(self, ctx: Context, tx: DecodedTx, granter: bytes, payer: bytes) -> None:
        urls = [type_url(message.DESCRIPTOR.full_name) for message in tx.messages]
        try:
            self._feegrant.use(ctx, granter, payer, Spending(tx.fee, urls))
        except OutOfGas:
            raise
        except AbciError as error:
            text = f"{gojson.text(granter)} does not allow to pay fees for {gojson.text(payer)}"
            raise error.wrap(text) from error  # addresses as they are: the SDK does not spell them

    def _collect(self, ctx: Context, payer: str, fee: tuple[Coin, ...]) -> None:
        if coins.fault(fee) is not None:
            raise INSUFFICIENT_FEE(f"invalid fee amount: {coins.text(fee)}")
        try:
            self._bank.send_to_module(ctx, payer, FEE_COLLECTOR, fee)
        except AbciError as error:
            if INSUFFICIENT_FUNDS.matches(error):  # the SDK wraps the text in the error that it has
                raise INSUFFICIENT_FUNDS(error.log) from error
            raise

    def _emit_signatures(self, ctx: Context, tx: DecodedTx) -> None:
        for signer, info, signature in zip(
            tx.signers, tx.signer_infos, signatures.of(tx), strict=False
        ):
            ctx.emit("tx", acc_seq=f"{self._auth.address_text(signer)}/{info.sequence}")
            for part in signatures.flat(signature):
                ctx.emit("tx", signature=b64encode(part).decode())


def set_up(ctx: Context, tx: DecodedTx) -> Context:
    """Give the transaction its own meter; simulations and the genesis block are not limited."""
    if not tx.has_fee:
        raise nil_pointer()
    unlimited = ctx.mode is Mode.SIMULATE or ctx.height == 0
    return ctx.with_gas(GasMeter(None if unlimited else tx.gas_limit))


def charge_circuit(ctx: Context, tx: DecodedTx) -> Context:
    """Wasmd's circuit breaker (x/circuit) looks for the type of each message; it is never open here, but paid for."""
    if ctx.sdk.circuit_breaker:
        for _ in tx.messages:
            ctx.gas.consume(HAS_COST, "Has")
    return ctx


def check_timeout(ctx: Context, tx: DecodedTx) -> Context:
    if 0 < tx.timeout_height < ctx.height:
        raise TX_TIMEOUT_HEIGHT(f"block height: {ctx.height}, timeout height: {tx.timeout_height}")
    timeout = tx.timeout_time
    if timeout is None or timeout.is_zero or timeout.seconds == 0:
        return ctx
    if timeout < ctx.time:
        raise TX_TIMEOUT(
            f"block time: {_go_time(ctx.time)}, timeout timestamp: {_go_time(timeout)}"
        )
    return ctx


def _go_time(time: Timestamp) -> str:
    """As Go's ``time.Time`` shows itself."""
    return f"{time.rfc3339().removesuffix('Z').replace('T', ' ')} +0000 UTC"


def check_fee(ctx: Context, tx: DecodedTx) -> None:
    """Hold the fee against the node's minimum gas prices; only the mempool does (x/auth/ante/validator_tx_fee.go)."""
    if ctx.mode not in {Mode.CHECK, Mode.RECHECK} or not ctx.min_gas_prices:
        return
    required = required_fees(ctx.min_gas_prices, tx.gas_limit)
    if not required:
        return
    needed = {coin.denom: coin.amount for coin in required}
    if not any(0 < needed.get(coin.denom, 0) <= coin.amount for coin in tx.fee):
        raise INSUFFICIENT_FEE(
            f"insufficient fees; got: {coins.text(tx.fee)} required: {coins.text(required)}"
        )


@lru_cache(maxsize=1024)
def required_fees(prices: tuple[tuple[str, str], ...], gas: int) -> tuple[Coin, ...]:
    """Any one of these pays for ``gas``; empty when every price is zero."""
    fees = tuple(Coin(denom, ceil(Fraction(price) * gas)) for denom, price in sorted(prices))
    return fees if any(Fraction(price) for _, price in prices) else ()


def verify(ctx: Context, tx: DecodedTx, account: Account, signature: Signature | None) -> None:
    """Check what one signer signed; sdk/4 naming what the signer may have got wrong."""
    number = account.number if ctx.height > 0 else 0
    key = account.pub_key
    if key is None:
        raise INVALID_PUBKEY("pubkey on account is not set")
    signatures.check_present(tx)
    signer = SignerData(ctx.chain_id, number, account.sequence, account.address, key)
    try:
        signatures.verify(key, signature, lambda mode: sign_bytes(tx, mode, signer))
    except SigningError as error:
        if signatures.only_amino(signature):
            raise UNAUTHORIZED(
                f"signature verification failed; please verify account number ({number}), "
                f"sequence ({account.sequence}) and chain-id ({ctx.chain_id})"
            ) from error
        raise UNAUTHORIZED(
            f"signature verification failed; please verify account number ({number}) "
            f"and chain-id ({ctx.chain_id}): ({error})"
        ) from error


def _wrong_signer_count(tx: DecodedTx) -> AbciError:
    return UNAUTHORIZED(
        f"invalid number of signer;  expected: {len(tx.signers)}, got {len(tx.signer_infos)}"
    )
