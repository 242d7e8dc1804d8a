"""ABCI queries: store keys with proofs, gRPC methods by path, the application's own (cosmos-sdk baseapp/abci.go)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from chain.context import Context
from chain.errors import (
    INVALID_HEIGHT,
    INVALID_REQUEST,
    NOT_FOUND,
    PANIC,
    UNKNOWN_REQUEST,
    AbciError,
    Registered,
    StoreError,
)
from chain.gas import prefix_end
from chain.modules.status import internal, over_abci
from chain.router import QueryRouter
from chain.store.multistore import MultiStore
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client.wire import bytes_field

# cosmossdk.io/store types/errors.go
STORE_TX_DECODE: Final = Registered("store", 3, "tx parse error")
STORE_UNKNOWN_REQUEST: Final = Registered("store", 4, "unknown request")
STORE_INVALID_REQUEST: Final = Registered("store", 7, "invalid request")

_NO_PROOF: Final = "proof is unexpectedly empty; ensure height has not been pruned"
_NO_KEY: Final = "query cannot be zero length"
EARLY_PROOF: Final = "cannot query with proof when height <= 1; please provide a valid height"

_log = logging.getLogger(__name__)


class AbciQueries:
    """``context_at(height)`` gives the context of committed state, ``app`` the handlers of ``/app/...``."""

    def __init__(
        self,
        multistore: MultiStore,
        queries: QueryRouter,
        context_at: Callable[[int], Context],
        app: dict[str, Callable[[bytes], bytes]],
    ) -> None:
        self._multistore = multistore
        self._queries = queries
        self._context_at = context_at
        self._app = app

    def answer(self, request: abci.RequestQuery) -> abci.ResponseQuery:
        """Height 0 means the latest; a refusal is a response with a code, and only a method's own names the height."""
        height = request.height or self._multistore.version
        grpc = request.path in self._queries.methods
        try:
            return self._grpc(request, height) if grpc else self._route(request, height)
        except AbciError as error:
            return _refused(error)
        except StoreError as error:
            return _refused(self._no_state(height, error))
        except Exception as error:  # noqa: BLE001 - baseapp recovers here too
            _log.exception("query %s failed in our own code", request.path)
            return _refused(PANIC(f"{type(error).__name__}: {error}"))

    def _route(self, request: abci.RequestQuery, height: int) -> abci.ResponseQuery:
        if not request.path:
            raise UNKNOWN_REQUEST("no query path provided")
        match request.path.removeprefix("/").split("/"):
            case ["app", *rest]:
                return self._app_query(rest, request.data, height)
            case ["store", *rest]:
                name, _, subpath = "/".join(rest).partition("/")
                return self._store(name, subpath, request, height)
            case ["p2p", "filter", "addr" | "id", _, *_]:
                return abci.ResponseQuery()
            case ["p2p", _, _, _, *_]:
                raise UNKNOWN_REQUEST("expected second parameter to be 'filter'")
            case ["p2p", *_]:
                raise UNKNOWN_REQUEST("path should be p2p filter <addr|id> <parameter>")
            case _:
                raise UNKNOWN_REQUEST("unknown query path")

    def ask(self, path: str, data: bytes, height: int) -> tuple[int, bytes]:
        """The height and the answer of a gRPC method; raises AbciError as the handler refuses it."""
        height = height or self._multistore.version
        self.check_height(height)
        try:
            method = self._queries.method(path)
            request = method.read(path, data)
        except AbciError as error:
            raise internal(f"grpc: error unmarshalling request: {error}") from error
        try:
            answer = method.handler(self._context_at(height), request)
            return height, answer.SerializeToString(deterministic=True)
        except StoreError as error:
            raise self._no_state(height, error) from error
        except AbciError:
            raise
        except Exception as error:
            _log.exception("query %s failed in our own code", path)
            raise PANIC(f"{type(error).__name__}: {error}") from error

    def _no_state(self, height: int, error: StoreError) -> AbciError:
        latest = self._multistore.version
        return NOT_FOUND(
            f"failed to load state at height {height}; {error} (latest height: {latest})"
        )

    def _grpc(self, request: abci.RequestQuery, height: int) -> abci.ResponseQuery:
        self.check_height(height, prove=request.prove)
        ctx = self._context_at(height)
        try:
            value = self._queries.handle(ctx, request.path, request.data)
        except AbciError as error:
            return _refused(over_abci(error), height)
        return abci.ResponseQuery(height=height, value=value)

    def check_height(self, height: int, *, prove: bool = False) -> None:
        """sdk/26 or sdk/18 for a height that has no state yet, or no provable one."""
        if height < 0:
            raise INVALID_REQUEST("cannot query with height < 0; please provide a valid height")
        if self._multistore.version == 0:
            raise INVALID_HEIGHT("lightship is not ready; please wait for first block")
        if height > self._multistore.version:
            raise INVALID_HEIGHT(
                "cannot query with height in the future; please provide a valid height"
            )
        if prove and height <= 1:
            raise INVALID_REQUEST(EARLY_PROOF)

    def _app_query(self, rest: list[str], data: bytes, height: int) -> abci.ResponseQuery:
        if not rest:
            raise UNKNOWN_REQUEST(
                "expected second parameter to be either 'simulate' or 'version', neither was present"
            )
        handler = self._app.get(rest[0])
        if handler is None:
            raise UNKNOWN_REQUEST(f"unknown query: [app {' '.join(rest)}]")
        return abci.ResponseQuery(codespace="sdk", height=height, value=handler(data))

    def _store(
        self, name: str, subpath: str, request: abci.RequestQuery, height: int
    ) -> abci.ResponseQuery:
        """cosmos-sdk store/rootmulti/store.go and store/iavl/store.go, Query."""
        if request.prove and height <= 1:
            raise INVALID_REQUEST(EARLY_PROOF)
        if name not in dict(self._multistore.snapshot().roots):
            raise STORE_UNKNOWN_REQUEST(f"no such store: {name}")
        proving = request.prove and subpath == "key"
        if not request.data:
            raise STORE_INVALID_REQUEST(_NO_PROOF) if proving else STORE_TX_DECODE(_NO_KEY)
        if subpath == "key":
            return self._key(name, request, height)
        if subpath == "subspace":
            return self._subspace(name, request.data, height)
        path = f"/{subpath}" if subpath else ""
        raise STORE_UNKNOWN_REQUEST(f"unexpected query path: {path}")

    def _key(self, name: str, request: abci.RequestQuery, height: int) -> abci.ResponseQuery:
        response = abci.ResponseQuery(key=request.data, height=height)
        try:
            snapshot = self._multistore.snapshot(height)
        except StoreError as error:
            if request.prove:
                raise STORE_INVALID_REQUEST(_NO_PROOF) from error
            response.log = "version does not exist"
            return response
        if request.prove:
            value, proof = snapshot.prove(name, request.data)
            response.proof_ops.CopyFrom(proof)
        else:
            value = snapshot.get(name, request.data)
        response.value = value or b""
        return response

    def _subspace(self, name: str, prefix: bytes, height: int) -> abci.ResponseQuery:
        """``Pairs`` of cosmos.store.internal.kv.v1beta1: repeated (key 1, value 2) in field 1."""
        snapshot = self._multistore.snapshot(height)
        found = snapshot.iterate(name, prefix, prefix_end(prefix))
        pairs = (bytes_field(1, key) + bytes_field(2, value) for key, value in found)
        return abci.ResponseQuery(
            key=prefix, height=height, value=b"".join(bytes_field(1, pair) for pair in pairs)
        )


def _refused(error: AbciError, height: int = 0) -> abci.ResponseQuery:
    return abci.ResponseQuery(
        code=error.code, codespace=error.codespace, log=error.log, height=height
    )
