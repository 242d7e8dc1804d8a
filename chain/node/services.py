"""gRPC services that need the node and not only the state: blocks, transactions, node information.

They go into the application's query table, so that ABCI queries and gRPC answer them alike
(cosmos-sdk ``client/grpc/cmtservice``, ``client/grpc/node``, ``x/auth/tx/service.go``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from chain import gohex
from chain.context import Context
from chain.errors import (
    INVALID_HEIGHT,
    MEMPOOL_FULL,
    TX_IN_MEMPOOL,
    TX_TOO_LARGE,
    Registered,
    StoreError,
    unregistered,
)
from chain.modules.staking.module import Staking
from chain.modules.status import internal, invalid_argument, not_found
from chain.node import query as query_language
from chain.node.block import tx_hash
from chain.node.blockstore import StoredBlock
from chain.node.engine import Engine
from chain.node.errors import MempoolError, QueryError
from chain.node.execution import COMET_VERSION, P2P_PROTOCOL
from chain.node.identity import Identity
from chain.router import Method, QueryRouter
from cosmos_pb.cosmos.base.abci.v1beta1 import abci_pb2
from cosmos_pb.cosmos.base.node.v1beta1 import query_pb2 as node_pb2
from cosmos_pb.cosmos.base.query.v1beta1 import pagination_pb2
from cosmos_pb.cosmos.base.tendermint.v1beta1 import query_pb2 as comet_pb2
from cosmos_pb.cosmos.base.tendermint.v1beta1 import types_pb2 as sdk_types_pb2
from cosmos_pb.cosmos.crypto.ed25519 import keys_pb2 as ed25519_pb2
from cosmos_pb.cosmos.staking.v1beta1 import query_pb2 as staking_query_pb2
from cosmos_pb.cosmos.staking.v1beta1 import staking_pb2
from cosmos_pb.cosmos.tx.v1beta1 import service_pb2, tx_pb2
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci
from cosmos_pb.tendermint.p2p import types_pb2 as p2p_pb2
from cosmos_pb.tendermint.types import block_pb2, types_pb2
from light_client import bech32, codec
from light_client.header import BLOCK_PROTOCOL
from light_client.rpcjson import to_hex
from light_client.validators import Validator

SDK_VERSION: Final = "v0.53.4"
APP_VERSION: Final = "0.1.0"
BUILD_DEPS: Final = (
    ("github.com/CosmWasm/wasmd", "v0.61.2"),
    ("github.com/CosmWasm/wasmvm/v3", "v3.0.2"),
    ("github.com/cometbft/cometbft", f"v{COMET_VERSION}"),
    ("github.com/cosmos/cosmos-sdk", SDK_VERSION),
    ("github.com/cosmos/ibc-go/v10", "v10.3.0"),
)
"""Versions whose behaviour this chain follows. Relayers read them, and some refuse what they do not
know.
"""

_TX_URL: Final = "/cosmos.tx.v1beta1.Tx"
_COMET: Final = "/cosmos.base.tendermint.v1beta1.Service/"
_NODE: Final = "/cosmos.base.node.v1beta1.Service/"
_TX: Final = "/cosmos.tx.v1beta1.Service/"
_STAKING: Final = "/cosmos.staking.v1beta1.Query/"
_MAX_LIMIT: Final = 100
_ABCI_PATHS: Final = frozenset({"app", "store", "p2p", "custom"})


@dataclass(frozen=True, slots=True)
class About:
    """What the services tell of the chain's settings; ``min_gas_price`` is text of decimal coins."""

    identity: Identity
    bech32_prefix: str
    min_gas_price: str
    keep_recent: int


class _Service(Protocol):
    def methods(self) -> list[Method]: ...


def register(
    queries: QueryRouter, engine: Engine, about: About, staking: Staking | None = None
) -> None:
    """Add the services to the table; the history of validators where there are some."""
    services: list[tuple[str, _Service]] = [
        (_COMET, CometService(engine, about)),
        (_NODE, NodeService(engine, about)),
        (_TX, TxService(engine)),
    ]
    if staking is not None:
        services.append((_STAKING, HistoryService(engine, staking)))
    for prefix, service in services:
        for name, request, handler in service.methods():
            queries.register(prefix + name, request, handler)


