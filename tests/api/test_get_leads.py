"""getLeads: every parameter, every bad value, pages, sorting and search, the same on both databases."""

from collections.abc import Iterator
from datetime import UTC, timedelta, timezone

import pytest

from leadtrackr.kit.clock import HOUR, SECOND, iso_millis, to_datetime
from leadtrackr.leads.listing import SORTS
from tests.api.conftest import Api

PEOPLE: tuple[dict[str, str], ...] = (
    {"firstName": "Anna", "lastName": "Zwart", "email": "anna@example.com"},
    {"firstName": "anna", "lastName": "Wit", "email": "Anna2@Example.com"},
    {"firstName": "Émile", "lastName": "Ågren", "phone": "0612345678"},
    {"firstName": "Zoë", "lastName": "ÖZTÜRK", "email": "zoe@example.org"},
    {"firstName": "Bob", "lastName": "100%_sure", "phone": "ext. 12"},
    {"lastName": "Zwart"},
    {"firstName": "Çelik", "email": "bob\\slash@example.com"},
)


def ids(api: Api, **params: object) -> list[int]:
    """The ids on the page that these parameters give."""
    answer = api.list(**params)
    assert answer.status == 200, answer.body
    return [lead["id"] for lead in answer.json["leads"]]


@pytest.fixture
def people(api: Api) -> Iterator[list[int]]:
    """Some leads, a second apart but for the last two; their ids in the order of creation."""
    found = []
    for number, person in enumerate(PEOPLE):
        found.append(api.create(**person))
        if number < len(PEOPLE) - 2:
            api.clock.step(SECOND)
    yield found
    api.clock.step(HOUR)


def test_page_has_exactly_its_keys(api: Api, people: list[int]) -> None:
    answer = api.list()
    page = answer.json
    assert list(page) == ["message", "leads", "total", "page", "limit", "totalPages", "hasMore"]
    assert (page["message"], page["total"], page["page"], page["limit"]) == ("Leads retrieved", len(people), 1, 50)
    assert (page["totalPages"], page["hasMore"]) == (1, False)
    assert page["leads"] == [api.lead(lead_id) for lead_id in reversed(people)]


