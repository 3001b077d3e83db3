"""docs/how-to/add-a-destination.md, from its first command to the first conversion, in a copy of the sources."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Environment, call, staying, until, url_of
from tests.docs.walk import Code, Commands, Step, merged, put, steps
from tests.support.checkout import ROOT, Checkout

PAGE = (ROOT / "docs" / "how-to" / "add-a-destination.md").read_text()
SLUG = "example_ads"
SUITE = "python -m pytest"
"""How the page runs the tests; here without what is this run's own."""
ALL_TESTS = "tests/destinations tests/sandbox"
STAYING = ("leadtrackr sandbox", "leadtrackr serve")


def until_it_is_sent() -> list[Step]:
    """Everything up to the servers."""
    found = list(steps(PAGE))
    first = next(at for at, step in enumerate(found) if isinstance(step, Commands) and STAYING[0] in step.text)
    return found[:first]


def with_servers() -> list[str]:
    """The commands beside the servers that stay."""
    rest = list(steps(PAGE))[len(until_it_is_sent()) :]
    assert all(isinstance(step, Commands) for step in rest)
    return [step.text for step in rest if not any(stays in step.text for stays in STAYING)]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A copy of the sources; the current folder."""
    found = Checkout.at(tmp_path / "leadtrackr")
    found.enter(monkeypatch)
    return found


@pytest.fixture
def environment(checkout: Checkout) -> Environment:
    """That of the copy."""
    return checkout.environment() | {"LEADTRACKR_SECRET_KEY": "k" * 40, "LEADTRACKR_POLL_SECONDS": "0.1"}


def test_its_code_fits_and_its_commands_work(checkout: Checkout, environment: Environment) -> None:
    on_skeleton, at_the_end = (told for step in until_it_is_sent() if "passed" in (told := _follow(checkout, step)))
    assert "failed" not in on_skeleton + at_the_end
    package = f"src/leadtrackr/destinations/{SLUG} src/leadtrackr/sandbox/{SLUG} tests/destinations/facts/{SLUG}.py"
    checkout.works(
        f"mypy {package} tests/destinations/test_{SLUG}.py && ruff check src tests && lint-imports --no-cache"
    )
    checkout.works(f"{SUITE} -n 0 tests/sandbox/test_docs.py tests/destinations/test_docs_page.py")
    with staying(environment, "sandbox", "--port", "0", until="listens at", on_stdout=True) as sandbox:
        _send(checkout, environment, sandbox.lines[-1].split()[-1])


def _follow(checkout: Checkout, step: Step) -> str:
    """Does one step; what it said."""
    if isinstance(step, Code):
        put(step, checkout.root)
        return ""
    # The tools are those of this run. That the skeleton passes every test is tested where it is made.
    if step.text.startswith("make check"):
        return ""
    if "ruff" not in step.text:
        step = Commands(step.text.replace(ALL_TESTS, "tests/destinations/test_compliance.py"))
    return checkout.works(step.text.replace(SUITE, f"{SUITE} -n 0 -p no:cacheprovider"))


def _send(checkout: Checkout, environment: Environment, sandbox_url: str) -> None:
    """The last chapter: the first conversion."""
    at_sandbox = environment | {"LEADTRACKR_SANDBOX_URL": sandbox_url}
    with staying(at_sandbox, "serve", "--port", "0", until='"listening"') as server:
        known = {"http://127.0.0.1:8900": sandbox_url, "http://127.0.0.1:8000": url_of(server)}
        connecting, sending, seeing = (_at(text, known) for text in with_servers())
        made = checkout.works(connecting, environment)
        assert "Example Ads accepts the access token." in made
        for name in ("apiKey", "conversionId"):
            sending = sending.replace(f"<{name}>", re.findall(rf"^{name} +(\S+)", made, re.MULTILINE)[0])
        assert '"status":"pending"' in checkout.works(sending, environment)
        ledger = f"{sandbox_url}/_sandbox/ledger?destination={SLUG}"
        (accepted,) = until(lambda: [row for one in call("GET", ledger)[1]["calls"] for row in one["accepted"]])
        assert (accepted["event"]["exclid"], accepted["value"], accepted["currency"]) == ("aB-1", 1250, "EUR")
        until(lambda: "Example Ads took the conversion" in checkout.works(seeing, at_sandbox))


def _at(text: str, known: dict[str, str]) -> str:
    for address, real in known.items():
        text = text.replace(address, real)
    return text


FILE = """from a import b


def first() -> int:
    return 1


@cache
def second() -> int:
    return 2
"""


def test_code_takes_the_place_of_what_has_its_name() -> None:
    found = merged(
        FILE, "from a import b, c\n\ndef new() -> int:\n    return 0\n\ndef second() -> int:\n    return 3\n"
    )
    assert re.sub(r"\n+", "\n", found) == (
        "from a import b, c\ndef first() -> int:\n    return 1\n"
        "def new() -> int:\n    return 0\ndef second() -> int:\n    return 3\n"
    )


def test_code_without_a_place_is_a_fault_of_the_page() -> None:
    with pytest.raises(AssertionError, match="third has no place"):
        merged(FILE, "def third() -> int:\n    return 3\n")
