"""x/authz: one account sends messages for another (cosmos-sdk x/authz)."""

from chain.modules.authz.module import Authz

__all__ = ["Authz"]
