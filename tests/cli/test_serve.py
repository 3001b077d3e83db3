"""The processes that stay: serve, worker and sandbox."""

import json
import signal
import subprocess
import threading

import pytest

from tests.support.postgres import Server

from .conftest import LEADTRACKR, PATIENCE_S, Environment, Run, Started, call, data, until, url_of


def _done(environment: Environment, *args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*LEADTRACKR, *args], env=environment, capture_output=True, text=True, timeout=PATIENCE_S)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_and_a_signal_ends_it_well(on: Environment, started: Started, number: int) -> None:
    with started(on, "serve", "--port", "0", until='"listening"') as server:
        assert call("GET", f"{url_of(server)}/healthz") == (200, {"message": "ok"})
        assert call("GET", f"{url_of(server)}/readyz")[0] == 200
        assert server.stop(number) == 0


def test_sqlite_is_made_and_brought_up_to_date_by_itself(environment: Environment, started: Started, run: Run) -> None:
    with started(environment, "serve", "--port", "0", "--no-worker", until='"listening"') as server:
        assert call("GET", f"{url_of(server)}/readyz")[0] == 200
    assert data(run(environment, "migrate", "--json"))["before"] is not None


def test_a_second_server_on_the_same_file_is_refused(environment: Environment, started: Started) -> None:
    with started(environment, "serve", "--port", "0", until='"listening"') as server:
        second = _done(environment, "serve", "--port", "0")
        assert second.returncode == 1
        assert second.stderr.startswith("Error: LEADTRACKR_DATABASE_URL: another LeadTrackr server is running on ")
        assert second.stderr.strip().endswith("Stop it first, or use PostgreSQL to run several.")
        assert call("GET", f"{url_of(server)}/healthz")[0] == 200


def test_commands_work_beside_a_server(on: Environment, started: Started, run: Run) -> None:
    with started(on, "serve", "--port", "0", until='"listening"') as server:
        made = data(run(on, "project", "create", "My site", "--json"))
        lead = {"projectId": made["projectId"], "userData": {"email": "jan@example.com"}}
        status, answer = call("POST", f"{url_of(server)}/api/leads/createLead", lead)
        assert (status, answer["message"]) == (201, "Lead created successfully")


def test_a_taken_port_is_one_sentence(environment: Environment, started: Started) -> None:
    with started(environment, "serve", "--port", "0", until='"listening"') as server:
        port = url_of(server).rpartition(":")[2]
        for command in ("serve", "sandbox"):
            second = _done(environment, command, "--port", port)
            assert second.returncode == 1
            assert f"port {port}: address already in use." in second.stderr
            assert len(second.stderr.splitlines()) == 1


def test_several_processes_need_postgresql(environment: Environment) -> None:
    refused = _done(environment, "serve", "--processes", "2")
    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        "Error: LEADTRACKR_DATABASE_URL: 2 processes cannot share a SQLite file. Use PostgreSQL, or one process."
    )


def test_a_worker_needs_postgresql(environment: Environment) -> None:
    refused = _done(environment, "worker")
    assert refused.returncode == 1
    assert "on SQLite `leadtrackr serve` delivers by itself" in refused.stderr


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_several_processes_serve_on_postgresql(on: Environment, started: Started, run: Run) -> None:
    made = data(run(on, "project", "create", "My site", "--json"))
    with started(on, "serve", "--port", "0", "--processes", "2", until='"Started server process') as server:
        url = url_of(server)
        assert call("GET", f"{url}/readyz")[0] == 200
        lead = {"projectId": made["projectId"], "userData": {"email": "jan@example.com"}}
        assert call("POST", f"{url}/api/leads/createLead", lead)[0] == 201
        assert _stopped(server.process) == 0


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_workers_deliver_for_servers_that_do_not(on: Environment, started: Started, run: Run, sandbox_url: str) -> None:
    settings = on | {"LEADTRACKR_SANDBOX_URL": sandbox_url, "LEADTRACKR_POLL_SECONDS": "0.1"}
    made = data(run(settings, "project", "create", "My site", "--json"))
    project, headers = made["projectId"], {"X-API-Key": made["apiKey"]}
    run(settings, "connect", project, "meta", "dataset_id=1234567890123456", "access_token=t")
    label = data(run(settings, "label", "create", project, "Qualified", "--event", "meta=QualifiedLead", "--json"))
    with started(settings, "serve", "--port", "0", "--no-worker", until='"listening"') as server:
        url = url_of(server)
        lead = {"projectId": project, "userData": {"email": "jan@example.com"}}
        lead_id = call("POST", f"{url}/api/leads/createLead", lead)[1]["leadId"]
        rating = {"leadId": lead_id, "conversionId": label["conversionId"]}
        assert call("POST", f"{url}/api/leads/updateLeadStatus", rating, headers)[0] == 201
        (before,) = data(run(settings, "conversions", "list", project, "--json"))["deliveries"]
        assert before["state"] == "queued"
        with (
            started(settings, "worker", until='"delivering"') as one,
            started(settings, "worker", until='"delivering"'),
        ):

            def state() -> str:
                return str(data(run(settings, "conversions", "list", project, "--json"))["deliveries"][0]["state"])

            until(lambda: state() == "accepted")
            assert one.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("args", [("serve", "--port", "0"), ("serve", "--processes", "2", "--port", "0"), ("worker",)])
def test_an_older_schema_on_postgresql_is_refused_with_the_command(
    environment: Environment, postgres_server: Server, args: tuple[str, ...], run: Run
) -> None:
    empty = environment | {"LEADTRACKR_DATABASE_URL": postgres_server.create("leadtrackr_cli_empty")}
    refused = run(empty, *args)
    assert refused.exit_code == 1
    assert refused.stderr.strip().endswith("Run: leadtrackr migrate")
    assert data(run(empty, "migrate", "--json"))["before"] is None
    assert "is up to date" in run(empty, "migrate").stdout


def test_the_sandbox_listens_and_stops(sandbox_url: str, environment: Environment, started: Started) -> None:
    with started(environment, "sandbox", "--port", "0", until="listens at", on_stdout=True) as process:
        url = process.lines[-1].split()[-1]
        assert url != sandbox_url
        assert call("GET", f"{url}/_sandbox/faults") == (200, {"faults": []})
        assert process.stop(signal.SIGTERM) == 0


def test_the_server_says_that_nothing_reaches_a_platform(environment: Environment, started: Started) -> None:
    settings = environment | {"LEADTRACKR_SANDBOX_URL": "http://127.0.0.1:1"}
    with started(settings, "serve", "--port", "0", until='"sandbox"') as server:
        assert "Nothing reaches a real platform" in json.loads(server.lines[-1])["reason"]


def _stopped(process: "subprocess.Popen[str]") -> int:
    """Stops a server whose log must be read on, or a full pipe would hold it up."""
    assert process.stderr is not None
    reader = threading.Thread(target=process.stderr.read)
    reader.start()
    process.send_signal(signal.SIGTERM)
    code = process.wait(PATIENCE_S)
    reader.join(PATIENCE_S)
    return code
