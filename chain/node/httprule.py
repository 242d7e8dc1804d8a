"""Which HTTP request is which query: the ``google.api.http`` options of the methods (google/api/http.proto).

Paths are matched as grpc-gateway v1 does it (``runtime/pattern.go``, ``runtime/mux.go``): the first rule wins, in the
order of the services' names and of their methods' declaration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf import message_factory
from google.protobuf.message import Message

from cosmos_pb._pool import POOL
from cosmos_pb.google.api import annotations_pb2, http_pb2
from cosmos_pb.google.protobuf import descriptor_pb2

_VARIABLE: Final = re.compile(r"\{([a-z0-9_.]+)(=\*\*)?\}")


@dataclass(frozen=True, slots=True)
class Route:
    """``method`` is the path of the query table; ``fields`` are the request's fields that the path holds, in order."""

    verb: str
    template: str
    pattern: re.Pattern[str]
    fields: tuple[str, ...]
    whole_body: bool
    method: str
    request: type[Message]
    response: type[Message]

    def match(self, path: str) -> dict[str, str] | None:
        """What stands in the path for each field, or None when it is another path."""
        found = self.pattern.fullmatch(path)
        return None if found is None else dict(zip(self.fields, found.groups(), strict=True))


def routes(methods: Iterable[str]) -> tuple[Route, ...]:
    """The routes of those query methods (``/package.Service/Method``) that have an HTTP form."""
    known = set(methods)
    found: list[Route] = []
    for service in sorted({path.rpartition("/")[0].removeprefix("/") for path in known}):
        for method in POOL.FindServiceByName(service).methods:
            path = f"/{service}/{method.name}"
            if path in known:
                request = message_factory.GetMessageClass(method.input_type)
                response = message_factory.GetMessageClass(method.output_type)
                found += (
                    _route(rule, path, request, response)
                    for rule in _rules(method.GetOptions().SerializeToString())
                )
    return tuple(found)


def find(table: Sequence[Route], verb: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The first route of ``verb`` that matches, with what its path holds."""
    for route in table:
        if route.verb == verb and (held := route.match(path)) is not None:
            return route, held
    return None


def _rules(options: bytes) -> Iterable[http_pb2.HttpRule]:
    """Options are read again by our own pool, which alone knows the extension."""
    known = descriptor_pb2.MethodOptions.FromString(options)
    if not known.HasExtension(annotations_pb2.http):
        return ()
    rule = known.Extensions[annotations_pb2.http]
    return (rule, *rule.additional_bindings)


def _route(
    rule: http_pb2.HttpRule, method: str, request: type[Message], response: type[Message]
) -> Route:
    verb = rule.WhichOneof("pattern") or "get"
    template = str(getattr(rule, verb))
    return Route(
        verb=verb.upper(),
        template=template,
        pattern=_pattern(template),
        fields=tuple(name for name, _ in _VARIABLE.findall(template)),
        whole_body=rule.body == "*",
        method=method,
        request=request,
        response=response,
    )


def _pattern(template: str) -> re.Pattern[str]:
    """``{name}`` is one segment, which may be empty, ``{name=**}`` any number of them."""
    parts: list[str] = []
    end = 0
    for variable in _VARIABLE.finditer(template):
        parts += (re.escape(template[end : variable.start()]), "(.*)" if variable[2] else "([^/]*)")
        end = variable.end()
    return re.compile("".join((*parts, re.escape(template[end:]))), re.DOTALL)
