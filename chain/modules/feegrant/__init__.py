"""x/feegrant: one account pays the fees of another (cosmossdk.io/x/feegrant)."""

from chain.modules.feegrant.module import FeeGrant

__all__ = ["FeeGrant"]
