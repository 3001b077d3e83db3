"""What stands around every call: methods, addresses, CORS, request ids, sizes and encodings."""

import http.client
import json
import socket

import pytest

from leadtrackr.api.app import ROUTES
from tests.api.conftest import Api, start
from tests.support.program import Answer, Program

LEADS = "/api/leads/"
POSTS = tuple(
    path.removeprefix(LEADS) for path, (method, _) in ROUTES.items() if method == "POST" and path.startswith(LEADS)
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE")
LIMIT = 1_048_576
GOOD = {"userData": {"email": "jan@example.com"}}


def padded(project: int, size: int) -> bytes:
    """A good body of exactly this many bytes."""
    head = f'{{"projectId":{project},"userData":{{"email":"jan@example.com"}},"x":"'.encode()
    return head + b"x" * (size - len(head) - 2) + b'"}'


def of_every_status(api: Api, other: Api) -> dict[int, Answer]:
    """One answer of each status that a call can give while the database is there and the program has no fault."""
    label = {"conversionId": api.labels[0].conversion_id}
    lead_id = api.create(email="jan@example.com", formData={"uniqueEventId": "evt"})
    found = [
        api.get(leadId=lead_id),
        api.post("createLead", {**GOOD, "formData": {"uniqueEventId": "evt"}}),
        api.post("createLead", GOOD),
        api.rate({"leadId": lead_id, **label}),
        api.rate({"leadId": lead_id, **label}),
        api.post("createLead", {}),
        api.program.get("getLead", "wrong", leadId=1),
        api.post("createLead", {**GOOD, "projectId": "no-such-project"}),
        api.program.send("PUT", "/api/leads/createLead", b"{}"),
        api.program.post("createLead", padded(api.number, LIMIT + 1)),
    ]
    other.switch_off()
    found.append(other.post("createLead", GOOD))
    return {answer.status: answer for answer in found}


def test_every_answer_carries_cors_and_a_message(api: Api, other: Api) -> None:
    answers = of_every_status(api, other)
    assert set(answers) == {200, 201, 400, 401, 403, 404, 405, 409, 413}
    for answer in answers.values():
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["content-type"] == "application/json"
        assert answer.message


@pytest.mark.parametrize("origin", ["https://www.example.com", "null", "http://localhost:8080"])
@pytest.mark.parametrize("path", [*ROUTES, "/nowhere"])
def test_preflight_is_answered_for_any_origin(program: Program, origin: str, path: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-own, b"}
    answer = program.send("OPTIONS", path, headers=asked)
    assert answer.status == 204
    assert answer.body == b""
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "POST, GET, OPTIONS"
    assert answer.headers["access-control-allow-headers"] == "x-own, b"
    assert answer.headers["access-control-max-age"] == "86400"


def test_preflight_that_asks_for_no_headers_names_ours(program: Program) -> None:
    allowed = program.send("OPTIONS", "/api/leads/createLead").headers["access-control-allow-headers"]
    assert {"content-type", "x-api-key", "idempotency-key"} <= set(allowed.split(", "))


@pytest.mark.parametrize("path", ROUTES)
def test_wrong_method_is_405_and_names_the_right_one(program: Program, path: str) -> None:
    right = ROUTES[path][0].split(", ")
    for method in METHODS:
        if method in right or (method == "HEAD" and "GET" in right):
            continue
        answer = program.send(method, path, b"{}" if method in ("POST", "PUT", "PATCH") else None)
        assert answer.status == 405
        both = [*right[:1], "HEAD", *right[1:]] if right[0] == "GET" else right
        assert answer.headers["allow"] == ", ".join([*both, "OPTIONS"])
        if method != "HEAD":
            assert answer.message == f"Method not allowed: use {' or '.join(right)}"


@pytest.mark.parametrize("path", ["/healthz", "/api/openapi.json", "/api/docs", "/metrics", "/api/leads/getLead"])
def test_head_is_answered_as_get_without_a_body(program: Program, path: str) -> None:
    got, headed = program.send("GET", path), program.send("HEAD", path)
    assert headed.status == got.status
    assert headed.body == b""
    assert headed.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/leads/createLead/",
        "/api/leads//createLead",
        "/api/leads/createlead",
        "/api/leads/create-lead",
        "/API/leads/createLead",
        "/api/leads/getLead/",
        "/api/leads/../leads/createLead",
        "/healthz/",
        "/api/leads/%00",
        "/%ff",
    ],
)
def test_paths_are_exact_and_nothing_is_redirected(api: Api, path: str) -> None:
    for method in ("GET", "POST"):
        answer = api.program.send(method, path, padded(api.number, 200) if method == "POST" else None)
        assert answer.status == 404
        assert "location" not in answer.headers
        assert answer.message == "There is nothing at this address. The reference is at /api/docs"
    assert api.count() == 0