def test_empty_project_has_no_pages(api: Api) -> None:
    page = api.list().json
    assert (page["leads"], page["total"], page["totalPages"], page["hasMore"]) == ([], 0, 0, False)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_hold_every_lead_once(api: Api, people: list[int], limit: int) -> None:
    seen: list[int] = []
    page, more = 1, True
    while more:
        found = api.list(limit=limit, page=page).json
        seen += [lead["id"] for lead in found["leads"]]
        more = found["hasMore"]
        assert (found["total"], found["page"], found["limit"]) == (len(people), page, limit)
        assert found["totalPages"] == -(-len(people) // limit)
        assert more == (page < found["totalPages"])
        page += 1
    assert seen == people[::-1]
    beyond = api.list(limit=limit, page=page + 5).json
    assert (beyond["leads"], beyond["total"], beyond["hasMore"]) == ([], len(people), False)


def rated(api: Api) -> list[int]:
    """Leads that differ in price and status, some without a price."""
    found = []
    for price, conversion in ((500, "lost"), (None, None), (20, api.labels[0].conversion_id), (500, "open"), (3, None)):
        lead_id = api.create(firstName="Jan", email=f"{price}@example.com")
        found.append(lead_id)
        if conversion or price:
            body = {"leadId": lead_id, "conversionId": conversion or "open", "price": price}
            assert api.rate(body).status in (200, 201)
    api.program.deliver()
    return found


@pytest.mark.parametrize("field", SORTS)
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_sorting_puts_absent_values_last_and_ties_by_id(
    api: Api, people: list[int], field: str, direction: str
) -> None:
    rated(api)
    shown = api.list(limit=100, sort="createdAt:asc").json["leads"]
    # A lead without a value of its own stands behind all others, whichever way they are sorted.
    with_value = [lead for lead in shown if lead[field] is not None]
    without = [lead for lead in shown if lead[field] is None]
    back = direction == "desc"
    with_value.sort(key=lambda lead: (lead[field], lead["id"]), reverse=back)
    without.sort(key=lambda lead: lead["id"], reverse=back)
    expected = [lead["id"] for lead in with_value + without]
    assert ids(api, sort=f"{field}:{direction}", limit=100) == expected
    paged = [found for page in range(1, 7) for found in ids(api, sort=f"{field}:{direction}", limit=2, page=page)]
    assert paged == expected


def test_status_filter_takes_several(api: Api) -> None:
    lost, plain, label, reopened, priced = rated(api)
    pending = api.create(firstName="Jan")
    api.rate({"leadId": pending, "conversionId": "lost"})
    name = api.labels[0].conversion_id
    assert ids(api, status="lost") == [lost]
    assert ids(api, status="pending") == [pending]
    assert ids(api, status=name) == [label]
    assert ids(api, status=f" open , {name.upper()},,pending", sort="createdAt:asc") == [
        plain, label, reopened, priced, pending,
    ]  # fmt: skip
    assert ids(api, status=api.labels[1].conversion_id) == []
    assert ids(api, status="pending,lost", sort="status:desc") == [pending, lost]
    assert api.list(status="pending,lost", limit=1).json["totalPages"] == 2
    api.program.deliver()
    assert ids(api, status="pending") == []
    assert ids(api, status="lost") == ids(api, status="pending,lost") == [pending, lost]


def test_exact_filters(api: Api) -> None:
    lead_id = api.create(
        email="Jan@Example.com", phone="06 1234 5678", uniqueIdentifier="crm-1", formData={"formName": "Quote — NL"}
    )
    api.create(
        email="jan@example.com.org", phone="0612345679", uniqueIdentifier="crm-10", formData={"formName": "Quote"}
    )
    for params in (
        {"email": " jan@EXAMPLE.com"},
        {"phone": "+31612345678"},
        {"phone": "06 1234 5678"},
        {"uniqueIdentifier": "crm-1"},
        {"formName": "Quote — NL"},
        {"email": "jan@example.com", "phone": "0612345678", "uniqueIdentifier": "crm-1", "formName": "Quote — NL"},
    ):
        assert ids(api, **params) == [lead_id]
    for none in (
        {"email": "jan"}, {"email": "%"}, {"uniqueIdentifier": "CRM-1"}, {"formName": "quote"}, {"phone": "061"},
        {"email": "jan@example.com", "uniqueIdentifier": "crm-10"}, {"formName": "\x00Quote2"},
    ):  # fmt: skip
        assert ids(api, **none) == []


@pytest.mark.parametrize("name", ["gclid", "cid", "fbp", "fbc"])
def test_exists_filters(api: Api, name: str) -> None:
    there = api.create(attributionData={name: "value"})
    blank = api.create(attributionData={name: ""})
    without = api.create(firstName="Jan")
    assert ids(api, **{f"{name}__exists": "true"}) == [there]
    assert ids(api, **{f"{name}__exists": "false"}) == [without, blank]


def test_created_at_bounds_are_inclusive(api: Api, people: list[int]) -> None:
    moments = [str(api.lead(lead_id)["createdAt"]) for lead_id in people]
    third = moments[2]
    assert ids(api, createdAt__gte=third, sort="createdAt:asc") == people[2:]
    assert ids(api, createdAt__lte=third, sort="createdAt:asc") == people[:3]
    assert ids(api, createdAt__gte=third, createdAt__lte=third) == [people[2]]
    assert ids(api, createdAt__gte=moments[-1], createdAt__lte=moments[0]) == []


def test_time_that_was_read_finds_its_lead(api: Api) -> None:
    """Leads are stored to the microsecond and shown to the millisecond."""
    api.clock.step(SECOND + 789)
    lead_id = api.create(firstName="Jan")
    shown = api.lead(lead_id)["createdAt"]
    assert ids(api, createdAt__gte=shown, createdAt__lte=shown) == [lead_id]


def test_times_are_read_in_many_forms(api: Api, people: list[int]) -> None:
    moment = to_datetime(api.clock.now()) - timedelta(milliseconds=1)
    last_two = people[:-3:-1]
    east = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
    for written in (
        iso_millis(api.clock.now()),
        moment.isoformat(),
        east.isoformat(),
        moment.replace(tzinfo=None).isoformat(),
        moment.replace(tzinfo=None).isoformat(" "),
    ):
        assert ids(api, createdAt__gte=written) == last_two
    # A `+` that was not percent-encoded arrives as a space.
    raw = f"/api/leads/getLeads?createdAt[gte]={east.isoformat()}"
    found = api.program.send("GET", raw, headers={"X-API-Key": api.key}).json
    assert [lead["id"] for lead in found["leads"]] == last_two


def test_bare_date_is_the_start_of_the_day_in_utc(api: Api) -> None:
    now = api.clock.now()
    midnight = (to_datetime(now) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    api.clock.step(int(midnight.timestamp()) * SECOND - now - SECOND)
    before = api.create(firstName="Jan")
    api.clock.step(SECOND)
    after = api.create(firstName="Jan")
    date = f"{midnight.astimezone(UTC):%Y-%m-%d}"
    assert ids(api, createdAt__gte=date) == [after]
    assert ids(api, createdAt__lte=date) == [after, before]
    assert ids(api, createdAt__lte=f"{midnight - timedelta(days=1):%Y-%m-%d}") == []


@pytest.mark.parametrize("value", ["0001-01-01", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z", "9999-12-31"])
def test_times_at_the_edge_are_taken(api: Api, value: str) -> None:
    for name in ("createdAt__gte", "createdAt__lte"):
        assert api.list(**{name: value}).status == 200


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("anna", [0, 1]), ("ANNA", [0, 1]), ("zwart", [0, 5]), ("anna zw", [0]), ("émile", [2]), ("ÉMILE", [2]),
        ("ågren", [2]), ("öztürk", [3]), ("ÇEL", [6]), ("example.com", [0, 1, 6]), ("100%", [4]), ("%_", [4]),
        ("_s", [4]), ("0612345678", [2]), ("+31612345678", [2]), ("ext.", [4]), ("b\\s", [6]), ("%%", []), ("__", []),
        ("emile", []), ("  anna  ", [0, 1]), ("\x00anna", [0, 1]), ("a\nz", []), ("zwa*", []), ("'; --", []),
    ],
)  # fmt: skip
def test_search_is_by_part_in_any_case_and_letter_for_letter(
    api: Api, people: list[int], text: str, found: list[int]
) -> None:
    assert ids(api, search=text, sort="createdAt:asc") == [people[place] for place in found]


def test_search_reads_the_company_too(api: Api) -> None:
    lead_id = api.create(userData={"companyName": "STRASSE & Söhne"})
    assert ids(api, search="straße") == [lead_id]


BAD: tuple[tuple[str, object], ...] = (
    *(("limit", value) for value in (0, -1, 101, "1.5", "abc", "1e1", "٣", "9" * 30, "true", "1,2")),
    *(("page", value) for value in (0, -1, "1.5", "abc", 10**9 + 1, "9" * 30)),
    *(("status", value) for value in ("Qualified", "open,nonsense", "closed", "%", "open;lost", "x" * 5000)),
    *(
        (name, value)
        for name in ("createdAt[gte]", "createdAt[lte]")
        for value in (
            "yesterday",
            "2026-13-01",
            "2026-02-30",
            "1790000000",
            "2026-01-01T25:00",
            "0001-01-01T00:00+09:00",
        )
    ),
    *(("search", value) for value in ("a", " a ", "é", "x" * 501)),
    *(
        ("sort", value)
        for value in ("createdAt", "createdAt:up", "id:asc", "price", ":", "note:asc", "email:ASC", "a:b:c")
    ),
    *((f"{name}[exists]", value) for name in ("gclid", "cid", "fbp", "fbc") for value in ("yes", "1", "TRUE", "null")),
)


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_value_is_400_and_names_the_parameter(api: Api, name: str, value: object) -> None:
    answer = api.program.get("getLeads", api.key, **{name: value})
    assert answer.status == 400
    assert answer.message.startswith(f"Invalid parameter: {name} ")


@pytest.mark.parametrize(
    "name", ["limit", "page", "status", "createdAt__gte", "search", "sort", "gclid__exists", "email", "formName"]
)
def test_blank_parameter_counts_as_absent(api: Api, name: str) -> None:
    lead_id = api.create(firstName="Jan")
    assert ids(api, **{name: " "}) == [lead_id]
    assert ids(api, **{name: ""}) == [lead_id]


def test_most_statuses_at_once(api: Api) -> None:
    many = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(501)]
    assert ids(api, status=",".join(many[:500])) == []
    assert api.list(status=",".join(many)).message.startswith("Invalid parameter: status ")


def test_unknown_parameters_are_ignored(api: Api) -> None:
    lead_id = api.create(firstName="Jan")
    assert ids(api, color="red", fbclid__exists="perhaps", createdAt__gt="never") == [lead_id]


def test_only_the_own_key_lists(api: Api, other: Api) -> None:
    api.create(firstName="Jan")
    assert ids(other) == []
    assert api.program.get("getLeads").message == "Missing X-API-Key header"
    assert api.program.get("getLeads", "ltk_wrong").message == "Invalid API key"
    assert api.program.get("getLeads", None, limit="nonsense").status == 401
    api.switch_off()
    assert api.list().status == 403
    api.revoke_keys()
    assert api.list().status == 401
