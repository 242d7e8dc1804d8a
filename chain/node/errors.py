"""Errors of the node.

::

    ChainError
    ├── NodeError          the node's own files contradict each other, or the application broke its contract
    ├── MempoolError       a transaction was not taken into the mempool
    └── QueryError         text that is not in CometBFT's query language
    RpcError               a JSON-RPC call is refused: code, message and data as CometBFT answers them
    ├── InvalidParams      -32602, the caller's arguments
    └── HandlerPanic       -32603, where CometBFT's own handler panics
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from chain.errors import ChainError


class NodeError(ChainError):
    """The node cannot go on: its files or its application contradict themselves."""


class MempoolError(ChainError):
    """A transaction that the mempool does not take; the texts are CometBFT's."""


class QueryError(ChainError):
    """Text that is not in the query language; says where it stopped making sense."""


class RpcError(Exception):
    """An error object of JSON-RPC 2.0. ``data`` says what happened, ``message`` names the code."""

    code = -32603
    message = "Internal error"

    def __init__(self, data: str) -> None:
        super().__init__(data)
        self.data = data

    def as_json(self) -> dict[str, object]:
        return {"code": self.code, "message": self.message, "data": self.data}


class ParseError(RpcError):
    code = -32700
    message = "Parse error. Invalid JSON"


class InvalidRequest(RpcError):
    code = -32600
    message = "Invalid Request"


class MethodNotFound(RpcError):
    code = -32601
    message = "Method not found"

    def as_json(self) -> dict[str, object]:
        return {"code": self.code, "message": self.message}


class InvalidParams(RpcError):
    code = -32602
    message = "Invalid params"


class HandlerPanic(RpcError):
    """Where a handler of CometBFT panics: nothing else of the request is answered, and ``data`` is the panic's text."""


class ServerError(RpcError):
    code = -32000
    message = "Server error"


@contextmanager
def listening(what: str, host: str, port: int) -> Iterator[None]:
    """Inside of it a server begins to listen: an OSError of it becomes one that names the server and the address."""
    try:
        yield
    except socket.gaierror as error:
        raise OSError(f"{what} cannot listen on {host}:{port}: {error.strerror}") from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(f"{what} cannot listen on {host}:{port}: {reason}") from error
