"""Parts that several RPC answers share: blocks, transactions and their proofs, pages of lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from chain.node import abcijson
from chain.node import query as query_language
from chain.node.block import tx_hash
from chain.node.blockstore import StoredBlock
from chain.node.errors import RpcError
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client import merkle, rpcjson
from light_client.rpcjson import Json, to_base64, to_hex

MAX_PER_PAGE: Final = 100
DEFAULT_PER_PAGE: Final = 30

T = TypeVar("T")


def block_json(stored: StoredBlock) -> Json:
    return {
        "block_id": rpcjson.block_id_to_json(stored.block_id),
        "block": stored.block.to_json(),
    }


def block_sync(which: str, stored: StoredBlock | None) -> Json:
    header = stored.header if stored else None
    return {
        f"{which}_block_hash": to_hex(stored.block_id.hash) if stored else "",
        f"{which}_app_hash": to_hex(header.app_hash) if header else "",
        f"{which}_block_height": str(header.height) if header else "0",
        f"{which}_block_time": header.time.rfc3339() if header else "1970-01-01T00:00:00Z",
    }


def broadcast_json(tx: bytes, checked: abci.ResponseCheckTx) -> Json:
    return {
        "code": checked.code,
        "data": to_hex(checked.data),
        "log": checked.log,
        "codespace": checked.codespace,
        "hash": to_hex(tx_hash(tx)),
    }


def committed_json(
    tx: bytes, checked: abci.ResponseCheckTx, result: Json, height: str = "0"
) -> Json:
    """``broadcast_tx_commit``: what CheckTx and the block said."""
    return {
        "check_tx": abcijson.tx_result(checked),
        "tx_result": result,
        "hash": to_hex(tx_hash(tx)),
        "height": height,
    }


def tx_proof(stored: StoredBlock, index: int) -> Json:
    """Inclusion under the header's data hash, whose leaves are the transactions' hashes."""
    leaves = [tx_hash(tx) for tx in stored.block.txs]
    path = merkle.proof(leaves, index)
    return {
        "root_hash": to_hex(stored.header.data_hash),
        "data": to_base64(stored.block.txs[index]),
        "proof": {
            "total": str(path.total),
            "index": str(path.index),
            "leaf_hash": to_base64(path.leaf_hash),
            "aunts": [to_base64(aunt) for aunt in path.aunts],
        },
    }


def query(text: str) -> query_language.Query:
    if len(text.encode("utf-8", "replace")) > query_language.MAX_LENGTH:
        raise RpcError("maximum query length exceeded")
    return query_language.parse(text)


def ordered(found: list[T], order_by: str) -> list[T]:
    """``found`` is in ascending order."""
    if order_by not in {"", "asc", "desc"}:
        raise RpcError("expected order_by to be either `asc` or `desc` or empty")
    return found[::-1] if order_by == "desc" else found


def page_size(per_page: int | None) -> int:
    if per_page is None or per_page < 1:
        return DEFAULT_PER_PAGE
    return min(per_page, MAX_PER_PAGE)


def page_of(found: Sequence[T], page: int | None, per_page: int | None) -> Sequence[T]:
    size = page_size(per_page)
    pages = max(1, -(-len(found) // size))
    if page is not None and not 1 <= page <= pages:
        raise RpcError(f"page should be within [1, {pages}] range, given {page}")
    skip = ((page or 1) - 1) * size
    return found[skip : skip + size]
