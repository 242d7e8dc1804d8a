"""x/bank: balances."""

from chain.modules.bank.module import Bank

__all__ = ["Bank"]