def test_request_id_is_given_back_or_made(program: Program) -> None:
    assert (
        program.send("GET", "/healthz", headers={"X-Request-ID": "abc.DEF_1-2"}).headers["x-request-id"]
        == "abc.DEF_1-2"
    )
    made = {program.send("GET", "/healthz").headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3


@pytest.mark.parametrize("bad", ["a b", "<x>", "x" * 65, "a;b", ""])
def test_request_id_that_could_harm_a_log_is_replaced(program: Program, bad: str) -> None:
    found = program.send("GET", "/healthz", headers={"X-Request-ID": bad}).headers["x-request-id"]
    assert found != bad
    assert found


@pytest.mark.parametrize("call", POSTS)
def test_body_over_the_limit_is_413_declared_or_in_chunks(api: Api, call: str) -> None:
    body = padded(api.number, LIMIT + 1)
    headers = {"Content-Type": "application/json", "X-API-Key": api.key}
    for sent in (body, [body[at : at + 65_536] for at in range(0, len(body), 65_536)]):
        answer = api.program.send("POST", f"/api/leads/{call}", sent, headers)
        assert answer.status == 413
        assert answer.message == f"Body too large: at most {LIMIT} bytes are accepted"
    assert api.count() == 0


def test_much_too_large_body_is_answered_too(api: Api) -> None:
    assert api.program.post("createLead", padded(api.number, 5 * LIMIT)).status == 413


def test_body_of_exactly_the_limit_is_taken(api: Api) -> None:
    body = padded(api.number, LIMIT)
    assert api.program.post("createLead", body).status == 201
    assert api.program.send("POST", "/api/leads/createLead", [body[:10], body[10:500], body[500:]]).status == 201
    assert api.count() == 2


@pytest.mark.parametrize("call", POSTS)
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"projectId":1}x', "not valid JSON"),
        (b"{'projectId':1}", "not valid JSON"),
        (b"projectId=16&email=jan", "not valid JSON"),
        (b'{"projectId":NaN}', "not valid JSON"),
        (b'{"projectId":1,"price":-Infinity}', "not valid JSON"),
        (b'{"projectId":"\xff"}', "not UTF-8"),
        (b'{"projectId":"\xc3"}', "not UTF-8"),
        ('{"projectId":"é"}'.encode("latin-1"), "not UTF-8"),
        ('{"projectId":1}'.encode("utf-16"), "not UTF-8"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'"16"', "must be a JSON object"),
        (b"16", "must be a JSON object"),
        (b'{"a":' * 201 + b"1" + b"}" * 201, "nested more than 200 levels"),
        (b"[" * 100_000, "nested more than 200 levels"),
    ],
)
def test_body_that_is_no_json_object_is_400(api: Api, call: str, body: bytes, words: str) -> None:
    answer = api.program.post(call, body, api.key)
    assert answer.status == 400
    assert words in answer.message


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "nonsense"])
def test_content_type_is_not_looked_at(api: Api, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert api.program.send("POST", "/api/leads/createLead", padded(api.number, 100), headers).status == 201


def test_byte_order_mark_is_taken(api: Api) -> None:
    assert api.program.post("createLead", b"\xef\xbb\xbf" + padded(api.number, 100)).status == 201


def test_caller_that_goes_away_in_the_middle_stores_nothing_and_harms_nobody(api: Api) -> None:
    body = padded(api.number, 5000)
    head = f"POST /api/leads/createLead HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", api.program.port)) as connection:
        connection.sendall(head + body[:1000])
    assert api.post("createLead", GOOD).status == 201
    assert api.count() == 1


def test_calls_do_not_mix_up_projects(api: Api, other: Api) -> None:
    lead_id = api.create(email="jan@example.com")
    assert other.get(leadId=lead_id).status == 404
    assert other.list().json["total"] == 0
    assert start(api.program).list().json["total"] == 0


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", b"GET /healthz?a=" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"]
)
def test_what_is_no_http_is_answered_like_everything_else(program: Program, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", program.port), timeout=10) as connection:
        connection.sendall(sent)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (400, "*")
        assert list(json.loads(answer.read())) == ["message"]
    assert program.get("/healthz").status == 200
