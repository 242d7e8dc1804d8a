"""Byte for byte what wasmvm's own Go types marshal: a program that imports them wrote ``wasmvm_3.0.7.json``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from chain import gojson
from chain.coins import Coin
from chain.context import Context, Mode
from chain.events import Event
from chain.gas import GasMeter
from chain.modules.ibc import Acknowledgement, Counterparty
from chain.modules.transfer import Denom, Hop
from chain.modules.wasm import wire
from chain.modules.wasm.answers import _metadata, _validator
from chain.modules.wasm.callbacks import ContractCallbacks
from chain.modules.wasm.dispatch import success
from chain.modules.wasm.ibc import ContractPort
from chain.modules.wasm.messenger import Outcome
from chain.modules.wasm.versions import Version
from chain.store.branch import Branch
from chain.store.database import MemoryDatabase
from chain.store.multistore import MultiStore
from cosmos_pb.cosmos.bank.v1beta1 import bank_pb2
from cosmos_pb.cosmos.staking.v1beta1 import staking_pb2
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client.packet import Packet
from light_client.values import Height, Timestamp

GOLDEN: Final[dict[str, str]] = json.loads(
    Path(__file__).with_name("wasmvm_3.0.7.json").read_text()
)
DATA: Final = b"<a&b>\x00\xff"
TIME: Final = Timestamp.from_ns(1_700_000_000_123_456_789)
PORT: Final = "wasm.cosmos1contract"
ORDER: Final = channel_pb2.ORDER_UNORDERED
THERE: Final = Counterparty("transfer", "channel-7")
HOPS: Final = ("connection-2",)
VERSION: Final = "v<1>"
DEFAULT: Final = Version()


def packet(**changes: Any) -> Packet:
    values: dict[str, Any] = {
        "sequence": 3,
        "source_port": "transfer",
        "source_channel": "channel-7",
        "destination_port": PORT,
        "destination_channel": "channel-0",
        "data": DATA,
        "timeout_height": Height(1, 9),
        "timeout_timestamp": TIME.ns,
    }
    return Packet(**{**values, **changes})


class Reached(Exception):
    """A contract would have been called."""


class Auth:
    """Every text is an address."""

    def acc_address_bytes(self, address: str) -> bytes:
        return address.encode()

    def address_text(self, raw: bytes) -> str:
        return raw.decode()


class Keeper:
    """Notes with what a contract would be called."""

    auth = Auth()
    version = DEFAULT

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def ibc_call(self, _: Context, __: str, entry: str, message: Any) -> None:
        self.told.append((entry, gojson.encode(message).decode()))
        raise Reached


class Ibc:
    """Has one channel."""

    def channel(self, *_: object) -> channel_pb2.Channel:
        end = channel_pb2.Channel(
            ordering=ORDER, version=VERSION, connection_hops=HOPS, state=channel_pb2.STATE_OPEN
        )
        end.counterparty.port_id = "transfer"
        end.counterparty.channel_id = "channel-7"
        return end


def context() -> Context:
    store = Branch(MultiStore(MemoryDatabase(), ["transfer"]).snapshot())
    return Context("c<1>", 1234567, TIME, store, GasMeter(), Mode.DELIVER)


def told(call: Callable[[Any], Any], made: Callable[..., Any] = ContractPort) -> tuple[str, str]:
    keeper, ibc = Keeper(), Ibc()
    with pytest.raises(Reached):
        call(made(*((keeper, ibc) if made is ContractPort else (keeper,))))
    [found] = keeper.told
    return found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("env_no_tx", wire.env(context(), "cosmos1contract", None)),
        ("env", wire.env(context(), "cosmos1contract", {"index": 3, "hash": b"\x01\x02\x03"})),
        ("info_no_funds", wire.info("cosmos1sender", ())),
        (
            "info",
            wire.info("cosmos1sender", (Coin("atom", 5), Coin("ibc/AB&C", 2**128 - 1))),
        ),
    ],
)
def test_env_and_info(name: str, value: Any) -> None:
    assert gojson.encode(value).decode() == GOLDEN[name]


@pytest.mark.parametrize(
    ("name", "entry", "call"),
    [
        (
            "open_init",
            "ibc_channel_open",
            lambda port: port.on_chan_open_init(
                context(), ORDER, HOPS, PORT, "channel-0", THERE, VERSION
            ),
        ),
        (
            "open_ack",
            "ibc_channel_connect",
            lambda port: port.on_chan_open_ack(context(), PORT, "channel-0", "channel-7", "v2"),
        ),
        (
            "open_confirm",
            "ibc_channel_connect",
            lambda port: port.on_chan_open_confirm(context(), PORT, "channel-0"),
        ),
        (
            "close_init",
            "ibc_channel_close",
            lambda port: port.on_chan_close_init(context(), PORT, "channel-0"),
        ),
        (
            "close_confirm",
            "ibc_channel_close",
            lambda port: port.on_chan_close_confirm(context(), PORT, "channel-0"),
        ),
        (
            "receive",
            "ibc_packet_receive",
            lambda port: port.on_recv_packet(context(), packet(), "cosmos1relayer"),
        ),
        (
            "receive_time",
            "ibc_packet_receive",
            lambda port: port.on_recv_packet(
                context(),
                packet(timeout_height=Height(0, 0), timeout_timestamp=5),
                "cosmos1relayer",
            ),
        ),
        (
            "receive_height",
            "ibc_packet_receive",
            lambda port: port.on_recv_packet(
                context(),
                packet(timeout_height=Height(0, 9), timeout_timestamp=0, data=b""),
                "cosmos1relayer",
            ),
        ),
    ],
)
def test_messages_of_channels_and_packets(
    name: str, entry: str, call: Callable[[ContractPort], None]
) -> None:
    assert told(call) == (entry, GOLDEN[name])


def test_channel_open_try() -> None:
    """Wasmd shows the counterparty's version in the channel, too."""
    entry, text = told(
        lambda port: port.on_chan_open_try(
            context(), ORDER, HOPS, PORT, "channel-0", THERE, VERSION
        )
    )
    expected = GOLDEN["open_try"].replace('"v2"', '"v\\u003c1\\u003e"')
    assert (entry, text) == ("ibc_channel_open", expected)


