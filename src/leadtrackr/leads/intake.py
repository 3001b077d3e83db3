"""From a client's body to a lead that is fit to store. Pure, and on the path of every post.

What clients send, and why each tolerance is there, is told by the tests' sample bodies. Unknown top-level keys, and
`status`, `platform` and `createdBy`, are ignored.
"""

import hashlib
import socket
from collections.abc import Mapping
from typing import Final

import msgspec

from leadtrackr.kit.email import email_key
from leadtrackr.kit.errors import InvalidInput
from leadtrackr.kit.phone import e164, is_country
from leadtrackr.leads import attribution
from leadtrackr.leads.channelflow import first_usable
from leadtrackr.leads.coerce import TooDeep, exact, holds_value, json_text, mapping, parse, text
from leadtrackr.leads.model import Door, Intake, Lead

LONGEST_IDENTIFIER: Final = 255
"""Characters of a uniqueIdentifier; of a uniqueEventId before its digest stands for it."""
LONGEST_TEXT: Final = 500
"""Characters of a name, phone or form name in its own column, which is indexed; the whole stays in the JSON."""
LONGEST_USER_AGENT: Final = 2000

NO_FORM_NAME: Final = "undefined form name"
"""What the tag managers' tags send for a form without a name."""

_decode = msgspec.json.Decoder().decode

_PLAIN: Final = (
    *("first_name", "last_name", "company_name", "unique_identifier"),
    *("ip_address", "user_agent", "channel_flow", "country"),
)
_SEARCHED: Final = ("first_name", "last_name", "email", "phone", "phone_e164", "company_name")
_COUNTRY: Final = ("country", "countryCode", "country_code")
_NOT_A_VISITOR: Final = frozenset({"127.0.0.1", "::1", "0.0.0.0", "::"})  # noqa: S104 - compared, never bound


def decode(body: bytes) -> dict[str, object]:
    """The JSON object in a request's body, fit to store; InvalidInput says what is wrong with it."""
    try:
        value = parse(body)
    except TooDeep:
        raise
    except UnicodeDecodeError:
        raise InvalidInput("The body is not UTF-8; encode the JSON as UTF-8.") from None
    except ValueError:
        raise InvalidInput("The body is not valid JSON; send one JSON object.") from None
    if not isinstance(value, dict):
        raise InvalidInput('The body must be a JSON object, such as {"projectId": "16"}.')
    return value


def project_ref(body: Mapping[str, object]) -> str:
    """The project's number or public id as the client wrote it, trimmed; InvalidInput when there is none."""
    found = text(body.get("projectId"))
    if found is None:
        raise InvalidInput("Missing required field: projectId", "projectId")
    return found


def read(
    body: Mapping[str, object],
    *,
    door: Door,
    country: str | None,
    request_ip: str | None,
    request_user_agent: str | None,
) -> Intake:
    """The lead in a body. `country` is the project's (ISO 3166-1 alpha-2), for phone numbers that do not say their own;
    the lead's own country, in `userData`, is asked for those that are none of the project's.

    InvalidInput when neither userData nor attributionData holds a value, when uniqueIdentifier is too long, and when a
    server's post has no userData.
    """
    if door is Door.SERVER and "userData" not in body:
        raise InvalidInput("Missing required field: userData", "userData")
    user_data, attribution_data = body.get("userData"), body.get("attributionData")
    if not (_has_data(user_data) or _has_data(attribution_data)):
        raise InvalidInput(
            "At least one of userData and attributionData must hold a value: send an e-mail address, a phone number "
            "or a click id, for example.",
            "userData",
        )
    form, user, ids = mapping(body.get("formData")), mapping(user_data), mapping(attribution_data)
    first_name, last_name = _column(user.get("firstName")), _column(user.get("lastName"))
    email, phone = _column(user.get("email")), _column(user.get("phone"))
    company_name = _column(user.get("companyName")) or _column(user.get("company"))
    own_country = _country(user)
    phone_e164 = e164(phone, country, own_country) if phone else None
    ip_address, user_agent = _device(body, door, request_ip, request_user_agent)
    return Intake(
        first_name=first_name,
        last_name=last_name,
        email=email,
        email_key=email_key(email) if email else None,
        phone=phone,
        phone_e164=phone_e164,
        company_name=company_name,
        country=own_country,
        form_name=_form_name(form),
        unique_identifier=_unique_identifier(body),
        unique_event_id=_unique_event_id(form),
        ip_address=ip_address,
        user_agent=user_agent,
        form_data=_stored(body.get("formData")),
        user_data=_stored(user_data),
        attribution_data=_stored(attribution_data),
        channel_flow=_channel_flow(body),
        gclid=exact(ids.get("gclid")),
        cid=exact(ids.get("cid")),
        fbp=exact(ids.get("fbp")),
        fbc=exact(ids.get("fbc")),
        search_text=_search_text(first_name, last_name, email, phone, phone_e164, company_name),
        door=door,
    )


