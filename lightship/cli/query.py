"""``lightship query``: what a chain holds, as it says itself. CHAIN is a name of the configuration, or an RPC URL."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from google.protobuf import json_format
from google.protobuf.message import Message

from cosmos_pb._pool import POOL
from cosmos_pb.cosmos.auth.v1beta1 import query_pb2 as auth_query
from cosmos_pb.cosmwasm.wasm.v1 import query_pb2 as wasm_query
from cosmos_pb.ibc.applications.transfer.v1 import query_pb2 as transfer_query
from cosmos_pb.ibc.core.channel.v1 import query_pb2 as channel_query
from cosmos_pb.ibc.core.client.v1 import query_pb2 as client_query
from cosmos_pb.ibc.core.connection.v1 import query_pb2 as connection_query
from lightship.cli.connect import reading
from lightship.cli.options import asynchronous, config_option
from lightship.cli.output import json_option, show
from lightship.cli.values import UINT64
from relayer.errors import QueryError
from relayer.reader import Reader

PAGE_LIMIT = 1000

Body = TypeVar("Body", bound=Callable[..., Any])


@click.group()
def command() -> None:
    """Look at a chain. CHAIN is a name of the configuration, or an RPC URL."""


def query(name: str) -> Callable[[Body], Any]:
    """A query command: its body gets a Reader and the other arguments, and returns what is shown."""

    def decorate(body: Body) -> Any:
        async def run(chain: str, config_file: Path, as_json: bool, **arguments: Any) -> None:
            async with reading(chain, config_file) as reader:
                show(await body(reader, **arguments), as_json=as_json)

        run.__doc__ = body.__doc__
        made = json_option(config_option(asynchronous(run)))
        for parameter in reversed(getattr(body, "parameters", [])):
            made = parameter(made)
        return command.command(name, help=body.__doc__)(click.argument("chain")(made))

    return decorate


def argument(*names: str, **options: Any) -> Callable[[Body], Body]:
    """An argument of a query, in the order in which they are written."""

    def decorate(body: Body) -> Body:
        parameters = getattr(body, "parameters", [])
        body.parameters = [click.argument(*names, **options), *parameters]  # type: ignore[attr-defined] # ours
        return body

    return decorate


# The chain itself


@query("status")
async def status(reader: Reader) -> Any:
    """Where the chain is: its id, newest height and time."""
    found = await reader.status()
    return {"chain_id": found.chain_id, "height": found.height, "time": found.time.rfc3339()}


@query("block")
@argument("height", type=int, required=False)
async def block(reader: Reader, height: int | None) -> Any:
    """A block (the newest without HEIGHT)."""
    return await reader.rpc("block", **({} if height is None else {"height": str(height)}))


@query("tx")
@argument("tx_hash")
async def tx(reader: Reader, tx_hash: str) -> Any:
    """A transaction by its hash, with its events."""
    try:
        raw = bytes.fromhex(tx_hash.removeprefix("0x"))
    except ValueError:
        raise click.UsageError(f"a transaction hash is hexadecimal, got {tx_hash!r}") from None
    encoded = base64.b64encode(raw).decode()
    return await reader.rpc("tx", hash=encoded, prove=False)


@query("account")
@argument("address")
async def account(reader: Reader, address: str) -> Any:
    """An account's number, sequence and key."""
    request = auth_query.QueryAccountRequest(address=address)
    answer = await reader.ask(
        "/cosmos.auth.v1beta1.Query/Account", request, auth_query.QueryAccountResponse
    )
    return plain(answer)["account"]


@query("balances")
@argument("address")
async def balances(reader: Reader, address: str) -> Any:
    """What an account owns, by denomination."""
    return {coin.denom: str(coin.amount) for coin in await reader.balances(address)}


# IBC


@query("clients")
async def clients(reader: Reader) -> Any:
    """The light clients that the chain keeps of others."""
    request = client_query.QueryClientStatesRequest()
    request.pagination.limit = PAGE_LIMIT
    path = "/ibc.core.client.v1.Query/ClientStates"
    answer = await reader.ask(path, request, client_query.QueryClientStatesResponse)
    return [
        {
            "client_id": each["client_id"],
            "chain_id": each["client_state"].get("chain_id", ""),
            "latest_height": height(each["client_state"].get("latest_height")),
            "status": await client_status(reader, each["client_id"]),
        }
        for each in plain(answer)["client_states"]
    ]


