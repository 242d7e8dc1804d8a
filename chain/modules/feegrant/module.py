"""x/feegrant: grants, what is taken from them, and their end (cosmossdk.io/x/feegrant, keeper and key.go).

Keys of the store ``feegrant``: 00 + grantee + granter a grant; 01 + expiry + grantee + granter nothing, so that what
has expired is found. Addresses stand behind their lengths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from google.protobuf.message import Message

from chain.context import Context
from chain.errors import (
    INVALID_ADDRESS,
    INVALID_REQUEST,
    NOT_FOUND,
    AbciError,
    GenesisError,
    nil_pointer,
)
from chain.modules import genesis
from chain.modules.auth.module import Auth
from chain.modules.bank.module import Bank
from chain.modules.feegrant import allowances
from chain.modules.feegrant.allowances import Spending
from chain.modules.feegrant.queries import Queries
from chain.modules.grants import prefixed, sortable, two_addresses
from chain.router import MessageRouter, QueryRouter
from cosmos_pb.cosmos.feegrant.v1beta1 import feegrant_pb2, genesis_pb2, tx_pb2
from light_client.values import Timestamp

STORE: Final = "feegrant"
GRANT: Final = b"\x00"
QUEUE: Final = b"\x01"
_AT: Final = 1 + len(sortable(Timestamp(0)))

_PRUNED_BY_MESSAGE: Final = 75
_PRUNED_BY_BLOCK: Final = 200


class FeeGrant:
    name = "feegrant"
    stores = (STORE,)

    def __init__(self, auth: Auth, bank: Bank) -> None:
        self._auth = auth
        self._bank = bank

    def register(self, messages: MessageRouter, queries: QueryRouter) -> None:
        messages.register(
            tx_pb2.MsgGrantAllowance, self._msg_grant, lambda msg: (msg.granter,), _check_grant
        )
        messages.register(tx_pb2.MsgRevokeAllowance, self._msg_revoke, lambda msg: (msg.granter,))
        messages.register(tx_pb2.MsgPruneAllowances, self._msg_prune, lambda msg: (msg.pruner,))
        Queries(self._auth, self).register(queries)

    # Grants

    def allowance(self, ctx: Context, granter: bytes, grantee: bytes) -> Message:
        """What is granted; sdk/38 when nothing is."""
        stored = ctx.kv(STORE).get(_key(granter, grantee))
        if not stored:
            raise NOT_FOUND("fee-grant not found")
        return allowances.unpack(feegrant_pb2.Grant.FromString(stored).allowance)

    def use(self, ctx: Context, granter: bytes, grantee: bytes, spending: Spending) -> None:
        """Take a fee from what is granted; sdk/38 and the module's errors."""
        allowance = self.allowance(ctx, granter, grantee)
        spent = allowances.accept(ctx, allowance, spending)
        if spent.used_up:
            self.revoke(ctx, granter, grantee)
        if spent.refusal is not None:
            raise spent.refusal
        self._emit(ctx, "use_feegrant", granter, grantee)
        if not spent.used_up:
            self.allowance(ctx, granter, grantee)
            self._save(ctx, granter, grantee, allowance)
            self._emit(ctx, "update_feegrant", granter, grantee)

    def grant(self, ctx: Context, granter: bytes, grantee: bytes, allowance: Message) -> None:
        """A new grant; sdk/18 when there is one, or when it has expired already."""
        if self._is_granted(ctx, granter, grantee):
            raise INVALID_REQUEST("fee allowance already exists")
        if self._auth.load(ctx, grantee) is None:
            self._bank.check_not_blocked(self._auth.address_text(grantee))
            self._auth.create_account(ctx, grantee)
        expiry = allowances.expires(allowance)
        if expiry is not None:
            if expiry < ctx.time:
                raise INVALID_REQUEST("expiration is before current block time")
            ctx.kv(STORE).set(_queued(expiry) + _key(granter, grantee)[1:], b"")
        self._save(ctx, granter, grantee, allowance)
        self._emit(ctx, "set_feegrant", granter, grantee)

    def revoke(self, ctx: Context, granter: bytes, grantee: bytes) -> None:
        """Remove a grant; sdk/38 when there is none.

        As in the SDK its place in the queue is looked for with granter and grantee exchanged, and so stays.
        """
        allowance = self.allowance(ctx, granter, grantee)
        store = ctx.kv(STORE)
        store.delete(_key(granter, grantee))
        expiry = allowances.expires(allowance)
        if expiry is not None:
            store.delete(_queued(expiry) + _key(grantee, granter)[1:])
        self._emit(ctx, "revoke_feegrant", granter, grantee)

    def prune(self, ctx: Context, limit: int) -> None:
        """Remove what has expired, at most ``limit`` grants."""
        store = ctx.kv(STORE)
        expired = store.iterate(QUEUE, _queued(ctx.time) + b"\0")
        for key, _ in islice(expired, limit):
            grantee, granter, _ = two_addresses(key, _AT)
            store.delete(key)
            store.delete(_key(granter, grantee))

    def end_block(self, ctx: Context) -> None:
        self.prune(ctx, _PRUNED_BY_BLOCK)

    def all(self, ctx: Context) -> Iterator[feegrant_pb2.Grant]:
        for _, stored in ctx.kv(STORE).prefix(GRANT):
            yield feegrant_pb2.Grant.FromString(stored)

    def _is_granted(self, ctx: Context, granter: bytes, grantee: bytes) -> bool:
        try:
            self.allowance(ctx, granter, grantee)
        except AbciError as error:
            if NOT_FOUND.matches(error):
                return False
            raise
        return True

    def _save(self, ctx: Context, granter: bytes, grantee: bytes, allowance: Message) -> None:
        grant = feegrant_pb2.Grant(
            granter=self._auth.address_text(granter),
            grantee=self._auth.address_text(grantee),
            allowance=allowances.pack(allowance),
        )
        ctx.kv(STORE).set(_key(granter, grantee), grant.SerializeToString())

    def _emit(self, ctx: Context, event: str, granter: bytes, grantee: bytes) -> None:
        ctx.emit(
            event,
            granter=self._auth.address_text(granter),
            grantee=self._auth.address_text(grantee),
        )

    # Messages

    def _msg_grant(
        self, ctx: Context, msg: tx_pb2.MsgGrantAllowance
    ) -> tx_pb2.MsgGrantAllowanceResponse:
        if msg.grantee.lower() == msg.granter.lower():
            raise INVALID_ADDRESS("cannot self-grant fee authorization")
        grantee = self._auth.address_bytes(msg.grantee)
        granter = self._auth.address_bytes(msg.granter)
        if self._is_granted(ctx, granter, grantee):
            raise INVALID_REQUEST("fee allowance already exists")
        if not msg.HasField("allowance"):
            raise nil_pointer()
        allowance = allowances.unpack(msg.allowance)
        allowances.validate(allowance)
        self.grant(ctx, granter, grantee, allowance)
        return tx_pb2.MsgGrantAllowanceResponse()

    def _msg_revoke(
        self, ctx: Context, msg: tx_pb2.MsgRevokeAllowance
    ) -> tx_pb2.MsgRevokeAllowanceResponse:
        if msg.grantee == msg.granter:
            raise INVALID_ADDRESS("addresses must be different")
        grantee = self._auth.address_bytes(msg.grantee)
        self.revoke(ctx, self._auth.address_bytes(msg.granter), grantee)
        return tx_pb2.MsgRevokeAllowanceResponse()

    def _msg_prune(
        self, ctx: Context, msg: tx_pb2.MsgPruneAllowances
    ) -> tx_pb2.MsgPruneAllowancesResponse:
        self.prune(ctx, _PRUNED_BY_MESSAGE)
        ctx.emit("prune_feegrant", pruner=msg.pruner)
        return tx_pb2.MsgPruneAllowancesResponse()

    # Genesis

    def init_genesis(self, ctx: Context, state: Mapping[str, Any]) -> None:
        document = genesis.read(genesis_pb2.GenesisState, state, self.name)
        for grant in document.allowances:
            try:
                allowance = allowances.unpack(grant.allowance)
                allowances.validate(allowance)
                granter = self._auth.address_bytes(grant.granter)
                self.grant(ctx, granter, self._auth.address_bytes(grant.grantee), allowance)
            except AbciError as error:
                raise GenesisError(f"app_state.feegrant.allowances: {error}") from error

    def export_genesis(self, ctx: Context) -> dict[str, Any]:
        return genesis.write(genesis_pb2.GenesisState(allowances=self.all(ctx)))


def _key(granter: bytes, grantee: bytes) -> bytes:
    return GRANT + prefixed(grantee) + prefixed(granter)


def _queued(expiry: Timestamp) -> bytes:
    return QUEUE + sortable(expiry)


def _check_grant(msg: tx_pb2.MsgGrantAllowance) -> None:
    if msg.HasField("allowance"):
        allowances.unpack(msg.allowance)
