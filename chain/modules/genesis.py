"""Genesis states: the JSON of a module, read and written through its protobuf message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

from chain.errors import GenesisError
from cosmos_pb._pool import POOL

M = TypeVar("M", bound=Message)


def read(message: type[M], state: Mapping[str, Any], module: str) -> M:
    """The message that a JSON object shows; GenesisError naming ``module`` for unknown keys and wrong types."""
    try:
        return json_format.ParseDict(dict(state), message(), descriptor_pool=POOL)
    except (json_format.ParseError, TypeError) as error:
        raise GenesisError(f"app_state.{module}: {error}") from error


def write(message: Message) -> dict[str, Any]:
    """The JSON object of a message, as the SDK's commands print it: proto names, every field."""
    return json_format.MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
        descriptor_pool=POOL,
    )