@query("client")
@argument("client_id")
async def client(reader: Reader, client_id: str) -> Any:
    """One light client: its state and status."""
    request = client_query.QueryClientStateRequest(client_id=client_id)
    path = "/ibc.core.client.v1.Query/ClientState"
    answer = await reader.ask(path, request, client_query.QueryClientStateResponse)
    state = plain(answer)["client_state"]
    return {"client_id": client_id, "status": await client_status(reader, client_id), **state}


@query("connections")
async def connections(reader: Reader) -> Any:
    """The connections of the chain."""
    request = connection_query.QueryConnectionsRequest()
    request.pagination.limit = PAGE_LIMIT
    path = "/ibc.core.connection.v1.Query/Connections"
    answer = await reader.ask(path, request, connection_query.QueryConnectionsResponse)
    return plain(answer)["connections"]


@query("connection")
@argument("connection_id")
async def connection(reader: Reader, connection_id: str) -> Any:
    """One connection."""
    request = connection_query.QueryConnectionRequest(connection_id=connection_id)
    path = "/ibc.core.connection.v1.Query/Connection"
    answer = await reader.ask(path, request, connection_query.QueryConnectionResponse)
    return plain(answer)["connection"]


@query("channels")
async def channels(reader: Reader) -> Any:
    """The channels of the chain."""
    request = channel_query.QueryChannelsRequest()
    request.pagination.limit = PAGE_LIMIT
    path = "/ibc.core.channel.v1.Query/Channels"
    answer = await reader.ask(path, request, channel_query.QueryChannelsResponse)
    return plain(answer)["channels"]


@query("channel")
@argument("port")
@argument("channel_id")
async def channel(reader: Reader, port: str, channel_id: str) -> Any:
    """One channel end."""
    request = channel_query.QueryChannelRequest(port_id=port, channel_id=channel_id)
    path = "/ibc.core.channel.v1.Query/Channel"
    answer = await reader.ask(path, request, channel_query.QueryChannelResponse)
    return plain(answer)["channel"]


@query("packets")
@argument("port")
@argument("channel_id")
async def packets(reader: Reader, port: str, channel_id: str) -> Any:
    """Sequences of packets that were sent on a channel and are neither acknowledged nor timed out."""
    return await reader.commitments(port, channel_id)


@query("packet")
@argument("port")
@argument("channel_id")
@argument("sequence", type=UINT64)
async def packet(reader: Reader, port: str, channel_id: str, sequence: int) -> Any:
    """What the chain knows of one packet, as its sender and as its receiver."""
    where: dict[str, Any] = {"port_id": port, "channel_id": channel_id, "sequence": sequence}
    found: dict[str, Any] = {}
    for name, kind in (
        ("commitment", "PacketCommitment"),
        ("acknowledgement", "PacketAcknowledgement"),
    ):
        request = getattr(channel_query, f"Query{kind}Request")(**where)
        response = getattr(channel_query, f"Query{kind}Response")
        found[name] = await value_or_none(
            reader, f"/ibc.core.channel.v1.Query/{kind}", request, response, name
        )
    receipt = channel_query.QueryPacketReceiptRequest(**where)
    path = "/ibc.core.channel.v1.Query/PacketReceipt"
    answer = await reader.ask(path, receipt, channel_query.QueryPacketReceiptResponse)
    found["received"] = answer.received
    return found


@query("denoms")
async def denoms(reader: Reader) -> Any:
    """Tokens that came from other chains: their local denomination and where they come from."""
    request = transfer_query.QueryDenomsRequest()
    request.pagination.limit = PAGE_LIMIT
    path = "/ibc.applications.transfer.v1.Query/Denoms"
    answer = await reader.ask(path, request, transfer_query.QueryDenomsResponse)
    return plain(answer)["denoms"]


@query("denom")
@argument("denom")
async def denom(reader: Reader, denom: str) -> Any:
    """Where an ibc/HASH token comes from."""
    request = transfer_query.QueryDenomRequest(hash=denom.removeprefix("ibc/"))
    path = "/ibc.applications.transfer.v1.Query/Denom"
    answer = await reader.ask(path, request, transfer_query.QueryDenomResponse)
    return plain(answer)["denom"]


# Contracts


@query("codes")
async def codes(reader: Reader) -> Any:
    """The stored codes."""
    request = wasm_query.QueryCodesRequest()
    request.pagination.limit = PAGE_LIMIT
    answer = await ask_wasm(reader, "Codes", request, wasm_query.QueryCodesResponse)
    return [
        {"code_id": each.code_id, "creator": each.creator, "checksum": each.data_hash.hex()}
        for each in answer.code_infos
    ]


