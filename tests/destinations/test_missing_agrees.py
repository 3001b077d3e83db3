"""What `missing` lets through the sandbox takes, and what it holds back the sandbox refuses: any lead, real HTTP."""

from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadtrackr.destinations.contract import LeadData
from leadtrackr.destinations.registry import DESTINATIONS
from tests.destinations.making import DAY, NOON, SETTINGS, event
from tests.destinations.over_http import deliver
from tests.sandbox.client import Client, Clock, Server

CASES: list[tuple[str, dict[str, str]]] = [
    ("tiktok", {"event_source": "web"}),
    ("tiktok", {"event_source": "offline"}),
    ("tiktok", {"event_source": "crm"}),
    ("pinterest", {}),
    ("pinterest", {"action_source": "offline"}),
    ("snapchat", {}),
    ("snapchat", {"action_source": "OFFLINE"}),
    ("x", {}),
]
IDS = {
    "ttclid": ("E.C.P.x", "x" * 1001),
    "ttp": ("01HZ",),
    "epik": ("dj0y",),
    "scclid": ("x",),
    "scid": ("x", "y"),
    "twclid": ("23op",),
}
NONCES = count(1)

leads = st.builds(
    LeadData,
    lead_id=st.integers(1, 10**12),
    created_at=st.integers(NOON, NOON + DAY),
    email=st.none() | st.just("a@example.com"),
    phone=st.none() | st.just("+12125550123"),
    first_name=st.none() | st.sampled_from(["Erika", "-", " "]),
    last_name=st.none() | st.just("Mustermann"),
    country=st.none() | st.just("DE"),
    ids=st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in IDS.items()}),
    consent=st.sampled_from([{}, {"ad_user_data": "granted"}]),
    conversion_page=st.none() | st.sampled_from(["example.de/kontakt", "no page", ""]),
    ip_address=st.none() | st.sampled_from(["203.0.113.7", "2001:db8::1"]),
    user_agent=st.none() | st.just("Mozilla/5.0"),
)


@pytest.fixture(scope="module")
def running() -> Iterator[Client]:
    """One sandbox for this file."""
    server = Server(Clock())
    yield Client(server.running.port)
    server.stop()


@pytest.mark.parametrize(("slug", "changes"), CASES, ids=str)
@settings(deadline=None, max_examples=120)
@given(someone=leads)
def test_missing_is_what_the_platform_refuses(
    running: Client, slug: str, changes: dict[str, str], someone: LeadData
) -> None:
    destination = DESTINATIONS[slug]
    one = event(someone, slug, event_id=f"lt-{next(NONCES)}", happened_at=someone.created_at + DAY // 2)
    lacking = destination.missing(someone, {**SETTINGS[slug], **changes})
    (found,) = deliver(running, destination, one, nonce=f"{next(NONCES):024d}", **changes)
    assert found.kind == ("rejected" if lacking else "accepted"), found
    assert (running.last(slug)["accepted"] == []) == bool(lacking)
