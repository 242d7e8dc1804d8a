"""Calls of contracts that can be made of two VMs alike, over a backend with wasmd's prices."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from chain.vm import VM, ApiError, GasReport, VmError
from light_client import bech32
from light_client.errors import DecodeError

from .libwasmvm import Native

MULTIPLIER: Final = 140_000
_PREFIX: Final = 33
"""Bytes before a contract's keys in the store of x/wasm."""
MAX_DEPTH: Final = 9
"""Of queries within queries."""


def address(name: str) -> str:
    return bech32.encode("cosmos", hashlib.sha256(name.encode()).digest())


ALICE: Final = address("alice")
BOB: Final = address("bob")
TOKEN: Final = address("token")
"""Where a cw20 token answers, if the world has one."""


def encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Call:
    entry: str
    args: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one VM made of a call: the result or the error's text, and the gas."""

    data: bytes | None
    error: str
    gas: GasReport


Runner = Callable[[bytes, Call, "Ledger", int], Seen]
"""Checksum, call, backend and limit."""


def ours(vm: VM) -> Runner:
    def run(checksum: bytes, call: Call, ledger: Ledger, limit: int) -> Seen:
        try:
            result = vm.call(checksum, call.entry, call.args, ledger, limit)
        except VmError as error:
            return Seen(None, str(error), error.gas or GasReport(limit, limit, 0, 0))
        return Seen(result.data, "", result.gas)

    return run


def theirs(native: Native) -> Runner:
    def run(checksum: bytes, call: Call, ledger: Ledger, limit: int) -> Seen:
        found = native.call(checksum, call.entry, call.args, ledger, limit)
        text = found.error.removeprefix("Error calling the VM: ")
        if text == "out of gas":
            text = "Ran out of gas during contract execution"
        return Seen(found.data, text, found.gas)

    return run


@dataclass(slots=True)
class World:
    """Contracts that can query one another, and the VM that runs them."""

    run: Runner
    limit: int
    contracts: dict[str, tuple[bytes, Ledger]] = field(default_factory=dict)
    depth: int = 0

    def add(self, name: str, checksum: bytes) -> Ledger:
        ledger = Ledger(self, address(name))
        self.contracts[ledger.address] = checksum, ledger
        return ledger

    def start(self, token: bytes, contract: bytes) -> None:
        """A cw20 token of which Alice and the contract own something, and a contract to look at."""
        self.add("token", token)
        owners = [{"address": each, "amount": "1000000"} for each in (ALICE, address("contract"))]
        message = {"name": "Token", "symbol": "TOK", "decimals": 6, "initial_balances": owners}
        self.call("token", initial(message))
        self.add("contract", contract)

    def call(self, name: str, call: Call) -> Seen:
        """What fails leaves the state as it was, as in a transaction."""
        checksum, ledger = self.contracts[address(name)]
        before = dict(ledger.records)
        seen = self.run(checksum, call, ledger, self.limit)
        if seen.data is None or seen.data.startswith(b'{"error"'):
            ledger.records = before
        return seen


