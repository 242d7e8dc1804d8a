"""Nodes of an IAVL tree (version 1 of the format): shape, hash and bytes.

Facts from cosmos/iavl ``node.go``: heights, sizes and versions are zig-zag varints, lengths plain
ones; the key of an inner node is the smallest key to its right, is stored, and is not hashed; a
node is named by the version that created it and its place in a pre-order walk over that version's
new nodes.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from chain.errors import StoreError

EMPTY_HASH: Final = sha256(b"").digest()
HASH_LENGTH: Final = b"\x20"
_NONCE_BITS: Final = 32


class Node:
    """A leaf (height 0) or an inner node. Immutable once it has an ``id``, but for children that
    are loaded late.

    ``id`` is ``version << 32 | nonce``: its 12 big-endian bytes are the database key of IAVL; 0
    means not yet saved. ``left`` and ``right`` of an inner node are None until loaded; ``left_id``
    and ``right_id`` name them.
    """

    __slots__ = (
        "hash",
        "height",
        "id",
        "key",
        "left",
        "left_id",
        "right",
        "right_id",
        "size",
        "value",
    )

    def __init__(self, key: bytes, value: bytes, height: int, size: int) -> None:
        self.key = key
        self.value = value
        self.height = height
        self.size = size
        self.id = 0
        self.hash = b""
        self.left: Node | None = None
        self.right: Node | None = None
        self.left_id = 0
        self.right_id = 0

    @property
    def version(self) -> int:
        return self.id >> _NONCE_BITS

    def copy(self) -> Node:
        """An unsaved inner node with the same key and children."""
        copy = Node(self.key, b"", self.height, self.size)
        copy.left = self.left
        copy.right = self.right
        copy.left_id = self.left_id
        copy.right_id = self.right_id
        return copy


def node_id(version: int, nonce: int) -> int:
    return version << _NONCE_BITS | nonce


def id_bytes(identifier: int) -> bytes:
    """BE8 version, BE4 nonce."""
    return identifier.to_bytes(12, "big")


def zigzag(number: int) -> bytes:
    """A signed varint as Go's ``binary.PutVarint`` writes it; ``number`` >= 0 here."""
    return uvarint(number << 1)


def uvarint(number: int) -> bytes:
    if number < 0x80:
        return _ONE_BYTE[number]
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_ONE_BYTE: Final = [bytes([number]) for number in range(0x80)]


def leaf_prefix(version: int) -> bytes:
    """What is hashed before key and value of a leaf: height 0, size 1, version."""
    return b"\x00\x02" + zigzag(version)


def inner_prefix(node: Node, version: bytes) -> bytes:
    """What is hashed before the children of an inner node; ``version`` in its zig-zag form."""
    return zigzag(node.height) + zigzag(node.size) + version


def leaf_hash(key: bytes, value: bytes, prefix: bytes) -> bytes:
    return sha256(prefix + uvarint(len(key)) + key + HASH_LENGTH + sha256(value).digest()).digest()


def inner_hash(prefix: bytes, left: bytes, right: bytes) -> bytes:
    return sha256(prefix + HASH_LENGTH + left + HASH_LENGTH + right).digest()


def encode(node: Node) -> bytes:
    """The node's value in the database; ids of the children must be assigned."""
    head = zigzag(node.height) + zigzag(node.size) + uvarint(len(node.key)) + node.key
    if not node.height:
        return head + uvarint(len(node.value)) + node.value
    return b"".join(
        (head, HASH_LENGTH, node.hash, b"\x00", _link(node.left_id), _link(node.right_id))
    )


def decode(identifier: int, data: bytes) -> Node:
    """The node whose database value is ``data``; StoreError when the bytes are something else."""
    reader = _Reader(data)
    height, size, key = reader.zigzag(), reader.zigzag(), reader.blob()
    node = Node(key, b"", height, size)
    node.id = identifier
    if height:
        node.hash = reader.blob()
        mode = reader.zigzag()
        if mode:
            raise StoreError(
                f"node {identifier:#x} has children of the legacy format (mode {mode})"
            )
        node.left_id = node_id(reader.zigzag(), reader.zigzag())
        node.right_id = node_id(reader.zigzag(), reader.zigzag())
    else:
        node.value = reader.blob()
        node.hash = leaf_hash(key, node.value, leaf_prefix(node.version))
    if not reader.at_end:
        raise StoreError(f"node {identifier:#x} has bytes after its end")
    return node


def _link(identifier: int) -> bytes:
    return zigzag(identifier >> _NONCE_BITS) + zigzag(identifier & (1 << _NONCE_BITS) - 1)


class _Reader:
    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._data)

    def uvarint(self) -> int:
        number = shift = 0
        while True:
            if self._at >= len(self._data) or shift > 63:
                raise StoreError(f"node bytes end inside a number: {self._data.hex()}")
            byte = self._data[self._at]
            self._at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7

    def zigzag(self) -> int:
        raw = self.uvarint()
        if raw & 1:
            raise StoreError(f"node bytes hold a negative number: {self._data.hex()}")
        return raw >> 1

    def blob(self) -> bytes:
        length = self.uvarint()
        piece = self._data[self._at : self._at + length]
        if len(piece) != length:
            raise StoreError(f"node bytes end inside a field of {length}: {self._data.hex()}")
        self._at += length
        return piece
