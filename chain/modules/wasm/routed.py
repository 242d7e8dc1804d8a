"""Queries of contracts to gRPC paths, of which the chain accepts a list (wasmd ``AcceptListGrpcQuerier``).

The list is part of the genesis and empty by default, as in wasmd: what is on it must answer the same on every node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chain import protojson
from chain.context import Context
from chain.errors import GenesisError
from chain.modules.wasm import asked, errors, keys
from chain.router import QueryRouter

NEVER: Final = frozenset(
    {
        "/cosmwasm.wasm.v1.Query/SmartContractState",
        "/cosmos.tx.v1beta1.Service/Simulate",
    }
)
"""They run with a gas limit of the node's own (CWA-2024-006)."""


class RoutedAnswers:
    """``StargateQuery`` (answered in JSON) or ``GrpcQuery`` (in protobuf)."""

    def __init__(self, router: QueryRouter, kind: str, *, as_json: bool) -> None:
        self._router = router
        self._kind = kind
        self._as_json = as_json

    def __call__(self, ctx: Context, _: str, wanted: asked.Routed) -> bytes:
        listed = accepted(ctx)
        if not listed:
            raise errors.unsupported(f"{self._kind} queries are disabled on this chain")
        if wanted.path not in listed:
            raise errors.unsupported(f"'{wanted.path}' path is not allowed from the contract")
        method = self._router.method(wanted.path)
        answer = method.handler(ctx, method.read(wanted.path, wanted.data))
        if self._as_json:
            return protojson.encode(answer)
        return answer.SerializeToString(deterministic=True)


def accepted(ctx: Context) -> list[str]:
    """The chain's list; looking at it costs no gas, for in wasmd it is part of the program."""
    stored = ctx.store.get("wasm", keys.ACCEPTED)
    return stored.decode().split() if stored else []


def accept(ctx: Context, router: QueryRouter, paths: Sequence[str]) -> None:
    """Set the list; GenesisError for a path that the chain does not answer, or not the same on every node."""
    for path in paths:
        if path not in router.methods:
            raise GenesisError(f"app_state.wasm.accepted_queries: there is no query {path}")
        if path in NEVER:
            raise GenesisError(f"app_state.wasm.accepted_queries: {path} depends on the node")
    if paths:
        ctx.store.set("wasm", keys.ACCEPTED, "\n".join(paths).encode())