@query("code")
@argument("code_id", type=UINT64)
async def code(reader: Reader, code_id: int) -> Any:
    """One stored code, without its bytes."""
    request = wasm_query.QueryCodeInfoRequest(code_id=code_id)
    answer = await ask_wasm(reader, "CodeInfo", request, wasm_query.QueryCodeInfoResponse)
    return {**plain(answer), "checksum": answer.checksum.hex()}


@query("contracts")
@argument("code_id", type=UINT64)
async def contracts(reader: Reader, code_id: int) -> Any:
    """The contracts made of a code."""
    request = wasm_query.QueryContractsByCodeRequest(code_id=code_id)
    request.pagination.limit = PAGE_LIMIT
    answer = await ask_wasm(
        reader, "ContractsByCode", request, wasm_query.QueryContractsByCodeResponse
    )
    return list(answer.contracts)


@query("contract")
@argument("address")
async def contract(reader: Reader, address: str) -> Any:
    """One contract: its code, creator, admin, label and IBC port."""
    request = wasm_query.QueryContractInfoRequest(address=address)
    answer = await ask_wasm(reader, "ContractInfo", request, wasm_query.QueryContractInfoResponse)
    return {"address": address, **plain(answer.contract_info)}


@query("smart")
@argument("address")
@argument("message")
async def smart(reader: Reader, address: str, message: str) -> Any:
    """Ask a contract; MESSAGE is JSON."""
    return await ask_contract(reader, address, message)


@query("raw")
@argument("address")
@argument("key")
async def raw(reader: Reader, address: str, key: str) -> Any:
    """What a contract stores under KEY (text, or 0x and hexadecimal digits)."""
    try:
        wanted = bytes.fromhex(key[2:]) if key.startswith("0x") else key.encode()
    except ValueError:
        raise click.UsageError(f"key {key!r} is not hexadecimal after 0x") from None
    request = wasm_query.QueryRawContractStateRequest(address=address, query_data=wanted)
    answer = await ask_wasm(
        reader, "RawContractState", request, wasm_query.QueryRawContractStateResponse
    )
    return {"hex": answer.data.hex(), "text": answer.data.decode("utf-8", "replace")}


@query("state")
@argument("address")
async def state(reader: Reader, address: str) -> Any:
    """All that a contract stores (the first thousand keys)."""
    request = wasm_query.QueryAllContractStateRequest(address=address)
    request.pagination.limit = PAGE_LIMIT
    answer = await ask_wasm(
        reader, "AllContractState", request, wasm_query.QueryAllContractStateResponse
    )
    return {each.key.hex(): each.value.decode("utf-8", "replace") for each in answer.models}


# Pieces


async def ask_contract(reader: Reader, address: str, message: str) -> Any:
    request = wasm_query.QuerySmartContractStateRequest(
        address=address, query_data=json_bytes(message)
    )
    answer = await ask_wasm(
        reader, "SmartContractState", request, wasm_query.QuerySmartContractStateResponse
    )
    return json.loads(answer.data)


async def ask_wasm(reader: Reader, method: str, request: Message, response: Any) -> Any:
    return await reader.ask(f"/cosmwasm.wasm.v1.Query/{method}", request, response)


async def client_status(reader: Reader, client_id: str) -> str:
    request = client_query.QueryClientStatusRequest(client_id=client_id)
    path = "/ibc.core.client.v1.Query/ClientStatus"
    return (await reader.ask(path, request, client_query.QueryClientStatusResponse)).status


async def value_or_none(
    reader: Reader, path: str, request: Message, response: Any, name: str
) -> str | None:
    """Hex of what is there; None when the chain says that it is not."""
    try:
        return str(getattr(await reader.ask(path, request, response), name).hex())
    except QueryError as error:
        if error.not_found:
            return None
        raise


def json_bytes(message: str) -> bytes:
    """A message for a contract, checked here so that a slip costs no gas."""
    try:
        json.loads(message)
    except ValueError as error:
        raise click.UsageError(f"the message is not JSON: {error}") from None
    return message.encode()


def height(value: Any) -> str:
    number = (value or {}).get("revision_number", "0")
    return f"{number}-{(value or {}).get('revision_height', '0')}"


def plain(message: Message) -> dict[str, Any]:
    """A protobuf message as JSON shows it, every field, proto names."""
    return json_format.MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
        descriptor_pool=POOL,
    )
