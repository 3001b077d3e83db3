"""The lists of leads, and one lead with its receipt."""

from typing import Final

import msgspec
from markupsafe import Markup
from starlette.responses import Response

from leadtrackr.accounts.model import Project
from leadtrackr.conversions import receipts
from leadtrackr.conversions.model import State
from leadtrackr.dashboard import lead_data
from leadtrackr.dashboard.receipt import Standing, at_a_glance, groups
from leadtrackr.dashboard.rendering import lead_name, moment, money
from leadtrackr.dashboard.visit import Visit
from leadtrackr.kit.errors import InvalidInput, NotFound
from leadtrackr.labels import service as labels
from leadtrackr.leads import service
from leadtrackr.leads.listing import LONGEST_SEARCH
from leadtrackr.leads.model import Lead
from leadtrackr.leads.tabs import COUNTED, Tab, tab_of

_BAD_SEARCH: Final = f"Search for at least 2 and at most {LONGEST_SEARCH} characters. The whole list is shown."
_LAST_PAGE: Final = 1_000_000


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One lead in a list."""

    id: int
    name: str
    contact: str
    label: str
    price: str
    form: str
    created_at: Markup
    platforms: list[tuple[Standing, list[str]]]


async def tab(visit: Visit) -> Response:
    """One page of Open, Pending or Rated."""
    project = await visit.project()
    params = visit.request.query_params
    chosen = Tab(params["list"]) if params.get("list") in set(Tab) else Tab.OPEN
    search, problem = params.get("search", "").strip(), None
    number = _page(params.get("page", ""))
    db = visit.context.db
    try:
        page = await service.list_tab(db, project, chosen, search=search, page=number)
    except InvalidInput:
        problem = _BAD_SEARCH
        page = await service.list_tab(db, project, chosen, search="", page=1)
    standings = await receipts.standings(db, project.id, [lead.id for lead in page.leads])
    names = {label.id: label.name for label in await labels.listing(db, project.public_id)}
    return visit.page(
        "leads.html",
        project=project,
        section="leads",
        tab=chosen,
        tabs=[(each, f"{count:,}{'+' * (count == COUNTED)}") for each, count in page.counts.items()],
        total=sum(page.counts.values()),
        page=page,
        rows=[_row(project, lead, names, standings.get(lead.id, {})) for lead in page.leads],
        search=search,
        problem=problem,
        base_url=visit.context.base_url,
    )


async def one(visit: Visit) -> Response:
    """One lead: its receipt, and everything that came with it."""
    project = await visit.project()
    db = visit.context.db
    lead = await service.get_of(db, project, _lead_id(visit.part("lead")))
    ratings = await receipts.of_lead(db, project.id, lead.id)
    names = {label.id: label.name for label in await labels.listing(db, project.public_id)}
    return visit.page(
        "lead.html",
        project=project,
        section="leads",
        lead=lead,
        tab=tab_of(lead),
        label=names.get(lead.label_id or 0),
        groups=groups(ratings),
        brought=lead_data.of(lead),
    )


def _row(project: Project, lead: Lead, names: dict[int, str], states: dict[str, State]) -> Row:
    name = lead_name(lead)
    contact = next((text for text in (lead.email, lead.phone, lead.company_name) if text and text != name), "")
    return Row(
        id=lead.id,
        name=name,
        contact=contact,
        label=names.get(lead.label_id or 0, ""),
        price="" if lead.price is None else money(lead.price, project.currency),
        form=lead.form_name or "",
        created_at=moment(lead.created_at),
        platforms=at_a_glance(states),
    )


def _page(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 7 else 1
    return min(max(number, 1), _LAST_PAGE)


def _lead_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound("Lead not found")
    return int(text)