def merge(stored: Lead, incoming: Intake) -> dict[str, object]:
    """What a repeated uniqueEventId changes: the columns of the leads table to set, by name; empty when nothing.

    A later value overwrites, an absent one never does. An e-mail address, phone number, id or consent that cannot be
    understood does not replace one that can. Status, label, price, note and the door stay.
    """
    changes = _changed(stored, incoming)
    form_data = _merge_form(stored.form_data, incoming.form_data)
    attribution_data = _merge_known(stored.attribution_data, incoming.attribution_data)
    found: dict[str, object] = {
        "form_data": form_data,
        "form_name": _form_name(mapping(_decode(form_data))) or stored.form_name,
        "user_data": merge_attribution(stored.user_data, incoming.user_data),
        "attribution_data": attribution_data,
    }
    changes |= {name: value for name, value in found.items() if value != getattr(stored, name)}
    if "attribution_data" in changes:
        ids = mapping(_decode(attribution_data))
        changes |= {name: exact(ids.get(name)) for name in ("gclid", "cid", "fbp", "fbc")}
    if not changes.keys().isdisjoint(_SEARCHED):
        now = msgspec.structs.replace(stored, **{name: changes[name] for name in _SEARCHED if name in changes})
        changes["search_text"] = _search_text(*(getattr(now, name) for name in _SEARCHED))
    return changes


def merge_attribution(stored_json: str, incoming_json: str) -> str:
    """Stored JSON with the later values put in, key by key in nested objects such as consent; blanks change nothing.

    Serves userData and formData too. Gives back `stored_json` itself when nothing changes.
    """
    if stored_json == incoming_json:
        return stored_json
    stored = _decode(stored_json)
    merged = _merged(stored, _decode(incoming_json))
    return stored_json if merged == stored else json_text(merged)


def _merged(stored: object, incoming: object) -> object:
    if not (isinstance(stored, dict) and isinstance(incoming, dict)):
        return incoming if holds_value(incoming) else stored
    later = {name: _merged(stored.get(name), value) for name, value in incoming.items()}
    return stored | {name: value for name, value in later.items() if value is not stored.get(name)}


def _merge_known(stored_json: str, incoming_json: str) -> str:
    """Attribution data: an id or a consent that can be read gives way to no value that cannot, and the object to none.

    Anybody may post a repeat: it must not take a click id away, and a denial least of all.
    """
    merged = merge_attribution(stored_json, incoming_json)
    was, now = _decode(stored_json), _decode(merged)
    if not isinstance(was, dict) or was == now:
        return merged
    if not isinstance(now, dict):
        return stored_json if was else merged
    before, after = attribution.read(stored_json), attribution.read(merged)
    kept = {name: was[name] for name in before.ids.keys() - after.ids.keys()}
    if kinds := before.consent.keys() - after.consent.keys():
        said = mapping(was.get("consent"))
        kept["consent"] = said | mapping(now.get("consent")) | {kind: said[kind] for kind in kinds}
    now |= kept
    return stored_json if now == was else json_text(now)


