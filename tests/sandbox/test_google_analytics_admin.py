"""The Analytics Admin API: properties and data streams, and what is refused."""

import pytest

from .client import Client, Reply


def get(sandbox: Client, path: str, bearer: str = "sandbox-x") -> Reply:
    headers = {"Authorization": f"Bearer {bearer}"}
    return sandbox.call("GET", f"/google_analytics_admin/{path}", headers=headers)


def test_summaries_and_streams_have_googles_form(sandbox: Client) -> None:
    (summary,) = get(sandbox, "v1beta/accountSummaries?pageSize=200").json["accountSummaries"]
    assert (summary["account"], summary["displayName"]) == ("accounts/201", "Sandbox")
    assert summary["propertySummaries"][0]["property"] == "properties/301"
    web, app = get(sandbox, "v1beta/properties/301/dataStreams").json["dataStreams"]
    assert (web["type"], web["webStreamData"]["measurementId"]) == ("WEB_DATA_STREAM", "G-AB12CD34EF")
    assert (app["type"], "webStreamData" in app) == ("ANDROID_APP_DATA_STREAM", False)


def test_pages(sandbox: Client) -> None:
    first = get(sandbox, "v1beta/properties/301/dataStreams?pageSize=1").json
    assert len(first["dataStreams"]) == 1
    second = get(sandbox, f"v1beta/properties/301/dataStreams?pageSize=1&pageToken={first['nextPageToken']}").json
    assert [one["name"] for one in second["dataStreams"]] == ["properties/301/dataStreams/2"]
    assert "nextPageToken" not in second


@pytest.mark.parametrize(
    ("path", "bearer", "status"),
    [
        ("v1beta/accountSummaries", "made-up", 401),
        ("v1beta/accountSummaries?size=1", "sandbox-x", 400),
        ("v1beta/accountSummaries?pageToken=x", "sandbox-x", 400),
        ("v1beta/properties/999/dataStreams", "sandbox-x", 403),
        ("v1/accountSummaries", "sandbox-x", 404),
    ],
)
def test_what_is_refused(sandbox: Client, path: str, bearer: str, status: int) -> None:
    assert get(sandbox, path, bearer).status == status


def test_a_token_for_sending_alone_lists_nothing(sandbox: Client) -> None:
    form = {"grant_type": "refresh_token", "client_id": "a", "client_secret": "b", "refresh_token": "c"}
    token = sandbox.call("POST", "/google_oauth/token", form=form).json["access_token"]
    reply = get(sandbox, "v1beta/accountSummaries", token)
    assert (reply.status, reply.json["error"]["details"][0]["reason"]) == (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
