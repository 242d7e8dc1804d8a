"""Whatever a contract returns or asks: an outcome, or an error that names it, and never a fault of our own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from helpers.puppet import CODE, Puppet, b64
from helpers.wasm import BOB, WasmChain
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain.vm import VM
from cosmos_pb.tendermint.abci import types_pb2 as abci

PANIC = 111222
MANY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

TEXTS = st.sampled_from(
    ["", "x", "1", "-1", "stake", "channel-0", "always", "/a.B", b64(b"{}"), b64(b"\xff"), "%"]
) | st.text(max_size=5)
NUMBERS = st.sampled_from([0, 1, -1, 2**63, 2**64 - 1, 2**64, 10**30, 1.5])
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS
NAMES = st.sampled_from(
    [
        *("ok", "error", "messages", "data", "attributes", "events", "type", "key", "value"),
        *("id", "msg", "reply_on", "gas_limit", "payload", "bank", "wasm", "ibc", "any", "custom"),
        *("send", "burn", "execute", "instantiate", "instantiate2", "migrate", "clear_admin"),
        *("to_address", "amount", "denom", "contract_addr", "funds", "label", "admin", "salt"),
        *("send_packet", "transfer", "close_channel", "channel_id", "timeout", "block"),
        *("timestamp", "revision", "height", "type_url", "code_id", "smart", "raw", "raw_range"),
        *("contract_info", "code_info", "limit", "order", "start", "balance", "address", "supply"),
        *("staking", "validator", "stargate", "grpc", "port_id", "list_channels", "channel"),
    ]
)


def tree(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
        max_leaves=12,
    )


@pytest.fixture(scope="module")
def puppet() -> Iterator[Puppet]:
    vm = VM()
    chain = WasmChain(vm)
    chain.store(CODE)
    made = Puppet(chain, 1)
    yield made
    vm.close()


def messages(puppet: Puppet) -> st.SearchStrategy[Any]:
    """Messages near to those that exist, with any value in any place."""
    address = st.sampled_from([puppet.address, BOB.address]) | LEAVES
    coin = st.fixed_dictionaries({"denom": TEXTS, "amount": TEXTS})
    coins = st.lists(coin, max_size=2) | LEAVES
    timeout = st.fixed_dictionaries({"timestamp": LEAVES, "block": tree(LEAVES)}) | LEAVES
    bank = st.fixed_dictionaries({"to_address": address, "amount": coins})
    contract = st.fixed_dictionaries(
        {"contract_addr": address, "msg": TEXTS, "funds": coins, "new_code_id": LEAVES}
    )
    creation = st.fixed_dictionaries(
        {"code_id": LEAVES, "msg": TEXTS, "funds": coins, "label": LEAVES, "salt": TEXTS}
    )
    ibc = st.fixed_dictionaries(
        {"channel_id": LEAVES, "data": TEXTS, "timeout": timeout, "amount": coin | LEAVES}
    )
    packed = st.fixed_dictionaries({"type_url": TEXTS, "value": TEXTS})
    return st.one_of(
        *(st.fixed_dictionaries({"bank": named(kind, bank)}) for kind in ("send", "burn")),
        *(
            st.fixed_dictionaries({"wasm": named(kind, contract)})
            for kind in ("execute", "migrate")
        ),
        *(
            st.fixed_dictionaries({"wasm": named(kind, creation)})
            for kind in ("instantiate", "instantiate2")
        ),
        *(
            st.fixed_dictionaries({"ibc": named(kind, ibc)})
            for kind in ("send_packet", "transfer", "close_channel", "write_acknowledgement")
        ),
        named("any", packed),
        tree(LEAVES),
    )


def no_fault_of_ours(ended: abci.ExecTxResult) -> bool:
    """The one panic that wasmd has, too: over a result that is neither a response nor an error."""
    return ended.code != PANIC or "nil pointer dereference" in ended.log


def named(name: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({name: value})


@MANY
@given(data=st.data())
def test_any_messages(puppet: Puppet, data: st.DataObject) -> None:
    sub = st.fixed_dictionaries(
        {"msg": messages(puppet), "reply_on": st.sampled_from(["always", "never", "error"])},
        optional={"id": LEAVES, "gas_limit": LEAVES, "payload": TEXTS},
    )
    found = data.draw(st.lists(sub, min_size=1, max_size=2))
    assert no_fault_of_ours(puppet.says({"ok": {"messages": found}}))


@MANY
@given(result=tree(LEAVES))
def test_any_result(puppet: Puppet, result: Any) -> None:
    assert no_fault_of_ours(puppet.says(result))


@MANY
@given(request=tree(LEAVES))
def test_any_request(puppet: Puppet, request: Any) -> None:
    answer = puppet.asks(request)
    assert set(answer) <= {"ok", "error"}


@pytest.mark.parametrize("depth", [100, 1_000, 50_000])
@pytest.mark.parametrize("opened", ["[", '{"error":'])
def test_deep_json(puppet: Puppet, depth: int, opened: str) -> None:
    """As deep as ``encoding/json`` follows, and deeper: a refusal, not a fault."""
    closed = "]" if opened == "[" else "}"
    raw = f"{opened * depth}1{closed * depth}".encode()
    result = puppet.chain.execute(puppet.address, raw)
    assert result.code not in {0, PANIC}
