"""The warnings of updateLeadStatus: which platforms will be left out, and why."""

from leadtrackr.conversions import connections
from leadtrackr.labels import service as labels
from leadtrackr.labels.service import NewLabel
from tests.api.conftest import Api


def connect_everything(api: Api) -> str:
    """Connects three platforms and makes a label with an event on each; returns its conversionId."""
    parts = api.program.parts
    for slug, values in {
        "google_ads": {
            "operating_account": "123-456-7890",
            "client_id": "c",
            "client_secret": "s",
            "refresh_token": "r",
        },
        "ga4": {"measurement_id": "G-AB12CD34EF", "api_secret": "s"},
        "meta": {"dataset_id": "1234567890", "access_token": "t"},
    }.items():
        api.program.run(connections.connect(parts.db, parts.box, str(api.number), slug, values))
    events = {"google_ads": "987654321", "ga4": "qualify_lead", "meta": "Lead"}
    label = NewLabel(name="Everywhere", done=True, events=events)
    return api.program.run(labels.create(parts.db, parts.ids, str(api.number), label)).conversion_id


def test_warnings_name_each_platform_that_is_left_out_with_exactly_four_keys(api: Api) -> None:
    conversion_id = connect_everything(api)
    lead_id = api.create(userData={"companyName": "Bakery"})
    answer = api.rate({"leadId": lead_id, "conversionId": conversion_id})
    assert answer.status == 201
    warnings = answer.json["warnings"]
    assert {one["integration"] for one in warnings} == {"google_ads", "ga4", "meta"}
    for one in warnings:
        assert list(one) == ["integration", "reason", "field", "timestamp"]
        assert one["reason"].endswith(".")
        assert one["timestamp"].endswith("Z")
    assert {one["integration"]: one["field"] for one in warnings}["ga4"] == "cid"


def test_lead_that_every_platform_can_use_gives_no_warning(api: Api) -> None:
    conversion_id = connect_everything(api)
    lead_id = api.create(email="jan@example.com", attributionData={"gclid": "G", "cid": "111.222", "fbp": "fb.1.2.3"})
    assert api.rate({"leadId": lead_id, "conversionId": conversion_id}).json["warnings"] == []
