"""docs/how-to/receive-webhooks.md: its code and its example fit what is sent, its schedule is the engine's."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leadtrackr.conversions.exchange import signed
from leadtrackr.conversions.schedule import DELAYS
from leadtrackr.destinations.webhook import WEBHOOK
from leadtrackr.kit.clock import HOUR, MINUTE, SECOND
from tests.destinations.making import NOON, SETTINGS, event

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "receive-webhooks.md").read_text()
SECRET = SETTINGS["webhook"]["secret"]


def checker() -> Callable[..., bool]:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the page's own code, which readers will run
    found: Callable[..., bool] = names["is_ours"]
    return found


def test_its_code_knows_our_signatures_and_no_others() -> None:
    is_ours, other = checker(), "whsec_" + "A" * 32
    settings = {**SETTINGS["webhook"], "old_secret": other}
    request = signed(WEBHOOK.build([event(slug="webhook")], settings, None), NOON, "")
    now = NOON / SECOND
    for secret in (SECRET, other):
        assert is_ours(request.headers, request.body, secret, now + 299)
        assert not is_ours(request.headers, request.body, secret, now + 301)
        assert not is_ours(request.headers, request.body + b" ", secret, now)
        assert not is_ours({**request.headers, "webhook-id": "lt-x"}, request.body, secret, now)
    assert not is_ours(request.headers, request.body, "whsec_" + "B" * 32, now)


def test_its_example_has_the_form_that_is_sent() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    sent = json.loads(WEBHOOK.build([event(slug="webhook")], SETTINGS["webhook"], None).body)
    assert [list(json.loads(shown)), list(json.loads(shown)["data"])] == [list(sent), list(sent["data"])]
    full = json.loads(WEBHOOK.build([event(slug="webhook")], {**SETTINGS["webhook"], "person_data": "yes"}, None).body)
    assert all(f"`{name}`" in PAGE for name in set(full["data"]) - {"event_id"})


def test_its_schedule_is_the_engines() -> None:
    assert DELAYS == (5 * SECOND, 30 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR)
    assert WEBHOOK.limits.retry_days == 3
    words = "after 5 seconds, 30 seconds, 5 minutes, 30 minutes, 2, 5 and 10 hours, then every 10 hours for three days"
    assert words in PAGE
    assert words in WEBHOOK.window_help
    assert f"within {WEBHOOK.limits.timeout_s:g} seconds" in PAGE
