from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.providers.jsontext import dumps, loads, number_text

EXACT = st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-(10**12), max_value=10**12)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("100.00", "100"),
        ("26.820", "26.82"),
        ("1E+3", "1000"),
        ("-0.00", "0"),
        ("0.000001", "0.000001"),
        ("1E-7", "0.0000001"),
        ("-12.50", "-12.5"),
        ("1000", "1000"),
        ("123456789012345678901234567890.10", "123456789012345678901234567890.1"),
    ],
)
def test_numbers_are_written_plainly_and_without_trailing_zeros(number, text):
    assert number_text(Decimal(number)) == text


@settings(deadline=None)
@given(EXACT)
def test_a_number_survives_the_round_trip_to_the_digit(number):
    assert loads(b'{"Amount":' + dumps(number) + b"}") == {"Amount": number}


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | EXACT | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_document_survives_the_round_trip(document):
    assert loads(dumps(document)) == document


@settings(deadline=None)
@given(EXACT)
def test_no_number_has_an_exponent_or_an_idle_zero(number):
    text = number_text(number)
    assert "E" not in text.upper()
    assert not ("." in text and text[-1] in "0.")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_a_number_is_refused(number):
    with pytest.raises(ValueError, match="no JSON spelling"):
        dumps({"Amount": Decimal(number)})
    with pytest.raises(ValueError, match="not JSON"):
        loads(b'{"Amount":' + number.encode() + b"}")


def test_a_float_is_refused_rather_than_rounded():
    with pytest.raises(TypeError, match="float"):
        dumps({"Amount": 0.1})
