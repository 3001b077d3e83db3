"""F5: the connection is lost between a COMMIT and its answer. The client asks again, and there is no second job."""

from tests.faults import checker
from tests.faults.frame import Found, Scene, exactly, fault, noted
from tests.faults.load import Load
from tests.faults.processes import Sandbox, eventually, furnish, sandbox, server
from tests.faults.proxy import HttpCable, PostgresCable
from tests.support import postgres

CLIENTS = 8
SHARE = 0.2
"""Of the COMMITs, or of the ratings, lose their answer."""


@fault("F5", databases=("postgresql",), variants=("COMMIT", "COMMIT with a key"))
def test_f5_answer_of_a_commit_is_lost_on_its_way_to_the_server(scene: Scene) -> Found:
    """The server delivers all the while, so a rating may be settled before its client asks again."""
    with postgres.server() as own, sandbox(scene.folder) as platforms:
        own.fresh("faults")
        with PostgresCable(own.socket, scene.chance, SHARE) as cable:
            with furnish(cable.url("faults"), scene.seed) as world:
                load = Load(world, CLIENTS, stubborn=True, keys=scene.variant != "COMMIT")
            with server(cable.url("faults"), scene.folder, platforms.url) as running, load:
                load.go(running.url)
                load.wait_for(10)
                cable.armed = True
                load.wait_for(scene.pick(short=200, long=2000))
                load.end()
                cable.armed = False
                eventually(lambda: checker.unsettled(own.url("faults")) == 0, "everything is settled")
                running.end()
        assert cable.cuts > 10, "the cable was hardly ever cut"
        return _found(own.url("faults"), load, cable.cuts, platforms)


@fault("F5", variants=("HTTP with a key",))
def test_f5_answer_of_the_server_is_lost_on_its_way_to_the_client(scene: Scene) -> Found:
    """With a key the first answer is given again, whenever the client asks again."""
    return _without_http(scene, keys=True)


@fault("F5", variants=("HTTP",))
def test_f5_answer_of_the_server_is_lost_and_the_client_has_no_key(scene: Scene) -> Found:
    """Without a key nothing tells a repeat from another rating but the pending job: 409, as long as it is pending."""
    return _without_http(scene, keys=False)


def _without_http(scene: Scene, *, keys: bool) -> Found:
    url, options = scene.database_url, () if keys else ("--no-worker",)
    with furnish(url, scene.seed) as world:
        load = Load(world, CLIENTS, stubborn=True, keys=keys)
    with sandbox(scene.folder) as platforms, server(url, scene.folder, platforms.url, *options) as running:
        with HttpCable(running.url, scene.chance, SHARE) as cable:
            cable.armed = True
            with load:
                load.go(cable.url)
                load.wait_for(scene.pick(short=200, long=2000))
        assert cable.cuts > 10, "the cable was hardly ever cut"
        if keys:
            eventually(lambda: checker.unsettled(url) == 0, "everything is settled")
            assert load.answers[409] == 0, "a repeat with its key was refused"
        running.end()
        return _found(url, load, cable.cuts, platforms if keys else None)


def _found(url: str, load: Load, cuts: int, platforms: Sandbox | None) -> Found:
    jobs = checker.jobs_of(url)
    return Found(
        cuts,
        (
            noted("ratings", len(load.ratings)),
            noted("409", load.answers[409]),
            exactly("second jobs", sum(count - 1 for count in jobs.values()), 0),
            load.only_fine(),
            *checker.acknowledged(url, load.leads, load.ratings),
            checker.half_writes(url),
            *(checker.delivered(url, platforms.keys("meta")) if platforms else ()),
        ),
    )
