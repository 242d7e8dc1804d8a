"""Pages of a store's range (cosmos-sdk types/query/pagination.go and filtered_pagination.go)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from chain.gas import GasKV, prefix_end
from chain.modules.status import invalid_argument
from cosmos_pb.cosmos.base.query.v1beta1 import pagination_pb2

DEFAULT_LIMIT: Final = 100

T = TypeVar("T")


def paginate(
    store: GasKV,
    prefix: bytes,
    page: pagination_pb2.PageRequest,
    convert: Callable[[bytes, bytes], T | None],
) -> tuple[list[T], pagination_pb2.PageResponse]:
    """One page of the pairs under ``prefix``.

    ``convert(key, value)`` sees keys without the prefix; what it turns into None is left out and not counted. Without a
    limit a page holds 100 and the total is counted, as in the SDK. Refuses ``key`` and ``offset`` together (sdk/18).
    """
    if page.offset and page.key:
        raise invalid_argument(
            "paginate: invalid request, either offset or key is expected, got both"
        )
    pairs = _pairs(store, prefix, page)
    if page.key:
        return _by_key(pairs, page.limit or DEFAULT_LIMIT, convert)
    return _by_offset(pairs, page, convert)


def _pairs(
    store: GasKV, prefix: bytes, page: pagination_pb2.PageRequest
) -> Iterator[tuple[bytes, bytes]]:
    if not page.key:
        pairs = store.prefix(prefix, reverse=page.reverse)
    elif page.reverse:
        pairs = store.iterate(prefix, prefix + page.key + b"\0", reverse=True)
    else:
        pairs = store.iterate(prefix + page.key, prefix_end(prefix))
    return ((key[len(prefix) :], value) for key, value in pairs)


def _by_key(
    pairs: Iterator[tuple[bytes, bytes]], limit: int, convert: Callable[[bytes, bytes], T | None]
) -> tuple[list[T], pagination_pb2.PageResponse]:
    found: list[T] = []
    for key, value in pairs:
        if len(found) == limit:
            return found, pagination_pb2.PageResponse(next_key=key)
        item = convert(key, value)
        if item is not None:
            found.append(item)
    return found, pagination_pb2.PageResponse()


def _by_offset(
    pairs: Iterator[tuple[bytes, bytes]],
    page: pagination_pb2.PageRequest,
    convert: Callable[[bytes, bytes], T | None],
) -> tuple[list[T], pagination_pb2.PageResponse]:
    count_total = page.count_total or not page.limit
    end = page.offset + (page.limit or DEFAULT_LIMIT)
    found: list[T] = []
    hits = 0
    next_key = b""
    for key, value in pairs:
        item = convert(key, value)
        if item is None:
            continue
        hits += 1
        if page.offset < hits <= end:
            found.append(item)
        elif hits == end + 1:
            next_key = key
        if next_key and not count_total:
            break
    total = hits if count_total else 0
    return found, pagination_pb2.PageResponse(next_key=next_key, total=total)
