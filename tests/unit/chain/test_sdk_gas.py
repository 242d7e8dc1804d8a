"""The gas of whole transactions under the SDK of each release that a chain may follow, counted by hand.

What is read and written is that of cosmos-sdk v0.47.5, v0.50.1 to v0.53.6 and v0.54.0 (``x/auth/ante``,
``x/auth/keeper``, ``x/bank/keeper/send.go``), under the ante handler of wasmd's application.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import pytest
from helpers.accounts import Person
from helpers.chains import Solo, genesis

from chain.coins import Coin
from chain.context import Mode
from chain.keys import SECP256K1, PublicKey
from chain.modules.auth.account import Account
from chain.sdk import SDK_47, SDK_50, SDK_54, Sdk
from chain.vm import VM
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from light_client.addresses import module_account

ALICE, BOB, CAROL, DAVE = (Person(name) for name in ("alice", "bob", "carol", "dave"))

HAS: Final = 1_000
DELETE: Final = 1_000
ADDRESS: Final = 20
ACCOUNT_KEY: Final = 1 + ADDRESS
BALANCE_KEY: Final = 2 + ADDRESS + len("stake")
HOLDER_KEY: Final = 1 + len("stake") + 1 + 1 + ADDRESS
NUMBER_KEY: Final = len("accountNumber") + 8
AUTH_PARAMS: Final = 3 + 2 + 2 + 3 + 3
BANK_PARAMS: Final = 2
SIGNATURE: Final = 1_000

RELEASES: Final = {"0.46.0": SDK_47, "0.50.0": SDK_50, "0.61.14": SDK_50, "0.70.3": SDK_54}


def get(key: int, value: int) -> int:
    return 1_000 + 3 * (key + value)


def put(key: int, value: int) -> int:
    return 2_000 + 30 * (key + value)


@dataclass
class Count:
    """What each step costs, in the terms of one SDK."""

    sdk: Sdk

    @property
    def circuit(self) -> int:
        """Of one message, asked for in the ante handler or in the router."""
        return HAS if self.sdk is SDK_50 else 0

    def write_account(self, before: int, after: int) -> int:
        if self.sdk is SDK_47:
            return put(ACCOUNT_KEY, after) + put(NUMBER_KEY, ADDRESS)
        unique = HAS + put(NUMBER_KEY, ADDRESS) + (DELETE if before else 0)
        return get(ACCOUNT_KEY, before) + unique + put(ACCOUNT_KEY, after)

    def new_account(self, size: int) -> int:
        counter = {
            "0.47": get(len("globalAccountNumber"), 2) + put(len("globalAccountNumber"), 2),
            "0.50": get(1, 8) + put(1, 8),
            "0.54": 0,
        }[self.sdk.name]
        return counter + self.write_account(0, size)

    def change_balance(self, before: int, after: int) -> int:
        """From so many digits to so many."""
        read = get(BALANCE_KEY, before)
        if not after:
            return read + 2 * DELETE
        holder = put(HOLDER_KEY, 0)
        if self.sdk is SDK_47:
            holder = HAS if before else HAS + put(HOLDER_KEY, 1)
        return read + holder + put(BALANCE_KEY, after)

    def move(self, account: int, balances: tuple[tuple[int, int], tuple[int, int]]) -> int:
        """Coins of one denomination between accounts that exist; the first is looked at for vesting."""
        changes = sum(self.change_balance(*each) for each in balances)
        return get(ACCOUNT_KEY, account) + changes + HAS


def size(address: str, number: int, sequence: int = 0, key: Person | None = None) -> int:
    public = PublicKey(SECP256K1, key.public_key) if key else None
    return len(Account(address, number, sequence, public).encode())


@pytest.fixture(scope="module")
def vm() -> Iterator[VM]:
    machine = VM()
    yield machine
    machine.close()


@pytest.fixture(params=RELEASES)
def solo(request: pytest.FixtureRequest, vm: VM) -> Solo:
    people = genesis({ALICE: "1000000stake", BOB: "100stake"})
    chain = Solo(people | {"wasm": {"wasmd": request.param}}, vm=vm)
    chain.block()
    assert chain.app.context_at(0).sdk == RELEASES[request.param]
    return chain


def _send(recipient: Person, amount: int, sender: Person = ALICE) -> tx_pb2.MsgSend:
    coins = [coin_pb2.Coin(denom="stake", amount=str(amount))]
    return tx_pb2.MsgSend(from_address=sender.address, to_address=recipient.address, amount=coins)


def _ante(count: Count, tx: bytes, collector: int) -> int:
    """Of Alice's first transaction, who pays 5000 of 1000000, to a collector with an account of that size."""
    fresh = size(ALICE.address, 0)
    keyed = size(ALICE.address, 0, 0, ALICE)
    used = size(ALICE.address, 0, 1, ALICE)
    numbered = get(1, 0) + put(1, 12)  # x/wasm counts transactions
    sized = get(1, AUTH_PARAMS) + 10 * len(tx)
    paid = get(ACCOUNT_KEY, fresh) + get(ACCOUNT_KEY, collector)
    paid += count.move(fresh, ((7, 6), (0, 4)))
    keys = get(ACCOUNT_KEY, fresh) + count.write_account(fresh, keyed)
    limited = get(1, AUTH_PARAMS)
    charged = get(1, AUTH_PARAMS) + get(ACCOUNT_KEY, keyed) + SIGNATURE
    verified = get(ACCOUNT_KEY, keyed)
    incremented = get(ACCOUNT_KEY, keyed) + count.write_account(keyed, used)
    return (
        numbered + count.circuit + sized + paid + keys + limited + charged + verified + incremented
    )


