"""The IAVL+ tree: a balanced tree whose every version stays readable (cosmos/iavl
``mutable_tree.go``).

``Tree`` is one version, read only. ``WorkingTree`` starts from one and copies what it changes, so
that the versions before it never move; ``seal`` names and hashes its new nodes. Nodes of saved
versions are loaded when a walk first meets them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chain.store.node import (
    EMPTY_HASH,
    Node,
    inner_hash,
    inner_prefix,
    leaf_hash,
    leaf_prefix,
    node_id,
    zigzag,
)

Load = Callable[[int], Node]
Step = tuple[Node, bool]
"""An inner node on a walk down, and whether the walk went left from it."""


class Tree:
    """One version. ``load`` brings a node by its id; ``root`` None is the empty tree."""

    __slots__ = ("load", "root")

    def __init__(self, root: Node | None, load: Load) -> None:
        self.root = root
        self.load = load

    @property
    def hash(self) -> bytes:
        return EMPTY_HASH if self.root is None else self.root.hash

    @property
    def size(self) -> int:
        """The number of keys."""
        return 0 if self.root is None else self.root.size

    @property
    def height(self) -> int:
        return 0 if self.root is None else self.root.height

    def left(self, node: Node) -> Node:
        child = node.left
        if child is None:
            child = node.left = self.load(node.left_id)
        return child

    def right(self, node: Node) -> Node:
        child = node.right
        if child is None:
            child = node.right = self.load(node.right_id)
        return child

    def get(self, key: bytes) -> bytes | None:
        node = self.root
        if node is None:
            return None
        while (
            node.height
        ):  # the children are looked up in place: this loop is every read of the chain
            if key < node.key:
                child = node.left
                if child is None:
                    child = node.left = self.load(node.left_id)
            else:
                child = node.right
                if child is None:
                    child = node.right = self.load(node.right_id)
            node = child
        return node.value if node.key == key else None

    def iterate(
        self, start: bytes = b"", end: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with ``start <= key < end`` (None: no bound) in order, or in descending order."""
        stack = [] if self.root is None else [self.root]
        while stack:
            node = stack.pop()
            if not node.height:
                if start <= node.key and (end is None or node.key < end):
                    yield node.key, node.value
                continue
            below = [self.left(node)] if start < node.key else []
            if end is None or node.key < end:
                below.append(self.right(node))
            stack.extend(below if reverse else reversed(below))

    def walk(self, key: bytes) -> tuple[list[Step], Node | None]:
        """The way down to the leaf where ``key`` is, or would be a neighbour; None in an empty
        tree.
        """
        steps: list[Step] = []
        node = self.root
        while node is not None and node.height:
            to_left = key < node.key
            steps.append((node, to_left))
            node = self.left(node) if to_left else self.right(node)
        return steps, node

    def beside(self, steps: list[Step], *, before: bool) -> tuple[list[Step], Node] | None:
        """The walk to the leaf next before (or after) the one that ``steps`` lead to, if there is
        one.
        """
        turn = next((i for i in reversed(range(len(steps))) if steps[i][1] is not before), None)
        if turn is None:
            return None
        way = [*steps[:turn], (steps[turn][0], before)]
        node = self.left(steps[turn][0]) if before else self.right(steps[turn][0])
        while node.height:
            way.append((node, not before))
            node = self.right(node) if before else self.left(node)
        return way, node


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a version adds and what it no longer needs.

    ``nodes`` are new, parents before children; ``orphans`` are ids of saved nodes that only earlier
    versions hold.
    """

    root: Node | None
    nodes: list[Node]
    orphans: list[int]


class WorkingTree(Tree):
    """The next version in the making."""

    __slots__ = ("_orphans",)

    def __init__(self, base: Tree) -> None:
        super().__init__(base.root, base.load)
        self._orphans: list[int] = []

    def set(self, key: bytes, value: bytes) -> None:
        """Write a pair. A leaf is new even when its value is not, as in IAVL."""
        if self.root is None:
            self.root = Node(key, value, 0, 1)
            return
        path, leaf = self._own_path(key)
        if leaf.key != key:
            self._rise(path, _split(leaf, Node(key, value, 0, 1)))
        elif not leaf.id:
            leaf.value = value
        else:
            self._orphans.append(leaf.id)
            self._hang(path, Node(key, value, 0, 1))

    def _own_path(self, key: bytes) -> tuple[list[Step], Node]:
        """Like ``walk`` in a tree that is not empty; every inner node on the way becomes ours."""
        path: list[Step] = []
        assert self.root is not None  # noqa: S101 - the caller looked
        node = self.root
        while node.height:
            if node.id:
                self._orphans.append(node.id)
                node = node.copy()
                self._hang(path, node)
            if key < node.key:
                path.append((node, True))
                child = node.left
                if child is None:
                    child = node.left = self.load(node.left_id)
            else:
                path.append((node, False))
                child = node.right
                if child is None:
                    child = node.right = self.load(node.right_id)
            node = child
        return path, node

    def _hang(self, path: list[Step], child: Node) -> None:
        """Put ``child`` at the end of ``path``, whose last node is ours."""
        if not path:
            self.root = child
        elif path[-1][1]:
            path[-1][0].left = child
        else:
            path[-1][0].right = child

    def remove(self, key: bytes) -> None:
        """Take a key out; nothing at all happens when it is not there."""
        path, leaf = self.walk(key)
        if leaf is None or leaf.key != key:
            return
        self._orphan(leaf)
        if not path:
            self.root = None
            return
        parent, was_left = path.pop()
        self._orphan(parent)
        # The sibling takes the parent's place as it is. If it stood on the right, the parent's key
        # is now the smallest one below the ancestor from which the path last turned right.
        survivor = self.right(parent) if was_left else self.left(parent)
        self._rise(path, survivor, parent.key if was_left else None)

    def seal(self, version: int) -> Sealed:
        """Name and hash what is new. The tree may be read afterwards, but not changed further."""
        nodes = self._name(version)
        prefix, version_bytes = leaf_prefix(version), zigzag(version)
        for node in reversed(nodes):
            if node.height:
                left, right = self.left(node), self.right(node)
                node.left_id, node.right_id = left.id, right.id
                node.hash = inner_hash(inner_prefix(node, version_bytes), left.hash, right.hash)
            else:
                node.hash = leaf_hash(node.key, node.value, prefix)
        return Sealed(self.root, nodes, self._orphans)

    def _name(self, version: int) -> list[Node]:
        nodes: list[Node] = []
        stack = [] if self.root is None else [self.root]
        while stack:
            node = stack.pop()
            if node.id:
                continue
            nodes.append(node)
            node.id = node_id(version, len(nodes))
            if node.right is not None:
                stack.append(node.right)
            if node.left is not None:
                stack.append(node.left)
        return nodes

    def _rise(self, path: list[Step], child: Node, smallest: bytes | None = None) -> None:
        """Hang ``child`` in place of the old one at the end of ``path``, then measure and balance
        up to the root.
        """
        for step, to_left in reversed(path):
            node = self._own(step)
            if to_left:
                node.left = child
            else:
                node.right = child
                if smallest is not None:
                    node.key, smallest = smallest, None
            child = self._balance(node)
        self.root = child

    def _balance(self, node: Node) -> Node:
        self._measure(node)
        lean = self._lean(node)
        if lean > 1:
            if self._lean(left := self.left(node)) < 0:
                node.left = self._rotate_left(self._own(left))
            return self._rotate_right(node)
        if lean < -1:
            if self._lean(right := self.right(node)) > 0:
                node.right = self._rotate_right(self._own(right))
            return self._rotate_left(node)
        return node

    def _lean(self, node: Node) -> int:
        return self.left(node).height - self.right(node).height

    def _rotate_right(self, node: Node) -> Node:
        top = self._own(self.left(node))
        node.left = self.right(top)
        self._measure(node)
        top.right = node
        self._measure(top)
        return top

    def _rotate_left(self, node: Node) -> Node:
        top = self._own(self.right(node))
        node.right = self.left(top)
        self._measure(node)
        top.left = node
        self._measure(top)
        return top

    def _measure(self, node: Node) -> None:
        left, right = self.left(node), self.right(node)
        node.size = left.size + right.size
        node.height = max(left.height, right.height) + 1

    def _own(self, node: Node) -> Node:
        """The node itself while it is ours, else a copy to write on."""
        if not node.id:
            return node
        self._orphans.append(node.id)
        return node.copy()

    def _orphan(self, node: Node) -> None:
        if node.id:
            self._orphans.append(node.id)


def _split(leaf: Node, new: Node) -> Node:
    """An inner node over two leaves; its key is that of the right one."""
    left, right = (new, leaf) if new.key < leaf.key else (leaf, new)
    inner = Node(right.key, b"", 1, 2)
    inner.left, inner.right = left, right
    return inner
