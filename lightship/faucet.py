"""A faucet for an embedded chain, with the HTTP interface of @cosmjs/faucet: CosmJS's FaucetClient works with it.

``POST /credit`` with ``{"address", "denom"}`` answers ``ok`` as soon as a block has the coins; ``GET /status`` tells
what there is. Refusals have the status codes of @cosmjs/faucet and one line of text.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import web

from chain.errors import GenesisError
from chain.node.errors import listening
from cosmos_pb.cosmos.bank.v1beta1 import query_pb2, tx_pb2
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from light_client import bech32
from light_client.errors import DecodeError
from lightship.devnet import Account
from relayer.coins import Coin, GasPrice
from relayer.endpoint import ChainSettings, Endpoint
from relayer.errors import RelayerError
from relayer.tx import pack

if TYPE_CHECKING:
    from chain.node.node import Node

KEY_FILE: Final = "faucet_key.json"
NAME: Final = "faucet"
STOCK: Final = 10**15
"""What a new chain's faucet holds of each denomination."""

CREDIT: Final = 10_000_000
"""What one request gets; cosmjs' own default."""

PER_MINUTE: Final = 120
WAITING: Final = 50
"""Requests in a minute, and such as wait for a block, that are taken at all."""

BODY: Final = 4096
_ADDRESS_SIZES: Final = (20, 32)
_ALL_BALANCES: Final = "/cosmos.bank.v1beta1.Query/AllBalances"
_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "HEAD, GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "*",
}
_WELCOME: Final = (
    "This is a faucet.\n\nGET /status tells what it has; POST /credit with "
    '{"address": ..., "denom": ...} sends some of it.\n'
)

log = logging.getLogger("lightship.faucet")


