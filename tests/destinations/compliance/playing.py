"""The sandbox's platforms without a network between: a request goes in, an answer and what was taken come out."""

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from leadtrackr.conversions.exchange import signed
from leadtrackr.destinations.contract import Destination, Event, LeadData, Request, Response, Token
from leadtrackr.destinations.registry import validate_settings
from leadtrackr.kit.errors import InvalidInput
from leadtrackr.sandbox.contract import Accepted, Answer, Call, Poison
from leadtrackr.sandbox.ledger import Ledger
from leadtrackr.sandbox.microsoft_oauth import Settings as MicrosoftOAuthSettings
from leadtrackr.sandbox.registry import platforms
from leadtrackr.sandbox.snapchat import Settings as SnapchatSettings
from leadtrackr.sandbox.world import World
from tests.destinations.making import ACTIONS, SETTINGS

SECOND: Final = 1_000_000
Settings = Mapping[str, str]


@dataclass(frozen=True)
class Played:
    """What the platform answered, and which events of the request it took."""

    answer: Answer

    @property
    def response(self) -> Response:
        headers = {name.lower(): value for name, value in self.answer.headers.items()}
        return Response(status=self.answer.status, headers=headers, body=self.answer.content)

    @property
    def taken(self) -> dict[int, Accepted]:
        """By the place in the request."""
        return {row.index: row for row in self.answer.accepted}

    @property
    def flags(self) -> list[str]:
        return [flag.code for flag in self.answer.flags]


class Stage:
    """All platforms, on a clock that is set for each call."""

    def __init__(self) -> None:
        self.now = 0
        self.platforms = platforms(World(lambda: self.now, Ledger(bodies=False)))
        # The clock goes back and forth here, and so tokens are asked for again.
        self.platforms["microsoft_oauth"].configure(MicrosoftOAuthSettings(rotate=False))
        # Both of what a person may choose, since it is not known which one it takes.
        self.platforms["snapchat"].configure(SnapchatSettings(time_unit="both"))
        self._calls = itertools.count(1)
        self._tokens: dict[tuple[str, int], str] = {}

    def play(self, request: Request, at: int, *poisons: Poison) -> Played:
        """One call at that time, microseconds UTC; signed as it goes out."""
        self.now = at
        platform = self.platforms[request.service]
        # Each call is the platform's first: what it would call a repeat of an earlier one is no matter here.
        platform.forget()
        out, url = signed(request, at, f"nonce{next(self._calls)}"), urlsplit(request.url)
        call = Call(
            method=out.method,
            path=url.path,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in out.headers.items()},
            body=out.body,
            at=at,
            poisons=poisons,
        )
        return Played(platform.answer(call))

    def token(self, destination: Destination, at: int) -> str | None:
        """The access token that the platform gives out at that time for the usual settings."""
        if destination.auth is None or destination.auth.given(SETTINGS[destination.slug]) is not None:
            return None
        known = self._tokens.get((destination.slug, at))
        if known is None:
            request = destination.auth.request(SETTINGS[destination.slug], at)
            found = destination.auth.read(self.play(request, at).response)
            assert isinstance(found, Token), found
            known = self._tokens[(destination.slug, at)] = found.value
        return known


def event(slug: str, lead: LeadData, number: int, **changes: Any) -> Event:
    """A conversion worth 50 euros at the moment of the lead."""
    values: dict[str, Any] = {
        "event_id": f"lt-{number:x}-abcdefghijkl",
        "action": ACTIONS[slug],
        "happened_at": lead.created_at,
        "value_cents": 5000,
        "currency": "EUR",
        "lead": lead,
    }
    return Event(**{**values, **changes})


def variants(destination: Destination, most: int = 12) -> list[Settings]:
    """The usual settings, and with other choices wherever there are choices; only those that can be connected."""
    usual = SETTINGS[destination.slug]
    fields = [field for field in destination.fields if field.choices]
    found: list[Settings] = [usual]
    for picked in itertools.product(*(field.choices for field in fields)):
        chosen = dict(zip((field.name for field in fields), picked, strict=True))
        try:
            settings = validate_settings(destination, {**usual, **chosen})
        except InvalidInput:
            continue
        found.append(settings)
    others = found[1:]
    random.Random(destination.slug).shuffle(others)
    return [usual, *others[: most - 1]]


def without_our_number(destination: Destination, one: Event, settings: Settings, token: str | None) -> Request | None:
    """The request without what is made of our lead's number alone, which matches nobody; None when it cannot be built.

    What it is shows by itself: it differs between two leads that differ in their number alone.
    """
    other = msgspec.structs.replace(one, lead=msgspec.structs.replace(one.lead, lead_id=one.lead.lead_id + 1))
    try:
        first, second = (destination.build([each], settings, token) for each in (one, other))
    except (LookupError, ValueError):
        return None
    if first.body == second.body:
        return first
    kept = _common(msgspec.json.decode(first.body), msgspec.json.decode(second.body))
    return msgspec.structs.replace(first, body=msgspec.json.encode(kept))


def _common(one: Any, other: Any) -> Any:
    if isinstance(one, dict):
        return {name: _common(one[name], other[name]) for name in one if _is_kept(one[name], other.get(name))}
    if isinstance(one, list) and isinstance(other, list):
        return [_common(*pair) for pair in zip(one, other, strict=False) if _is_kept(*pair)]
    return one


def _is_kept(one: Any, other: Any) -> bool:
    """Objects and lists are looked into; of the rest only what is the same stays."""
    return one == other if not isinstance(one, dict | list) else isinstance(other, type(one))
