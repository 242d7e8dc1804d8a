"""x/auth: accounts."""

from chain.modules.auth.account import Account
from chain.modules.auth.module import Auth
from chain.modules.auth.params import Params

__all__ = ["Account", "Auth", "Params"]
