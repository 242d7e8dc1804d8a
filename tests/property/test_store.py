"""Any writes: every key provable, every other key provably absent, nothing else told."""

from hypothesis import given, settings
from hypothesis import strategies as st

from chain.store import Branch, MemoryDatabase, MultiStore
from chain.store.multistore import Snapshot
from cosmos_pb.cosmos.ics23.v1 import proofs_pb2
from light_client import ics23
from light_client.proofs import IAVL_SPEC, TENDERMINT_SPEC

keys = st.binary(min_size=1, max_size=3) | st.sampled_from([b"a", b"ab", b"abc", b"b", b"\xff"])
values = st.binary(min_size=1, max_size=8)
writes = st.dictionaries(keys, st.none() | values, max_size=12)
blocks = st.lists(st.fixed_dictionaries({}, optional={"bank": writes, "ibc": writes}), max_size=8)
Block = dict[str, dict[bytes, bytes | None]]
Model = dict[str, dict[bytes, bytes]]


def apply(model: Model, block: Block) -> Model:
    after = {name: dict(store) for name, store in model.items()}
    for name, changes in block.items():
        for key, value in changes.items():
            if value is None:
                after[name].pop(key, None)
            else:
                after[name][key] = value
    return after


def history(history_blocks: list[Block]) -> tuple[MemoryDatabase, MultiStore, list[Model]]:
    database = MemoryDatabase()
    store = MultiStore(database, ["bank", "ibc"])
    models: list[Model] = [{"bank": {}, "ibc": {}}]
    for block in history_blocks:
        store.stage(block)
        store.commit()
        models.append(apply(models[-1], block))
    return database, store, models


def proven(snapshot: Snapshot, name: str, key: bytes) -> bytes | None:
    """The value of ``key`` if both proofs hold under the app hash; an AssertionError if one does
    not.
    """
    value, ops = snapshot.prove(name, key)
    low, high = (proofs_pb2.CommitmentProof.FromString(op.data) for op in ops.ops)
    assert [(op.type, op.key) for op in ops.ops] == [
        ("ics23:iavl", key),
        ("ics23:simple", name.encode()),
    ]
    root = dict(snapshot.roots)[name]
    raw_low, raw_high = low.SerializeToString(), high.SerializeToString()
    spec, above = IAVL_SPEC, TENDERMINT_SPEC
    ics23.verify_membership(above, snapshot.app_hash, raw_high, name.encode(), root)
    if value is None:
        ics23.verify_non_membership(spec, root, raw_low, key)
    else:
        ics23.verify_membership(spec, root, raw_low, key, value)
    return value


@given(blocks, st.lists(keys, max_size=5))
@settings(max_examples=150, deadline=None)
def test_every_key_is_provable_and_every_other_provably_absent(
    history_blocks: list[Block], others: list[bytes]
) -> None:
    _, store, models = history(history_blocks)
    for version, model in enumerate(models[1:], start=1):
        snapshot = store.snapshot(version)
        for name, expected in model.items():
            assert dict(snapshot.iterate(name)) == expected
            for key in [*expected, *others] if expected else []:
                assert proven(snapshot, name, key) == expected.get(key)


@given(blocks, st.binary(max_size=3), st.none() | st.binary(max_size=3), st.booleans())
@settings(max_examples=150, deadline=None)
def test_ranges_are_those_of_a_sorted_dict(
    history_blocks: list[Block], start: bytes, end: bytes | None, reverse: bool
) -> None:
    _, store, models = history(history_blocks)
    for name, expected in models[-1].items():
        found = list(store.snapshot().iterate(name, start, end, reverse=reverse))
        inside = [k for k in expected if k >= start and (end is None or k < end)]
        assert found == [(key, expected[key]) for key in sorted(inside, reverse=reverse)]


@given(blocks)
@settings(max_examples=100, deadline=None)
def test_reloading_gives_the_same_roots_and_the_same_future(history_blocks: list[Block]) -> None:
    database, store, models = history(history_blocks)
    again = MultiStore(database, ["bank", "ibc"])
    assert (again.version, again.app_hash) == (store.version, store.app_hash)
    for version, model in enumerate(models[1:], start=1):
        assert {name: dict(again.snapshot(version).iterate(name)) for name in model} == model
    future: Block = {"bank": {b"new": b"value", b"ab": None}, "ibc": {b"a": b"2"}}
    assert again.stage(future) == store.stage(future)


@given(blocks, st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_pruning_takes_nothing_from_the_versions_kept(
    history_blocks: list[Block], keep: int
) -> None:
    database = MemoryDatabase()
    store = MultiStore(database, ["bank", "ibc"], keep_recent=keep)
    models: list[Model] = [{"bank": {}, "ibc": {}}]
    for block in history_blocks:
        store.stage(block)
        store.commit()
        models.append(apply(models[-1], block))
    again = MultiStore(database, ["bank", "ibc"], keep_recent=keep)
    for version in range(max(1, len(models) - 1 - keep), len(models)):
        for name, expected in models[version].items():
            assert dict(again.snapshot(version).iterate(name)) == expected


@given(blocks, st.lists(st.tuples(keys, st.none() | values, st.booleans()), max_size=12))
@settings(max_examples=150, deadline=None)
def test_a_branch_reads_as_if_its_writes_were_committed(
    history_blocks: list[Block], changes: list[tuple[bytes, bytes | None, bool]]
) -> None:
    _, store, models = history(history_blocks)
    outer = Branch(store.snapshot())
    model = dict(models[-1]["bank"])
    for key, value, keep in changes:
        inner = outer.branch()
        if value is None:
            inner.delete("bank", key)
        else:
            inner.set("bank", key, value)
        if keep:
            inner.write()
            model = apply({"bank": model}, {"bank": {key: value}})["bank"]
    ordered = sorted(model.items())
    assert list(outer.iterate("bank")) == ordered
    assert list(outer.iterate("bank", reverse=True)) == ordered[::-1]
    assert all(outer.get("bank", key) == model.get(key) for key, _, _ in changes)