def _collector(solo: Solo) -> int:
    account = solo.app.auth.load(solo.app.context_at(0), module_account("fee_collector"))
    assert account is not None
    return len(account.encode())


def test_a_transfer_to_an_account(solo: Solo) -> None:
    count = Count(solo.app.context_at(0).sdk)
    tx = solo.tx(ALICE, _send(BOB, 10), amount="5000stake")
    expected = _ante(count, tx, _collector(solo)) + count.circuit
    expected += get(1, BANK_PARAMS) + HAS
    expected += count.move(size(ALICE.address, 0, 1, ALICE), ((6, 6), (3, 3)))
    [result] = solo.block(tx)
    assert (result.code, result.gas_used) == (0, expected)


def test_a_transfer_that_makes_an_account_and_empties_another(solo: Solo) -> None:
    count = Count(solo.app.context_at(0).sdk)
    tx = solo.tx(ALICE, _send(CAROL, 995_000), amount="5000stake")
    expected = _ante(count, tx, _collector(solo)) + count.circuit
    expected += get(1, BANK_PARAMS) + HAS
    expected += count.move(size(ALICE.address, 0, 1, ALICE), ((6, 0), (0, 6)))
    [result] = solo.block(tx)
    carol = solo.app.auth.account(solo.app.context_at(0), CAROL.address)
    assert carol is not None
    assert (result.code, result.gas_used - expected) == (
        0,
        count.new_account(size(CAROL.address, carol.number)),
    )


def test_numbers_of_accounts(solo: Solo) -> None:
    """The next after the fee collector's, or 63 bits of a hash and one more (x/auth/types/account_id.go)."""
    first = solo.tx(ALICE, _send(BOB, 1))
    [code] = {each.code for each in solo.block(first)}
    assert code == 0
    app_hash, height = solo.app.multistore.app_hash, solo.height + 1
    both = _send(CAROL, 1), _send(DAVE, 1)
    results = solo.block(b"no transaction", solo.tx(ALICE, *both))
    assert [each.code for each in results] == [2, 0]
    ctx = solo.app.context_at(0)
    numbers = []
    for person in (CAROL, DAVE):
        account = solo.app.auth.account(ctx, person.address)
        assert account is not None
        numbers.append(account.number)
        assert solo.app.auth.address_of_number(ctx, account.number) == person.raw_address
    assert solo.block(solo.tx(CAROL, _send(BOB, 1, CAROL)))[0].code == 0
    if ctx.sdk.counts_accounts:
        assert numbers == [3, 4]
        return
    for number, person in zip(numbers, (CAROL, DAVE), strict=True):
        seed = height.to_bytes(8, "big") + app_hash + (1).to_bytes(8, "big") + person.raw_address
        assert number == int.from_bytes(sha256(seed).digest()[:8], "big") | 1 << 63


def test_a_check_is_in_no_block(solo: Solo) -> None:
    """Its index is -1, as in baseapp: accounts that it makes have other numbers than those to come."""
    assert solo.app._checking(Mode.CHECK).tx_index == -1
    assert solo.app.context_at(0).tx_index == 0


@pytest.mark.parametrize(("denoms", "own"), [("atom", 0), ("atom stake", 0), ("paid stake", 1)])
def test_whether_coins_may_be_sent(vm: VM, denoms: str, own: int) -> None:
    """``IsSendEnabledCoins``: the parameters first and once, then what each denomination says for itself."""
    state = genesis({ALICE: "1stake"})
    state["bank"]["send_enabled"] = [{"denom": "paid", "enabled": True}]
    coins = [Coin(denom, 1) for denom in denoms.split()]
    chain = Solo(state, vm=vm)
    chain.block()
    ctx = chain.app.context_at(0)
    chain.app.bank.check_send_enabled(ctx, coins)
    said = own * get(1 + len("paid"), 1)
    assert ctx.gas.consumed == get(1, BANK_PARAMS) + len(coins) * HAS + said
    before = ctx.gas.consumed
    chain.app.bank.check_send_enabled(ctx, [])
    assert ctx.gas.consumed == before
