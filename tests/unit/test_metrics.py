"""Figures: counted where they belong, and under labels from fixed sets only."""

from prometheus_client.parser import text_string_to_metric_families

from leadtrackr.conversions.incidents.model import IncidentKind
from leadtrackr.destinations.contract import Kind
from leadtrackr.kit.errors import Unavailable
from leadtrackr.kit.metrics import CONTENT_TYPE, INCIDENT_KINDS, KINDS, Metrics, OpenIncidents, QueueDepth
from leadtrackr.leads.model import Door

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def made() -> Metrics:
    return Metrics(routes=["/api/leads/getLead"], destinations=["meta", "ga4"])


def samples(metrics: Metrics) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            key = (sample.name.removeprefix("leadtrackr_"), frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return samples(metrics).get((name, frozenset(labels.items())))


def test_requests_are_counted_and_timed() -> None:
    metrics = made()
    metrics.request("/api/leads/getLead", "GET", 200, 0.004)
    metrics.request("/api/leads/getLead", "GET", 200, 0.2)
    metrics.request("/api/leads/getLead", "GET", 404, 0.004)
    route = "/api/leads/getLead"
    assert value(metrics, "requests_total", route=route, method="GET", status="200") == 2
    assert value(metrics, "requests_total", route=route, method="GET", status="404") == 1
    assert value(metrics, "request_seconds_bucket", route=route, le="0.005") == 2
    assert value(metrics, "request_seconds_count", route=route) == 3


def test_commits_leads_deliveries_and_attempts_are_counted() -> None:
    metrics = made()
    metrics.commit(5)
    metrics.lead_created("web")
    metrics.lead_updated("server")
    metrics.delivery("meta", "accepted", 3)
    metrics.attempt("ga4", "retry")
    metrics.late_outcome(2)
    metrics.takeover()
    assert value(metrics, "commits_total") == 1
    assert value(metrics, "commit_group_size_sum") == 5
    assert value(metrics, "leads_created_total", door="web") == 1
    assert value(metrics, "leads_updated_total", door="server") == 1
    assert value(metrics, "deliveries_total", destination="meta", state="accepted") == 3
    assert value(metrics, "attempts_total", destination="ga4", kind="retry") == 1
    assert value(metrics, "late_outcomes_refused_total") == 2
    assert value(metrics, "lease_takeovers_total") == 1


def test_nothing_from_outside_becomes_a_label() -> None:
    metrics = made()
    evil = "jane@example.com"
    metrics.request(f"/api/{evil}", evil, 999, 0.1)
    metrics.lead_created(evil)
    metrics.lead_updated(evil)
    metrics.delivery(evil, evil)
    metrics.attempt(evil, evil)
    metrics.watch_queue(lambda: [QueueDepth(evil, evil, 1, 2.0), QueueDepth("gone", "queued", 1, 1.0)])
    assert evil not in metrics.render().decode()
    assert value(metrics, "requests_total", route="other", method="other", status="other") == 1
    assert value(metrics, "attempts_total", destination="other", kind="other") == 1


def test_queue_is_read_at_each_rendering_and_added_up() -> None:
    metrics = made()
    rows = [QueueDepth("meta", "queued", 2, 7.5), QueueDepth("meta", "queued", 1, 9.0), QueueDepth("ga4", "held", 4, 1)]
    metrics.watch_queue(lambda: rows)
    assert value(metrics, "queue_deliveries", destination="meta", state="queued") == 3
    assert value(metrics, "queue_oldest_seconds", destination="meta", state="queued") == 9
    rows.pop()
    assert value(metrics, "queue_deliveries", destination="ga4", state="held") is None


def test_figures_are_given_while_the_database_is_away() -> None:
    metrics = made()

    def away() -> list[QueueDepth]:
        raise Unavailable("The database cannot be reached.")

    metrics.commit(1)
    metrics.watch_queue(away)
    assert value(metrics, "commits_total") == 1
    assert b"queue_deliveries" not in metrics.render()


def test_open_incidents_are_shown_with_their_zeros_or_not_at_all() -> None:
    metrics = made()
    assert b"incidents_open" not in metrics.render()
    metrics.open_incidents([OpenIncidents("meta", "stopped", 2), OpenIncidents("gone", "stopped", 1)])
    assert value(metrics, "incidents_open", destination="meta", kind="stopped") == 2
    assert value(metrics, "incidents_open", destination="ga4", kind="closing") == 0
    assert value(metrics, "incidents_open", destination="other", kind="stopped") == 1
    metrics.open_incidents(None)
    assert b"incidents_open" not in metrics.render()


def test_two_metrics_do_not_share_figures() -> None:
    first, second = made(), made()
    first.commit(1)
    assert value(second, "commits_total") == 0
    assert CONTENT_TYPE.startswith("text/plain")


def test_fixed_sets_hold_the_words_of_the_rooms() -> None:
    assert frozenset(Kind) == KINDS
    assert frozenset(IncidentKind) == INCIDENT_KINDS
    metrics = made()
    for door in Door:
        metrics.lead_created(door)
        assert value(metrics, "leads_created_total", door=door) == 1
