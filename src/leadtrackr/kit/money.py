"""Money: whole cents inside the program, the currency's own units outside."""

from decimal import Decimal
from functools import cache
from typing import Final

import iso4217

_EXPONENTS: Final[dict[str, int]] = {
    currency.code: currency.exponent for currency in iso4217.Currency if currency.exponent is not None
}


@cache
def _places(currency: str) -> Decimal:
    return Decimal(1).scaleb(-_EXPONENTS[currency])


def is_currency(code: str) -> bool:
    """Whether this is an ISO 4217 code of money that is counted in units (upper case; not gold, not test codes)."""
    return code in _EXPONENTS


def to_units(cents: int, currency: str) -> Decimal:
    """An amount in the currency's own units, exact, with as many decimals as ISO 4217 gives the currency.

    `cents` counts the currency's smallest unit: EUR 5000 is 50.00, JPY 5000 is 5000 (the yen has no smaller unit),
    KWD 5000 is 5.000. ValueError for a code that ISO 4217 does not list, since its unit would be a guess.
    """
    if currency not in _EXPONENTS:
        raise ValueError(f"{currency!r} is no ISO 4217 currency code, so the amount cannot be put into its units.")
    return cents * _places(currency)
