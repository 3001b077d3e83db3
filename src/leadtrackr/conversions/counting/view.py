"""“Will it count?” as JSON has it, for the API and the command line. Pure. Times are ISO 8601 in UTC."""

from leadtrackr.conversions import outcomes
from leadtrackr.conversions.condition import condition
from leadtrackr.conversions.counting.model import Counting, Fate, OfLabel, Prognosis
from leadtrackr.conversions.model import Connection
from leadtrackr.kit.clock import iso_millis


def counting(found: Counting) -> dict[str, object]:
    """The whole answer."""
    return {
        "leadId": found.lead_id,
        "uniqueIdentifier": found.unique_identifier,
        "askedAt": iso_millis(found.asked_at),
        "pending": found.pending,
        "consent": dict(found.consent),
        "labels": [_of_label(one, found.asked_at) for one in found.labels],
    }


def _of_label(one: OfLabel, now: int) -> dict[str, object]:
    return {
        "label": None if one.label is None else one.label.name,
        "conversionId": None if one.label is None else one.label.conversion_id,
        "sentence": one.words.sentence,
        "nextStep": one.words.next_step,
        "platforms": [_platform(each, now) for each in one.platforms],
    }


def _platform(one: Prognosis, now: int) -> dict[str, object]:
    slug = one.connection.destination
    lacking = one.missing
    return {
        "destination": slug,
        "name": one.name,
        "account": one.account,
        "action": one.action,
        **_fate(slug, one.fate),
        "missing": None if lacking is None else {"field": lacking.field, "sentence": lacking.sentence},
        "closesAt": _moment(one.closes_at),
        "usableUntil": _moment(one.usable_until),
        "window": one.window,
        "connection": _connection(one.connection, now),
        "before": [
            {"label": each.label.name, "conversionId": each.label.conversion_id, **_fate(slug, each.fate)}
            for each in one.before
        ],
        "takesBack": list(one.takes_back),
    }


def _fate(destination: str, fate: Fate) -> dict[str, object]:
    known = None if fate.code is None else outcomes.entry(destination, fate.code)
    return {
        "answer": fate.answer.value,
        "code": fate.code,
        "sentence": fate.words.sentence,
        "nextStep": fate.words.next_step,
        "link": None if known is None else known.link,
        "sendAt": _moment(fate.send_at),
        "behind": fate.behind,
    }


def _connection(one: Connection, now: int) -> dict[str, object]:
    """How the connection stands: active, left alone for a while, or held until a person mends it."""
    found = condition(one, now)
    return {
        "state": found.state.value,
        "code": found.code,
        "sentence": "" if found.code is None else found.words.sentence,
        "nextStep": found.words.next_step,
        "until": _moment(found.until),
    }


def _moment(at: int | None) -> str | None:
    return None if at is None else iso_millis(at)