class CometService:
    def __init__(self, engine: Engine, about: About) -> None:
        self._engine = engine
        self._store = engine.store
        self._about = about

    def methods(self) -> list[Method]:
        return [
            ("GetNodeInfo", comet_pb2.GetNodeInfoRequest, self.node_info),
            ("GetSyncing", comet_pb2.GetSyncingRequest, self.syncing),
            ("GetLatestBlock", comet_pb2.GetLatestBlockRequest, self.latest_block),
            ("GetBlockByHeight", comet_pb2.GetBlockByHeightRequest, self.block),
            ("GetLatestValidatorSet", comet_pb2.GetLatestValidatorSetRequest, self.latest_set),
            ("GetValidatorSetByHeight", comet_pb2.GetValidatorSetByHeightRequest, self.set_at),
            ("ABCIQuery", comet_pb2.ABCIQueryRequest, self.abci_query),
        ]

    def node_info(
        self, _: Context, __: comet_pb2.GetNodeInfoRequest
    ) -> comet_pb2.GetNodeInfoResponse:
        identity = self._about.identity
        info = p2p_pb2.DefaultNodeInfo(
            protocol_version=p2p_pb2.ProtocolVersion(p2p=P2P_PROTOCOL, block=BLOCK_PROTOCOL),
            default_node_id=identity.node_id,
            listen_addr=identity.listen_address,
            network=self._engine.genesis.chain_id,
            version=COMET_VERSION,
            channels=bytes.fromhex("40202122233038606100"),
            moniker=identity.moniker,
            other=p2p_pb2.DefaultNodeInfoOther(tx_index="on", rpc_address=identity.rpc_address),
        )
        version = comet_pb2.VersionInfo(
            name="lightship",
            app_name="lightship",
            version=APP_VERSION,
            build_deps=[comet_pb2.Module(path=path, version=at) for path, at in BUILD_DEPS],
            cosmos_sdk_version=SDK_VERSION,
        )
        return comet_pb2.GetNodeInfoResponse(default_node_info=info, application_version=version)

    def syncing(self, _: Context, __: comet_pb2.GetSyncingRequest) -> comet_pb2.GetSyncingResponse:
        return comet_pb2.GetSyncingResponse(syncing=False)

    def latest_block(
        self, _: Context, __: comet_pb2.GetLatestBlockRequest
    ) -> comet_pb2.GetLatestBlockResponse:
        stored = self._store.must_load(self._store.height)
        return comet_pb2.GetLatestBlockResponse(
            block_id=codec.block_id_to_pb(stored.block_id),
            block=_block(stored),
            sdk_block=self._sdk_block(stored),
        )

    def block(
        self, _: Context, request: comet_pb2.GetBlockByHeightRequest
    ) -> comet_pb2.GetBlockByHeightResponse:
        _positive(request.height)
        stored = _stored(self._engine, request.height)
        return comet_pb2.GetBlockByHeightResponse(
            block_id=codec.block_id_to_pb(stored.block_id),
            block=_block(stored),
            sdk_block=self._sdk_block(stored),
        )

    def latest_set(
        self, _: Context, request: comet_pb2.GetLatestValidatorSetRequest
    ) -> comet_pb2.GetLatestValidatorSetResponse:
        height = self._store.height
        members, page = self._set(height, request.pagination)
        return comet_pb2.GetLatestValidatorSetResponse(
            block_height=height, validators=members, pagination=page
        )

    def set_at(
        self, _: Context, request: comet_pb2.GetValidatorSetByHeightRequest
    ) -> comet_pb2.GetValidatorSetByHeightResponse:
        _positive(request.height)
        if request.height > self._store.height:
            raise invalid_argument("requested block height is bigger then the chain length")
        members, page = self._set(request.height, request.pagination)
        return comet_pb2.GetValidatorSetByHeightResponse(
            block_height=request.height, validators=members, pagination=page
        )

    def abci_query(
        self, _: Context, request: comet_pb2.ABCIQueryRequest
    ) -> comet_pb2.ABCIQueryResponse:
        """Store and application paths; methods of services have their own paths."""
        if not request.path:
            raise invalid_argument("empty query path")
        if request.path.removeprefix("/").partition("/")[0] not in _ABCI_PATHS:
            raise invalid_argument(f"unsupported ABCI query path: {request.path}")
        found = self._engine.execution.app.query(
            abci.RequestQuery(
                path=request.path, data=request.data, height=request.height, prove=request.prove
            )
        )
        return comet_pb2.ABCIQueryResponse.FromString(found.SerializeToString())

    def _set(
        self, height: int, page: pagination_pb2.PageRequest
    ) -> tuple[list[comet_pb2.Validator], pagination_pb2.PageResponse]:
        members = self._store.validators(height).validators
        shown = members[page.offset : page.offset + (page.limit or _MAX_LIMIT)]
        return [self._validator(each) for each in shown], pagination_pb2.PageResponse(
            total=len(members)
        )

    def _validator(self, validator: Validator) -> comet_pb2.Validator:
        key = ed25519_pb2.PubKey(key=validator.pub_key.data)
        packed = any_pb2.Any(
            type_url="/cosmos.crypto.ed25519.PubKey", value=key.SerializeToString()
        )
        return comet_pb2.Validator(
            address=self._consensus_address(validator.address),
            pub_key=packed,
            voting_power=validator.power,
            proposer_priority=validator.proposer_priority,
        )

    def _consensus_address(self, address: bytes) -> str:
        return bech32.encode(f"{self._about.bech32_prefix}valcons", address)

    def _sdk_block(self, stored: StoredBlock) -> sdk_types_pb2.Block:
        """The block with the proposer's address as text."""
        block = _block(stored)
        header = block.header
        proposer = self._consensus_address(header.proposer_address)
        header.ClearField("proposer_address")
        sdk_header = sdk_types_pb2.Header.FromString(header.SerializeToString())
        sdk_header.proposer_address = proposer
        return sdk_types_pb2.Block(
            header=sdk_header,
            data=block.data,
            evidence=block.evidence,
            last_commit=block.last_commit,
        )


