"""Addresses that belong to no key: accounts of modules and of what speaks for somebody on another chain.

Source: `cosmos-sdk:types/address/hash.go`, and the modules of ibc-go and wasmd named below. All return raw bytes.
"""

from hashlib import sha256


def module_account(name: str) -> bytes:
    """The 20 bytes of a module's own account (`address.Module` without a key)."""
    return sha256(name.encode()).digest()[:20]


def hashed(kind: bytes, key: bytes) -> bytes:
    """`address.Hash`: 32 bytes; `kind` keeps one use of it from being another's."""
    return sha256(sha256(kind).digest() + key).digest()


def of_module(name: str, key: bytes) -> bytes:
    """`address.Module` with a key: 32 bytes."""
    return hashed(b"module", name.encode() + b"\0" + key)


def forwarded(channel: str, sender: str) -> bytes:
    """Who holds tokens that packet-forward passes on: 20 bytes; the name is misspelt on every chain."""
    return hashed(b"packetfowardmiddleware", f"{channel}/{sender}".encode())[:20]


def hooked(channel: str, sender: str) -> bytes:
    """Who calls a contract for a sender on another chain (ibc-hooks): 32 bytes."""
    return hashed(b"ibc-wasm-hook-intermediary", f"{channel}/{sender}".encode())


def interchain_account(connection: str, port: str, app_hash: bytes) -> bytes:
    """A host's account for a controller's port (27-interchain-accounts `GenerateAddress`): 32 bytes.

    The app hash is that of the header of the block in which the account is made.
    """
    host = of_module("interchainaccounts", b"icahost-accounts")
    return hashed(host, f"{connection}{port}".encode() + app_hash)


def gmp_account(client: str, sender: str, salt: bytes) -> bytes:
    """A sender's account on the other side of a client (27-gmp): 32 bytes."""
    parts = (client.encode(), sender.encode(), salt)
    key = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return of_module("gmp-accounts", key)
