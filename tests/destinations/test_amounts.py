"""Values leave in their currency's own units, exact for every ISO 4217 exponent, and never without the currency."""

from decimal import Decimal
from typing import Any, Final

import iso4217
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.destinations.contract import Destination
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.money import is_currency, to_units
from tests.destinations.compliance.people import whole
from tests.destinations.compliance.playing import Stage
from tests.destinations.compliance.playing import event as conversion
from tests.destinations.facts import FACTS
from tests.destinations.leaves import changed, leaves
from tests.destinations.making import SETTINGS, event, names

ALL = pytest.mark.parametrize("destination", DESTINATIONS.values(), ids=list(DESTINATIONS))
PLACES: Final = {
    **dict.fromkeys(names("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"), 0),
    **dict.fromkeys(names("BHD IQD JOD KWD LYD OMR TND"), 3),
    **dict.fromkeys(names("CLF UYW"), 4),
}
"""Decimals by ISO 4217, list one; all others have two."""
FUNDS: Final = names("BOV CHE CHW CLF COU MXV USN UYI UYW XAD")
"""Funds and units of account: in the list, but nobody pays in them. No platform says whether it takes them, and the
sandbox's do not: they are refused, and so seen."""
NO_MONEY: Final = names("XAU XAG XPD XPT XBA XBB XBC XBD XDR XSU XUA XTS XXX")
"""Metals, units of account, tests, none: the list gives them no unit to count in."""
CURRENCIES: Final = sorted(code for one in iso4217.Currency if (code := one.code) not in NO_MONEY)


def units(cents: int, currency: str) -> Decimal:
    """By the table above."""
    return Decimal(cents).scaleb(-PLACES.get(currency, 2))


def amounts(destination: Destination, cents: int, currency: str) -> list[Any]:
    """What in the body is another value when the amount is."""
    both = [
        leaves(destination, event(whole(), destination.slug, value_cents=value, currency=currency))
        for value in (cents + 1, cents)
    ]
    return list(changed(*both).values())


def test_every_exponent_is_there() -> None:
    assert {PLACES.get(currency, 2) for currency in CURRENCIES} == {0, 2, 3, 4}
    assert set(PLACES) <= set(CURRENCIES)
    assert len(CURRENCIES) > 150


@pytest.mark.parametrize("currency", CURRENCIES)
def test_the_unit_of_each_currency(currency: str) -> None:
    assert is_currency(currency)
    assert to_units(123_456_789, currency) == units(123_456_789, currency)
    assert -int(to_units(1, currency).as_tuple().exponent) == PLACES.get(currency, 2)


@pytest.mark.parametrize("currency", NO_MONEY)
def test_what_is_no_money(currency: str) -> None:
    assert not is_currency(currency)


@ALL
@given(cents=st.integers(1, 10**13), currency=st.sampled_from(CURRENCIES))
def test_the_amount_is_exact_in_every_currency(destination: Destination, cents: int, currency: str) -> None:
    found = amounts(destination, cents, currency)
    assert found
    expected = Decimal(cents) if FACTS[destination.slug].smallest_units else units(cents, currency)
    for amount in found:
        assert Decimal(str(amount)) == expected
        assert "e" not in str(amount).lower()


@ALL
def test_the_platform_takes_every_currency_that_one_can_pay_in(destination: Destination) -> None:
    stage, settings = Stage(), SETTINGS[destination.slug]
    for number, currency in enumerate(sorted(set(CURRENCIES) - set(FUNDS))):
        one = conversion(destination.slug, whole(), number, currency=currency)
        at = max(destination.window(one, settings).opens_at, one.happened_at)
        played = stage.play(destination.build([one], settings, stage.token(destination, at)), at)
        assert played.taken, currency
        assert played.flags == [], currency


@ALL
@given(cents=st.none() | st.integers(0, 10**12), currency=st.sampled_from([None, "", *CURRENCIES]))
def test_a_value_without_a_currency_never_leaves(destination: Destination, cents: int | None, currency: str) -> None:
    """Nor a currency without a value: the body is the one of an event that has neither."""
    sent = leaves(destination, event(whole(), destination.slug, value_cents=cents, currency=currency))
    bare = leaves(destination, event(whole(), destination.slug, value_cents=None, currency=None))
    assert (sent == bare) == (cents is None or not currency)
