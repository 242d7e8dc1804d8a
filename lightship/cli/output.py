"""What a command prints: lines for people, or with ``--json`` one object ``{"status": ..., "result": ...}``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """``--json`` on a command: it gets ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def wants_json(words: Sequence[str]) -> bool:
    """Whether a command line asks for JSON, also when the rest of it cannot be parsed."""
    before = words[: words.index("--")] if "--" in words else words
    return "--json" in before


def show(result: Any, *, as_json: bool, text: str | None = None) -> None:
    """Print a result: ``text`` (or a plain rendering of ``result``) for people."""
    if as_json:
        click.echo(json.dumps({"status": "success", "result": result}, ensure_ascii=False))
    else:
        click.echo(render(result) if text is None else text)


def fail(message: str, *, as_json: bool, code: int = 1) -> int:
    """Print an error in its one line; returns the exit code."""
    if as_json:
        click.echo(json.dumps({"status": "error", "result": message}, ensure_ascii=False))
    else:
        click.echo(f"error: {printable(message)}", err=True)
    return code


def printable(line: str) -> str:
    """A line as one: what others said may hold line ends and a terminal's control characters."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)


def render(value: Any, indent: str = "") -> str:
    """Nested mappings and lists as indented lines, keys aligned."""
    if isinstance(value, Mapping):
        return _render_mapping(value, indent)
    if isinstance(value, list | tuple):
        return "\n".join(_item(item, indent) for item in value) if value else f"{indent}(none)"
    return f"{indent}{_scalar(value)}"


def _render_mapping(value: Mapping[str, Any], indent: str) -> str:
    width = max((len(key) for key, item in value.items() if not _is_nested(item)), default=0)
    lines = []
    for key, item in value.items():
        if _is_nested(item):
            lines.append(f"{indent}{key}:\n{render(item, indent + '  ')}")
        else:
            lines.append(f"{indent}{key + ':':<{width + 1}} {_scalar(item)}".rstrip())
    return "\n".join(lines)


def _item(item: Any, indent: str) -> str:
    if not isinstance(item, Mapping | list | tuple):
        return f"{indent}- {_scalar(item)}"
    body = render(item, indent + "  ")
    return f"{indent}- {body[len(indent) + 2 :]}"


def _is_nested(item: Any) -> bool:
    return isinstance(item, Mapping | list | tuple) and bool(item)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, Mapping | list | tuple) and not value):
        return "-"
    return str(value)
