"""Where a path stands among its siblings: the shape of absence (`ics23:go/proof.go`).

A path shows at each node which branch it takes by the length of what stands before and behind: so many
children's hashes in the prefix, so many in the suffix. What is left-most, right-most or adjacent follows
from that alone.
"""

from light_client.proofs import InnerOp, InnerSpec


def is_left_most(spec: InnerSpec, path: tuple[InnerOp, ...]) -> bool:
    """Whether nothing can stand left of the path.

    At each node it turns left, or all that is left of it is empty.
    """
    padding = _padding(spec, 0)
    return padding is not None and all(
        _fits(op, padding) or left_branches_are_empty(spec, op) for op in path
    )


def is_right_most(spec: InnerSpec, path: tuple[InnerOp, ...]) -> bool:
    """The same to the right."""
    padding = _padding(spec, len(spec.child_order) - 1)
    return padding is not None and all(
        _fits(op, padding) or right_branches_are_empty(spec, op) for op in path
    )


def is_left_neighbour(
    spec: InnerSpec, left: tuple[InnerOp, ...], right: tuple[InnerOp, ...]
) -> bool:
    """Whether the paths part at one node into adjacent branches, with nothing between below it."""
    depth = 1
    while depth <= min(len(left), len(right)) and _same_node(left[-depth], right[-depth]):
        depth += 1
    if depth > min(len(left), len(right)):
        return False
    left_branch, right_branch = _branch(spec, left[-depth]), _branch(spec, right[-depth])
    if left_branch is None or right_branch is None or right_branch != left_branch + 1:
        return False
    return is_right_most(spec, left[:-depth]) and is_left_most(spec, right[:-depth])


def left_branches_are_empty(spec: InnerSpec, op: InnerOp) -> bool:
    """Whether every branch left of the one that the path takes holds the tree's empty child."""
    branches = _branch(spec, op)
    if not branches:
        return False
    start = len(op.prefix) - branches * spec.child_size
    return start >= 0 and _all_empty(spec, op.prefix[start:], branches)


def right_branches_are_empty(spec: InnerSpec, op: InnerOp) -> bool:
    """The same for every branch right of it."""
    branch = _branch(spec, op)
    if branch is None:
        return False
    branches = len(spec.child_order) - 1 - branch
    suffix = op.suffix or b""
    if not branches or len(suffix) != branches * spec.child_size:
        return False
    return _all_empty(spec, suffix, branches)


def _same_node(left: InnerOp, right: InnerOp) -> bool:
    return left.prefix == right.prefix and (left.suffix or b"") == (right.suffix or b"")


_Padding = tuple[int, int, int]  # least and most bytes of prefix, bytes of suffix


def _padding(spec: InnerSpec, branch: int) -> _Padding | None:
    """What prefix and suffix look like where a path takes this branch; None if there is no such."""
    if not 0 <= branch < len(spec.child_order) or branch not in spec.child_order:
        return None
    position = spec.child_order.index(branch)
    before = position * spec.child_size
    after = (len(spec.child_order) - 1 - position) * spec.child_size
    return before + spec.min_prefix_length, before + spec.max_prefix_length, after


def _fits(op: InnerOp, padding: _Padding) -> bool:
    least, most, suffix = padding
    return least <= len(op.prefix) <= most and len(op.suffix or b"") == suffix


def _branch(spec: InnerSpec, op: InnerOp) -> int | None:
    """The branch that a path takes at this node, by its padding."""
    for branch in range(len(spec.child_order)):
        padding = _padding(spec, branch)
        if padding is None:
            return None
        if _fits(op, padding):
            return branch
    return None


def _all_empty(spec: InnerSpec, children: bytes, branches: int) -> bool:
    for branch in range(branches):
        if branch not in spec.child_order:
            return False
        start = spec.child_order.index(branch) * spec.child_size
        if children[start : start + spec.child_size] != spec.empty_child:
            return False
    return True
