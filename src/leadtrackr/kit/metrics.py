"""Figures for Prometheus, in a registry of our own. One `Metrics` is made at the start and handed to whoever counts.

Label values come from fixed sets: whatever is not in its set counts as `other`, so nothing personal can become a label
and no caller can make a new time series. Every process has its own figures; only the queue is the same for all.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from leadtrackr.kit.errors import Unavailable

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
OTHER: Final = "other"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
DOORS: Final = frozenset({"web", "server", "call", "webhook", "import"})
STATES: Final = frozenset(
    {"queued", "sending", "waiting", "held", "accepted", "confirmed", "skipped", "rejected", "expired", "cancelled"}
)
KINDS: Final = frozenset({"accepted", "confirmed", "rejected", "retry", "hold", "unknown"})
INCIDENT_KINDS: Final = frozenset({"stopped", "failing", "token_expiring", "closing"})
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_GROUP: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class QueueDepth(NamedTuple):
    """How many deliveries of a destination are in a state, and how long the oldest has waited, in seconds."""

    destination: str
    state: str
    deliveries: int
    oldest_age_s: float


class OpenIncidents(NamedTuple):
    """How many connections to a destination have an open incident of this kind."""

    destination: str
    kind: str
    connections: int


QueueReader = Callable[[], Iterable[QueueDepth]]


class Metrics:
    """The program's figures. `routes` are the paths as declared, `destinations` the slugs of the registry."""

    def __init__(self, routes: Iterable[str], destinations: Iterable[str]) -> None:
        self._routes = frozenset(routes)
        self._destinations = frozenset(destinations)
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._queue = _QueueCollector(self._destinations)
        self._registry.register(self._queue)
        self._incidents = _IncidentCollector(self._destinations)
        self._registry.register(self._incidents)
        self._requests = self._counter("requests", "Requests answered.", "route", "method", "status")
        self._request_seconds = self._histogram("request_seconds", "Time to answer a request.", _SECONDS, "route")
        # Finding a series by its labels costs more than counting in it, and every request does.
        self._answers: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}
        self._commits = self._counter("commits", "Commits of the database writer.")
        self._group = self._histogram("commit_group_size", "Requests that shared one commit.", _GROUP)
        self._created = self._counter("leads_created", "New leads.", "door")
        self._updated = self._counter("leads_updated", "Posts that updated a known lead.", "door")
        self._deliveries = self._counter("deliveries", "Deliveries that entered a state.", "destination", "state")
        self._attempts = self._counter("attempts", "Attempts by outcome.", "destination", "kind")
        self._late = self._counter("late_outcomes_refused", "Outcomes refused because the lease was lost.")
        self._takeovers = self._counter("lease_takeovers", "Deliveries taken over after a lease ran out.")

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """One request was answered. `route` is the declared path, never the one that was asked for."""
        labels = (
            _fixed(route, self._routes),
            _fixed(method, METHODS),
            str(status) if 100 <= status <= 599 else OTHER,
        )
        found = self._answers.get(labels)
        if found is None:
            found = self._requests.labels(*labels), self._request_seconds.labels(labels[0])
            self._answers[labels] = found
        count, time = found
        count.inc()
        time.observe(seconds)

    def commit(self, group: int) -> None:
        """One commit, shared by `group` requests."""
        self._commits.inc()
        self._group.observe(group)

    def lead_created(self, door: str) -> None:
        """A new lead came in through this door."""
        self._created.labels(_fixed(door, DOORS)).inc()

    def lead_updated(self, door: str) -> None:
        """A post for a known lead came in through this door."""
        self._updated.labels(_fixed(door, DOORS)).inc()

    def delivery(self, destination: str, state: str, count: int = 1) -> None:
        """So many deliveries of the destination entered the state."""
        self._deliveries.labels(_fixed(destination, self._destinations), _fixed(state, STATES)).inc(count)

    def attempt(self, destination: str, kind: str, count: int = 1) -> None:
        """So many attempts at the destination ended with an outcome of this kind."""
        self._attempts.labels(_fixed(destination, self._destinations), _fixed(kind, KINDS)).inc(count)

    def late_outcome(self, count: int = 1) -> None:
        """So many outcomes came after their lease was lost, and were refused."""
        self._late.inc(count)

    def takeover(self, count: int = 1) -> None:
        """So many deliveries were taken over from a worker whose lease ran out."""
        self._takeovers.inc(count)

    def watch_queue(self, read: QueueReader) -> None:
        """Reads the queue's gauges with this function at each rendering. It may raise Unavailable: then they are left
        out and the rest is given."""
        self._queue.read = read

    def open_incidents(self, rows: Iterable[OpenIncidents] | None) -> None:
        """The incidents that are open now, 0 where there is no row; None leaves the gauge out, as nobody knows."""
        self._incidents.rows = None if rows is None else tuple(rows)

    def render(self) -> bytes:
        """Everything, in the format of `CONTENT_TYPE`."""
        return generate_latest(self._registry)

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(name, words, labels, namespace="leadtrackr", registry=self._registry)

    def _histogram(self, name: str, words: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, words, labels, namespace="leadtrackr", registry=self._registry, buckets=buckets)


class _QueueCollector(Collector):
    def __init__(self, destinations: frozenset[str]) -> None:
        self._destinations = destinations
        self.read: QueueReader = tuple

    def collect(self) -> Iterator[Metric]:
        labels = ("destination", "state")
        depth = GaugeMetricFamily("leadtrackr_queue_deliveries", "Deliveries by state.", labels=labels)
        age = GaugeMetricFamily("leadtrackr_queue_oldest_seconds", "Age of the oldest delivery.", labels=labels)
        try:
            rows = tuple(self.read())
        except Unavailable:
            return
        for values, (deliveries, oldest) in self._sums(rows).items():
            depth.add_metric(values, deliveries)
            age.add_metric(values, oldest)
        yield depth
        yield age

    def _sums(self, rows: Iterable[QueueDepth]) -> dict[tuple[str, str], tuple[int, float]]:
        """One figure for each pair of labels, since a series must not appear twice."""
        sums: dict[tuple[str, str], tuple[int, float]] = {}
        for row in rows:
            labels = (_fixed(row.destination, self._destinations), _fixed(row.state, STATES))
            deliveries, oldest = sums.get(labels, (0, 0.0))
            sums[labels] = (deliveries + row.deliveries, max(oldest, row.oldest_age_s))
        return sums


class _IncidentCollector(Collector):
    def __init__(self, destinations: frozenset[str]) -> None:
        self._destinations = destinations
        self.rows: tuple[OpenIncidents, ...] | None = None

    def collect(self) -> Iterator[Metric]:
        gauge = GaugeMetricFamily(
            "leadtrackr_incidents_open", "Open incidents of connections.", labels=("destination", "kind")
        )
        if self.rows is None:
            return
        # A series that is there only while something is wrong cannot be seen to go back to 0.
        counts = {(slug, kind): 0 for slug in sorted(self._destinations) for kind in sorted(INCIDENT_KINDS)}
        for row in self.rows:
            labels = (_fixed(row.destination, self._destinations), _fixed(row.kind, INCIDENT_KINDS))
            counts[labels] = counts.get(labels, 0) + row.connections
        for values, count in counts.items():
            gauge.add_metric(values, count)
        yield gauge


def _fixed(value: str, allowed: frozenset[str]) -> str:
    return value if value in allowed else OTHER
