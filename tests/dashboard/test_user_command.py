"""`leadtrackr user create` as it is typed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from leadtrackr.kit.clock import ManualClock
from tests.dashboard.conftest import START
from tests.dashboard.site import Browser, Site
from tests.support.program import KEY, Program

BASE = "https://leads.example.com"


def _run(url: str, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environ = {
        **os.environ,
        "LEADTRACKR_DATABASE_URL": url,
        "LEADTRACKR_DATA_DIR": str(folder),
        "LEADTRACKR_SECRET_KEY": KEY,
        "LEADTRACKR_BASE_URL": BASE,
    }
    command = [sys.executable, "-m", "leadtrackr", "user", "create", *words]
    return subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_the_printed_link_signs_the_person_in(database_url: str, tmp_path: Path) -> None:
    with Program(database_url, tmp_path) as program:
        site, other = Site(program), Site(program, "Rival")
        made = _run(database_url, tmp_path, "bob@example.com", "--project", site.id, "--role", "owner", "--json")
        assert made.returncode == 0, made.stderr
        data: dict[str, Any] = json.loads(made.stdout)
        assert (data["email"], data["admin"], data["created"]) == ("bob@example.com", False, True)
        assert data["loginLink"].startswith(f"{BASE}/sign-in/link?token=")
        link, browser = urlsplit(data["loginLink"]), Browser(program)
        assert browser.post(f"{link.path}?{link.query}").status == 303
        assert (browser.get(site.leads).status, browser.get(other.leads).status) == (200, 404)

        again = _run(database_url, tmp_path, "bob@example.com", "--admin")
        assert "loginLink" in again.stdout
        assert browser.get(other.leads).status == 200


def test_what_is_wrong_is_said(database_url: str, tmp_path: Path) -> None:
    with Program(database_url, tmp_path, ManualClock(START)):
        wrong = _run(database_url, tmp_path, "bob")
        assert (wrong.returncode, wrong.stdout) == (1, "")
        assert "bob is not an e-mail address, such as you@example.com." in wrong.stderr
        lost = _run(database_url, tmp_path, "bob@example.com", "--project", "nowhere")
        assert (lost.returncode, "Project not found" in lost.stderr) == (1, True)
        alone = _run(database_url, tmp_path, "bob@example.com")
        assert alone.returncode == 0
        assert "This person sees no project yet." in alone.stderr
