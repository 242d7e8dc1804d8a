"""The application: blocks, replay, restart, the block's gas, results, queries with proofs."""

import json
import logging
from pathlib import Path
from typing import Any, cast

import pytest
from helpers.accounts import Person, fee, pack, sign_tx
from helpers.chains import CHAIN_ID, GENESIS_TIME, Solo, genesis

from chain.app import Application
from chain.context import Context
from chain.errors import AbciError, GenesisError, StoreError
from chain.router import Module
from chain.store.branch import Branch
from chain.store.database import MemoryDatabase, SqliteDatabase
from chain.vm import VM
from cosmos_pb.cosmos.bank.v1beta1 import query_pb2 as bank_query
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.abci.v1beta1 import abci_pb2
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmos.consensus.v1 import query_pb2 as consensus_query
from cosmos_pb.cosmos.tx.v1beta1 import service_pb2, tx_pb2
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client import commitment, proof_codec
from light_client.ics23 import IAVL_SPEC, TENDERMINT_SPEC

ALICE, BOB, CAROL = Person("alice"), Person("bob"), Person("carol")
STATE = genesis({ALICE: "1000stake", BOB: "1000stake"})
SUPPLY_KEY = b"\x00stake"
SPECS = (IAVL_SPEC, TENDERMINT_SPEC)
SIMULATE = "/cosmos.tx.v1beta1.Service/Simulate"


def _send(sender: Person, recipient: Person, amount: int = 10) -> bank_tx.MsgSend:
    coins = [coin_pb2.Coin(denom="stake", amount=str(amount))]
    return bank_tx.MsgSend(from_address=sender.address, to_address=recipient.address, amount=coins)


@pytest.fixture
def solo() -> Solo:
    chain = Solo(STATE)
    chain.block()
    return chain


# Blocks


def test_a_new_chain_has_the_hash_of_nothing_until_its_first_block() -> None:
    app = Application(MemoryDatabase(), None)
    assert app.info(abci.RequestInfo()).last_block_height == 0
    response = app.init_chain(Solo(STATE).init_request)
    assert response.app_hash.hex().startswith("e3b0c44298fc1c14")
    assert app.info(abci.RequestInfo()).last_block_height == 0


def test_a_block_may_be_finalized_again_until_it_is_committed() -> None:
    solo = Solo(STATE)
    request = solo.request(solo_tx(solo, 0))
    first = solo.app.finalize_block(request)
    assert first.tx_results[0].code == 0
    assert solo.app.finalize_block(request) == first
    other = solo.app.finalize_block(solo.request())
    assert other.app_hash != first.app_hash
    assert solo.app.finalize_block(request) == first
    solo.app.commit()
    assert solo.app.info(abci.RequestInfo()).last_block_app_hash == first.app_hash
    with pytest.raises(StoreError, match="Commit without a FinalizeBlock"):
        solo.app.commit()


def solo_tx(solo: Solo, sequence: int, **fields: Any) -> bytes:
    """Alice sends 10stake to Bob, without asking the chain for her account."""
    messages = fields.pop("messages", [_send(ALICE, BOB)])
    charged = fields.pop("fee", fee())
    return sign_tx([(ALICE, 0, sequence)], messages, chain_id=CHAIN_ID, fee=charged, **fields)


def test_heights_follow_one_another(solo: Solo) -> None:
    for height in (0, 1, 3):
        with pytest.raises(AbciError, match=f"invalid height: {height}; expected: 2"):
            solo.app.finalize_block(abci.RequestFinalizeBlock(height=height))


def test_a_chain_may_begin_at_another_height() -> None:
    app = Application(MemoryDatabase(), None)
    request = Solo(STATE).init_request
    request.initial_height = 40
    app.init_chain(request)
    app.finalize_block(abci.RequestFinalizeBlock(height=40))
    app.commit()
    assert app.info(abci.RequestInfo()).last_block_height == 40


