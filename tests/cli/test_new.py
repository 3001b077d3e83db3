"""`leadtrackr destinations new`: what it writes is right as it stands, and what it must not touch it leaves."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from leadtrackr.cli.scaffolding import FILES, REPORTS
from tests.support.checkout import Checkout

from .conftest import Environment, Run, data

SLUG = "sample_ads"
PACKAGE = f"src/leadtrackr/destinations/{SLUG}/__init__.py"
PYTEST = "python -m pytest -rf -n 0 -p no:cacheprovider"
WRITTEN = [
    "src/leadtrackr/destinations/sample_ads/__init__.py",
    "src/leadtrackr/destinations/sample_ads/answer.py",
    "src/leadtrackr/destinations/sample_ads/codes.py",
    "src/leadtrackr/sandbox/sample_ads/__init__.py",
    "tests/destinations/facts/sample_ads.py",
    "tests/destinations/test_sample_ads.py",
    "docs/how-to/connect-sample-ads.md",
]
MISTAKES = [
    (
        "_Event(event.event_id,",
        '_Event(f"{event.action}-1",',
        "test_compliance.py::test_the_dedup_key_is_sent_and_is_no_number",
    ),
    ("email=TIDY_EMAIL,", "email=BARE_EMAIL,", "test_corpus.py::test_email_addresses"),
    (
        "to_units(event.value_cents, event.currency)",
        "Decimal(event.value_cents)",
        "test_amounts.py::test_the_amount_is_exact_in_every_currency",
    ),
    (
        "lead.ids.get(CLICK_ID) or None",
        '(lead.ids.get(CLICK_ID) or "").lower() or None',
        "test_click_ids.py::test_the_ids_that_are_declared_are_sent",
    ),
    (
        "MAX_AGE_DAYS: Final = 30",
        "MAX_AGE_DAYS: Final = 31",
        "test_compliance_report.py::test_the_last_moment_is_in_and_the_first_one_out",
    ),
]
"""A text of the skeleton, what somebody makes of it by mistake, and the test of the suite that finds it."""


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """The folders of a checkout, with nothing in them; the current one."""
    for pattern in FILES:
        (tmp_path / pattern.partition("{")[0].rpartition("/")[0]).mkdir(parents=True, exist_ok=True)
    return tmp_path


def files(root: Path) -> dict[str, str]:
    """Every file below, by its path."""
    return {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", ["Sample Ads", "sample_ads", "sample-ads", "sample ads"])
def test_it_writes_every_file_and_says_what_is_next(
    run: Run, environment: Environment, folders: Path, name: str
) -> None:
    made = data(run(environment, "destinations", "new", name, "--json"))
    assert (made["slug"], made["name"]) == (SLUG, "Sample Ads")
    assert made["files"] == WRITTEN
    assert sorted(files(folders)) == sorted(WRITTEN)
    assert all(report.format(slug=SLUG) in " ".join(made["next"]) for report in REPORTS)
    assert "{{" not in "".join(files(folders).values())


def test_it_says_so_in_words(run: Run, environment: Environment, folders: Path) -> None:
    told = run(environment, "destinations", "new", "Sample Ads").stdout
    assert all(f"\n  {path}\n" in told for path in WRITTEN)
    assert "\n  1. Change these files to fit the platform" in told


def test_nothing_is_written_twice(run: Run, environment: Environment, folders: Path) -> None:
    run(environment, "destinations", "new", "Sample Ads")
    before = files(folders)
    again = run(environment, "destinations", "new", "Sample ads")
    assert again.exit_code == 1
    assert again.stderr == (
        "Error: There is src/leadtrackr/destinations/sample_ads already; nothing was written. Choose another name.\n"
    )
    assert files(folders) == before


@pytest.mark.parametrize("path", [*WRITTEN, "src/leadtrackr/destinations/sample_ads.py"])
def test_what_is_there_is_never_touched(run: Run, environment: Environment, folders: Path, path: str) -> None:
    (folders / path).parent.mkdir(exist_ok=True)
    (folders / path).write_text("mine")
    refused = run(environment, "destinations", "new", "Sample Ads")
    assert (refused.exit_code, "already; nothing was written" in refused.stderr) == (1, True)
    assert files(folders) == {path: "mine"}


def test_a_disk_that_refuses_gets_back_what_it_had(
    run: Run, environment: Environment, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def refuse(path: Path, *args: Any, **how: Any) -> Any:
        if path.name == "test_sample_ads.py":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return opened(path, *args, **how)

    monkeypatch.setattr(Path, "open", refuse)
    refused = run(environment, "destinations", "new", "Sample Ads")
    assert refused.exit_code == 1
    assert "test_sample_ads.py cannot be written (no space left on device); nothing was written." in refused.stderr
    assert files(folders) == {}
    assert not (folders / "src/leadtrackr/destinations/sample_ads").exists()


def test_elsewhere_it_says_what_is_missing(run: Run, environment: Environment, tmp_path: Path) -> None:
    refused = run(environment, "destinations", "new", "Sample Ads")
    assert refused.exit_code == 1
    assert f"{tmp_path} is none: it has no src/leadtrackr/destinations. Clone the repository" in refused.stderr
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "no name for a destination"),
        ("1st Ads", "beginning with a letter"),
        ("../etc", "no name for a destination"),
        ("Sample  Ads", "no name for a destination"),
        ("Ünï", "letters and digits"),
        ("A" * 31, "up to 30"),
        ("SAMPLE", "no six capitals"),
        ("Ads 2026", "no three digits"),
        ("class", "something else in the code"),
        ("Json", "something else in the code"),
        ("Settings", "something else in the code"),
    ],
)
def test_a_bad_name_is_refused(run: Run, environment: Environment, folders: Path, name: str, words: str) -> None:
    refused = run(environment, "destinations", "new", "--", name)
    assert (refused.exit_code, words in refused.stderr) == (1, True), refused.stderr
    assert files(folders) == {}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the sources with a new destination in it, and its reports made."""
    found = Checkout.at(tmp_path_factory.mktemp("checkout"))
    made = json.loads(found.works('python -m leadtrackr destinations new "Sample Ads" --json'))
    assert made["files"] == WRITTEN
    found.works("\n".join(REPORTS).format(slug=SLUG))
    return found


