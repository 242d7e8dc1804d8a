"""Base64 as Go decodes it; the places are those of encoding/base64."""

from base64 import b64decode, b64encode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain import gobase64


@given(st.binary())
def test_what_is_encoded_is_decoded(data: bytes) -> None:
    assert gobase64.decode(b64encode(data)) == data
    assert gobase64.decode(urlsafe_b64encode(data), url_safe=True) == data
    broken = b"\r\n".join(bytes([byte]) for byte in b64encode(data))
    assert gobase64.decode(broken) == data


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (b"!!!!", 0),
        (b"AA!A", 2),
        (b"=AAA", 0),
        (b"A=AA", 1),
        (b"AA=", 3),
        (b"AA=A", 2),
        (b"AA==AAAA", 4),
        (b"AAA=AAAA", 4),
        (b"AAA==", 4),
        (b"AAAAAA", 4),
        (b"AAAAA", 4),
        (b"AAAA-_AA", 4),
        (b"AAAA====", 4),
    ],
)
def test_where_it_ends(text: bytes, at: int) -> None:
    with pytest.raises(ValueError, match=f"illegal base64 data at input byte {at}$"):
        gobase64.decode(text)


@given(st.text("AB+/-_=!", max_size=12))
def test_nothing_else_is_taken(text: str) -> None:
    try:
        found = gobase64.decode(text.encode())
    except ValueError:
        return
    assert found == b64decode(text, validate=True)
