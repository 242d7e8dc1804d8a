"""What one call sees of its chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Backend(Protocol):
    """Storage, addresses and queries of one contract, for the time of one call.

    Any method may use external gas; the VM charges the difference of `gas_consumed` around it.
    Whatever a method raises ends the call and reaches the caller of `VM.call` unchanged, with the
    call's `gas_report` as an attribute; only `ApiError` of the address functions goes back to the
    contract.
    """

    def get(self, key: bytes) -> bytes | None: ...

    def set(self, key: bytes, value: bytes) -> None: ...

    def remove(self, key: bytes) -> None: ...

    def scan(
        self, start: bytes | None, end: bytes | None, descending: bool
    ) -> Iterator[tuple[bytes, bytes]]:
        """Records with start <= key < end. Gas is measured around this call and each `next`."""
        ...

    def canonicalize(self, human: str) -> bytes:
        """Raises `ApiError` for what is not an address of this chain."""
        ...

    def humanize(self, canonical: bytes) -> str:
        """Raises `ApiError`."""
        ...

    def query(self, request: bytes, gas_limit: int) -> bytes:
        """JSON of a SystemResult of a ContractResult of Binary; `gas_limit` is in VM gas."""
        ...

    def gas_consumed(self) -> int:
        """External gas consumed so far, in VM (CosmWasm) gas."""
        ...
