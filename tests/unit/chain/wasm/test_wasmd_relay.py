"""The tables of wasmd's ``x/wasm/keeper/relay_test.go``: what the entry points of IBC cost beside the contract.

As there, the contract is a double: it answers what the row says and uses 40 gas for it, the reading of its answer
included. Nothing of the contract's is stored, so what remains is what x/wasm itself charges and reads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final, cast

import pytest
from helpers.chains import Solo, genesis
from helpers.puppet import b64

from chain.context import Context
from chain.errors import AbciError
from chain.gas import GasMeter
from chain.modules.ibc import Counterparty
from chain.modules.wasm import errors, wire
from chain.modules.wasm.codes import Upload
from chain.modules.wasm.dispatch import Dispatcher
from chain.modules.wasm.ibc import ContractPort, call_basic
from chain.modules.wasm.keeper import Instance, Keeper, Wanted
from chain.modules.wasm.messenger import Outcome
from chain.vm import VM, Analysis, Era
from chain.vm.errors import Trap
from chain.vm.gas import DEFAULT_ERA, GasReport
from chain.vm.instance import CallResult
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client.packet import Packet
from light_client.values import Height, Timestamp

GAS: Final = 40
SETUP: Final = 60_000
MOST: Final = (2**64 - 1) // 140_000
"""SDK gas of the most that a contract can use (``math.MaxUint64 / DefaultGasMultiplier``)."""

BANK: Final[dict[str, Any]] = {"bank": {}}
CUSTOM: Final = {"custom": {"foo": "bar"}}
BOTH: Final = [{"msg": BANK, "reply_on": "never"}, {"msg": CUSTOM, "reply_on": "never"}]
FOO: Final = [{"key": "Foo", "value": "Bar"}]
RUDI: Final = [{"type": "custom", "attributes": [{"key": "message", "value": "to rudi"}]}]
ACK: Final = {"acknowledgement": b64(b"myAck")}


@dataclass(frozen=True)
class Release:
    """``storage``: the gas of reading the contract, its code and, where set-up is charged, whether it is pinned."""

    storage: int
    setup: int


RELEASES: Final = {
    **dict.fromkeys(("0.45.0", "0.46.0", "0.50.0", "0.51.0"), Release(2903, 0)),
    **dict.fromkeys(("0.52.0", "0.53.0", "0.54.0", "0.55.0", "0.60.0"), Release(2903, 0)),
    **dict.fromkeys(("0.53.3", "0.54.1", "0.54.9", "0.55.1"), Release(3903, SETUP)),
    **dict.fromkeys(("0.60.1", "0.60.8"), Release(3903, SETUP)),
    **dict.fromkeys(("0.61.0", "0.61.14", "0.70.0", "0.70.3"), Release(4101, SETUP)),
}


@dataclass
class Double:
    """Stands for the VM: answers each entry point as told, for so much SDK gas."""

    era: Era = DEFAULT_ERA
    unit: int = 0
    migrate_version: int | None = None
    pinned: set[bytes] = field(default_factory=set)
    answers: dict[str, Any] = field(default_factory=dict)
    costs: dict[str, int] = field(default_factory=dict)

    def change_era(self, era: Era) -> None:
        self.era = era

    def store_code(self, code: bytes) -> bytes:
        return sha256(code).digest()

    def analyze(self, _: bytes) -> Analysis:
        return Analysis(frozenset(), True, frozenset(), self.migrate_version)

    def pin(self, checksum: bytes) -> None:
        self.pinned.add(checksum)

    def unpin(self, checksum: bytes) -> None:
        self.pinned.remove(checksum)

    def call(
        self, _: bytes, entry: str, __: Sequence[bytes], ___: object, limit: int
    ) -> CallResult:
        answer, cost = self.answers.get(entry, {"ok": {}}), self.costs.get(entry, 0) * self.unit
        if isinstance(answer, Trap):
            answer.gas = GasReport(limit, limit - cost, 0, cost)
            raise answer
        data = json.dumps(answer).encode()
        used = cost - self.unit * len(data)
        return CallResult(data, GasReport(limit, limit - used, 0, used), ())


class Stage:
    """A contract with a port, as ``SeedNewContractInstance`` makes it: no label, its creator is its admin."""

    def __init__(self, release: str) -> None:
        self.double = Double()
        solo = Solo(genesis({}) | {"wasm": {"wasmd": release}}, vm=cast("VM", self.double))
        solo.block()
        assert solo.app.wasm is not None
        self.keeper: Keeper = solo.app.wasm.keeper
        self.double.unit = self.keeper.version.multiplier
        self.calls = ContractPort(self.keeper, solo.app.ibc)
        self.sent: list[dict[str, Any]] = []
        self.refuses = False
        self.keeper.dispatch = Dispatcher(
            self.keeper.reply, self._messenger, lambda: self.keeper.version
        )
        self.ctx = replace(
            solo.app.context_at(0), height=1_234_567, time=Timestamp(1_587_556_800, 0)
        )
        creator = solo.app.auth.address_text(b"\x01" * 20)
        self.stranger = solo.app.auth.address_text(b"\x02" * 32)
        self.creator = creator
        self.keeper.codes.store(self.ctx, Upload(creator, b"\0asm"), authority=False)
        wanted = Wanted(1, creator, creator, "", b"{}")
        self.address, _ = self.keeper.instantiate(self.ctx, wanted, self.keeper.classic_address)
        self.ctx.events.events.clear()
        self.ctx.gas = GasMeter()

    def _messenger(self, _: Context, __: Instance, message: wire.CosmosMsg) -> Outcome:
        if self.refuses:
            raise errors.INVALID("test, ignore")
        self.sent.append({"bank": {}} if message.bank is not None else {"custom": message.custom})
        return Outcome()

    @property
    def used(self) -> int:
        """Of the last call, without what every call costs."""
        release = RELEASES[self.keeper.version.name]
        return self.ctx.gas.consumed - release.storage - release.setup

    @property
    def events(self) -> list[str]:
        return [event.type for event in self.ctx.events.events]


@pytest.fixture(params=RELEASES)
def stage(request: pytest.FixtureRequest) -> Stage:
    return Stage(request.param)


# --- TestOnOpenChannel ------------------------------------------------------------------------------


def _open(stage: Stage, address: str) -> None:
    there = Counterparty("transfer", "channel-7")
    stage.calls.on_chan_open_try(
        stage.ctx,
        channel_pb2.ORDER_UNORDERED,
        ("connection-0",),
        f"wasm.{address}",
        "channel-0",
        there,
        "foo",
    )


@pytest.mark.parametrize("gas", [GAS, MOST], ids=["consume contract gas", "consume max gas"])
def test_open(stage: Stage, gas: int) -> None:
    if stage.keeper.version.multiplier != 140_000:
        gas = min(gas, (2**64 - 1) // stage.keeper.version.multiplier)
    stage.double.costs["ibc_channel_open"] = gas
    _open(stage, stage.address)
    assert stage.used == gas


def test_open_consumes_gas_on_error(stage: Stage) -> None:
    stage.double.answers["ibc_channel_open"] = Trap("test, ignore")
    stage.double.costs["ibc_channel_open"] = GAS
    with pytest.raises(AbciError, match="test, ignore"):
        _open(stage, stage.address)
    assert stage.used == GAS


def test_open_of_an_unknown_contract(stage: Stage) -> None:
    with pytest.raises(AbciError, match="no such contract"):
        _open(stage, stage.stranger)


# --- TestOnConnectChannel, TestOnCloseChannel, TestOnAckPacket, TestOnTimeoutPacket -------------------


@dataclass(frozen=True)
class Row:
    """``extra``: gas beyond the contract's 40."""

    response: dict[str, Any]
    extra: int = 0
    events: tuple[str, ...] = ()
    sends: tuple[dict[str, Any], ...] = ()