def _merge_form(stored_json: str, incoming_json: str) -> str:
    incoming = mapping(_decode(incoming_json))
    if incoming.get("formName") == NO_FORM_NAME and text(mapping(_decode(stored_json)).get("formName")):
        incoming_json = json_text({name: value for name, value in incoming.items() if name != "formName"})
    return merge_attribution(stored_json, incoming_json)


def _changed(stored: Lead, incoming: Intake) -> dict[str, object]:
    found: dict[str, object] = {name: getattr(incoming, name) for name in _PLAIN}
    if incoming.email_key or not email_key(stored.email or ""):
        found["email"] = incoming.email
    if incoming.phone_e164 or not stored.phone_e164:
        found |= {"phone": incoming.phone, "phone_e164": incoming.phone_e164}
    changes = {name: value for name, value in found.items() if value is not None and value != getattr(stored, name)}
    if "email" in changes:
        changes["email_key"] = incoming.email_key
    return changes


def _has_data(value: object) -> bool:
    return isinstance(value, dict | list) and holds_value(value)


def _column(value: object) -> str | None:
    found = text(value)
    return found if found is None or len(found) <= LONGEST_TEXT else found[:LONGEST_TEXT]


def _country(user: Mapping[str, object]) -> str | None:
    """The lead's own country: its two letters, as clients name them, beside the name or in the address."""
    for holder in (user, mapping(user.get("address"))):
        for name in _COUNTRY:
            if name in holder and is_country(code := (text(holder[name]) or "").upper()):
                return code
    return None


def _stored(value: object) -> str:
    return json_text(value) if isinstance(value, dict | list) else "{}"


def _form_name(form: Mapping[str, object]) -> str | None:
    """The admin's own name for the form when there is one, else the form's title."""
    return _column(form.get("customFormName")) or _column(form.get("formName"))


def _unique_identifier(body: Mapping[str, object]) -> str | None:
    found = text(body.get("uniqueIdentifier")) or text(body.get("unique_identifier"))
    if found and len(found) > LONGEST_IDENTIFIER:
        raise InvalidInput(
            f"uniqueIdentifier has {len(found)} characters; it may have at most {LONGEST_IDENTIFIER}.",
            "uniqueIdentifier",
        )
    return found


def _unique_event_id(form: Mapping[str, object]) -> str | None:
    found = text(form.get("uniqueEventId"))
    if found and len(found) > LONGEST_IDENTIFIER:
        return "sha256:" + hashlib.sha256(found.encode()).hexdigest()
    return found


def _channel_flow(body: Mapping[str, object]) -> str | None:
    first, second = body.get("channelFlow"), body.get("lt_channelflow")
    return None if first is None and second is None else first_usable(first, second)


def _device(
    body: Mapping[str, object], door: Door, request_ip: str | None, request_user_agent: str | None
) -> tuple[str | None, str | None]:
    device = mapping(body.get("deviceData"))
    ip_address = _ip_address(text(device.get("ipAddress"))) or _ip_address(text(device.get("ipAdress")))
    user_agent = text(device.get("userAgent"))
    # Web servers and programs post to the browsers' door too, and theirs is not the visitor's. Every browser says this.
    if door is Door.WEB and (request_user_agent or "").startswith("Mozilla/"):
        ip_address = ip_address or _ip_address(request_ip)
        user_agent = user_agent or text(request_user_agent)
    return ip_address, user_agent and user_agent[:LONGEST_USER_AGENT]


def _ip_address(value: str | None) -> str | None:
    """The first address of a list when it can be a visitor's, else None."""
    if value is None:
        return None
    found = value.partition(",")[0].strip()
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in found else socket.AF_INET, found)
    except (OSError, ValueError):
        return None
    return None if found in _NOT_A_VISITOR else found


def _search_text(
    first_name: str | None,
    last_name: str | None,
    email: str | None,
    phone: str | None,
    phone_e164: str | None,
    company_name: str | None,
) -> str:
    """Case-folded, a line each: the name, e-mail, phone as typed, phone in E.164, company."""
    name = f"{first_name} {last_name}" if first_name and last_name else first_name or last_name
    other = phone_e164 if phone_e164 != phone else None
    return "\n".join(filter(None, (name, email, phone, other, company_name))).casefold()
