"""From a body to a lead: one test for each thing that clients in the field do to a body, by its number."""

import json
from collections.abc import Mapping

import msgspec
import pytest

from leadtrackr.kit.errors import InvalidInput
from leadtrackr.leads.intake import decode, project_ref
from leadtrackr.leads.model import Door
from tests import bodies
from tests.unit.making import take

BLANKS = ["", " ", "undefined", "null", None, [], {}, [""], {"a": ""}]
EVENT: bodies.Body = {"attributionData": {"gclid": "x"}}


def event_id(value: object) -> str | None:
    return take({"formData": {"uniqueEventId": value}} | EVENT).unique_event_id


@pytest.mark.parametrize("empty", [[], None, {}])
def test_8_04_empty_maps(empty: object) -> None:
    lead = take({"formData": empty, "deviceData": empty, "attributionData": empty, "userData": {"firstName": "Jan"}})
    assert (lead.first_name, lead.form_name, lead.gclid) == ("Jan", None, None)
    assert take({"userData": empty, "formData": {"formFields": empty}} | EVENT).gclid == "x"


def test_8_04_missing_maps() -> None:
    lead = take({"userData": {"firstName": "Jan"}})
    assert (lead.form_data, lead.attribution_data, lead.channel_flow) == ("{}", "{}", None)


@pytest.mark.parametrize("empty", [[], {}, None])
def test_8_04_a_server_must_send_the_key_user_data(empty: object) -> None:
    assert take({"userData": empty} | EVENT, Door.SERVER).gclid == "x"
    with pytest.raises(InvalidInput, match=r"^Missing required field: userData$") as caught:
        take(EVENT, Door.SERVER)
    assert caught.value.field == "userData"
    assert take(EVENT, Door.WEB).gclid == take(EVENT, Door.CALL).gclid == "x"


def test_8_05_aliases() -> None:
    lead = take(
        {
            "userData": {"company": "Bakery"},
            "deviceData": {"ipAdress": "198.51.100.8"},
            "lt_channelflow": bodies.COMPACT_FLOW,
            "unique_identifier": "crm-1",
        }
    )
    assert (lead.company_name, lead.ip_address, lead.unique_identifier) == ("Bakery", "198.51.100.8", "crm-1")
    assert lead.channel_flow is not None


def test_8_05_the_canonical_name_wins() -> None:
    both = {
        "userData": {"company": "Old", "companyName": "New"},
        "deviceData": {"ipAdress": "198.51.100.8", "ipAddress": "198.51.100.9"},
        "lt_channelflow": bodies.LEGACY_FLOW,
        "channelFlow": bodies.COMPACT_FLOW,
        "unique_identifier": "old",
        "uniqueIdentifier": "new",
    }
    lead = take(both)
    assert (lead.company_name, lead.ip_address, lead.unique_identifier) == ("New", "198.51.100.9", "new")
    assert json.loads(lead.channel_flow or "") == bodies.COMPACT_FLOW


@pytest.mark.parametrize("blank", [value for value in BLANKS if value != {"a": ""}])
def test_8_05_an_alias_counts_when_the_canonical_name_is_blank(blank: object) -> None:
    lead = take(
        {
            "userData": {"company": "Old", "companyName": blank},
            "deviceData": {"ipAdress": "198.51.100.8", "ipAddress": blank},
            "unique_identifier": "old",
            "uniqueIdentifier": blank,
        }
    )
    assert (lead.company_name, lead.ip_address, lead.unique_identifier) == ("Old", "198.51.100.8", "old")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(123, "123"), (123.0, "123"), ("123", "123"), (True, "true"), (["", "a", "b"], "a"), (2**70, str(2**70))],
)
def test_8_06_scalars(sent: object, kept: str) -> None:
    user = dict.fromkeys(("firstName", "lastName", "email", "phone", "companyName"), sent)
    lead = take({"userData": user, "formData": {"formName": sent, "uniqueEventId": sent}, "uniqueIdentifier": sent})
    assert {lead.first_name, lead.last_name, lead.email, lead.phone, lead.company_name} == {kept}
    assert {lead.form_name, lead.unique_event_id, lead.unique_identifier} == {kept}


def test_8_06_objects_stay_in_the_raw_data_only() -> None:
    lead = take(bodies.WP_10_CF7)
    assert (lead.email, lead.email_key) == (None, None)
    assert json.loads(lead.user_data) == bodies.WP_10_CF7["userData"]
    assert (lead.first_name, lead.phone, lead.phone_e164) == ("Piet Jansen", "020 123 4567", "+31201234567")