@pytest.mark.parametrize(
    ("name", "entry", "call"),
    [
        (
            "ack",
            "ibc_packet_ack",
            lambda: wire.acknowledged(packet(), b"{}", "cosmos1relayer"),
        ),
        ("timeout", "ibc_packet_timeout", lambda: wire.relayed(packet(), "cosmos1relayer")),
    ],
)
def test_ends_of_packets(name: str, entry: str, call: Callable[[], Any]) -> None:
    assert gojson.encode(call()).decode() == GOLDEN[name]
    back = packet(source_port=PORT, destination_port="transfer")
    told_entry, text = told(
        lambda port: (
            port.on_acknowledgement_packet(context(), back, b"{}", "cosmos1relayer")
            if name == "ack"
            else port.on_timeout_packet(context(), back, "cosmos1relayer")
        )
    )
    assert told_entry == entry
    assert json.loads(text).keys() == json.loads(GOLDEN[name]).keys()


@pytest.mark.parametrize(
    ("name", "call"),
    [
        (
            "source_ack",
            lambda calls: calls.acknowledged(
                context(), packet(), b"{}", "cosmos1relayer", "cosmos1c", "cosmos1c"
            ),
        ),
        (
            "source_timeout",
            lambda calls: calls.timed_out(
                context(), packet(), "cosmos1relayer", "cosmos1c", "cosmos1c"
            ),
        ),
        (
            "destination",
            lambda calls: calls.received(
                context(), packet(), Acknowledgement(b"{}", success=True), "cosmos1c"
            ),
        ),
    ],
)
def test_callbacks(name: str, call: Callable[[ContractCallbacks], None]) -> None:
    assert told(call, ContractCallbacks)[1] == GOLDEN[name]


def test_a_callback_about_a_transfer() -> None:
    sent = {"denom": "atom", "amount": "5", "sender": "osmo1s", "receiver": "cosmos1r"}
    arrived = packet(destination_port="transfer", data=json.dumps(sent).encode())
    ack = Acknowledgement(b"{}", success=True)
    _, text = told(
        lambda calls: calls.received(context(), arrived, ack, "cosmos1c"), ContractCallbacks
    )
    here = Denom("atom", (Hop("transfer", "channel-0"),)).local
    golden = json.loads(GOLDEN["destination_transfer"])["transfer"]
    shown = gojson.encode(golden).decode().replace("ibc/ABC", here)
    assert text.endswith(f',"transfer":{shown}}}')


def test_replies() -> None:
    seen = [Event("wasm", (("k", "<v>"),)), Event("empty", ())]
    responses = (
        any_pb2.Any(type_url="/cosmos.bank.v1beta1.MsgSendResponse"),
        any_pb2.Any(type_url="/x", value=DATA),
    )
    made = {
        "gas_used": 0,
        "id": 2**64 - 1,
        "result": {"ok": success(Outcome(responses), seen, DEFAULT)},
    }
    golden = json.loads(GOLDEN["reply_ok"])
    del golden["result"]["ok"]["data"], golden["result"]["ok"]["msg_responses"][2]
    found = json.loads(gojson.encode({**made, "payload": b"p"}))
    assert found == golden
    assert list(found["result"]["ok"]) == list(golden["result"]["ok"])
    for name, result, extra in (
        ("reply_error", {"error": "codespace: sdk, code: 11"}, {}),
        ("reply_error_payload", {"error": "a \u2028 & b"}, {"payload": DATA}),
    ):
        reply = {"gas_used": 0, "id": 7, "result": result, **extra}
        assert gojson.encode(reply).decode() == GOLDEN[name]
    empty = {"gas_used": 0, "id": 0, "result": {"ok": success(Outcome(), (), DEFAULT)}}
    assert gojson.encode(empty).decode() == GOLDEN["reply_ok_empty"]


def test_denominations() -> None:
    units = [
        bank_pb2.DenomUnit(denom="uatom"),
        bank_pb2.DenomUnit(denom="atom", exponent=6, aliases=["a"]),
    ]
    metadata = bank_pb2.Metadata(
        description="d<>",
        denom_units=units,
        base="uatom",
        display="atom",
        name="n",
        symbol="S",
        uri="u",
        uri_hash="h",
    )
    shown = _metadata(metadata)
    assert gojson.encode({"metadata": shown}).decode() == GOLDEN["q_denom_metadata"]
    page = {"metadata": [shown], "next_key": b"n"}
    assert gojson.encode(page).decode() == GOLDEN["q_all_denom_metadata"]


def test_validators() -> None:
    validator = staking_pb2.Validator(operator_address="v")
    rates = validator.commission.commission_rates
    rates.rate, rates.max_rate, rates.max_change_rate = str(10**17), str(2 * 10**17), str(10**16)
    shown = json.loads(GOLDEN["q_validator"])["validator"]
    assert list(_validator(validator)) == list(shown)
    assert _validator(validator)["commission"] == shown["commission"]
    assert float(_validator(validator)["max_commission"]) == float(shown["max_commission"])
