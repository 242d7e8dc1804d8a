"""x/staking: parameters and validators as data."""

from chain.modules.staking.module import Staking

__all__ = ["Staking"]
