"""x/wasm: codes, contracts, and their place in the chain (wasmd ``x/wasm``)."""

from chain.modules.wasm.module import Wasm

__all__ = ["Wasm"]
