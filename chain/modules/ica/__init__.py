"""ICS-27: accounts on one chain that a port of another commands."""

from chain.modules.ica.module import InterchainAccounts

__all__ = ["InterchainAccounts"]