BASIC: Final = {
    "consume contract gas": Row({}),
    "dispatch contract messages on success": Row({"messages": BOTH}, sends=(BANK, CUSTOM)),
    "emit contract attributes on success": Row({"attributes": FOO}, 10, ("wasm",)),
    "emit contract events on success": Row(
        {"attributes": FOO, "events": RUDI}, 46, ("wasm", "wasm-custom")
    ),
}
ENTRIES: Final = (
    "ibc_channel_connect",
    "ibc_channel_close",
    "ibc_packet_ack",
    "ibc_packet_timeout",
)


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("row", BASIC.values(), ids=list(BASIC))
def test_answers(stage: Stage, entry: str, row: Row) -> None:
    stage.double.answers[entry], stage.double.costs[entry] = {"ok": row.response}, GAS
    call_basic(stage.keeper, stage.ctx, stage.address, entry, {})
    assert stage.used == GAS + row.extra
    assert (stage.events, stage.sent) == ([*row.events], [*row.sends])


@pytest.mark.parametrize("entry", ENTRIES)
def test_consume_gas_on_error_and_ignore_events_and_messages(stage: Stage, entry: str) -> None:
    stage.double.answers[entry], stage.double.costs[entry] = Trap("test, ignore"), GAS
    with pytest.raises(AbciError, match="test, ignore"):
        call_basic(stage.keeper, stage.ctx, stage.address, entry, {})
    assert (stage.used, stage.events, stage.sent) == (GAS, [], [])


