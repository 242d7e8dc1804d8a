"""Typed reads from one chain, as its endpoint serves them: nothing here is verified."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError as ProtobufError
from google.protobuf.message import Message

from cosmos_pb.cosmos.auth.v1beta1 import auth_pb2
from cosmos_pb.cosmos.auth.v1beta1 import query_pb2 as auth_query
from cosmos_pb.cosmos.bank.v1beta1 import query_pb2 as bank_query
from cosmos_pb.cosmos.staking.v1beta1 import query_pb2 as staking_query
from cosmos_pb.cosmos.tx.v1beta1 import service_pb2 as tx_service
from cosmos_pb.ibc.core.channel.v1 import query_pb2 as channel_query
from cosmos_pb.ibc.core.client.v1 import query_pb2 as client_query
from cosmos_pb.ibc.core.connection.v1 import query_pb2 as connection_query
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client import codec, rpcjson
from light_client.commit import LightBlock, SignedHeader
from light_client.errors import LightClientError
from light_client.validators import ValidatorSet
from light_client.values import Height, Timestamp
from relayer.coins import Coin
from relayer.errors import NetworkError, QueryError, RpcError, VerificationFailed
from relayer.transport import Transport, result

PAGE: Final = 100
MAX_PAGES: Final = 100

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Status:
    """Where a node says it is."""

    chain_id: str
    height: int
    time: Timestamp
    earliest: int


@dataclass(frozen=True, slots=True)
class AccountInfo:
    number: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Included:
    """A transaction in a block; events as the endpoint reports them."""

    hash: str
    height: int
    code: int
    codespace: str
    log: str
    gas_wanted: int
    gas_used: int
    events: Sequence[Mapping[str, Any]]
    tx: bytes


class Reader:
    """The queries that a relayer needs; `name` is what errors call the chain."""

    def __init__(self, name: str, transport: Transport) -> None:
        self.name = name
        self.transport = transport

    async def rpc(self, method: str, **params: Any) -> Any:
        """The result of one RPC call."""
        return result(self.name, method, await self.transport.call(method, params))

    async def status(self) -> Status:
        answer = await self.rpc("status")
        try:
            sync = answer["sync_info"]
            return Status(
                chain_id=str(answer["node_info"]["network"]),
                height=int(sync["latest_block_height"]),
                time=Timestamp.parse(sync["latest_block_time"]),
                earliest=int(sync.get("earliest_block_height") or 1),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._unexpected("status", error) from error

    async def block_results(self, height: int) -> Mapping[str, Any]:
        answer = await self.rpc("block_results", height=str(height))
        if not isinstance(answer, dict) or str(answer.get("height")) != str(height):
            raise NetworkError(self.name, f"block_results: not those of height {height}")
        return answer

    async def signed_header(self, height: int) -> SignedHeader:
        """The header and commit of a height; VerificationFailed unless they can be read."""
        answer = await self.rpc("commit", height=str(height))
        if not isinstance(answer, dict):
            raise NetworkError(self.name, f"commit: no object for height {height}")
        try:
            return rpcjson.signed_header_from_json(answer.get("signed_header"))
        except LightClientError as error:
            raise VerificationFailed(self.name, height, "commit", str(error)) from error

    async def validators(self, height: int) -> ValidatorSet:
        """The whole validator set of a height, all pages of it."""
        pages: list[Any] = []
        got = 0
        for page in range(1, MAX_PAGES + 1):
            answer = await self.rpc(
                "validators", height=str(height), page=str(page), per_page=str(PAGE)
            )
            try:
                found, total = answer["validators"], int(answer["total"])
            except (KeyError, TypeError, ValueError) as error:
                raise self._unexpected("validators", error) from error
            pages.extend(found)
            got += len(found)
            if got >= total or not found:
                break
        try:
            return rpcjson.validator_set_from_json(pages)
        except LightClientError as error:
            raise VerificationFailed(self.name, height, "validator set", str(error)) from error

    async def light_block(self, height: int) -> LightBlock:
        return LightBlock(await self.signed_header(height), await self.validators(height))

    async def ask(self, path: str, request: Message, response: type[M], *, height: int = 0) -> M:
        """A gRPC query through ABCI; QueryError when refused."""
        answer = await self.transport.query(path, request.SerializeToString(), height=height)
        self._accepted(path, answer)
        try:
            return response.FromString(answer.value)
        except ProtobufError as error:
            raise NetworkError(self.name, f"{path}: {error}") from error

    async def store(
        self, store: str, key: bytes, *, height: int = 0, prove: bool = False
    ) -> abci.ResponseQuery:
        """What a store holds under a key at a height, with its proof when asked for."""
        path = f"/store/{store}/key"
        answer = await self.transport.query(path, key, height=height, prove=prove)
        self._accepted(path, answer)
        return answer

    async def account(self, address: str) -> AccountInfo | None:
        """Number and sequence of an account; None when the chain does not know it."""
        path = "/cosmos.auth.v1beta1.Query/Account"
        request = auth_query.QueryAccountRequest(address=address)
        try:
            answer = await self.ask(path, request, auth_query.QueryAccountResponse)
        except QueryError as error:
            if error.not_found:
                return None
            raise
        account = auth_pb2.BaseAccount.FromString(answer.account.value)
        return AccountInfo(account.account_number, account.sequence)

    async def balances(self, address: str) -> list[Coin]:
        path = "/cosmos.bank.v1beta1.Query/AllBalances"
        request = bank_query.QueryAllBalancesRequest(address=address)
        request.pagination.limit = 1000
        answer = await self.ask(path, request, bank_query.QueryAllBalancesResponse)
        return [Coin(coin.denom, int(coin.amount)) for coin in answer.balances]

    async def simulate(self, tx: bytes) -> int:
        """The gas that a transaction would use now; QueryError when it would fail."""
        path = "/cosmos.tx.v1beta1.Service/Simulate"
        request = tx_service.SimulateRequest(tx_bytes=tx)
        answer = await self.ask(path, request, tx_service.SimulateResponse)
        return int(answer.gas_info.gas_used)

    async def broadcast(self, tx: bytes) -> tuple[int, str, str]:
        """Hand a transaction to the mempool: code, codespace and log of CheckTx."""
        encoded = base64.b64encode(tx).decode()
        answer = await self.rpc("broadcast_tx_sync", tx=encoded)
        try:
            return int(answer["code"]), str(answer.get("codespace") or ""), str(answer["log"] or "")
        except (KeyError, TypeError, ValueError) as error:
            raise self._unexpected("broadcast_tx_sync", error) from error

    async def find_tx(self, tx_hash: str) -> Included | None:
        """A transaction by its hash (upper hex); None while no block that is indexed has it."""
        encoded = base64.b64encode(bytes.fromhex(tx_hash)).decode()
        try:
            answer = await self.rpc("tx", hash=encoded, prove=False)
        except RpcError as error:
            if "not found" in f"{error.message} {error.data}".lower():
                return None
            raise
        return self._included(answer)

    async def search(self, query: str) -> list[Included]:
        """The transactions whose events match a CometBFT query, oldest first, all pages."""
        found: list[Included] = []
        for page in range(1, MAX_PAGES + 1):
            answer = await self.rpc(
                "tx_search",
                query=query,
                prove=False,
                page=str(page),
                per_page=str(PAGE),
                order_by="asc",
            )
            try:
                txs, total = answer["txs"] or [], int(answer["total_count"])
            except (KeyError, TypeError, ValueError) as error:
                raise self._unexpected("tx_search", error) from error
            found.extend(self._included(tx) for tx in txs)
            if len(found) >= total or not txs:
                break
        return found

    async def unbonding_ns(self) -> int:
        """The staking module's unbonding time."""
        path = "/cosmos.staking.v1beta1.Query/Params"
        answer = await self.ask(
            path, staking_query.QueryParamsRequest(), staking_query.QueryParamsResponse
        )
        return codec.duration_from_pb(answer.params.unbonding_time)

    async def unreceived_packets(
        self, port: str, channel: str, sequences: Sequence[int], *, height: int = 0
    ) -> set[int]:
        """Which of these packets the chain has not received on its channel."""
        request = channel_query.QueryUnreceivedPacketsRequest(
            port_id=port, channel_id=channel, packet_commitment_sequences=sequences
        )
        path = "/ibc.core.channel.v1.Query/UnreceivedPackets"
        answer = await self.ask(
            path, request, channel_query.QueryUnreceivedPacketsResponse, height=height
        )
        return set(answer.sequences)

    async def unreceived_acks(
        self, port: str, channel: str, sequences: Sequence[int], *, height: int = 0
    ) -> set[int]:
        """For which of its packets the chain still waits for an acknowledgement."""
        request = channel_query.QueryUnreceivedAcksRequest(
            port_id=port, channel_id=channel, packet_ack_sequences=sequences
        )
        path = "/ibc.core.channel.v1.Query/UnreceivedAcks"
        answer = await self.ask(
            path, request, channel_query.QueryUnreceivedAcksResponse, height=height
        )
        return set(answer.sequences)

    async def channels(self, connection: str) -> list[Any]:
        """The channels over a connection, as `IdentifiedChannel` messages."""
        path = "/ibc.core.channel.v1.Query/ConnectionChannels"
        found: list[Any] = []
        request = channel_query.QueryConnectionChannelsRequest(connection=connection)
        request.pagination.limit = PAGE
        for _ in range(MAX_PAGES):
            answer = await self.ask(path, request, channel_query.QueryConnectionChannelsResponse)
            found.extend(answer.channels)
            if not answer.pagination.next_key:
                break
            request.pagination.key = answer.pagination.next_key
        return found

    async def consensus_heights(self, client: str) -> list[Height]:
        """The heights that a client has a consensus state for, all pages of them."""
        path = "/ibc.core.client.v1.Query/ConsensusStateHeights"
        found: list[Height] = []
        request = client_query.QueryConsensusStateHeightsRequest(client_id=client)
        request.pagination.limit = 1000
        for _ in range(MAX_PAGES):
            answer = await self.ask(path, request, client_query.QueryConsensusStateHeightsResponse)
            found.extend(codec.height_from_pb(each) for each in answer.consensus_state_heights)
            if not answer.pagination.next_key:
                break
            request.pagination.key = answer.pagination.next_key
        return found

    async def client_connections(self, client: str) -> list[str]:
        """The connections that use a client."""
        path = "/ibc.core.connection.v1.Query/ClientConnections"
        request = connection_query.QueryClientConnectionsRequest(client_id=client)
        try:
            answer = await self.ask(path, request, connection_query.QueryClientConnectionsResponse)
        except QueryError as error:
            if error.not_found:
                return []
            raise
        return list(answer.connection_paths)

    async def commitments(self, port: str, channel: str) -> list[int]:
        """The sequences of all packets of a channel that are not finished on this, their source."""
        path = "/ibc.core.channel.v1.Query/PacketCommitments"
        request = channel_query.QueryPacketCommitmentsRequest(port_id=port, channel_id=channel)
        request.pagination.limit = 1000
        found: list[int] = []
        for _ in range(MAX_PAGES):
            answer = await self.ask(path, request, channel_query.QueryPacketCommitmentsResponse)
            found.extend(state.sequence for state in answer.commitments)
            if not answer.pagination.next_key:
                break
            request.pagination.key = answer.pagination.next_key
        return found

    def _accepted(self, path: str, answer: abci.ResponseQuery) -> None:
        if answer.code:
            raise QueryError(self.name, path, answer.codespace, answer.code, answer.log)

    def _included(self, answer: Any) -> Included:
        try:
            outcome = answer["tx_result"]
            return Included(
                hash=str(answer["hash"]).upper(),
                height=int(answer["height"]),
                code=int(outcome.get("code") or 0),
                codespace=str(outcome.get("codespace") or ""),
                log=str(outcome.get("log") or ""),
                gas_wanted=int(outcome.get("gas_wanted") or 0),
                gas_used=int(outcome.get("gas_used") or 0),
                events=outcome.get("events") or (),
                tx=base64.b64decode(answer.get("tx") or ""),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._unexpected("tx", error) from error

    def _unexpected(self, method: str, error: Exception) -> NetworkError:
        return NetworkError(self.name, f"{method}: unexpected answer: {error!r}")
