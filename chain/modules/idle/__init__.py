"""Modules of the SDK without messages here, and what wallets ask of them: x/distribution, x/gov, x/mint, x/slashing.

Nobody proposes, mints, slashes or distributes on this chain. Lists are empty, absent things are refused in the words of
the SDK, and parameters say what holds.
"""

from __future__ import annotations

from chain.modules.auth.module import Auth
from chain.modules.idle.distribution import DistributionQueries
from chain.modules.idle.gov import GovQueries, LegacyGovQueries
from chain.modules.idle.mint import MintQueries
from chain.modules.idle.slashing import SlashingQueries
from chain.modules.staking.module import Staking
from chain.router import QueryRouter


class Idle:
    """All of them together; they keep nothing, so that the genesis does not know them."""

    def __init__(self, auth: Auth, staking: Staking) -> None:
        self._auth = auth
        self._staking = staking

    def register(self, queries: QueryRouter) -> None:
        auth, staking = self._auth, self._staking
        for prefix, methods in (
            ("cosmos.distribution.v1beta1", DistributionQueries(auth, staking).methods()),
            ("cosmos.gov.v1", GovQueries(auth, staking).methods()),
            ("cosmos.gov.v1beta1", LegacyGovQueries(auth, staking).methods()),
            ("cosmos.mint.v1beta1", MintQueries(staking).methods()),
            ("cosmos.slashing.v1beta1", SlashingQueries(auth, staking).methods()),
        ):
            for name, request, handler in methods:
                queries.register(f"/{prefix}.Query/{name}", request, handler)
