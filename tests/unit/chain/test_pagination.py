"""Pages: whatever the limit, walking them gives every pair once, in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.errors import AbciError
from chain.gas import GasKV, GasMeter
from chain.modules.pagination import paginate
from chain.store.branch import Branch
from chain.store.database import MemoryDatabase
from chain.store.multistore import MultiStore
from cosmos_pb.cosmos.base.query.v1beta1 import pagination_pb2

Page = pagination_pb2.PageRequest


def _store(keys: list[bytes]) -> GasKV:
    branch = Branch(MultiStore(MemoryDatabase(), ["s"]).snapshot())
    for key in [b"\x01", *(b"\x02" + key for key in keys), b"\x03x"]:
        branch.set("s", key, b"value of " + key)
    return GasKV(branch, "s", GasMeter())


def _keys(store: GasKV, page: pagination_pb2.PageRequest) -> tuple[list[bytes], bytes, int]:
    found, response = paginate(store, b"\x02", page, lambda key, _: key)
    return found, response.next_key, response.total


KEYS = [b"a", b"b", b"c", b"d", b"e"]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (Page(), (KEYS, b"", 5)),
        (Page(limit=2), ([b"a", b"b"], b"c", 0)),
        (Page(limit=2, count_total=True), ([b"a", b"b"], b"c", 5)),
        (Page(limit=5), (KEYS, b"", 0)),
        (Page(limit=2, offset=3), ([b"d", b"e"], b"", 0)),
        (Page(limit=2, offset=9, count_total=True), ([], b"", 5)),
        (Page(limit=2, key=b"c"), ([b"c", b"d"], b"e", 0)),
        (Page(limit=2, key=b"bb"), ([b"c", b"d"], b"e", 0)),
        (Page(limit=2, reverse=True), ([b"e", b"d"], b"c", 0)),
        (Page(limit=2, key=b"c", reverse=True), ([b"c", b"b"], b"a", 0)),
        (Page(key=b"d"), ([b"d", b"e"], b"", 0)),
    ],
)
def test_pages(page: pagination_pb2.PageRequest, expected: tuple[list[bytes], bytes, int]) -> None:
    assert _keys(_store(KEYS), page) == expected


def test_what_is_filtered_out_is_not_counted() -> None:
    found, response = paginate(
        _store(KEYS), b"\x02", Page(limit=1, count_total=True), lambda k, _: k if k > b"b" else None
    )
    assert (found, response.next_key, response.total) == ([b"c"], b"d", 3)


def test_key_and_offset_exclude_each_other() -> None:
    with pytest.raises(AbciError, match="either offset or key is expected, got both"):
        _keys(_store(KEYS), Page(key=b"a", offset=1))


@given(st.lists(st.binary(min_size=1, max_size=3), unique=True), st.integers(1, 7), st.booleans())
def test_walking_by_key_sees_everything_once(keys: list[bytes], limit: int, reverse: bool) -> None:
    store, seen = _store(keys), []
    found, key, _ = _keys(store, Page(limit=limit, reverse=reverse))
    seen += found
    while key:
        found, key, _ = _keys(store, Page(limit=limit, reverse=reverse, key=key))
        assert found
        seen += found
    assert seen == sorted(keys, reverse=reverse)
