"""Shared by the tests of leads: an intake with the usual surroundings, and the stored lead that it becomes."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from leadtrackr.leads.intake import read
from leadtrackr.leads.model import Door, Intake, Lead

JSON_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=12)
    | st.sampled_from(
        ["", " ", "undefined", "null", "\0", "\ud800", "127.0.0.1", "GCL.1.x", "@", "%5B", "00", "[" * 300]
    )
)
JSON_VALUES = st.recursive(
    JSON_SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
NAMES = ("firstName", "lastName", "email", "phone", "companyName", "company", "gclid", "cid", "fbc", "sid", "consent")


def maps() -> st.SearchStrategy[dict[str, Any]]:
    """Objects with known and unknown keys and any JSON inside."""
    return st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), JSON_VALUES, max_size=5)


def take(body: dict[str, Any], door: Door = Door.WEB, **around: str | None) -> Intake:
    """The intake of a body, for a Dutch project, from a browser."""
    given = {"country": "NL", "request_ip": "203.0.113.9", "request_user_agent": "Mozilla/5.0 (X11)"} | around
    return read(body, door=door, **given)


def stored(intake: Intake, **changes: object) -> Lead:
    """The lead that an intake becomes, with the changes of a merge put in."""
    columns = msgspec.structs.asdict(intake) | changes
    known = {name: columns[name] for name in Lead.__struct_fields__ if name in columns}
    given: dict[str, Any] = {
        "id": 42,
        "project_id": 1,
        "created_at": 1_790_000_000_123_456,
        "updated_at": 1_790_000_000_123_456,
    }
    given |= {"status": "open", "stage": "open", "label_id": None, "price": None, "note": None}
    return Lead(**(given | known))
