"""Whatever a request holds, the platform's emulator answers as a platform does, and the destination can read it."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadtrackr.destinations.contract import Destination
from leadtrackr.destinations.registry import DESTINATIONS
from tests.destinations.compliance.people import whole
from tests.destinations.compliance.playing import Stage, event
from tests.destinations.making import SETTINGS, outcomes
from tests.sandbox.test_any_input import VALUES, places, put

ALL = pytest.mark.parametrize("destination", DESTINATIONS.values(), ids=list(DESTINATIONS))


@ALL
@settings(max_examples=80, deadline=None)
@given(data=st.data(), new=VALUES)
def test_a_value_of_any_kind_in_any_place(destination: Destination, data: st.DataObject, new: object) -> None:
    stage, one, slug = Stage(), event(destination.slug, whole(), 1), destination.slug
    at = max(destination.window(one, SETTINGS[slug]).opens_at, one.happened_at)
    request = destination.build([one], SETTINGS[slug], stage.token(destination, at))
    body = json.loads(request.body)
    changed = put(body, data.draw(st.sampled_from(places(body))), new)
    played = stage.play(msgspec.structs.replace(request, body=json.dumps(changed).encode()), at)
    assert played.answer.status < 500
    assert played.answer.status < 400 or not played.taken
    for outcome in outcomes(destination.read(played.response, 1)):
        assert outcome.code in destination.codes