@pytest.mark.parametrize("entry", ENTRIES)
def test_messenger_errors_are_returned_and_events_stored(stage: Stage, entry: str) -> None:
    stage.refuses = True
    response = {"messages": BOTH, "attributes": FOO}
    stage.double.answers[entry], stage.double.costs[entry] = {"ok": response}, GAS
    with pytest.raises(AbciError, match="test, ignore"):
        call_basic(stage.keeper, stage.ctx, stage.address, entry, {})
    assert (stage.used, stage.events, stage.sent) == (GAS + 10, ["wasm"], [])


@pytest.mark.parametrize("entry", ENTRIES)
def test_unknown_contract_address(stage: Stage, entry: str) -> None:
    with pytest.raises(AbciError, match="no such contract"):
        call_basic(stage.keeper, stage.ctx, stage.stranger, entry, {})


# --- TestOnRecvPacket -------------------------------------------------------------------------------


def _receive(stage: Stage, address: str) -> bytes | None:
    packet = Packet(0, "", "", f"wasm.{address}", "", b"my data", Height(0, 0), 0)
    found = stage.calls._receive(stage.ctx, packet, "")
    return None if found is None else found.data


RECEIVE: Final = {
    "contract returns success ack": (Row(ACK), b"myAck"),
    "can return empty ack data": (Row({"acknowledgement": ""}), b""),
    "dispatch contract messages on success": (
        Row(ACK | {"messages": BOTH}, sends=(BANK, CUSTOM)),
        b"myAck",
    ),
    "emit contract attributes on success": (
        Row(ACK | {"attributes": FOO}, 10, ("wasm",)),
        b"myAck",
    ),
    "emit contract events on success": (
        Row(ACK | {"attributes": FOO, "events": RUDI}, 46, ("wasm", "wasm-custom")),
        b"myAck",
    ),
}


@pytest.mark.parametrize(("row", "ack"), RECEIVE.values(), ids=list(RECEIVE))
def test_receive(stage: Stage, row: Row, ack: bytes) -> None:
    stage.double.answers["ibc_packet_receive"] = {"ok": row.response}
    stage.double.costs["ibc_packet_receive"] = GAS
    assert _receive(stage, stage.address) == ack
    assert stage.used == GAS + row.extra
    assert (stage.events, stage.sent) == ([*row.events], [*row.sends])


def test_receive_can_return_nil_ack(stage: Stage) -> None:
    """2720 is for storing the packet, which upstream's test has without ports: ours stands in its key and in itself."""
    stage.double.costs["ibc_packet_receive"] = GAS
    ack = _receive(stage, stage.address)
    if not stage.keeper.version.async_acks:
        assert (ack, stage.used) == (b"", GAS)
        return
    port = len(f"wasm.{stage.address}")
    assert (ack, stage.used) == (None, GAS + 2720 + 30 * (port + 2 + port))


def test_receive_converts_an_err_result_to_an_error_ack(stage: Stage) -> None:
    stage.double.answers["ibc_packet_receive"] = {"error": "my-error"}
    stage.double.costs["ibc_packet_receive"] = GAS
    assert _receive(stage, stage.address) == b'{"error":"my-error"}'
    assert (stage.used, stage.events, stage.sent) == (GAS, [], [])


def test_receive_aborts_the_transaction_with_an_error(stage: Stage) -> None:
    stage.double.answers["ibc_packet_receive"] = Trap("test, ignore")
    with pytest.raises(errors.Panic, match="test, ignore"):
        _receive(stage, stage.address)


def test_receive_returns_messenger_errors(stage: Stage) -> None:
    stage.refuses = True
    response = ACK | {"messages": BOTH, "attributes": FOO}
    stage.double.answers["ibc_packet_receive"] = {"ok": response}
    stage.double.costs["ibc_packet_receive"] = GAS
    with pytest.raises(AbciError, match="test, ignore"):
        _receive(stage, stage.address)
    assert (stage.used, stage.events, stage.sent) == (GAS + 10, ["wasm"], [])