@pytest.mark.parametrize("blank", BLANKS)
def test_8_06_blanks_are_absent(blank: object) -> None:
    user = dict.fromkeys(("firstName", "lastName", "email", "phone", "companyName", "company"), blank)
    lead = take({"userData": user, "formData": {"formName": blank}, "uniqueIdentifier": blank} | EVENT)
    assert [lead.first_name, lead.last_name, lead.email, lead.phone, lead.phone_e164, lead.company_name] == [None] * 6
    assert (lead.form_name, lead.unique_identifier, lead.search_text) == (None, None, "")


@pytest.mark.parametrize("blank", BLANKS)
def test_8_06_a_blank_event_id_is_none(blank: object) -> None:
    assert event_id(blank) is None


def test_8_06_an_event_id_is_the_same_in_every_type() -> None:
    assert event_id(1790000000003) == event_id("1790000000003") == event_id(" 1790000000003 ") == "1790000000003"
    assert event_id("1790000000004.5") == event_id(1790000000004.5) == "1790000000004.5"


@pytest.mark.parametrize(
    "fields",
    [
        {"a": "b"},
        {"names": {"first_name": "Jan"}},
        [{"Voornaam:": "Jan"}, {"": "x"}],
        ["a", "b"],
        {"boxes": ["a", "b"], "": "", "<b>Size</b>": "40 m2", "_fluentform_3_fluentformnonce": "0a1b"},
        {"deep": [[[{"a": [None, True, 1.5]}]]]},
        "text",
        7,
        None,
    ],
)
def test_8_07_form_fields_are_stored_as_given(fields: object) -> None:
    form = {"formName": "Contact", "formFields": fields}
    assert json.loads(take({"formData": form} | EVENT).form_data) == form


def test_8_08_form_names() -> None:
    def name(**form: object) -> str | None:
        return take({"formData": form} | EVENT).form_name

    assert name(formName="undefined form name") == "undefined form name"
    assert name(formName="Contact", customFormName="") == "Contact"
    assert name(formName="Contact", customFormName=" Quote ") == "Quote"
    assert name(formName=1234) == "1234"
    assert name(formName="LeadBot — WhatsApp") == "LeadBot — WhatsApp"


@pytest.mark.parametrize("body", bodies.REFUSED.values(), ids=bodies.REFUSED.keys())
def test_8_09_bodies_without_a_value_are_refused(body: bodies.Body) -> None:
    with pytest.raises(InvalidInput, match=r"At least one of userData and attributionData must hold a value"):
        take(body)


@pytest.mark.parametrize("user", [*BLANKS, "text", 7, {"email": "", "phone": ["undefined", None]}])
def test_8_09_all_blank_is_no_value(user: object) -> None:
    with pytest.raises(InvalidInput, match=r"At least one"):
        take({"userData": user, "attributionData": {"gclid": "", "consent": {}}})


@pytest.mark.parametrize(
    "data",
    [{"conversionPage": "a.example/"}, {"consent": bodies.GRANTED}, {"x": [0]}, {"email": {"a": "b"}}, [{"a": "b"}]],
)
def test_8_09_any_value_counts(data: object) -> None:
    assert json.loads(take({"userData": {}, "attributionData": data}).attribution_data) == data
    assert json.loads(take({"userData": data}).user_data) == data


def test_8_09_leadbot_with_a_page_only_is_valid() -> None:
    assert take(bodies.LEADBOT_NO_QUESTION).form_name == "LeadBot — WhatsApp Interceptor"


@pytest.mark.parametrize(
    ("sent", "ref"), [("16", "16"), (16, "16"), (16.0, "16"), (" 16\n", "16"), ("p2345abcde234567", "p2345abcde234567")]
)
def test_8_10_project_ids(sent: object, ref: str) -> None:
    assert project_ref({"projectId": sent}) == ref


@pytest.mark.parametrize("sent", ["", " ", None, "undefined", "null", [], {}, {"id": 16}])
def test_8_11_a_missing_project_id(sent: object) -> None:
    for body in ({"projectId": sent}, {}):
        with pytest.raises(InvalidInput, match=r"^Missing required field: projectId$") as caught:
            project_ref(body)
        assert caught.value.field == "projectId"


def test_8_16_unknown_keys_are_ignored() -> None:
    ours = {"status": "sold", "platform": "x", "createdBy": 7, "anything": {"a": [1]}}
    assert take(bodies.LEADBOT_CONTACT | ours) == take(bodies.LEADBOT_CONTACT)


@pytest.mark.parametrize("body", [*bodies.WEB.values(), *bodies.SERVER.values()])
def test_8_17_php_and_browsers_write_the_same_lead(body: bodies.Body) -> None:
    assert decode(bodies.wire(body)) == body
    browser, php = take(body), take(decode(bodies.php(body)))
    as_sent = {name: getattr(browser, name) for name in ("form_data", "user_data", "attribution_data")}
    assert msgspec.structs.replace(php, **as_sent) == browser


