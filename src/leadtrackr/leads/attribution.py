"""What a stored lead's attribution data lets a destination know. Intake stores it as it came; doubt is settled here."""

import re
from typing import Final

import msgspec

from leadtrackr.leads.coerce import exact, mapping, text
from leadtrackr.leads.model import Lead

IDS: Final[tuple[str, ...]] = (
    *("gclid", "wbraid", "gbraid", "dclid", "fbc", "fbp", "msclkid", "uetvid", "ttclid", "ttp", "li_fat_id"),
    *("scclid", "scid", "rdt_cid", "rdt_uuid", "epik", "twclid", "oppref", "obref", "cid", "sid"),
)
"""The click ids and cookies that the clients know, by the names they send."""

CONSENT: Final = ("ad_user_data", "ad_personalization", "ad_storage", "analytics_storage")
_ANSWERS: Final = frozenset({"granted", "denied"})

# The web tag of August and September 2025 sent whole cookies: _gcl_aw and its kin, and _ga.
_FROM_GCL: Final = ("gclid", "wbraid", "gbraid", "dclid")
_GCL_COOKIE: Final = re.compile(r"GCL\.[0-9]+\.(.+)", re.DOTALL)
_GA_COOKIE: Final = re.compile(r"GA[0-9]\.[0-9-]+\.([0-9]+\.[0-9]+)")
_CLIENT_ID: Final = re.compile(r"[0-9]+\.[0-9]+")
_FBC: Final = re.compile(r"fb\.[0-9]+\.[0-9]+\..+", re.DOTALL)
_SCHEME: Final = re.compile(r"\A[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class Attribution(msgspec.Struct, frozen=True):
    """What a lead's attribution data says."""

    ids: dict[str, str]
    """By name, as the platform made them: never trimmed, cut or changed in case."""
    consent: dict[str, str]
    """`granted` or `denied` for each of `CONSENT` that says so; a missing one was not asked, which is not a no."""
    conversion_page: str | None
    """Host and path of the page with the form, without scheme, query and fragment."""


def read(attribution_data: str) -> Attribution:
    """Reads the stored JSON. Ids left out as wrong data: an fbc without its prefix, a sid that is a client id."""
    stored = mapping(msgspec.json.decode(attribution_data))
    return Attribution(_ids(stored), _consent(stored), _conversion_page(stored))


def ids(lead: Lead) -> dict[str, str]:
    """The ids of a lead, by name."""
    return read(lead.attribution_data).ids


def consent(lead: Lead) -> dict[str, str]:
    """The consent recorded with a lead."""
    return read(lead.attribution_data).consent


def conversion_page(lead: Lead) -> str | None:
    """The page of a lead's form; None when it is not known."""
    return read(lead.attribution_data).conversion_page


def _ids(stored: dict[str, object]) -> dict[str, str]:
    found = {name: value for name in IDS if name in stored and (value := exact(stored[name]))}
    for name in _FROM_GCL:
        if name in found and (cookie := _GCL_COOKIE.fullmatch(found[name])):
            found[name] = cookie[1]
    if "cid" in found and (cookie := _GA_COOKIE.fullmatch(found["cid"])):
        found["cid"] = cookie[1]
    if "fbc" in found and not _FBC.fullmatch(found["fbc"]):
        del found["fbc"]
    if "sid" in found and (found["sid"] == found.get("cid") or _CLIENT_ID.fullmatch(found["sid"])):
        # The WordPress plugin 1.0.x builds sid from the client id's cookie; a session id is one number.
        del found["sid"]
    return found


def _consent(stored: dict[str, object]) -> dict[str, str]:
    said = mapping(stored.get("consent"))
    answers = {name: (text(said[name]) or "").lower() for name in CONSENT if name in said}
    return {name: answer for name, answer in answers.items() if answer in _ANSWERS}


def _conversion_page(stored: dict[str, object]) -> str | None:
    page = text(stored.get("conversionPage"))
    if page is None:
        return None
    return _SCHEME.sub("", page, count=1).partition("?")[0].partition("#")[0] or None
