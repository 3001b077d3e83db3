"""docs/reference/metrics.md names every metric that there is, with its labels."""

import re
from pathlib import Path

from leadtrackr.kit.metrics import Metrics, OpenIncidents, QueueDepth

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text()


def test_every_metric_is_explained_with_its_labels() -> None:
    metrics = Metrics(["/healthz"], ["meta"])
    metrics.request("/healthz", "GET", 200, 0.1)
    metrics.commit(1)
    metrics.lead_created("web")
    metrics.lead_updated("web")
    metrics.delivery("meta", "accepted")
    metrics.attempt("meta", "accepted")
    metrics.watch_queue(lambda: [QueueDepth("meta", "queued", 1, 1.0)])
    metrics.open_incidents([OpenIncidents("meta", "stopped", 1)])
    found: dict[str, set[str]] = {}
    for line in metrics.render().decode().splitlines():
        sample = re.match(r"(leadtrackr_\w+?)(_bucket|_sum|_count|_created)?(?:{(.*)})? ", line)
        if sample and sample[2] != "_created":
            labels = set(re.findall(r"(\w+)=", sample[3] or "")) - {"le"}
            found.setdefault(sample[1], set()).update(labels)
    rows = re.findall(r"^\| `(leadtrackr_\w+)` \| ([^|]*)\|", PAGE, re.MULTILINE)
    assert {name: {label.strip() for label in labels.split(",") if label.strip()} for name, labels in rows} == found
