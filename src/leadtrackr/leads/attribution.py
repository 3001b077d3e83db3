"""What a stored lead's attribution data lets a destination know. Intake stores it as it came; doubt is settled here."""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import msgspec

from leadtrackr.leads.coerce import exact, mapping, text
from leadtrackr.leads.model import Lead

IDS: Final[tuple[str, ...]] = (
    *("gclid", "wbraid", "gbraid", "dclid", "fbc", "fbp", "msclkid", "uetvid", "ttclid", "ttp", "li_fat_id"),
    *("scclid", "scid", "rdt_cid", "rdt_uuid", "epik", "twclid", "oppref", "obref", "cid", "sid"),
    "meta_lead_id",
)
"""The click ids and cookies that the clients know, by the names they send. Meta's id of a lead from an Instant Form is
sent by no client: whoever brings such leads in puts it there."""

KNOWN: Final = frozenset(IDS)
CONSENT: Final = ("ad_user_data", "ad_personalization", "ad_storage", "analytics_storage")
_ANSWERS: Final = frozenset({"granted", "denied"})
_NOTHING_SAID: Final[Mapping[str, str]] = MappingProxyType({})

# The web tag of August and September 2025 sent whole cookies: _gcl_aw and its kin, and _ga.
_FROM_GCL: Final = frozenset({"gclid", "wbraid", "gbraid", "dclid"})
_GCL_COOKIE: Final = re.compile(r"GCL\.[0-9]+\.(.+)", re.DOTALL)
_GA_COOKIE: Final = re.compile(r"GA[0-9]\.[0-9-]+\.([0-9]+\.[0-9]+)")
_CLIENT_ID: Final = re.compile(r"[0-9]+\.[0-9]+")
_FBC: Final = re.compile(r"fb\.[0-9]+\.[0-9]+\..+", re.DOTALL)
_FEW: Final = 6
"""Names for which it takes less time to look each of them up than to look at everything there is."""
_SCHEME: Final = re.compile(r"\A[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class Attribution(msgspec.Struct, frozen=True, gc=False):
    """What a lead's attribution data says."""

    ids: dict[str, str]
    """By name, as the platform made them: never trimmed, cut or changed in case."""
    consent: Mapping[str, str]
    """`granted` or `denied` for each of `CONSENT` that says so; a missing one was not asked, which is not a no."""
    conversion_page: str | None
    """Host and path of the page with the form, without scheme, query and fragment."""


def read(attribution_data: object, known: frozenset[str] = KNOWN) -> Attribution:
    """Reads what is stored, as JSON text or decoded; `known` are the names of the ids that are looked for.

    Ids left out as wrong data: an fbc without its prefix, a sid that is a client id. ValueError for a text that is no
    JSON.
    """
    said = msgspec.json.decode(attribution_data) if isinstance(attribution_data, str) else attribution_data
    stored = mapping(said)
    return Attribution(_ids(stored, known), _consent(stored), _conversion_page(stored))


def ids(lead: Lead) -> dict[str, str]:
    """The ids of a lead, by name."""
    return read(lead.attribution_data).ids


def consent(lead: Lead) -> Mapping[str, str]:
    """The consent recorded with a lead."""
    return read(lead.attribution_data).consent


def conversion_page(lead: Lead) -> str | None:
    """The page of a lead's form; None when it is not known."""
    return read(lead.attribution_data).conversion_page


def _ids(stored: dict[str, Any], known: frozenset[str]) -> dict[str, str]:
    if len(known) <= _FEW:
        given = {name: raw for name in known if (raw := stored.get(name, "")) != ""}
    else:
        given = {name: raw for name, raw in stored.items() if name in known and raw != ""}
    if not given:
        return {}
    together = _as_one(given)
    found = {name: value for name, raw in given.items() if (value := exact(raw))} if together is None else given
    if together is None or "GCL." in together:
        for name in found.keys() & _FROM_GCL:
            if cookie := _GCL_COOKIE.fullmatch(found[name]):
                found[name] = cookie[1]
    if (value := found.get("cid")) and value.startswith("GA") and (cookie := _GA_COOKIE.fullmatch(value)):
        found["cid"] = cookie[1]
    if (value := found.get("fbc")) and not _FBC.fullmatch(value):
        del found["fbc"]
    if (value := found.get("sid")) and (value == found.get("cid") or _is_client_id(value)):
        # The WordPress plugin 1.0.x builds sid from the client id's cookie; a session id is one number.
        del found["sid"]
    return found


def _as_one(values: Mapping[str, Any]) -> str | None:
    """All of them as one text, if `exact` leaves each as it is: asked of all at once, for each event that is sent."""
    try:
        together = "".join(values.values())
    except TypeError:
        return None
    plain = together.isprintable() and not (" " in together or "undefined" in together or "null" in together)
    return together if plain else None


def _is_client_id(value: str) -> bool:
    return not value.isdigit() and _CLIENT_ID.fullmatch(value) is not None


def _consent(stored: dict[str, object]) -> Mapping[str, str]:
    said = stored.get("consent")
    if not said or not isinstance(said, dict):
        return _NOTHING_SAID
    get = said.get
    words = (get("ad_user_data"), get("ad_personalization"), get("ad_storage"), get("analytics_storage"))
    try:
        return _answers(words)
    except TypeError:  # a list or an object, which cannot be remembered
        return _answers(tuple(map(text, words)))


@lru_cache(maxsize=1024)
def _answers(words: tuple[object, ...]) -> Mapping[str, str]:
    """People differ in few ways here, and the words are read for each event that is sent."""
    answers = {name: (text(word) or "").lower() for name, word in zip(CONSENT, words, strict=True)}
    return MappingProxyType({name: answer for name, answer in answers.items() if answer in _ANSWERS})


def _conversion_page(stored: dict[str, object]) -> str | None:
    page = stored.get("conversionPage")
    return _page(page) if type(page) is str else _page(text(page))


@lru_cache(maxsize=1024)
def _page(page: str | None) -> str | None:
    """A site has few pages with a form."""
    page = text(page)
    if page is None:
        return None
    return _SCHEME.sub("", page, count=1).partition("?")[0].partition("#")[0] or None
