"""Projects and labels, on both databases."""

import pytest

from .conftest import Environment, Run, data


@pytest.fixture
def project(run: Run, on: Environment) -> str:
    """A project's public id."""
    return str(data(run(on, "project", "create", "My site", "--json"))["projectId"])


def test_a_project_is_made_and_listed(run: Run, on: Environment) -> None:
    made = data(run(on, "project", "create", "My site", "--currency", "jpy", "--country", "jp", "--json"))
    assert made.keys() == {"projectId", "projectNumber", "apiKey"}
    assert made["apiKey"].startswith("ltk_")
    assert data(run(on, "project", "list", "--json"))["projects"] == [
        {
            "projectId": made["projectId"],
            "projectNumber": made["projectNumber"],
            "name": "My site",
            "currency": "JPY",
            "country": "JP",
            "active": True,
        }
    ]


def test_the_same_for_people(run: Run, on: Environment) -> None:
    assert "leadtrackr project create" in run(on, "project", "list").stdout
    made = run(on, "project", "create", "太郎の店")
    assert [line.split()[0] for line in made.stdout.splitlines()] == ["projectId", "projectNumber", "apiKey"]
    assert "not shown again" in made.stderr
    listed = run(on, "project", "list").stdout
    assert "太郎の店" in listed
    assert made.stdout.split()[-1] not in listed


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ((" ",), "A project needs a name."),
        (("x", "--currency", "EURO"), "EURO is not an ISO 4217 currency code, such as EUR."),
        (("x", "--country", "XX"), "XX is not an ISO 3166 country code, such as NL."),
    ],
)
def test_a_project_that_cannot_be(run: Run, on: Environment, args: tuple[str, ...], sentence: str) -> None:
    result = run(on, "project", "create", *args)
    assert (result.exit_code, result.stderr.strip()) == (1, f"Error: {sentence}")
    assert data(run(on, "project", "list", "--json"))["projects"] == []


def test_labels_are_made_in_a_path(run: Run, on: Environment, project: str) -> None:
    events = ("--event", "meta=QualifiedLead", "--event", "google_ads= 987 ")
    first = data(run(on, "label", "create", project, "Qualified", *events, "--json"))
    after = ("--after", "qualified", "--done", "--convert-once", "--take-back")
    second = data(run(on, "label", "create", project, "Deal signed", *after, "--json"))
    assert first["events"] == {"meta": "QualifiedLead", "google_ads": "987"}
    assert (second["after"], second["path"]) == (["Qualified"], ["Qualified"])
    assert (second["done"], second["convertOnce"], second["takeBack"]) == (True, True, True)
    assert first["takeBack"] is False
    listed = data(run(on, "label", "list", "1" if project == "1" else project, "--json"))["labels"]
    assert [one["name"] for one in listed] == ["Qualified", "Deal signed", "Lost"]
    assert listed[2]["conversionId"] == "lost"
    assert "google_ads=987, meta=QualifiedLead" in run(on, "label", "list", project).stdout or (
        "meta=QualifiedLead, google_ads=987" in run(on, "label", "list", project).stdout
    )


def test_the_number_names_a_project_too(run: Run, on: Environment, project: str) -> None:
    number = data(run(on, "project", "list", "--json"))["projects"][0]["projectNumber"]
    assert run(on, "label", "create", str(number), "Qualified").stdout.startswith("conversionId  ")
    assert len(data(run(on, "label", "list", project, "--json"))["labels"]) == 2


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--event", "meta"), "'meta' is no event; write DESTINATION=VALUE"),
        (("--event", "myspace=x"), "There is no destination 'myspace'"),
        (("--event", "google_ads=customers/1/conversionActions/2"), "Enter the conversion action's number alone"),
        (("--event", "meta=A", "--event", "meta=B"), "meta is given twice"),
        (("--after", "Nowhere"), "This project has no label called Nowhere."),
    ],
)
def test_a_label_that_cannot_be(run: Run, on: Environment, project: str, args: tuple[str, ...], words: str) -> None:
    result = run(on, "label", "create", project, "Qualified", *args)
    assert result.exit_code == 1
    assert words in result.stderr
    assert len(data(run(on, "label", "list", project, "--json"))["labels"]) == 1


def test_a_project_that_is_not_there(run: Run, on: Environment) -> None:
    for args in (("label", "list", "77"), ("conversions", "list", "77"), ("destinations", "check", "77")):
        result = run(on, *args)
        assert (result.exit_code, result.stderr.strip()) == (1, "Error: Project not found")


def test_a_key_is_changed_over(run: Run, on: Environment, project: str) -> None:
    made = data(run(on, "project", "key", "create", project, "--json"))
    first, second = data(run(on, "project", "key", "list", project, "--json"))["keys"]
    assert made["apiKey"].endswith(second["endsWith"])
    assert data(run(on, "project", "key", "revoke", project, str(first["id"]), "--json")) == {"revoked": first["id"]}
    listed = run(on, "project", "key", "list", project).stdout
    assert "revoked" in listed
    assert made["apiKey"] not in listed


def test_a_project_is_switched_off_and_on(run: Run, on: Environment, project: str) -> None:
    assert data(run(on, "project", "deactivate", project, "--json")) == {"active": False}
    assert data(run(on, "project", "list", "--json"))["projects"][0]["active"] is False
    assert "is on" in run(on, "project", "activate", project).stdout
