"""Errors of x/bank (cosmos-sdk x/bank/types/errors.go)."""

from chain.errors import Registered

NO_INPUTS = Registered("bank", 2, "no inputs to send transaction")
NO_OUTPUTS = Registered("bank", 3, "no outputs to send transaction")
INPUT_OUTPUT_MISMATCH = Registered("bank", 4, "sum inputs != sum outputs")
SEND_DISABLED = Registered("bank", 5, "send transactions are disabled")
DENOM_METADATA_NOT_FOUND = Registered("bank", 6, "client denom metadata not found")
DUPLICATE_ENTRY = Registered("bank", 8, "duplicate entry")
MULTIPLE_SENDERS = Registered("bank", 9, "multiple senders not allowed")