def test_nothing_runs_before_the_genesis() -> None:
    app = Application(MemoryDatabase(), None)
    with pytest.raises(StoreError, match="InitChain has not been called"):
        app.finalize_block(abci.RequestFinalizeBlock(height=1))
    with pytest.raises(StoreError, match="InitChain has not been called"):
        app.check_tx(abci.RequestCheckTx(tx=b""))


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (b"{", "app_state is not JSON"),
        (b"[]", "app_state must be an object, got list"),
        (b'{"gov": {}}', "app_state names modules that are not here: gov"),
    ],
)
def test_a_wrong_genesis_says_what_is_wrong(state: bytes, text: str) -> None:
    app = Application(MemoryDatabase(), None)
    with pytest.raises(GenesisError, match=text):
        app.init_chain(abci.RequestInitChain(chain_id="x", app_state_bytes=state))


def test_a_chain_goes_on_where_it_was_closed(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    before = Solo(STATE, database=SqliteDatabase(path))
    before.block(solo_tx(before, 0))
    before.app.finalize_block(before.request(solo_tx(before, 1)))  # never committed
    before.app.close()
    after = Solo(STATE, database=SqliteDatabase(path))
    assert after.height == 1
    assert after.balance(BOB) == 1010
    with pytest.raises(GenesisError, match="the chain is at height 1 already"):
        after.app.init_chain(after.init_request)
    assert after.check(solo_tx(after, 1)).code == 0
    assert after.block(solo_tx(after, 1))[0].code == 0
    assert after.app.context_at(1).time.seconds == GENESIS_TIME + 5
    assert after.app.context_at(2).time.seconds == GENESIS_TIME + 10
    after.app.close()


def test_a_minimum_price_that_is_no_number() -> None:
    with pytest.raises(ValueError, match="cheap"):
        Application(MemoryDatabase(), None, min_gas_prices=[("stake", "cheap")])


# Results


def test_messages_are_atomic_and_numbered(solo: Solo) -> None:
    result = solo.block(solo.tx(ALICE, _send(ALICE, BOB), _send(ALICE, CAROL)))[0]
    assert result.code == 0
    data = abci_pb2.TxMsgData.FromString(result.data)
    assert [each.type_url for each in data.msg_responses] == [
        "/cosmos.bank.v1beta1.MsgSendResponse"
    ] * 2
    indexes = [
        pair.value for e in result.events for pair in e.attributes if pair.key == "msg_index"
    ]
    assert indexes == ["0"] * 5 + ["1"] * 5
    failed = solo.block(solo.tx(ALICE, _send(ALICE, CAROL), _send(ALICE, BOB, 5000)))[0]
    assert failed.log.startswith("failed to execute message; message index: 1: spendable balance")
    assert not failed.data
    assert (solo.balance(ALICE), solo.balance(CAROL)) == (980, 10)


def test_running_out_of_gas_in_a_message(solo: Solo) -> None:
    result = solo.block(solo.tx(ALICE, _send(ALICE, BOB), gas=50_000))[0]
    assert (result.codespace, result.code, result.gas_wanted) == ("sdk", 11, 50_000)
    used = result.gas_used
    assert used > 50_000
    assert result.log == (
        f"out of gas in location: {result.log.split()[5][:-1]}; "
        f"gasWanted: 50000, gasUsed: {used}: out of gas"
    )
    assert solo.balance(BOB) == 1000


def test_gas_is_the_same_in_a_check_up_to_the_messages_and_in_every_run(solo: Solo) -> None:
    tx = solo.tx(ALICE, _send(ALICE, BOB))
    checked = solo.check(tx)
    first, again = (
        solo.app.finalize_block(solo.request(tx)),
        solo.app.finalize_block(solo.request(tx)),
    )
    assert first.tx_results[0].gas_used == again.tx_results[0].gas_used > checked.gas_used
    assert (checked.code, checked.gas_wanted, list(checked.events)) == (0, 200_000, [])


def test_bytes_that_are_no_transaction(solo: Solo) -> None:
    result = solo.block(b"\xff")[0]
    assert (result.codespace, result.code, result.log) == ("sdk", 2, "tx parse error")
    assert (result.gas_wanted, result.gas_used) == (0, 0)


def test_a_bug_of_ours_fails_one_transaction(solo: Solo, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Context, __: Any) -> Any:
        raise ZeroDivisionError("bug")

    url = "/cosmos.bank.v1beta1.MsgMultiSend"
    service = solo.app.messages.services.pop(url)
    solo.app.messages.register(bank_tx.MsgMultiSend, broken, lambda _: [ALICE.address])
    with caplog.at_level(logging.ERROR):
        results = solo.block(
            solo.tx(ALICE, bank_tx.MsgMultiSend()), solo.tx(BOB, _send(BOB, ALICE))
        )
    solo.app.messages.services[url] = service
    assert (results[0].codespace, results[0].code) == ("undefined", 111222)
    assert results[0].log == "recovered: ZeroDivisionError: bug: panic"
    assert results[1].code == 0
    assert "ZeroDivisionError" in caplog.text


def test_the_gas_of_a_block_is_limited() -> None:
    solo = Solo(STATE, max_gas=100_000)
    plenty = fee(gas=95_000)
    results = solo.block(
        solo_tx(solo, 0, fee=plenty), solo_tx(solo, 1, fee=plenty), solo_tx(solo, 2, fee=plenty)
    )
    assert results[0].code == 0
    assert results[1].code == 11
    assert results[1].log.startswith("out of gas in location: block gas meter; gasWanted: 95000")
    assert (results[2].code, results[2].log) == (11, "no block gas left to run tx: out of gas")
    assert (results[2].gas_wanted, results[2].gas_used) == (0, 0)
    assert solo.balance(BOB) == 1010


def test_proposals_fit_the_block() -> None:
    solo = Solo(STATE, max_gas=500_000)
    txs = [solo_tx(solo, sequence) for sequence in range(3)]
    prepare = abci.RequestPrepareProposal(txs=[b"junk", *txs], max_tx_bytes=10_000)
    assert list(solo.app.prepare_proposal(prepare).txs) == txs[:2]
    prepare.max_tx_bytes = len(txs[0]) + 10
    assert list(solo.app.prepare_proposal(prepare).txs) == txs[:1]
    status = abci.ResponseProcessProposal
    for chosen, verdict in (
        (txs[:2], status.ACCEPT),
        (txs, status.REJECT),
        ([b"x"], status.REJECT),
    ):
        answer = solo.app.process_proposal(abci.RequestProcessProposal(txs=chosen))
        assert answer.status == verdict


def test_block_hooks_of_modules_say_when_they_ran(solo: Solo) -> None:
    class Clock:
        name = "clock"

        def begin_block(self, ctx: Context) -> None:
            ctx.emit("tick", height=str(ctx.height))

        def end_block(self, ctx: Context) -> None:
            ctx.emit("tock")

    solo.app._modules = cast("tuple[Module, ...]", (*solo.app._modules, Clock()))
    events = solo.app.finalize_block(solo.request()).events
    found = [(e.type, [(a.key, a.value) for a in e.attributes]) for e in events]
    assert found == [
        ("tick", [("height", "2"), ("mode", "BeginBlock")]),
        ("tock", [("mode", "EndBlock")]),
    ]


def test_consensus_parameters_are_kept_and_served() -> None:
    solo = Solo(STATE, max_gas=7_000_000)
    updates = solo.app.finalize_block(solo.request()).consensus_param_updates
    assert updates == solo.init_request.consensus_params
    solo.app.commit()
    answer = solo.query("/cosmos.consensus.v1.Query/Params")
    params = consensus_query.QueryParamsResponse.FromString(answer.value).params
    assert params.block.max_gas == 7_000_000


# Queries


@pytest.mark.parametrize("path", ["/store/bank/key", "store/bank/key"])
def test_a_key_and_its_proof(solo: Solo, path: str) -> None:
    solo.block()
    answer = solo.query(path, SUPPLY_KEY, prove=True)
    assert (answer.code, answer.height, answer.key, answer.value) == (0, 2, SUPPLY_KEY, b"2000")
    kinds = [(op.type, op.key) for op in answer.proof_ops.ops]
    assert kinds == [("ics23:iavl", SUPPLY_KEY), ("ics23:simple", b"bank")]
    _verify(solo, answer)


def test_an_absent_key_and_its_proof(solo: Solo) -> None:
    solo.block()
    answer = solo.query("/store/acc/key", b"\x01absent", prove=True)
    assert (answer.code, answer.value) == (0, b"")
    _verify(solo, answer)


def _verify(solo: Solo, answer: abci.ResponseQuery) -> None:
    """Both levels of the proof under the app hash, by the light client's own rules."""
    proofs = [proof_codec.decode(op.data) for op in answer.proof_ops.ops]
    root = solo.app.multistore.snapshot(answer.height).app_hash
    path = [answer.proof_ops.ops[1].key, answer.key]
    if answer.value:
        commitment.verify_membership(SPECS, root, path, answer.value, proofs)
    else:
        commitment.verify_non_membership(SPECS, root, path, proofs)


def test_queries_of_the_past(solo: Solo) -> None:
    solo.block(solo.tx(ALICE, _send(ALICE, BOB)))
    request = bank_query.QueryBalanceRequest(address=BOB.address, denom="stake")
    for height, amount in ((0, "1010"), (2, "1010"), (1, "1000")):
        answer = solo.query("/cosmos.bank.v1beta1.Query/Balance", request, height=height)
        response = bank_query.QueryBalanceResponse.FromString(answer.value)
        assert (answer.height, response.balance.amount) == (height or 2, amount)


def test_a_subspace(solo: Solo) -> None:
    answer = solo.query("/store/bank/subspace", b"\x00")
    assert answer.value == b"\x0a\x0e\x0a\x06\x00stake\x12\x042000"


PROOF_TOO_EARLY = "cannot query with proof when height <= 1; please provide a valid height"


@pytest.mark.parametrize(
    ("path", "fields", "code", "log"),
    [
        ("/store/bank/key", {"prove": True}, 18, f"{PROOF_TOO_EARLY}: invalid request"),
        (SIMULATE, {"prove": True}, 18, f"{PROOF_TOO_EARLY}: invalid request"),
        (
            SIMULATE,
            {"height": 2},
            26,
            "cannot query with height in the future; please provide a valid height: invalid height",
        ),
        (
            SIMULATE,
            {"height": -1},
            18,
            "cannot query with height < 0; please provide a valid height: invalid request",
        ),
        ("/store/nothing/key", {}, 4, "no such store: nothing: unknown request"),
        ("/store/bank/keys", {}, 4, "unexpected query path: /keys: unknown request"),
        ("/store/bank", {}, 4, "unexpected query path: : unknown request"),
        ("/store/bank/key", {"data": b""}, 3, "query cannot be zero length: tx parse error"),
        ("", {}, 6, "no query path provided: unknown request"),
        ("/custom/x", {}, 6, "unknown query path: unknown request"),
        ("/x.Query/Y", {}, 6, "unknown query path: unknown request"),
        (
            "/app",
            {},
            6,
            (
                "expected second parameter to be either 'simulate' or 'version', neither was present: "
                "unknown request"
            ),
        ),
        ("/app/x", {}, 6, "unknown query: [app x]: unknown request"),
    ],
)
def test_refused_queries(
    solo: Solo, path: str, fields: dict[str, Any], code: int, log: str
) -> None:
    answer = solo.query(path, **{"data": b"key", **fields})
    codespace = "store" if code in (3, 4) else "sdk"
    assert (answer.codespace, answer.code, answer.log) == (codespace, code, log)


def test_pruned_heights(caplog: pytest.LogCaptureFixture) -> None:
    solo = Solo(STATE, keep_recent=2)
    for _ in range(30):
        solo.block()
    proof = solo.query("/store/bank/key", SUPPLY_KEY, height=2, prove=True)
    assert proof.log.startswith("proof is unexpectedly empty; ensure height has not been pruned")
    plain = solo.query("/store/bank/key", SUPPLY_KEY, height=2)
    assert (plain.code, plain.value, plain.log) == (0, b"", "version does not exist")
    grpc = solo.query("/cosmos.bank.v1beta1.Query/Params", height=2)
    assert grpc.code == 38
    assert grpc.log.startswith("failed to load state at height 2; ")
    assert not caplog.records


def test_application_queries(solo: Solo) -> None:
    assert solo.query("/app/version").value.decode() == solo.app.info(abci.RequestInfo()).version
    good = solo.query("/app/simulate", solo.tx(ALICE, _send(ALICE, BOB)))
    assert int(json.loads(good.value)["gas_info"]["gas_used"]) > 50_000
    bad = solo.query("/app/simulate", b"\x08")
    assert bad.log.startswith("failed to simulate tx: ")
    assert solo.query("/p2p/filter/addr/1.2.3.4").code == 0


def test_the_simulation_service(solo: Solo) -> None:
    raw = solo.tx(ALICE, _send(ALICE, BOB))
    answer = solo.query(SIMULATE, service_pb2.SimulateRequest(tx_bytes=raw))
    response = service_pb2.SimulateResponse.FromString(answer.value)
    assert response.gas_info.gas_used == solo.app.simulate(raw)[0].gas_used
    assert response.result.msg_responses[0].type_url == "/cosmos.bank.v1beta1.MsgSendResponse"
    parts = tx_pb2.TxRaw.FromString(raw)
    whole = tx_pb2.Tx(signatures=parts.signatures)
    whole.body.MergeFromString(parts.body_bytes)
    whole.auth_info.MergeFromString(parts.auth_info_bytes)
    assert solo.query(SIMULATE, service_pb2.SimulateRequest(tx=whole)).value == answer.value
    assert solo.balance(BOB) == 1000
    late = solo.query(SIMULATE, service_pb2.SimulateRequest(tx_bytes=solo_tx(solo, 7)))
    assert late.log.startswith(
        "rpc error: code = Unknown desc = account sequence mismatch, expected 0, got 7: "
        "incorrect account sequence with gas used: '"
    )
    empty = solo.query(SIMULATE, service_pb2.SimulateRequest())
    assert empty.log == (
        "rpc error: code = InvalidArgument desc = empty txBytes is not allowed: invalid request"
    )


def test_a_bug_in_a_query_is_an_answer(solo: Solo, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Context, __: Any) -> Any:
        raise KeyError("bug")

    solo.app.queries.register("/x.Query/Broken", any_pb2.Any, broken)
    answer = solo.query("/x.Query/Broken")
    assert (answer.codespace, answer.code, answer.log) == (
        "undefined",
        111222,
        "KeyError: 'bug': panic",
    )
    assert "query /x.Query/Broken failed" in caplog.text


def test_queries_write_nothing(solo: Solo) -> None:
    ctx = solo.app.context_at(0)
    solo.app.bank.send(ctx, ALICE.address, BOB.address, [])
    ctx.kv("bank").set(b"\xffmark", b"x")
    assert isinstance(ctx.store, Branch)
    assert solo.app.context_at(0).kv("bank").get(b"\xffmark") is None
    assert solo.app.finalize_block(solo.request()).app_hash == solo.app.multistore.app_hash


def test_the_same_chain_with_contracts(tmp_path: Path) -> None:
    app = Application(MemoryDatabase(), VM(tmp_path))
    app.init_chain(Solo(STATE).init_request)
    message = pack(_send(ALICE, BOB))
    assert message.type_url in app.messages.services
    assert "/cosmwasm.wasm.v1.MsgExecuteContract" in app.messages.services
    tx = sign_tx([(ALICE, 0, 0)], [_send(ALICE, BOB)], chain_id=CHAIN_ID, fee=fee())
    assert app.check_tx(abci.RequestCheckTx(tx=tx)).code == 0
    result = app.finalize_block(abci.RequestFinalizeBlock(height=1, txs=[tx])).tx_results[0]
    assert result.code == 0
    app.close()
