"""API keys changed over, and projects switched off: the owner's key, another project's, a revoked one, none."""

import pytest

from leadtrackr.accounts import service as accounts
from leadtrackr.db import tables
from leadtrackr.kit.errors import Forbidden, NotFound, Unauthenticated
from tests.support.engine import World


def opens(world: World, key: str | None) -> int:
    return world.read(lambda tx: accounts.authenticate(tx, key)).id


def test_a_new_key_works_beside_the_old_one_until_that_is_revoked(world: World) -> None:
    world.project()
    project = world.rows(tables.projects)[-1].id
    second = world.run(accounts.new_key(world.db, world.ids, str(project)))
    third = world.run(accounts.new_key(world.db, world.ids, str(project)))
    assert opens(world, second) == opens(world, third) == project
    first_id, second_id, third_id = (key.id for key in world.run(accounts.keys_of(world.db, str(project))))
    world.run(accounts.revoke_key(world.db, str(project), second_id))
    with pytest.raises(Unauthenticated, match="Invalid API key"):
        opens(world, second)
    assert opens(world, third) == project
    with pytest.raises(NotFound, match="in use"):
        world.run(accounts.revoke_key(world.db, str(project), second_id))
    states = [key.revoked_at is None for key in world.run(accounts.keys_of(world.db, str(project)))]
    assert (states, first_id < third_id) == ([True, False, True], True)


def test_nobody_revokes_another_projects_key(world: World) -> None:
    world.project()
    world.project()
    mine, other = (str(row.id) for row in world.rows(tables.projects)[-2:])
    key = world.run(accounts.new_key(world.db, world.ids, mine))
    (*_, last) = world.run(accounts.keys_of(world.db, mine))
    with pytest.raises(NotFound):
        world.run(accounts.revoke_key(world.db, other, last.id))
    assert opens(world, key) == int(mine)


def test_only_hashes_are_stored(world: World) -> None:
    world.project()
    key = world.run(accounts.new_key(world.db, world.ids, str(world.rows(tables.projects)[-1].id)))
    for row in world.rows(tables.api_keys):
        assert key not in map(str, row)


def test_a_project_that_is_off_is_closed_to_its_own_key(world: World) -> None:
    world.project()
    project = str(world.rows(tables.projects)[-1].id)
    key = world.run(accounts.new_key(world.db, world.ids, project))
    world.run(accounts.set_active(world.db, project, active=False))
    with pytest.raises(Forbidden, match="inactive"):
        opens(world, key)
    world.run(accounts.set_active(world.db, project, active=True))
    assert opens(world, key) == int(project)
    with pytest.raises(Unauthenticated, match="Missing"):
        opens(world, None)
