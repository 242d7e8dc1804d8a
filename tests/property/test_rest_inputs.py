"""Whatever a client of REST sends to any declared route: an answer, or an error of that protocol; the chain goes on."""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import Message
from helpers.rest import ALICE, RestClient, rest_chain
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from chain.node import httprequest, httprule
from chain.node.httprequest import RequestError
from chain.node.httprule import Route
from chain.node.rest import _HTTP
from cosmos_pb.cosmos.bank.v1beta1 import query_pb2

MANY = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
STATUSES = {code.value[0]: status for code, status in _HTTP.items()}
VALIDATOR = "cosmosvaloper16kmdz7zhwpgvwj80lpsd569fsxyhyqnwmkmtk6"

interesting = st.sampled_from(
    [
        *("", "0", "1", "2", "-1", "0x10", "1_0", "08", str(2**63), str(2**64), "1e3", "1,2", ",", "true"),
        *("stake", "gold", "ibc/00", "!!", ALICE.address, VALIDATOR, "cosmos1", "09-localhost"),
        *("07-tendermint-0", "connection-0", "channel-0", "transfer", "00" * 32, "e30=", "_w==", "AA=="),
        *("BOND_STATUS_BONDED", "ORDER_BY_DESC", "tx.height=1", "x==", "/store/bank/key", "voting"),
    ]
)  # fmt: skip
words = st.one_of(interesting, interesting, st.text(max_size=12))
scalars = st.one_of(words, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False))
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


class Loop:
    """A chain and its client, and the event loop where they live."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self._chain = rest_chain()
        self.client: RestClient = self.runner.run(self._chain.__aenter__())
        methods = self.client.node._queries().methods
        self.routes = httprule.routes(methods)

    def ask(self, verb: str, path: str, **options: Any) -> tuple[int, Any]:
        async def asked() -> tuple[int, Any]:
            url = URL(self.client.node.rest_url + path, encoded=True)
            async with self.client.session.request(verb, url, **options) as response:
                return response.status, json.loads(await response.text())

        return self.runner.run(asked())

    def close(self) -> None:
        self.runner.run(self._chain.__aexit__(None, None, None))
        self.runner.close()


class Failures(logging.Handler):
    """What our own code reports of itself: none of it is the client's fault."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(self.format(record))


@pytest.fixture(scope="module")
def chain() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def failures() -> Iterator[Failures]:
    handler = Failures()
    root = logging.getLogger()
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)


def names_of(message: type[Message], depth: int = 2) -> list[str]:
    """Every query parameter that a request knows."""
    found = []
    for field in message.DESCRIPTOR.fields:
        found.append(field.name)
        if field.type == Field.TYPE_MESSAGE and depth and field.message_type is not None:
            found += (f"{field.name}.{inner.name}" for inner in field.message_type.fields)
    return found


def check(status: int, body: Any, failures: Failures) -> None:
    if status != 200:
        assert body.keys() == {"code", "message", "details"}
        assert status == STATUSES[body["code"]]
        assert "Traceback" not in body["message"]
    assert failures.records == []


@given(st.data())
@MANY
def test_get_routes(chain: Loop, failures: Failures, data: st.DataObject) -> None:
    route: Route = data.draw(st.sampled_from([each for each in chain.routes if each.verb == "GET"]))
    path = route.template
    for name in route.fields:
        held = quote(data.draw(words), safe="")
        path = path.replace(f"{{{name}}}", held).replace(f"{{{name}=**}}", held)
    known = st.sampled_from([*names_of(route.request), "nothing", "pagination.limit.x", "a.b.c"])
    parameters = data.draw(st.lists(st.tuples(known, words), max_size=4))
    height = data.draw(st.sampled_from([None, "1", "2", "0", "-1", "99", "x", str(2**70)]))
    headers = {} if height is None else {"x-cosmos-block-height": height}
    check(*chain.ask("GET", f"{path}?{urlencode(parameters)}", headers=headers), failures)


@given(st.data())
@MANY
def test_post_routes(chain: Loop, failures: Failures, data: st.DataObject) -> None:
    route: Route = data.draw(
        st.sampled_from([each for each in chain.routes if each.verb == "POST"])
    )
    known = st.sampled_from([*(field.name for field in route.request.DESCRIPTOR.fields), "nothing"])
    body = data.draw(
        st.one_of(
            st.dictionaries(known, trees, max_size=3).map(lambda value: json.dumps(value).encode()),
            trees.map(lambda value: json.dumps(value).encode()),
            st.binary(max_size=20),
        )
    )
    check(*chain.ask("POST", route.template, data=body), failures)


@given(st.lists(words, max_size=6), st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]))
@MANY
def test_other_paths(chain: Loop, failures: Failures, parts: list[str], verb: str) -> None:
    path = "/" + "/".join(quote(part, safe="") for part in parts)
    check(*chain.ask(verb, path), failures)


def test_the_chain_goes_on(chain: Loop) -> None:
    """Runs last, after everything above."""
    before = chain.client.node.height
    assert chain.runner.run(chain.client.node.next_block()) == before + 1
    assert chain.ask("GET", f"/cosmos/bank/v1beta1/balances/{ALICE.address}")[0] == 200


@given(st.lists(st.tuples(st.sampled_from(names_of(query_pb2.QueryAllBalancesRequest)), words)))
@MANY
def test_parameters_are_read_or_refused(parameters: list[tuple[str, str]]) -> None:
    request = query_pb2.QueryAllBalancesRequest()
    try:
        httprequest.from_parameters(request, parameters, ())
    except RequestError:
        return
    given_address = [text for name, text in parameters if name == "address"]
    assert request.address == (given_address[0] if given_address else "")


@given(st.integers(0, 2**64 - 1), st.sampled_from(["{}", "{:#x}", "{:#o}", "{:#b}"]))
def test_integers_of_any_base(number: int, form: str) -> None:
    request = query_pb2.QueryAllBalancesRequest()
    httprequest.from_parameters(request, [("pagination.limit", form.format(number))], ())
    assert request.pagination.limit == number
