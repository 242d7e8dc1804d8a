"""The mempool by itself: order, limits, memory."""

import pytest

from chain.node import MempoolError, MempoolLimits
from chain.node.mempool import Mempool
from cosmos_pb.tendermint.abci import types_pb2 as abci

GOOD = abci.ExecTxResult()
BAD = abci.ExecTxResult(code=1)


class Checker:
    """Refuses what is in ``refused``; every transaction wants as much gas as its first byte says."""

    def __init__(self) -> None:
        self.refused: set[bytes] = set()

    def __call__(self, request: abci.RequestCheckTx) -> abci.ResponseCheckTx:
        code = 1 if request.tx in self.refused else 0
        return abci.ResponseCheckTx(code=code, gas_wanted=request.tx[0])


def filled(*txs: bytes) -> tuple[Mempool, Checker]:
    checker = Checker()
    mempool = Mempool(checker)
    for tx in txs:
        mempool.check(tx)
    return mempool, checker


def test_first_come_first_served() -> None:
    mempool, _ = filled(b"c", b"a", b"b")
    assert mempool.reap(-1, -1) == [b"c", b"a", b"b"]
    assert mempool.first(2) == [b"c", b"a"]
    assert (len(mempool), mempool.total_bytes) == (3, 3)


@pytest.mark.parametrize(
    ("max_bytes", "max_gas", "count"),
    [(-1, -1, 3), (-1, 200, 2), (-1, 50, 0), (24, -1, 2), (23, -1, 1), (0, 0, 0)],
)
def test_a_block_takes_what_fits(max_bytes: int, max_gas: int, count: int) -> None:
    txs = [b"d" * 10, b"d" * 10, b"d" * 10]
    mempool, _ = filled(*(tx + b"%d" % number for number, tx in enumerate(txs)))
    assert len(mempool.reap(max_bytes + 2 if max_bytes > 0 else max_bytes, max_gas)) == count


def test_what_a_block_carried_is_gone() -> None:
    mempool, _ = filled(b"a", b"b", b"c")
    mempool.update([b"a", b"x"], [GOOD, GOOD])
    assert mempool.first(-1) == [b"b", b"c"]
    for tx in (b"a", b"x"):
        with pytest.raises(MempoolError, match="tx already exists in cache"):
            mempool.check(tx)


def test_what_failed_in_a_block_may_come_again() -> None:
    mempool, _ = filled(b"a")
    mempool.update([b"a"], [BAD])
    assert mempool.check(b"a").code == 0


def test_the_recheck_drops_what_no_longer_holds() -> None:
    mempool, checker = filled(b"a", b"b")
    checker.refused.add(b"b")
    mempool.update([], [])
    assert mempool.first(-1) == [b"a"]
    assert mempool.total_bytes == 1
    checker.refused.clear()
    assert mempool.check(b"b").code == 0


def test_only_so_much_is_remembered() -> None:
    mempool = Mempool(Checker(), MempoolLimits(cache=2))
    for tx in (b"a", b"b", b"c"):
        mempool.check(tx)
    mempool.flush()
    for tx in (b"a", b"b", b"c", b"a"):
        mempool.check(tx)
    with pytest.raises(MempoolError):
        mempool.check(b"c")


def test_bytes_are_limited() -> None:
    mempool = Mempool(Checker(), MempoolLimits(max_txs_bytes=5))
    mempool.check(b"abc")
    with pytest.raises(MempoolError, match=r"number of txs 1 .* total txs bytes 3 \(max: 5\)"):
        mempool.check(b"def")


def test_what_fits_into_no_block_is_refused() -> None:
    mempool = Mempool(Checker())
    mempool.max_gas = 99
    assert mempool.check(b"c").code == 0
    for _ in range(2):
        with pytest.raises(MempoolError, match="gas wanted 100 is greater than max gas 99"):
            mempool.check(b"d")
    mempool.max_bytes = 10
    with pytest.raises(MempoolError, match="tx size is too big: 11, max: 10"):
        mempool.check(b"c" * 9)