class NodeService:
    def __init__(self, engine: Engine, about: About) -> None:
        self._engine = engine
        self._about = about

    def methods(self) -> list[Method]:
        return [
            ("Config", node_pb2.ConfigRequest, self.config),
            ("Status", node_pb2.StatusRequest, self.status),
        ]

    def config(self, _: Context, __: node_pb2.ConfigRequest) -> node_pb2.ConfigResponse:
        return node_pb2.ConfigResponse(
            minimum_gas_price=self._about.min_gas_price,
            pruning_keep_recent=str(self._about.keep_recent),
            pruning_interval="1",
        )

    def status(self, _: Context, __: node_pb2.StatusRequest) -> node_pb2.StatusResponse:
        stored = self._engine.store.must_load(self._engine.store.height)
        keep = self._about.keep_recent
        return node_pb2.StatusResponse(
            earliest_store_height=max(1, stored.height - keep) if keep else 1,
            height=stored.height,
            timestamp=codec.timestamp_to_pb(stored.header.time),
            app_hash=stored.results.app_hash,
            validator_hash=stored.header.next_validators_hash,
        )


class HistoryService:
    """What x/staking keeps of the last blocks: here the block store has it."""

    def __init__(self, engine: Engine, staking: Staking) -> None:
        self._engine = engine
        self._staking = staking

    def methods(self) -> list[Method]:
        return [("HistoricalInfo", staking_query_pb2.QueryHistoricalInfoRequest, self.info)]

    def info(
        self, ctx: Context, request: staking_query_pb2.QueryHistoricalInfoRequest
    ) -> staking_query_pb2.QueryHistoricalInfoResponse:
        """The header as the application was told it, and the validators (x/staking/keeper/historical_info.go)."""
        height = request.height
        if height < 0:
            raise invalid_argument("height cannot be negative")
        kept = self._staking.params(ctx).historical_entries
        if not max(0, ctx.height - kept) < height <= ctx.height:
            raise not_found(f"historical info for height {height} not found")
        header = _stored(self._engine, height).header
        told = types_pb2.Header(
            chain_id=header.chain_id,
            height=height,
            time=codec.timestamp_to_pb(header.time),
            next_validators_hash=header.next_validators_hash,
            app_hash=header.app_hash,
            proposer_address=header.proposer_address,
        )
        told.version.SetInParent()
        told.last_block_id.part_set_header.SetInParent()
        found = staking_pb2.HistoricalInfo(header=told, valset=self._staking.validators(ctx))
        return staking_query_pb2.QueryHistoricalInfoResponse(hist=found)


