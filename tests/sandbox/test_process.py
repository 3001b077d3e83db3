"""The sandbox as a program of its own."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .client import DEADLINE_S, Capi, Client

EVENT = {"event_name": "Lead", "action_source": "email", "user_data": {"external_id": "1"}}


@contextmanager
def program(*options: str) -> Iterator[tuple["subprocess.Popen[str]", Client]]:
    """The program on a free port, and a client for it."""
    command = [sys.executable, "-m", "leadtrackr.sandbox", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("The sandbox listens at http://127.0.0.1:"), line
            yield process, Client(int(line.rpartition(":")[2]))
        finally:
            process.kill()
            process.communicate(timeout=DEADLINE_S)


def send(client: Client, event_id: str) -> None:
    """One event through Meta's emulator, whose clock is the real one here."""
    client.set("meta", max_age_days=100_000)
    event = {**EVENT, "event_time": 1_700_000_000, "event_id": event_id}
    reply = client.call("POST", Capi.PATH, {"data": [event], "access_token": "EAAtoken"})
    assert reply.status == 200


def test_it_prints_its_address_and_ends_on_a_signal() -> None:
    with program() as (process, client):
        send(client, "a")
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0


def test_its_file_survives_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    with program("--ledger", str(file)) as (process, client):
        send(client, "a")
        process.send_signal(signal.SIGKILL)
        process.wait(DEADLINE_S)
    with program("--ledger", str(file)) as (_, client):
        send(client, "b")
        assert [call["accepted"][0]["key"] for call in client.calls("meta")] == ["a", "b"]
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line["number"], line["status"]) for line in lines] == [(1, 200), (2, 200)]
    assert "EAAtoken" not in file.read_text()


def test_without_bodies_the_ledger_keeps_the_keys_alone() -> None:
    with program("--no-bodies") as (_, client):
        send(client, "a")
        call = client.last("meta")
        assert (call["body"], call["headers"]) == (None, {})
        assert [(row["key"], row.get("event")) for row in call["accepted"]] == [("a", None)]
        assert client.summary("meta")["distinct_keys"] == 1


def test_a_taken_port_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "leadtrackr.sandbox", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "address already in use" in done.stderr
