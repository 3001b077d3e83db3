"""F1: the server is killed with -9 under load, again and again. What it has acknowledged is there."""

from tests.faults import checker
from tests.faults.frame import Found, Scene, exactly, fault, noted
from tests.faults.load import Load
from tests.faults.processes import eventually, furnish, sandbox, server

CLIENTS = 8


@fault("F1")
def test_f1_what_was_acknowledged_is_there_however_often_the_server_is_killed(scene: Scene) -> Found:
    kills, url = scene.pick(short=3, long=20), scene.database_url
    with furnish(url, scene.seed) as world:
        load = Load(world, CLIENTS)
    after_kill = 0
    with sandbox(scene.folder) as platforms, load:
        for _ in range(kills):
            with server(url, scene.folder, platforms.url) as running:
                load.go(running.url)
                load.wait_for(scene.chance.randint(60, 160))
                # First, so that the clients wait for the new address once they are cut off.
                load.halt()
                running.process.kill()
            after_kill += sum(checker.halves(url).values())
        with server(url, scene.folder, platforms.url) as running:
            load.go(running.url)
            load.wait_for(60)
            load.end()
            eventually(lambda: checker.unsettled(url) == 0, "everything is settled")
            running.end()
        keys = platforms.keys("meta")
    assert load.broken_off > 0, "no client ever met the kill"
    return Found(
        kills,
        (
            noted("ratings", len(load.ratings)),
            *checker.acknowledged(url, load.leads, load.ratings),
            exactly("half-writes after a kill", after_kill, 0),
            checker.half_writes(url),
            *checker.delivered(url, keys),
            load.only_fine(),
        ),
    )
