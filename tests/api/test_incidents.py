"""GET /api/incidents: what is wrong with the project's connections, for whoever has its key and for nobody else."""

from functools import partial
from typing import Any, Final

from leadtrackr.conversions import connections
from leadtrackr.conversions.hold import hold_connection
from leadtrackr.db.database import Tx
from leadtrackr.kit.clock import iso_millis
from tests.api.conftest import Api
from tests.support.engine import HOLD, SETTINGS
from tests.support.program import Answer

PATH: Final = "/api/incidents"
BOTH: Final = ("google_ads", "meta")


def ask(api: Api, **params: object) -> Answer:
    return api.program.get(PATH, api.key, **params)


def break_(api: Api, *slugs: str) -> None:
    """Connects these platforms, each of which then refuses the credentials."""
    parts = api.program.parts
    for slug in slugs:
        made = api.program.run(connections.connect(parts.db, parts.box, str(api.number), slug, SETTINGS[slug]))
        api.program.run(parts.db.write(partial(_hold, made.id)))


def _hold(connection_id: int, tx: Tx) -> None:
    hold_connection(tx, connection_id, reason="credentials", outcome=HOLD, now=tx.now())


def mend(api: Api, slug: str) -> None:
    parts = api.program.parts
    api.program.run(connections.connect(parts.db, parts.box, str(api.number), slug, SETTINGS[slug]))


def shown(answer: Answer) -> list[tuple[Any, ...]]:
    assert answer.status == 200, answer.body
    return [(one["destination"], one["kind"], one["open"]) for one in answer.json["incidents"]]


def test_an_incident_says_what_is_wrong_since_when_and_what_to_do(api: Api) -> None:
    break_(api, "google_ads")
    (one,) = ask(api).json["incidents"]
    assert one["projectId"] == api.public_id
    assert one["since"] == one["openedAt"] == iso_millis(api.clock.now())
    assert (one["recoveredAt"], one["endsAt"], one["deliveriesWaiting"]) == (None, None, 0)
    assert one["sentence"].startswith("Nothing is sent to Google Ads.")
    assert f"leadtrackr destinations resume {api.public_id} google_ads" in one["nextStep"]


def test_newest_first_with_filters_and_pages(api: Api) -> None:
    break_(api, *BOTH)
    mend(api, "google_ads")
    assert shown(ask(api)) == [("meta", "stopped", True), ("google_ads", "stopped", False)]
    assert shown(ask(api, open="true")) == [("meta", "stopped", True)]
    assert shown(ask(api, open="false")) == [("google_ads", "stopped", False)]
    assert shown(ask(api, kind="failing", open="")) == []
    second = ask(api, limit=1, page=2).json
    assert [one["destination"] for one in second.pop("incidents")] == ["google_ads"]
    assert second == {
        "message": "Incidents retrieved",
        "total": 2,
        "page": 2,
        "limit": 1,
        "totalPages": 2,
        "hasMore": False,
    }
    assert ask(api, limit=1).json["hasMore"] is True


def test_only_the_projects_own_key_shows_them(api: Api, other: Api) -> None:
    """The owner's key, another project's, none, one that is unknown and one that is revoked."""
    break_(api, "meta")
    assert len(shown(ask(api))) == 1
    assert (shown(ask(other)), ask(other).json["total"]) == ([], 0)
    assert ask(other, projectId=api.public_id).json["total"] == 0, "a key opens its own project whatever is named"
    refused = [api.program.get(PATH, key) for key in (None, "", "ltk_unknown", "ltk_" + "x" * 40)]
    assert [answer.status for answer in refused] == [401] * 4
    api.revoke_keys()
    assert ask(api).status == 401
    assert all(b"Meta" not in answer.body for answer in refused)


def test_an_inactive_project_shows_none(api: Api) -> None:
    break_(api, "meta")
    api.switch_off()
    assert (ask(api).status, ask(api).message) == (403, "Project is inactive")


def test_the_metric_counts_what_is_open(api: Api) -> None:
    def count(slug: str, kind: str) -> float:
        line = f'leadtrackr_incidents_open{{destination="{slug}",kind="{kind}"}} '
        text = api.program.send("GET", "/metrics").body.decode()
        return next(float(row.removeprefix(line)) for row in text.splitlines() if row.startswith(line))

    before, never = count("ga4", "stopped"), count("ga4", "closing")
    break_(api, "ga4")
    assert (count("ga4", "stopped"), count("ga4", "closing")) == (before + 1, never)
    mend(api, "ga4")
    assert count("ga4", "stopped") == before
