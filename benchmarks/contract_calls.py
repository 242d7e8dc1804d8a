"""Contract calls per second: the VM alone, with gas metered, over a store in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import contracts
from benchmarks.measure import Result, per_second
from chain.vm import VM

GAS: Final = 10**15
OWNER: Final = "cosmos1owner"
SINK: Final = "cosmos1sink"


def run(quick: bool) -> list[Result]:
    n = 500 if quick else 10_000
    vm = VM()
    try:
        return _measure(vm, n)
    finally:
        vm.close()


def _measure(vm: VM, n: int) -> list[Result]:
    code = vm.store_code(contracts.artifact("cw20_token"))
    vm.pin(code)
    store = Store()
    vm.call(code, "instantiate", [ENV, INFO, encode(TOKEN)], store, GAS)
    transfer = [ENV, INFO, encode({"transfer": {"recipient": SINK, "amount": "1"}})]
    balance = [ENV, encode({"balance": {"address": SINK}})]
    calls = per_second(lambda: vm.call(code, "execute", transfer, store, GAS), n)
    queries = per_second(lambda: vm.call(code, "query", balance, store, GAS), n)
    return [
        Result(
            "calls execute", calls, "calls/s", n, "cw20 transfers in the VM, a new instance each"
        ),
        Result(
            "calls query", queries, "calls/s", n, "cw20 balances in the VM, a new instance each"
        ),
    ]


class Store:
    """Satisfies ``chain.vm.Backend``; any text is an address."""

    def __init__(self) -> None:
        self._records: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self._records.get(key)

    def set(self, key: bytes, value: bytes) -> None:
        self._records[key] = value

    def remove(self, key: bytes) -> None:
        self._records.pop(key, None)

    def scan(
        self, start: bytes | None, end: bytes | None, descending: bool
    ) -> Iterator[tuple[bytes, bytes]]:
        found = sorted(
            pair
            for pair in self._records.items()
            if (start is None or pair[0] >= start) and (end is None or pair[0] < end)
        )
        return iter(found[::-1] if descending else found)

    def canonicalize(self, human: str) -> bytes:
        return human.encode()

    def humanize(self, canonical: bytes) -> str:
        return canonical.decode()

    def query(self, request: bytes, gas_limit: int) -> bytes:
        raise NotImplementedError(f"no query with {gas_limit} gas: {request!r}")

    def gas_consumed(self) -> int:
        return 0


def encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


ENV: Final = encode(
    {
        "block": {"height": 7, "time": "1700000000000000000", "chain_id": "bench-1"},
        "transaction": {"index": 0},
        "contract": {"address": "cosmos1contract"},
    }
)
INFO: Final = encode({"sender": OWNER, "funds": []})
TOKEN: Final = {
    "name": "Ship",
    "symbol": "SHIP",
    "decimals": 6,
    "initial_balances": [{"address": OWNER, "amount": str(10**18)}],
}
