"""Keys and values of the store ``authz`` (cosmos-sdk x/authz/keeper/keys.go).

01 + granter + grantee + type URL: a grant; 02 + expiry + granter + grantee: the type URLs that expire then. Addresses
stand behind their lengths.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chain.context import Context
from chain.modules.authz import errors
from chain.modules.grants import TIME_SIZE, prefixed, sortable, two_addresses
from cosmos_pb.cosmos.authz.v1beta1 import authz_pb2
from light_client.values import Timestamp

STORE: Final = "authz"
GRANT: Final = b"\x01"
QUEUE: Final = b"\x02"
GAS_PER_URL: Final = 20

_AT: Final = 1 + TIME_SIZE


def key(granter: bytes, grantee: bytes, url: str) -> bytes:
    return GRANT + prefixed(granter) + prefixed(grantee) + url.encode()


def get(ctx: Context, grant_key: bytes) -> authz_pb2.Grant | None:
    stored = ctx.kv(STORE).get(grant_key)
    return None if stored is None else authz_pb2.Grant.FromString(stored)


def put(ctx: Context, grant_key: bytes, grant: authz_pb2.Grant) -> None:
    ctx.kv(STORE).set(grant_key, grant.SerializeToString())


def delete(ctx: Context, grant_key: bytes) -> None:
    ctx.kv(STORE).delete(grant_key)


def enqueue(ctx: Context, expiry: Timestamp, granter: bytes, grantee: bytes, url: str) -> None:
    place = _place(expiry, granter, grantee)
    stored = ctx.kv(STORE).get(place)
    item = authz_pb2.GrantQueueItem.FromString(stored or b"")
    item.msg_type_urls.append(url)
    ctx.kv(STORE).set(place, item.SerializeToString())


def dequeue(ctx: Context, expiry: Timestamp, granter: bytes, grantee: bytes, url: str) -> None:
    """Take a type URL out of the queue: the last one of its place moves to where it was. authz/5 for no place."""
    place = _place(expiry, granter, grantee)
    stored = ctx.kv(STORE).get(place)
    if stored is None:
        raise errors.NO_GRANT_KEY("can't remove grant from the expire queue, grant key not found")
    urls = list(authz_pb2.GrantQueueItem.FromString(stored).msg_type_urls)
    for index, found in enumerate(urls):
        ctx.gas.consume(GAS_PER_URL, "grant queue")
        if found == url:
            urls[index] = urls[-1]
            item = authz_pb2.GrantQueueItem(msg_type_urls=urls[:-1])
            ctx.kv(STORE).set(place, item.SerializeToString())
            return


def drop_expired(ctx: Context) -> None:
    """Remove every grant whose time has passed, and its place in the queue."""
    kv = ctx.kv(STORE)
    for place, stored in list(kv.iterate(QUEUE, QUEUE + sortable(ctx.time) + b"\0")):
        granter, grantee, _ = two_addresses(place, _AT)
        kv.delete(place)
        for url in authz_pb2.GrantQueueItem.FromString(stored).msg_type_urls:
            kv.delete(key(granter, grantee, url))


def everything(ctx: Context) -> Iterator[tuple[bytes, bytes, authz_pb2.Grant]]:
    """Granter, grantee and grant, of all."""
    for grant_key, stored in ctx.kv(STORE).prefix(GRANT):
        granter, grantee, _ = two_addresses(grant_key, 1)
        yield granter, grantee, authz_pb2.Grant.FromString(stored)


def _place(expiry: Timestamp, granter: bytes, grantee: bytes) -> bytes:
    return QUEUE + sortable(expiry) + prefixed(granter) + prefixed(grantee)
