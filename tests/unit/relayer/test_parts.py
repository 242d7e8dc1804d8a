"""The small parts: coins, refusals, heights, notices, handshake steps, gRPC addresses."""

import asyncio
import json
import logging
from decimal import Decimal
from itertools import product

import pytest
from helpers.simulated import SimulatedChain, TestClock

from relayer import errors
from relayer.coins import Coin, GasPrice
from relayer.errors import InsufficientFee, SequenceMismatch, TxRejected, rejection
from relayer.grpc_queries import target
from relayer.handshake import CLOSED, INIT, NONE, OPEN, STEPS, TRYOPEN, Step
from relayer.heights import Heights
from relayer.notices import BatchSent, LogSink, Notice, Notices, PathStopped, contents
from relayer.reader import Reader


@pytest.mark.parametrize(
    ("gas", "fee"), [(0, 0), (1, 1), (100, 3), (200_000, 5000), (200_001, 5001)]
)
def test_fees_are_rounded_up(gas: int, fee: int) -> None:
    assert GasPrice.parse("0.025stake").fee(gas) == Coin("stake", fee)


def test_coins_and_prices_in_text() -> None:
    assert Coin.parse(" 12ibc/ABCDEF ") == Coin("ibc/ABCDEF", 12)
    assert str(Coin("stake", 7)) == "7stake"
    assert GasPrice.parse("3uatom").amount == Decimal(3)
    assert str(GasPrice.parse("0.0025uatom")) == "0.0025uatom"
    for nonsense in ("", "stake", "12", "-1stake", "1 1x", "0,1stake"):
        with pytest.raises(ValueError, match="expected"):
            GasPrice.parse(nonsense)
        with pytest.raises(ValueError, match="expected"):
            Coin.parse(nonsense)


def test_refusals_become_the_most_telling_error() -> None:
    log = "account sequence mismatch, expected 166793, got 166794: incorrect account sequence"
    found = rejection("a-1", "sdk", 32, log)
    assert isinstance(found, SequenceMismatch)
    assert (found.expected, found.got) == (166793, 166794)
    assert isinstance(rejection("a-1", "sdk", 18, f"rpc error: desc = {log}"), SequenceMismatch)
    log = "insufficient fees; got: 1stake required: 25stake,3utoken: insufficient fee"
    found = rejection("a-1", "sdk", 13, log)
    assert isinstance(found, InsufficientFee)
    assert found.required == "25stake,3utoken"
    plain = rejection("a-1", "channel", 5, "failed; message index: 12: bad", 9)
    assert type(plain) is TxRejected
    assert (plain.message_index, plain.height) == (12, 9)
    assert rejection("a-1", "sdk", 5, "no money").message_index is None


def test_every_error_is_in_the_family() -> None:
    found = [each for each in vars(errors).values() if isinstance(each, type)]
    ours = [each for each in found if issubclass(each, Exception)]
    assert len(ours) > 12
    assert all(issubclass(each, errors.RelayerError) for each in ours)


async def test_heights_are_asked_for_when_nobody_tells() -> None:
    chain, clock = SimulatedChain(), TestClock()
    heights = Heights(Reader("sim-1", chain), clock)
    assert await heights.wait(1, 1.0)
    assert not await heights.wait(2, 0.5)
    assert clock.elapsed == pytest.approx(0.5)
    chain.commit()
    assert await heights.wait(2, 1.0)
    heights.announce(1)
    assert heights.latest == 2


async def test_heights_are_told_by_events() -> None:
    chain = SimulatedChain()
    chain.commit()
    chain.commit()
    heights = Heights(Reader("sim-1", chain), TestClock())
    following = asyncio.create_task(heights.follow())
    await asyncio.sleep(0)
    assert await heights.wait(3, 5.0)
    await following
    assert all(method != "status" for method, _ in chain.calls)


def test_notices_reach_every_sink_until_it_leaves() -> None:
    first: list[Notice] = []
    second: list[Notice] = []
    notices = Notices(first.append)
    leave = notices.add(second.append)
    notices(PathStopped("link", "why"))
    leave()
    notices(PathStopped("link", "why"))
    assert (len(first), len(second)) == (2, 1)


def test_notices_as_text_and_as_json(caplog: pytest.LogCaptureFixture) -> None:
    notice = BatchSent("a:b", "b-1", 2, {"recv": 2})
    logger = logging.getLogger("test.relayer")
    with caplog.at_level(logging.DEBUG, "test.relayer"):
        LogSink(logger)(notice)
        LogSink(logger, json=True)(notice)
        LogSink(logger)(PathStopped("a:b", "two words"))
    text, as_json, stopped = caplog.messages
    assert text.startswith("BatchSent link=a:b chain=b-1 messages=2")
    assert json.loads(as_json) == contents(notice)
    assert stopped == "PathStopped link=a:b reason='two words'"
    assert caplog.records[2].levelno == logging.ERROR


def test_every_half_open_state_leads_to_open_ends() -> None:
    """Whatever step is due, taking it leads to another state of the table, and at last to no step."""
    after = {Step.INIT: INIT, Step.TRY: TRYOPEN, Step.ACK: OPEN, Step.CONFIRM: OPEN}
    for start in STEPS:
        state = start
        for _ in range(4):
            turn = STEPS[state]
            if turn is None:
                break
            side, step = turn
            state = (after[step], state[1]) if side == "a" else (state[0], after[step])
        assert state == (OPEN, OPEN), start


def test_the_table_is_the_same_from_both_sides() -> None:
    for left, right in product((NONE, INIT, TRYOPEN, OPEN, CLOSED), repeat=2):
        assert ((left, right) in STEPS) == ((right, left) in STEPS)


@pytest.mark.parametrize(
    ("address", "host", "secure"),
    [
        ("http://127.0.0.1:9090", "127.0.0.1:9090", False),
        ("https://grpc.example.org:443/", "grpc.example.org:443", True),
        ("grpc.example.org:443", "grpc.example.org:443", True),
        ("127.0.0.1:9090", "127.0.0.1:9090", False),
    ],
)
def test_grpc_addresses(address: str, host: str, secure: bool) -> None:
    assert target(address) == (host, secure)