def test_8_17_the_byte_order_mark_is_skipped() -> None:
    assert decode(b"\xef\xbb\xbf" + bodies.wire(bodies.GTM_NEW)) == bodies.GTM_NEW


def test_8_18_large_form_fields() -> None:
    fields = {f"field {number}": "x" * 100 for number in range(5000)}
    body = decode(bodies.wire({"formData": {"formFields": fields}} | EVENT))
    assert json.loads(take(body).form_data)["formFields"] == fields


BROWSER = {"request_ip": "203.0.113.9", "request_user_agent": "Mozilla/5.0 (X11)"}
PHP = {"request_ip": "203.0.113.10", "request_user_agent": "WordPress/6.8; https://www.example.com"}


def device(sent: object, door: Door, around: Mapping[str, str | None]) -> tuple[str | None, str | None]:
    body = EVENT | {"userData": {}} | ({} if sent is None else {"deviceData": sent})
    lead = take(body, door, **around)
    return lead.ip_address, lead.user_agent


def test_8_19_a_browser_without_device_data() -> None:
    assert device(None, Door.WEB, BROWSER) == ("203.0.113.9", "Mozilla/5.0 (X11)")
    assert device({"ipAdress": "127.0.0.1"}, Door.WEB, BROWSER) == ("203.0.113.9", "Mozilla/5.0 (X11)")


def test_8_19_what_the_body_says_wins() -> None:
    sent = {"ipAddress": "2001:db8::1", "userAgent": "A/1"}
    for door in Door:
        assert device(sent, door, BROWSER) == ("2001:db8::1", "A/1")


@pytest.mark.parametrize("program", [PHP["request_user_agent"], "python-requests/2.32", "curl/8.5.0", "", None])
@pytest.mark.parametrize("sent", [None, [], {"ipAddress": "", "userAgent": None}, {"ipAdress": "127.0.0.1"}])
def test_8_19_a_web_server_at_the_browsers_door_is_not_the_visitor(sent: object, program: str | None) -> None:
    """Its address, told to a platform as the visitor's, would match nobody, or the wrong person."""
    assert device(sent, Door.WEB, PHP | {"request_user_agent": program}) == (None, None)


@pytest.mark.parametrize("door", [Door.SERVER, Door.CALL])
@pytest.mark.parametrize("sent", [None, [], {"ipAddress": "127.0.0.1"}])
def test_8_19_a_servers_own_address_is_never_used(door: Door, sent: object) -> None:
    assert device(sent, door, BROWSER) == (None, None)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("198.51.100.7, 10.0.0.1", "198.51.100.7"),
        (["198.51.100.7"], "198.51.100.7"),
        ("::1", None),
        ("0.0.0.0", None),  # noqa: S104 - what a client sends
        ("unknown", None),
        ("1.2.3", None),
        ("1.2.3.4\0", "1.2.3.4"),
        (7, None),
        ({}, None),
    ],
)
def test_8_19_addresses(sent: object, kept: str | None) -> None:
    assert device({"ipAddress": sent}, Door.SERVER, BROWSER)[0] == kept


def test_ids_are_kept_to_the_letter() -> None:
    sent = {"gclid": " CjW-_aB%2F ", "cid": 111.5, "fbp": ["fb.1.2.3"], "fbc": "fb.1.1." + "Q" * 2000}
    lead = take({"attributionData": sent})
    assert (lead.gclid, lead.cid, lead.fbp, lead.fbc) == (" CjW-_aB%2F ", "111.5", "fb.1.2.3", sent["fbc"])


def test_a_phone_call() -> None:
    lead = take(bodies.PHONE_CALL, Door.CALL)
    assert (lead.phone, lead.phone_e164, lead.door) == ("020 123 4567", "+31201234567", Door.CALL)


def test_what_a_lead_is_found_by() -> None:
    lead = take({"userData": {"firstName": "ÉLAN", "lastName": "Straße", "email": "A@B.nl", "phone": "06 12345678"}})
    assert lead.email_key == "a@b.nl"
    assert lead.search_text == "élan strasse\na@b.nl\n06 12345678\n+31612345678"
    assert take(bodies.LEADBOT_WHATSAPP).search_text == "+31612345678"


def test_a_project_without_a_country_reads_international_numbers_only() -> None:
    assert take({"userData": {"phone": "0612345678"}}, country=None).phone_e164 is None
    assert take({"userData": {"phone": "0031612345678"}}, country=None).phone_e164 == "+31612345678"


@pytest.mark.parametrize("body", [*bodies.WEB.values(), *bodies.SERVER.values()])
def test_the_raw_data_is_what_was_sent(body: bodies.Body) -> None:
    lead = take(body)
    kept = (lead.form_data, lead.user_data, lead.attribution_data)
    assert [json.loads(text) for text in kept] == [body["formData"], body["userData"], body["attributionData"]]
