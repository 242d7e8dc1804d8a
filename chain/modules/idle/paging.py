"""Pages of lists that stand in no store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from chain.modules.pagination import DEFAULT_LIMIT
from chain.modules.status import invalid_argument
from cosmos_pb.cosmos.base.query.v1beta1 import pagination_pb2

T = TypeVar("T")


def page_of(
    found: Sequence[T], page: pagination_pb2.PageRequest
) -> tuple[Sequence[T], pagination_pb2.PageResponse]:
    """One page; its key is the number of the first item, eight bytes. sdk/18 for a key that no page gave out."""
    if page.key and (page.offset or len(page.key) != 8):
        raise invalid_argument(
            "paginate: invalid request, either offset or key is expected, got both"
        )
    items = list(reversed(found)) if page.reverse else found
    start = int.from_bytes(page.key, "big") if page.key else page.offset
    end = start + (page.limit or DEFAULT_LIMIT)
    counted = not page.key and (page.count_total or not page.limit)
    return items[start:end], pagination_pb2.PageResponse(
        next_key=end.to_bytes(8, "big") if end < len(items) else b"",
        total=len(items) if counted else 0,
    )