class Ledger:
    """A contract's backend: storage at the prices of wasmd, bech32 addresses, queries to the world."""

    def __init__(self, world: World, contract: str) -> None:
        self.world = world
        self.address = contract
        self.records: dict[bytes, bytes] = {}
        self.used = 0

    def get(self, key: bytes) -> bytes | None:
        value = self.records.get(key)
        self._pay(1000 + 3 * (_PREFIX + len(key) + len(value or b"")))
        return value

    def set(self, key: bytes, value: bytes) -> None:
        self._pay(2000 + 30 * (_PREFIX + len(key) + len(value)))
        self.records[key] = value

    def remove(self, key: bytes) -> None:
        self._pay(1000)
        self.records.pop(key, None)

    def scan(
        self, start: bytes | None, end: bytes | None, descending: bool
    ) -> Iterator[tuple[bytes, bytes]]:
        """The iterator stands on the first record at once, as in the Cosmos SDK."""
        records = sorted(
            (key, value)
            for key, value in self.records.items()
            if (start is None or key >= start) and (end is None or key < end)
        )
        if descending:
            records.reverse()
        self._pay_step(records, 0)
        return self._ahead(records)

    def _ahead(self, records: list[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
        for place, record in enumerate(records):
            self._pay_step(records, place + 1)
            yield record

    def _pay_step(self, records: list[tuple[bytes, bytes]], place: int) -> None:
        size = _PREFIX + sum(map(len, records[place])) if place < len(records) else 0
        self._pay(30 + 3 * size)

    def canonicalize(self, human: str) -> bytes:
        try:
            prefix, data = bech32.decode(human)
        except DecodeError as error:
            raise ApiError(f"no address: {len(human)}") from error
        if prefix != "cosmos":
            raise ApiError(f"invalid prefix {prefix}")
        return data

    def humanize(self, canonical: bytes) -> str:
        if not canonical:
            raise ApiError("empty address")
        return bech32.encode("cosmos", canonical)

    def query(self, request: bytes, gas_limit: int) -> bytes:
        self._pay(500)
        try:
            answer = self._answer(json.loads(request), gas_limit)
        except KeyError as error:
            return encode({"error": {"unsupported_request": {"kind": str(error)}}})
        except (ValueError, TypeError, AttributeError):  # no JSON, or none of the known shape
            told = base64.b64encode(request).decode()
            return encode({"error": {"invalid_request": {"error": "no query", "request": told}}})
        return encode(answer)

    def gas_consumed(self) -> int:
        return self.used

    def _pay(self, sdk_gas: int) -> None:
        self.used += sdk_gas * MULTIPLIER

    def _answer(self, request: dict[str, Any], gas_limit: int) -> dict[str, Any]:
        if "wasm" in request:
            return self._of_contract(request["wasm"], gas_limit)
        ((module, query),) = request.items()
        ((kind, asked),) = query.items()
        return _good(_CANNED[module, kind](asked))

    def _of_contract(self, query: dict[str, Any], gas_limit: int) -> dict[str, Any]:
        ((kind, asked),) = query.items()
        target = asked["contract_addr"]
        if target not in self.world.contracts:
            return {"error": {"no_such_contract": {"addr": target}}}
        checksum, ledger = self.world.contracts[target]
        if kind == "raw":
            key = base64.b64decode(asked["key"])
            return _good(ledger.records.get(key, b""))
        if kind == "contract_info":
            return _good(
                {"code_id": 1, "creator": ALICE, "admin": None, "pinned": False, "ibc_port": None}
            )
        if self.world.depth == MAX_DEPTH:
            return {"ok": {"error": "codespace: wasm, code: 27"}}
        message = base64.b64decode(asked["msg"])
        self.world.depth += 1
        before = ledger.used
        seen = self.world.run(checksum, Call("query", (ENV, message)), ledger, gas_limit)
        self.world.depth -= 1
        inner = ledger.used - before
        if ledger is not self:
            self.used += inner
        self._pay(seen.gas.used_internally // MULTIPLIER)
        if seen.data is None:
            return {"ok": {"error": "codespace: wasm, code: 9"}}
        return {"ok": json.loads(seen.data)}


def _good(value: Any) -> dict[str, Any]:
    data = value if isinstance(value, bytes) else encode(value)
    return {"ok": {"ok": base64.b64encode(data).decode()}}


_VALIDATOR: Final = {
    "address": "cosmosvaloper1",
    "commission": "0.1",
    "max_commission": "0.2",
    "max_change_rate": "0.01",
}
_CANNED: Final[dict[tuple[str, str], Callable[[dict[str, Any]], Any]]] = {
    ("bank", "balance"): lambda q: {"amount": {"denom": q["denom"], "amount": "1000000"}},
    ("bank", "all_balances"): lambda _: {"amount": [{"denom": "ustake", "amount": "1000000"}]},
    ("bank", "supply"): lambda q: {"amount": {"denom": q["denom"], "amount": "5000000"}},
    ("staking", "bonded_denom"): lambda _: {"denom": "ustake"},
    ("staking", "all_validators"): lambda _: {"validators": [_VALIDATOR]},
    ("staking", "validator"): lambda _: {"validator": _VALIDATOR},
    ("staking", "all_delegations"): lambda _: {"delegations": []},
    ("ibc", "port_id"): lambda _: {"port_id": "wasm.port"},
    ("ibc", "list_channels"): lambda _: {"channels": []},
}

# -- what is said to contracts

ENV: Final = encode(
    {
        "block": {"height": 1234567, "time": "1700000000000000000", "chain_id": "gas-1"},
        "transaction": {"index": 2},
        "contract": {"address": address("contract")},
    }
)


def info(sender: str, *funds: tuple[int, str]) -> bytes:
    coins = [{"denom": denom, "amount": str(amount)} for amount, denom in funds]
    return encode({"sender": sender, "funds": coins})


def initial(message: Any) -> Call:
    return Call("instantiate", (ENV, info(ALICE), encode(message)))


def executed(message: Any, sender: str = ALICE, *funds: tuple[int, str]) -> Call:
    return Call("execute", (ENV, info(sender, *funds), encode(message)))


def told(entry: str, *messages: Any) -> Call:
    """An entry point that takes the environment and messages."""
    return Call(entry, (ENV, *map(encode, messages)))


_CHANNEL: Final = {
    "endpoint": {"port_id": "wasm.port", "channel_id": "channel-3"},
    "counterparty_endpoint": {"port_id": "transfer", "channel_id": "channel-7"},
    "order": "ORDER_UNORDERED",
    "version": "ics20-1",
    "connection_id": "connection-0",
}


def _packet(data: Any, *, sent: bool) -> dict[str, Any]:
    ends = [_CHANNEL["endpoint"], _CHANNEL["counterparty_endpoint"]]
    src, dest = ends if sent else reversed(ends)
    return {
        "data": base64.b64encode(encode(data)).decode(),
        "src": src,
        "dest": dest,
        "sequence": 5,
        "timeout": {"block": None, "timestamp": "1700000600000000000"},
    }


def _transfer(denom: str) -> dict[str, str]:
    return {"amount": "7", "denom": denom, "receiver": BOB, "sender": ALICE}


def ibc_calls(version: str = "ics20-1") -> list[Call]:
    """A channel's life, with packets of ICS-20 and one of nonsense."""
    channel = {**_CHANNEL, "version": version}
    ordered = {**channel, "order": "ORDER_ORDERED"}
    sent, other = _packet(_transfer("ustake"), sent=True), _packet({"x": 1}, sent=False)
    back = _packet(_transfer("transfer/channel-7/ustake"), sent=False)
    acks = [{"result": "MQ=="}, {"error": "no"}]
    return [
        told("ibc_channel_open", {"open_init": {"channel": ordered}}),
        told("ibc_channel_open", {"open_init": {"channel": channel}}),
        told("ibc_channel_open", {"open_try": {"channel": channel, "counterparty_version": version}}),
        told("ibc_channel_connect", {"open_ack": {"channel": channel, "counterparty_version": version}}),
        told("ibc_channel_connect", {"open_confirm": {"channel": channel}}),
        *(
            told("ibc_packet_receive", {"packet": packet, "relayer": BOB})
            for packet in (back, sent, other)
        ),
        *(
            told(
                "ibc_packet_ack",
                {
                    "acknowledgement": {"data": base64.b64encode(encode(ack)).decode()},
                    "original_packet": sent,
                    "relayer": BOB,
                },
            )
            for ack in acks
        ),
        told("ibc_packet_timeout", {"packet": sent, "relayer": BOB}),
        told("ibc_channel_close", {"close_init": {"channel": channel}}),
    ]  # fmt: skip


def replies(*ids: int) -> list[Call]:
    good = {
        "events": [{"type": "e", "attributes": [{"key": "k", "value": "v"}]}],
        "data": "Cgh0b2tlbi1vbmU=",
    }
    results = [{"ok": {**good, "msg_responses": []}}, {"error": "codespace: sdk, code: 5"}]
    return [
        told("reply", {"gas_used": 0, "id": number, "result": result})
        for number in ids
        for result in results
    ]
