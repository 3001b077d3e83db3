"""What is inside a request's body, place by place, so that tests need no platform's field names."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from leadtrackr.destinations.contract import Destination, Event
from tests.destinations.making import SETTINGS, TOKENS

Place = tuple[str | int, ...]


def leaves(destination: Destination, one: Event, **settings: str) -> dict[Place, Any]:
    """Every value in the body that carries this event; amounts are exact decimals."""
    request = destination.build([one], {**SETTINGS[destination.slug], **settings}, TOKENS[destination.slug])
    return dict(_walk(json.loads(request.body, parse_float=Decimal), ()))


def changed(before: dict[Place, Any], after: dict[Place, Any]) -> dict[Place, Any]:
    """What is another value afterwards, at places that both have."""
    return {place: value for place, value in after.items() if place in before and before[place] != value}


def _walk(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(inner, (*place, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, (*place, index))
    else:
        yield place, value