class _Refused(Exception):
    """A request that is answered with an HTTP status and one line."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Faucet:
    """Credits accounts of ``node`` from ``account``; ``start`` listens, ``stop`` lets what is on its way end."""

    def __init__(self, node: Node, account: Account, gas_price: str) -> None:
        prefix = node.config.bech32_prefix
        price = GasPrice.parse(gas_price) if gas_price else GasPrice.parse("0stake")
        settings = ChainSettings(node.chain_id, prefix, price)
        self._node = node
        self._prefix = prefix
        self._endpoint = Endpoint(settings, node.transport(), [account.signer])
        self._address = account.address(prefix)
        self._waiting = 0
        self._taken: deque[float] = deque()
        self._stack = AsyncExitStack()

    async def start(self, host: str, port: int) -> str:
        """Listen; returns the URL. OSError when the port is taken."""
        await self._endpoint.open()
        self._stack.push_async_callback(self._endpoint.close)
        follow = asyncio.create_task(self._endpoint.heights.follow())
        self._stack.push_async_callback(_cancelled, follow)
        app = web.Application(client_max_size=BODY)
        app.router.add_route("*", r"/{path:[\s\S]*}", self._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        with listening("faucet", host, port):
            await web.TCPSite(runner, host, port).start()
        address, bound = runner.addresses[0][:2]
        return f"http://{address}:{bound}"

    async def stop(self) -> None:
        await self._stack.aclose()

    async def _serve(self, request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=_CORS)
        try:
            match request.path:
                case "/" | "/healthz":
                    return web.Response(text=_WELCOME, headers=_CORS)
                case "/status":
                    return web.json_response(await self._status(), headers=_CORS)
                case "/credit":
                    await self._credit(request)
                    return web.Response(text="ok", headers=_CORS)
                case _:
                    raise _Refused(404, "Not Found")
        except _Refused as refused:
            return web.Response(status=refused.status, text=str(refused), headers=_CORS)

    async def _status(self) -> dict[str, Any]:
        balances = await self._balances()
        holder = {
            "address": self._address,
            "balance": [{"denom": coin.denom, "amount": str(coin.amount)} for coin in balances],
        }
        return {
            "status": "ok",
            "nodeUrl": self._node.rpc_url,
            "chainId": self._node.chain_id,
            "chainTokens": [coin.denom for coin in balances],
            "availableTokens": _available(balances),
            "holder": holder,
            "distributors": [],
        }

    async def _credit(self, request: web.Request) -> None:
        if request.method != "POST":
            raise _Refused(405, "This endpoint requires a POST request")
        if request.content_type != "application/json":
            raise _Refused(415, "Content-type application/json expected")
        try:
            address, denom = _wanted(await request.read())
        except web.HTTPRequestEntityTooLarge:
            raise _Refused(413, f"A request has at most {BODY} bytes.") from None
        if not self._is_address(address):
            raise _Refused(400, "Address is not in the expected format for this chain.")
        self._admit()
        self._waiting += 1
        try:
            await self._send(address, denom)
        finally:
            self._waiting -= 1

    async def _send(self, address: str, denom: str) -> None:
        tokens = _available(await self._balances())
        if denom not in tokens:
            raise _Refused(422, f"Token is not available. Available tokens are: {','.join(tokens)}")
        coins = [coin_pb2.Coin(denom=denom, amount=str(CREDIT))]
        message = tx_pb2.MsgSend(from_address=self._address, to_address=address, amount=coins)
        try:
            await self._endpoint.submit([pack(message)])
        except RelayerError as error:
            log.warning("a credit of %s to %s failed: %s", denom, address, error)
            raise _Refused(500, f"Sending tokens failed: {error}") from error

    def _admit(self) -> None:
        """Refuse what is too much at once."""
        now = asyncio.get_running_loop().time()
        while self._taken and self._taken[0] <= now - 60:
            self._taken.popleft()
        if len(self._taken) >= PER_MINUTE or self._waiting >= WAITING:
            raise _Refused(429, "Too many requests. Please wait a minute and try again.")
        self._taken.append(now)

    async def _balances(self) -> list[Coin]:
        wanted = query_pb2.QueryAllBalancesRequest(address=self._address)
        wanted.pagination.limit = 1000
        _, answer = await self._node.engine.ask(_ALL_BALANCES, wanted.SerializeToString())
        found = query_pb2.QueryAllBalancesResponse.FromString(answer)
        return [Coin(coin.denom, int(coin.amount)) for coin in found.balances]

    def _is_address(self, text: str) -> bool:
        with contextlib.suppress(DecodeError):
            prefix, raw = bech32.decode(text)
            return prefix == self._prefix and len(raw) in _ADDRESS_SIZES
        return False


def save_key(home: Path, account: Account) -> None:
    """Write the faucet's words, readable by their owner only."""
    descriptor = os.open(home / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode({"mnemonic": account.mnemonic}) + b"\n")


def load_key(home: Path) -> Account:
    """Raises GenesisError, which names the file."""
    path = home / KEY_FILE
    try:
        held = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
        account = Account.new(NAME, (), held["mnemonic"])
        _ = account.signer
    except FileNotFoundError:
        raise GenesisError(f"{home} has no faucet: there is no {KEY_FILE}") from None
    except (msgspec.MsgspecError, KeyError, RelayerError) as error:
        raise GenesisError(f"{path}: {error}") from error
    return account


def stock(denoms: Sequence[str]) -> Account:
    """The faucet of a new chain, with plenty of each denomination."""
    return Account.new(NAME, [Coin(denom, STOCK) for denom in sorted(set(denoms))])


def _available(balances: Sequence[Coin]) -> list[str]:
    return [coin.denom for coin in balances if coin.amount >= CREDIT]


def _wanted(body: bytes) -> tuple[str, str]:
    """The address and the denomination of a request, in the words of @cosmjs/faucet for what is none."""
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise _Refused(400, f"Request body must be JSON: {error}") from error
    if not isinstance(found, dict):
        raise _Refused(400, "Request body must be a dictionary.")
    values = []
    for name in ("address", "denom"):
        value = found.get(name)
        if not isinstance(value, str):
            raise _Refused(400, f"Property '{name}' must be a string.")
        if not value:
            raise _Refused(400, f"Property '{name}' must not be empty.")
        values.append(value)
    return values[0], values[1]


async def _cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
