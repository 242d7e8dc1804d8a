"""Whatever a client of REST sends to any declared route: an answer, or an error of that protocol; the chain goes on."""

import json
from typing import Any
from urllib.parse import quote, urlencode

from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import Message
from helpers.inputs import Failures, Loop, messages, trees
from helpers.rest import ALICE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain import protojson
from chain.node import httprequest
from chain.node.httprequest import RequestError
from chain.node.rest import _HTTP
from cosmos_pb.cosmos.bank.v1beta1 import query_pb2

EACH = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
"""For each of many routes."""
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


heights = st.sampled_from([None, "1", "2", "0", "-1", "99", "x", str(2**70)])


def test_every_get_route(chain: Loop, failures: Failures) -> None:
    for route in [each for each in chain.routes if each.verb == "GET"]:
        known = st.sampled_from(
            [*names_of(route.request), "nothing", "pagination.limit.x", "a.b.c"]
        )

        @EACH
        @given(
            st.lists(words, min_size=len(route.fields), max_size=len(route.fields)),
            st.lists(st.tuples(known, words), max_size=4),
            heights,
        )
        def attempt(held: list[str], parameters: list[tuple[str, str]], height: str | None) -> None:
            path = route.template  # noqa: B023
            for name, text in zip(route.fields, held, strict=True):  # noqa: B023
                shown = quote(text, safe="")
                path = path.replace(f"{{{name}}}", shown).replace(f"{{{name}=**}}", shown)
            headers = {} if height is None else {"x-cosmos-block-height": height}
            url = f"{path}?{urlencode(parameters)}"
            check(*chain.ask("GET", url, headers=headers), failures)

        attempt()


def test_every_post_route(chain: Loop, failures: Failures) -> None:
    for route in [each for each in chain.routes if each.verb == "POST"]:
        names = [field.name for field in route.request.DESCRIPTOR.fields]
        known = st.sampled_from([*names, "nothing"])

        @settings(EACH, max_examples=60)
        @given(
            st.one_of(
                st.dictionaries(known, trees, max_size=3).map(encoded),
                trees.map(encoded),
                messages(route.request).map(shown),
                st.binary(max_size=20),
            )
        )
        def attempt(body: bytes) -> None:
            check(*chain.ask("POST", route.template, data=body), failures)  # noqa: B023

        attempt()


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def shown(message: Message) -> bytes:
    """JSON of a message; of nothing when JSON cannot show it."""
    try:
        return protojson.encode(message)
    except (ValueError, KeyError):
        return b"{}"


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
