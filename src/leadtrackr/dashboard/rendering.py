"""Templates and what they may say: times, money and names, in one form on every page."""

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import iso_millis, to_datetime
from leadtrackr.kit.money import is_currency, to_units
from leadtrackr.leads.model import Lead

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_KINDS: Final = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


def moment(at: int, *, seconds: bool = False) -> Markup:
    """A time in microseconds UTC as `23 Nov 2026, 18:49 UTC`, with the exact one for programs."""
    when = to_datetime(at)
    clock = f"{when:%H:%M:%S}" if seconds else f"{when:%H:%M}"
    text = f"{when.day} {_MONTHS[when.month - 1]} {when.year}, {clock} UTC"
    return Markup('<time datetime="{}">{}</time>').format(iso_millis(at), text)


def money(cents: int, currency: str) -> str:
    """An amount in the currency's own units, such as `1,250.00 EUR`."""
    return (
        f"{to_units(cents, currency):,f} {currency}"
        if is_currency(currency)
        else f"{cents:,} {currency} (smallest unit)"
    )


def lead_name(lead: Lead) -> str:
    """What people call a lead: a name, or whatever else came with it."""
    full = " ".join(part for part in (lead.first_name, lead.last_name) if part)
    return full or lead.company_name or lead.email or lead.phone or f"Lead {lead.id}"


def platform(slug: str) -> str:
    """A destination's name."""
    known = DESTINATIONS.get(slug)
    return slug if known is None else known.name


def static(name: str) -> str:
    """The address of a static file; it changes with the file, so that browsers may keep it for ever."""
    return f"/static/{name}?v={_static()[name][1]}"


def static_file(name: str) -> tuple[bytes, str, str] | None:
    """A static file: its bytes, version and content type. None when there is no such file."""
    found = _static().get(name)
    return None if found is None else (*found, _KINDS[name[name.rindex(".") :]])


@cache
def _static() -> dict[str, tuple[bytes, str]]:
    folder = files("leadtrackr.dashboard").joinpath("static")
    contents = {item.name: item.read_bytes() for item in folder.iterdir() if item.name.endswith(tuple(_KINDS))}
    return {name: (body, sha256(body).hexdigest()[:12]) for name, body in contents.items()}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("leadtrackr.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(moment=moment, money=money, lead_name=lead_name, platform=platform)
    environment.globals.update(static=static)
    return environment


def render(template: str, **values: object) -> str:
    """A page as HTML. Everything from leads and platforms is escaped."""
    return _environment().get_template(template).render(**values)