def test_receive_lets_a_submessage_reply_overwrite_ack_data(stage: Stage) -> None:
    """The reply costs the discounted set-up, and reads contract and code again, but not whether it is pinned."""
    message = {"msg": BANK, "reply_on": "always"}
    stage.double.answers["ibc_packet_receive"] = {"ok": ACK | {"messages": [message]}}
    stage.double.costs["ibc_packet_receive"] = GAS
    stage.double.answers["reply"] = {"ok": {"data": b64(b"myBetterAck")}}
    assert _receive(stage, stage.address) == b"myBetterAck"
    version, release = stage.keeper.version, RELEASES[stage.keeper.version.name]
    again = release.storage - (1_000 if release.setup else 0)
    assert stage.used == version.discounted_setup + GAS + again
    assert (stage.events, stage.sent) == (["reply"], [BANK])


def test_receive_by_an_unknown_contract(stage: Stage) -> None:
    with pytest.raises(AbciError, match="no such contract"):
        _receive(stage, stage.stranger)


# --- what the releases read (x/wasm/keeper/keeper.go migrate, pinCode, unpinCode) --------------------

CODE_READ: Final = 1_000 + 3 * (9 + 85)
PIN_SOUGHT: Final = 30 + 3 * (9 + 1)


def _migrated(release: str, version: int | None = None) -> int | None:
    """The gas of a migration, if it called the contract."""
    stage = Stage(release)
    stage.double.migrate_version = version
    stage.double.answers["migrate"] = {"ok": {"data": b64(b"called")}}
    data = stage.keeper.migrate(stage.ctx, stage.address, stage.creator, 1, b"{}")
    return stage.ctx.gas.consumed if data == b"called" else None


def test_migrations_read_the_old_code_since_0_52() -> None:
    before, since = _migrated("0.51.0"), _migrated("0.52.0")
    assert before is not None
    assert since == before + CODE_READ


@pytest.mark.parametrize(
    ("release", "instantiate", "migrate"),
    [
        ("0.45.0", 1_000 + SETUP, 1_000 + SETUP),
        ("0.51.0", 1_000 + SETUP, 1_000 + SETUP),
        ("0.52.0", 1_000 + SETUP, 0),
        ("0.53.3", 1_000 + SETUP, 0),
        ("0.54.0", 0, 0),
        ("0.70.3", 0, 0),
    ],
)
def test_set_up_was_paid_before_anything_was_looked_for(
    release: str, instantiate: int, migrate: int
) -> None:
    """What a call costs that names no code, or no contract, beside looking for it."""
    stage = Stage(release)
    wanted = Wanted(9, stage.creator, "", "", b"{}")
    with pytest.raises(AbciError, match="no such code"):
        stage.keeper.instantiate(stage.ctx, wanted, stage.keeper.classic_address)
    assert stage.ctx.gas.consumed == instantiate + 1_000 + 3 * 9
    stage.ctx.gas = GasMeter()
    with pytest.raises(AbciError, match="unknown contract"):
        stage.keeper.migrate(stage.ctx, stage.stranger, stage.creator, 1, b"{}")
    assert stage.ctx.gas.consumed == migrate + 1_000 + 3 * 33


def test_equal_migrate_versions_count_since_0_52() -> None:
    assert _migrated("0.51.0", 42) == _migrated("0.51.0")
    assert _migrated("0.52.0", 42) is None


@pytest.mark.parametrize(
    ("before", "since"), [("0.54.5", "0.54.6"), ("0.60.4", "0.60.5"), ("0.61.7", "0.61.8")]
)
def test_who_pays_for_pinning_pays_for_looking_at_all_pinned_codes(before: str, since: str) -> None:
    costs = []
    for release in (before, since):
        stage = Stage(release)
        codes, gas = stage.keeper.codes, []
        codes.store(stage.ctx, Upload(stage.creator, b"\0asm2"), authority=False)
        for change, code_id in ((codes.pin, 1), (codes.pin, 2), (codes.unpin, 1)):
            inner = stage.ctx.with_gas(GasMeter())
            change(inner, code_id)
            gas.append(inner.gas.consumed)
        assert stage.double.pinned == {sha256(b"\0asm2").digest()}
        costs.append(gas)
    extra = [paid - free for free, paid in zip(*costs, strict=True)]
    one, two = 2 * PIN_SOUGHT + CODE_READ, 3 * PIN_SOUGHT + CODE_READ
    assert extra == [500_000 + 30, 500_000 + one, 500_000 + two]
