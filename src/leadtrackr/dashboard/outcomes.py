"""Every outcome in words, for everybody: where the links of the API, the command line and the receipts lead."""

from itertools import groupby

from starlette.responses import Response

from leadtrackr.conversions.outcomes import ACTIONS, ENGINE, catalogue
from leadtrackr.dashboard.rendering import platform
from leadtrackr.dashboard.visit import Visit


async def everything(visit: Visit) -> Response:
    """The whole catalogue, a table for each platform. It holds nothing of a project, so nobody has to sign in."""
    groups = [
        (slug, "LeadTrackr" if slug == ENGINE else platform(slug), list(entries))
        for slug, entries in groupby(catalogue(), lambda entry: entry.destination)
    ]
    return visit.page("outcomes.html", actions=ACTIONS, groups=groups)
