"""Two small modules that a node cannot do without: consensus parameters and the upgrade store."""

from chain.modules.base.consensus import Consensus
from chain.modules.base.upgrade import Upgrade

__all__ = ["Consensus", "Upgrade"]
