"""Whatever a client sent can be shown."""

from typing import Any

from hypothesis import given

from leadtrackr.dashboard import lead_data
from leadtrackr.dashboard.lead_data import LONGEST, MOST_ROWS
from tests.unit.making import JSON_VALUES, maps, stored, take


@given(JSON_VALUES, maps(), maps(), JSON_VALUES)
def test_no_data_stops_a_page(form: object, user: dict[str, Any], attribution: dict[str, Any], flow: object) -> None:
    body = {"formData": form, "userData": {**user, "email": "a@example.com"}, "attributionData": attribution}
    brought = lead_data.of(stored(take({**body, "channelFlow": flow})))
    for rows in (brought.form, brought.ids, brought.consent, brought.rest):
        assert len(rows) <= MOST_ROWS + 1
        assert all(name and value for name, value in rows)
    assert [name for name, _ in brought.consent] == [
        "ad_user_data",
        "ad_personalization",
        "ad_storage",
        "analytics_storage",
    ]


def test_very_much_data_ends_and_says_so() -> None:
    fields = {f"field {number}": "x" for number in range(MOST_ROWS + 50)}
    lead = stored(take({"userData": {"firstName": "Jan"}, "formData": {"formFields": {**fields, "long": "y"}}}))
    assert len(lead_data.of(lead).form) == MOST_ROWS + 1
    assert lead_data.of(lead).form[-1][1].startswith("There is more")
    long = stored(
        take({"userData": {"firstName": "Jan"}, "formData": {"formFields": {"essay": "z" * (LONGEST + 1234)}}})
    )
    assert lead_data.of(long).form == [("essay", "z" * LONGEST + " … (1,234 more characters)")]
