"""ICS-20: fungible tokens between chains."""

from chain.modules.transfer.denom import Denom, Hop, escrow_address
from chain.modules.transfer.module import Transfer
from chain.modules.transfer.packet import TransferData

__all__ = ["Denom", "Hop", "Transfer", "TransferData", "escrow_address"]