@pytest.mark.xdist_group("skeleton")
def test_the_linters_find_nothing(checkout: Checkout) -> None:
    checkout.works("ruff format --check src tests && ruff check src tests")
    checkout.works("lint-imports --no-cache")
    checkout.works(f"mypy {' '.join(path for path in WRITTEN if path.endswith('.py'))}")


@pytest.mark.xdist_group("skeleton")
def test_it_passes_the_suite_with_nothing_changed(checkout: Checkout) -> None:
    told = checkout.works(
        f"{PYTEST} tests/destinations tests/sandbox tests/house tests/docs "
        f"-k '{SLUG} or page or report_holds or cover or order or every_query or settings'"
    )
    assert "passed" in told
    assert "skipped" not in told


@pytest.mark.xdist_group("skeleton")
@pytest.mark.parametrize(("before", "after", "test"), MISTAKES, ids=[one[2].partition("::")[2] for one in MISTAKES])
def test_a_mistake_is_found(checkout: Checkout, before: str, after: str, test: str) -> None:
    right = (checkout.root / PACKAGE).read_text()
    checkout.change(PACKAGE, "import TIDY_EMAIL,", "import BARE_EMAIL, TIDY_EMAIL,")
    checkout.change(PACKAGE, before, after)
    found = checkout.run(f"{PYTEST} -x tests/destinations/{test} -k '{SLUG} or email'")
    (checkout.root / PACKAGE).write_text(right)
    assert found.returncode == 1, found.stdout[-2000:]
    assert f"FAILED tests/destinations/{test}[" in found.stdout
