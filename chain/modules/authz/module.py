"""x/authz: grants, and messages that are sent on their strength (cosmos-sdk x/authz/keeper)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from google.protobuf.message import Message

from chain import gojson, gotext
from chain.context import Context
from chain.errors import (
    INVALID_ADDRESS,
    INVALID_REQUEST,
    INVALID_TYPE,
    UNAUTHORIZED,
    AbciError,
    GenesisError,
    OutOfGas,
    unregistered,
)
from chain.modules import genesis, grants
from chain.modules.auth.module import Auth
from chain.modules.authz import errors, store
from chain.modules.authz.kinds import GENERIC, SEND, Kind
from chain.modules.authz.queries import Queries
from chain.modules.bank.module import Bank
from chain.router import MessageRouter, QueryRouter, Service, type_url
from cosmos_pb.cosmos.authz.v1beta1 import authz_pb2, genesis_pb2, tx_pb2
from cosmos_pb.google.protobuf import any_pb2
from light_client.values import Timestamp

AUTHORIZATION: Final = "*authz.Authorization"
MESSAGE: Final = "*interface { ProtoMessage(); Reset(); String() string }"
"""What Go calls the interface of messages."""


class Authz:
    """``kinds`` are the authorizations that other modules bring."""

    name = "authz"
    stores = (store.STORE,)

    def __init__(
        self, auth: Auth, bank: Bank, router: MessageRouter, kinds: Iterable[Kind] = ()
    ) -> None:
        self._auth = auth
        self._bank = bank
        self._router = router
        self._kinds = {
            type_url(kind.message.DESCRIPTOR.full_name): kind for kind in (GENERIC, SEND, *kinds)
        }

    def register(self, messages: MessageRouter, queries: QueryRouter) -> None:
        for message, handler, signers, check in (
            (tx_pb2.MsgGrant, self._msg_grant, _granter, self._check_grant),
            (tx_pb2.MsgExec, self._msg_exec, lambda msg: (msg.grantee,), self._check_exec),
            (tx_pb2.MsgRevoke, self._msg_revoke, _granter, lambda _: None),
        ):
            messages.register(message, handler, signers, check)
        Queries(self._auth).register(queries)

    # Grants

    def save(
        self,
        ctx: Context,
        granter: bytes,
        grantee: bytes,
        authorization: Message,
        expiry: Timestamp | None,
    ) -> None:
        """A grant in the place of one for the same messages; authz/3 when it has expired already."""
        if expiry is not None and not ctx.time < expiry:
            raise errors.INVALID_EXPIRATION(
                f"expiration must be after the current block time ({_seconds(ctx.time)}), "
                f"got {_seconds(expiry)}"
            )
        url = self._kind(authorization).url(authorization)
        key = store.key(granter, grantee, url)
        old = store.get(ctx, key)
        old_expiry = None if old is None else _expiry(old)
        if old_expiry is not None and old_expiry != expiry:
            store.dequeue(ctx, old_expiry, granter, grantee, url)
        if expiry is not None and old_expiry != expiry:
            store.enqueue(ctx, expiry, granter, grantee, url)
        grant = authz_pb2.Grant(authorization=grants.pack(authorization))
        if expiry is not None:
            grant.expiration.seconds, grant.expiration.nanos = expiry.seconds, expiry.nanos
        store.put(ctx, key, grant)
        self._emit(ctx, "EventGrant", granter, grantee, url)

    def delete(self, ctx: Context, granter: bytes, grantee: bytes, url: str) -> None:
        """End a grant; authz/2 when there is none."""
        key = store.key(granter, grantee, url)
        grant = store.get(ctx, key)
        if grant is None:
            raise errors.NOT_FOUND(f"failed to delete grant with key {gojson.text(key)}")
        expiry = _expiry(grant)
        if expiry is not None:
            store.dequeue(ctx, expiry, granter, grantee, url)
        store.delete(ctx, key)
        self._emit(ctx, "EventRevoke", granter, grantee, url)

    def begin_block(self, ctx: Context) -> None:
        store.drop_expired(ctx)

    def _authorization(self, packed: any_pb2.Any, depth: int = grants.MAX_DEPTH) -> Message:
        known = {url: kind.message for url, kind in self._kinds.items()}
        authorization: Message = grants.unpack(packed, known, AUTHORIZATION, depth)
        self._kind(authorization).check(authorization, depth - 1)
        return authorization

    def _kind(self, authorization: Message) -> Kind:
        return self._kinds[type_url(authorization.DESCRIPTOR.full_name)]

    def _emit(self, ctx: Context, event: str, granter: bytes, grantee: bytes, url: str) -> None:
        """A typed event: its attributes are JSON, in the order of their names (types/events.go)."""
        ctx.emit(
            f"cosmos.authz.v1beta1.{event}",
            grantee=gojson.quote(self._auth.address_text(grantee)),
            granter=gojson.quote(self._auth.address_text(granter)),
            msg_type_url=gojson.quote(url),
        )

    # Sending for another

    def dispatch(self, ctx: Context, grantee: bytes, messages: Iterable[Message]) -> list[bytes]:
        """Run messages of granters who let the grantee; the responses. Authz's errors, sdk/4, and the messages' own."""
        results = []
        for index, message in enumerate(messages):
            service = self._router.service(type_url(message.DESCRIPTOR.full_name))
            self._authorize(ctx, grantee, service, message)
            results.append(self._run(ctx, index, message))
        return results

    def _authorize(self, ctx: Context, grantee: bytes, service: Service, message: Message) -> None:
        signers = dict.fromkeys(map(self._auth.address_bytes, service.signers(message)))
        if len(signers) != 1:
            raise errors.NUMBER_OF_SIGNERS("")
        granter = next(iter(signers))
        if granter != grantee:
            self._use(ctx, granter, grantee, message)

    def _use(self, ctx: Context, granter: bytes, grantee: bytes, message: Message) -> None:
        url = type_url(message.DESCRIPTOR.full_name)
        key = store.key(granter, grantee, url)
        grant = store.get(ctx, key)
        if grant is None:
            raise errors.NOT_FOUND(
                f"failed to get grant with given granter: {self._auth.address_text(granter)}, "
                f"grantee: {self._auth.address_text(grantee)} & msgType: {url} "
            )
        expiry = _expiry(grant)
        if expiry is not None and expiry < ctx.time:
            raise errors.EXPIRED("")
        authorization = self._authorization(grant.authorization)
        decision = self._kind(authorization).accept(ctx, authorization, message)
        if decision.delete:
            self.delete(ctx, granter, grantee, url)
        elif decision.updated is not None:
            self._update(ctx, key, decision.updated)
        if not decision.accept:
            raise UNAUTHORIZED("")

    def _update(self, ctx: Context, key: bytes, authorization: Message) -> None:
        grant = store.get(ctx, key)
        if grant is None:
            raise errors.NOT_FOUND("")
        grant.authorization.CopyFrom(grants.pack(authorization))
        store.put(ctx, key, grant)

    def _run(self, ctx: Context, index: int, message: Message) -> bytes:
        inner = ctx.fork()
        try:
            result = self._router.dispatch(inner, message)
        except OutOfGas:
            raise
        except AbciError as error:
            text = f"failed to execute message; message {gotext.compact(message)}"
            raise error.wrap(text) from error
        ctx.merge(inner, events=False)
        ctx.events.extend(
            event.with_attributes(("authz_msg_index", str(index))) for event in result.events
        )
        return result.response.value

    # Messages

    def _msg_grant(self, ctx: Context, msg: tx_pb2.MsgGrant) -> tx_pb2.MsgGrantResponse:
        granter, grantee = self._both(msg)
        if not msg.grant.HasField("authorization"):
            raise INVALID_TYPE("authorization is nil")
        authorization = self._authorization(msg.grant.authorization)
        kind = self._kind(authorization)
        kind.validate(authorization)
        if self._auth.load(ctx, grantee) is None:
            self._bank.check_not_blocked(self._auth.address_text(grantee))
            self._auth.create_account(ctx, grantee)
        url = kind.url(authorization)
        if url not in self._router.services:
            raise INVALID_TYPE(f"{url} doesn't exist.")
        self.save(ctx, granter, grantee, authorization, _expiry(msg.grant))
        return tx_pb2.MsgGrantResponse()

    def _msg_revoke(self, ctx: Context, msg: tx_pb2.MsgRevoke) -> tx_pb2.MsgRevokeResponse:
        granter, grantee = self._both(msg)
        if not msg.msg_type_url:
            raise INVALID_REQUEST("missing msg method name")
        self.delete(ctx, granter, grantee, msg.msg_type_url)
        return tx_pb2.MsgRevokeResponse()

    def _msg_exec(self, ctx: Context, msg: tx_pb2.MsgExec) -> tx_pb2.MsgExecResponse:
        if not msg.grantee:
            raise unregistered("empty address string is not allowed")
        grantee = self._named("grantee", msg.grantee)
        if not msg.msgs:
            raise INVALID_REQUEST("messages cannot be empty")
        messages = [self._message(packed) for packed in msg.msgs]
        for index, message in enumerate(messages):
            try:
                self._router.service(type_url(message.DESCRIPTOR.full_name)).validate(message)
            except AbciError as error:
                raise error.wrap(f"msg {index}") from error
        return tx_pb2.MsgExecResponse(results=self.dispatch(ctx, grantee, messages))

    def _both(self, msg: tx_pb2.MsgGrant | tx_pb2.MsgRevoke) -> tuple[bytes, bytes]:
        """Granter and grantee, who must be two."""
        if msg.grantee.lower() == msg.granter.lower():
            raise errors.GRANTEE_IS_GRANTER("")
        grantee = self._named("grantee", msg.grantee)
        return self._named("granter", msg.granter), grantee

    def _named(self, which: str, address: str) -> bytes:
        try:
            return self._auth.address_bytes(address)
        except AbciError as error:
            raise INVALID_ADDRESS(f"invalid {which} address: {error}") from error

    def _message(self, packed: any_pb2.Any, depth: int = grants.MAX_DEPTH) -> Message:
        """The message inside, and in a MsgExec those inside it; sdk/2 for what nobody serves."""
        service = self._router.services.get(packed.type_url)
        known = {} if service is None else {packed.type_url: service.message}
        message: Message = grants.unpack(packed, known, MESSAGE, depth)
        if isinstance(message, tx_pb2.MsgExec):
            for inner in message.msgs:
                self._message(inner, depth - 1)
        return message

    def _check_exec(self, msg: tx_pb2.MsgExec) -> None:
        for packed in msg.msgs:
            self._message(packed, grants.MAX_DEPTH - 1)

    def _check_grant(self, msg: tx_pb2.MsgGrant) -> None:
        grants.check(msg)
        if msg.grant.HasField("authorization"):
            self._authorization(msg.grant.authorization, grants.MAX_DEPTH - 1)

    # Genesis

    def init_genesis(self, ctx: Context, state: Mapping[str, Any]) -> None:
        document = genesis.read(genesis_pb2.GenesisState, state, self.name)
        for entry in document.authorization:
            expiry = _expiry(entry)
            if expiry is not None and expiry < ctx.time:
                continue
            try:
                granter = self._auth.address_bytes(entry.granter)
                grantee = self._auth.address_bytes(entry.grantee)
                authorization = self._authorization(entry.authorization)
                self.save(ctx, granter, grantee, authorization, expiry)
            except AbciError as error:
                raise GenesisError(f"app_state.authz.authorization: {error}") from error

    def export_genesis(self, ctx: Context) -> dict[str, Any]:
        document = genesis_pb2.GenesisState()
        for granter, grantee, grant in store.everything(ctx):
            document.authorization.append(
                authz_pb2.GrantAuthorization(
                    granter=self._auth.address_text(granter),
                    grantee=self._auth.address_text(grantee),
                    authorization=grant.authorization,
                    expiration=grant.expiration if grant.HasField("expiration") else None,
                )
            )
        return genesis.write(document)


def _granter(msg: tx_pb2.MsgGrant | tx_pb2.MsgRevoke) -> tuple[str]:
    return (msg.granter,)


def _expiry(grant: authz_pb2.Grant | authz_pb2.GrantAuthorization) -> Timestamp | None:
    return grants.instant(grant.expiration) if grant.HasField("expiration") else None


def _seconds(time: Timestamp) -> str:
    """Go's RFC3339, without a fraction."""
    return Timestamp(time.seconds).rfc3339()
