"""Vectors of ICS-20: denominations, escrow accounts, packet data, and the steps of ibc-go's model-based tests."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import Any

import pytest
from helpers import vectors
from helpers.ibc_world import MiniChain, linked
from helpers.vectors import Case

from chain.coins import Coin, is_denom
from chain.errors import AbciError
from chain.modules.ibc import error_ack, result_ack
from chain.modules.ibc.validate import validate_packet
from chain.modules.transfer import (
    Denom,
    Hop,
    TransferData,
    callbacks,
    escrow_address,
    forward,
    store,
)
from chain.modules.transfer.packet import unmarshal
from cosmos_pb.ibc.applications.transfer.v1 import packet_pb2
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as tx
from light_client import abi, bech32
from light_client.codec import height_to_pb
from light_client.packet import Packet
from light_client.values import Height

FOLDER = vectors.topic("ics20")

Balances = Counter[tuple[str, str]]


def simple_cases() -> list[Any]:
    return [case for case in vectors.cases(FOLDER) if "handler" not in case.values[1]]


@pytest.mark.parametrize(("name", "case"), simple_cases())
def test_vector(name: str, case: Case) -> None:
    vectors.run(name, case, RUNNERS)


def run_denom(case: Case) -> None:
    denom = Denom.parse(case["full_path"])
    hops = tuple(Hop(hop["port_id"], hop["channel_id"]) for hop in case["trace"] or ())
    assert denom == Denom(case["base"], hops)
    if "ibc_denom" in case:
        assert denom.local == case["ibc_denom"]


def run_escrow(case: Case) -> None:
    address = escrow_address(case["port"], case["channel_or_client"])
    assert address.hex() == case["raw"]
    assert bech32.encode(case["prefix"], address) == case["address"]


def run_validation(case: Case) -> None:
    data = TransferData(**case["data"])
    if case["valid"]:
        data.validate()
        return
    with pytest.raises(AbciError) as caught:
        data.validate()
    assert f"{caught.value.codespace}/{caught.value.code}" == case["error"]


def run_encoding(case: Case) -> None:
    data = TransferData(**case["data"])
    assert data.marshal() == case["json"].encode()
    assert unmarshal(case["json"].encode()) == data
    message = packet_pb2.FungibleTokenPacketData(**case["data"])
    assert message.SerializeToString().hex() == case["proto"]
    amount = int(data.amount)
    packed = abi.Tuple((data.denom, data.sender, data.receiver, amount, data.memo))
    assert abi.encode(packed).hex() == case["abi"]


def run_forward(case: Case) -> None:
    if not case["valid"]:
        with pytest.raises(forward.ForwardError):
            forward.parse(case["memo"])
        return
    found = forward.parse(case["memo"])
    assert (found is not None) == case["is_forward"]
    if found is None or not case["parsed"]:
        return
    following = forward.parse(found.next)
    told = {
        "receiver": found.receiver,
        "next_receiver": following.receiver if following else None,
        "timeout_ns": str(found.timeout_ns),
    }
    assert told | case["parsed"] == told


def run_callback(case: Case) -> None:
    data = TransferData("stake", "1", "a", "b", case["memo"])
    limits = (case["remaining_gas"], case["max_gas"])
    expect = case["expect"]
    if "error" in expect:
        with pytest.raises(AbciError) as caught:
            callbacks.wanted(data, case["key"], *limits, version="")
        assert callbacks.INVALID.matches(caught.value)
        return
    found = callbacks.wanted(data, case["key"], *limits, version="")
    assert (found is not None) == expect["is_callback"]
    if found is not None:
        assert found.contract == expect["address"]
        assert found.execution_limit == expect["execution_gas"]
        assert found.commit_limit == expect["commit_gas"]
        assert found.calldata.hex() == (expect.get("calldata") or "")


RUNNERS: list[vectors.Runner] = [
    ({"full_path", "trace", "base"}, run_denom),
    ({"port", "channel_or_client", "address"}, run_escrow),
    ({"data", "valid", "error"}, run_validation),
    ({"data", "json", "proto"}, run_encoding),
    ({"memo", "is_forward"}, run_forward),
    ({"memo", "key", "max_gas"}, run_callback),
]


# Model-based: chain B stands in the middle, channel-0 to A and channel-1 to C.


def scenarios() -> list[Any]:
    return [
        pytest.param(document, id=name)
        for name, document in vectors.documents(FOLDER)
        if isinstance(document, list) and document and "handler" in document[0]
    ]


@pytest.mark.parametrize("steps", scenarios())
def test_model(steps: list[Case]) -> None:
    link = linked()
    chain = link.a.chain
    for _ in range(2):
        link.open_channel("transfer")
    for step in steps:
        Step(chain, step).check()


def test_the_set_is_complete() -> None:
    vectors.enough(scenarios(), 8)
    vectors.enough(simple_cases(), 49)


class Step:
    """One handler call and what it must change."""

    def __init__(self, chain: MiniChain, step: Case) -> None:
        self.chain = chain
        self.step = step
        packet, data = step["packet"], step["packet"]["data"]
        self.denom = Denom.parse(_path(data["denom"]))
        self.data = TransferData(
            self.denom.path,
            data["amount"],
            self._account(data["sender"]),
            self._account(data["receiver"]),
        )
        self.packet = Packet(
            1,
            packet["sourcePort"],
            packet["sourceChannel"],
            packet["destPort"],
            packet["destChannel"],
            self.data.marshal(),
            Height(9, 100),
            0,
        )

    def check(self) -> None:
        before = self._bank()
        outcome = self.chain.context().fork()
        try:
            self._run(outcome)
        except AbciError:
            assert self.step["error"]
            return
        outcome.store.write()
        assert not self.step["error"]
        expected = self._stated("bankAfter")
        expected.subtract(self._stated("bankBefore"))
        change = self._bank()
        change.subtract(before)
        assert _changes(change) == _changes(expected)

    def _run(self, ctx: Any) -> None:
        transfer, packet = self.chain.transfer, self.packet
        validate_packet(packet)
        handler = self.step["handler"]
        if handler == "OnRecvPacket":
            source = Hop(packet.source_port, packet.source_channel)
            here = Hop(packet.destination_port, packet.destination_channel)
            transfer.tokens.receive(ctx, self.data, source, here)
            return
        if not store.has_denom(ctx, self.denom.hash):
            store.set_denom(ctx, self.denom)
        if handler == "SendTransfer":
            self._send(ctx)
        elif handler == "OnTimeoutPacket":
            transfer.on_timeout_packet(ctx, packet, "")
        elif handler == "OnRecvAcknowledgementResult":
            transfer.on_acknowledgement_packet(ctx, packet, result_ack(b"").data, "")
        elif handler == "OnRecvAcknowledgementError":
            refusal = error_ack(AbciError("undefined", 1, "refused"))
            transfer.on_acknowledgement_packet(ctx, packet, refusal.data, "")
        else:
            pytest.fail(f"unknown handler {handler}")

    def _send(self, ctx: Any) -> None:
        local = self.denom.local
        if not is_denom(local):
            raise AbciError("sdk", 10, f"invalid denom: {local}")
        message = tx.MsgTransfer(
            source_port=self.packet.source_port,
            source_channel=self.packet.source_channel,
            token=Coin(local, int(self.data.amount)).to_pb(),
            sender=self.data.sender,
            receiver=self.data.receiver,
            timeout_height=height_to_pb(Height(9, 100)),
        )
        self.chain.transfer.transfer(ctx, message)

    def _account(self, text: str) -> str:
        """The model has no empty account: its packets from nobody come from a hash of nothing."""
        return self.chain.auth.address_text(sha256(text.encode()).digest()[:20])

    def _bank(self) -> Balances:
        """Every balance, by address and full path of the denomination."""
        ctx = self.chain.context()
        found: Balances = Counter()
        for balance in self.chain.bank.export_genesis(ctx)["balances"]:
            for coin in balance["coins"]:
                known = store.denom(ctx, bytes.fromhex(coin["denom"].removeprefix("ibc/")))
                assert known is not None
                found[balance["address"], known.path] += int(coin["amount"])
        return found

    def _stated(self, key: str) -> Balances:
        found: Balances = Counter()
        for balance in self.step[key]:
            port, channel, name = balance["address"]
            path = _path(balance["denom"])
            if not any(balance["address"]) and not path:
                continue
            text = name or f"ics20-1\0{port}/{channel}"
            found[self._account(text), path] = balance["amount"]
        return found


def _path(parts: list[str]) -> str:
    """The denomination of the model: pairs of hops, of which the first may be blank, and a base."""
    start = 0
    while start + 1 < len(parts) and not parts[start] and not parts[start + 1]:
        start += 2
    return "/".join(parts[start:])


def _changes(balances: Balances) -> dict[tuple[str, str], int]:
    return {owned: amount for owned, amount in balances.items() if amount}