class TxService:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._store = engine.store

    def methods(self) -> list[Method]:
        return [
            ("BroadcastTx", service_pb2.BroadcastTxRequest, self.broadcast),
            ("GetTx", service_pb2.GetTxRequest, self.get),
            ("GetTxsEvent", service_pb2.GetTxsEventRequest, self.search),
            ("GetBlockWithTxs", service_pb2.GetBlockWithTxsRequest, self.block),
        ]

    def broadcast(
        self, _: Context, request: service_pb2.BroadcastTxRequest
    ) -> service_pb2.BroadcastTxResponse:
        """What the mempool refuses has a code of its own (cosmos-sdk client/broadcast.go)."""
        if not request.tx_bytes:
            raise invalid_argument("invalid empty tx")
        if request.mode not in {
            service_pb2.BROADCAST_MODE_SYNC,
            service_pb2.BROADCAST_MODE_ASYNC,
        }:
            raise unregistered("unsupported return type unspecified; supported types: sync, async")
        found = abci_pb2.TxResponse(txhash=to_hex(tx_hash(request.tx_bytes)))
        try:
            checked = self._engine.submit_tx(request.tx_bytes)
        except MempoolError as error:
            registered = _mempool_code(error)
            found.code, found.codespace = registered.code, registered.codespace
            found.raw_log = str(error)
            return service_pb2.BroadcastTxResponse(tx_response=found)
        if request.mode == service_pb2.BROADCAST_MODE_SYNC:
            found.code, found.codespace = checked.code, checked.codespace
            found.data, found.raw_log = to_hex(checked.data), checked.log
        return service_pb2.BroadcastTxResponse(tx_response=found)

    def get(self, _: Context, request: service_pb2.GetTxRequest) -> service_pb2.GetTxResponse:
        if not request.hash:
            raise invalid_argument("tx hash cannot be empty")
        try:
            place = self._store.index.find(gohex.decode(request.hash), self._store.height)
        except ValueError as error:
            raise unregistered(str(error)) from error
        if place is None:
            raise not_found(f"tx not found: {request.hash}")
        response = self._response(place)
        return service_pb2.GetTxResponse(
            tx=tx_pb2.Tx.FromString(response.tx.value), tx_response=response
        )

    def search(
        self, _: Context, request: service_pb2.GetTxsEventRequest
    ) -> service_pb2.GetTxsEventResponse:
        if not request.query:
            raise internal("query cannot be empty")  # ``events`` is read no more
        limit = min(request.limit or _MAX_LIMIT, _MAX_LIMIT)
        page = max(request.page, 1)
        try:
            parsed = query_language.parse(request.query)
            places = self._store.index.search_txs(parsed, self._store.height)
        except QueryError as error:
            raise internal(f"failed to search for txs: {error}") from error
        pages = max(1, -(-len(places) // limit))
        if page > pages:
            raise internal(
                f"failed to search for txs: page should be within [1, {pages}] range, given {page}"
            )
        if request.order_by == service_pb2.ORDER_BY_DESC:
            places.reverse()
        skip = (page - 1) * limit
        responses = [self._response(place) for place in places[skip : skip + limit]]
        return service_pb2.GetTxsEventResponse(
            txs=[tx_pb2.Tx.FromString(each.tx.value) for each in responses],
            tx_responses=responses,
            total=len(places),
        )

    def block(
        self, _: Context, request: service_pb2.GetBlockWithTxsRequest
    ) -> service_pb2.GetBlockWithTxsResponse:
        height = self._store.height
        if not 0 < request.height <= height:
            raise INVALID_HEIGHT(
                f"requested height {request.height} but height must not be less than 1 or greater "
                f"than the current height {height}"
            )
        stored = _stored(self._engine, request.height)
        page = request.pagination
        txs: Sequence[bytes] = stored.block.txs
        shown = txs[page.offset : page.offset + (page.limit or _MAX_LIMIT)]
        return service_pb2.GetBlockWithTxsResponse(
            txs=[tx_pb2.Tx.FromString(tx) for tx in shown],
            block_id=codec.block_id_to_pb(stored.block_id),
            block=_block(stored),
            pagination=pagination_pb2.PageResponse(total=len(txs)),
        )

    def _response(self, place: tuple[int, int]) -> abci_pb2.TxResponse:
        height, index = place
        stored = self._store.must_load(height)
        tx, result = stored.block.txs[index], stored.results.tx_results[index]
        return abci_pb2.TxResponse(
            height=height,
            txhash=to_hex(tx_hash(tx)),
            codespace=result.codespace,
            code=result.code,
            data=to_hex(result.data),
            raw_log=result.log,
            info=result.info,
            gas_wanted=result.gas_wanted,
            gas_used=result.gas_used,
            # TxRaw and Tx have the same bytes on the wire.
            tx=any_pb2.Any(type_url=_TX_URL, value=tx),
            timestamp=f"{stored.header.time.rfc3339()[:19]}Z",
            events=result.events,
        )


def _stored(engine: Engine, height: int) -> StoredBlock:
    if height > engine.store.height:
        raise invalid_argument("requested block height is bigger then the chain length")
    try:
        return engine.store.must_load(height)
    except StoreError as error:
        raise not_found(str(error)) from error


def _positive(height: int) -> None:
    if height <= 0:
        raise unregistered(f"height must be greater than 0, but got {height}")


def _block(stored: StoredBlock) -> block_pb2.Block:
    return block_pb2.Block.FromString(stored.block.encode())


def _mempool_code(error: MempoolError) -> Registered:
    text = str(error)
    if text.startswith("mempool is full"):
        return MEMPOOL_FULL
    return TX_TOO_LARGE if text.startswith("Tx too large") else TX_IN_MEMPOOL
