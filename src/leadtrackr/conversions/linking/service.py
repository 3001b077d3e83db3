"""Signing in at a platform: begin, finish, and complete when a setting had to be chosen in between.

A state is bound to the project, to the destination and to whoever began it; it is used once and ends after ten minutes.
No request is sent inside a transaction.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from leadtrackr.accounts import service as accounts
from leadtrackr.accounts.model import Actor, Project
from leadtrackr.conversions import connections
from leadtrackr.conversions.linking import queries
from leadtrackr.conversions.linking.means import Means, ask
from leadtrackr.conversions.linking.model import Begun, RightsMissing, Unfinished, refusal
from leadtrackr.conversions.model import Connection
from leadtrackr.db.database import Tx
from leadtrackr.destinations import registry
from leadtrackr.destinations.contract import Asked, Consent, Destination, Grant, Outcome, Returned, Settings
from leadtrackr.kit.clock import HOUR, MINUTE
from leadtrackr.kit.errors import InvalidInput, NotFound
from leadtrackr.kit.ids import hash_key

STATE_LIFE: Final = 10 * MINUTE
"""Microseconds that a person has to come back from the platform's page."""
GRANT_LIFE: Final = HOUR
"""Microseconds that access is kept while a setting, such as the account, is still to be chosen."""
BAD_STATE: Final = (
    "This sign-in was used already, is older than ten minutes, or was begun by somebody else or in another browser. "
    "Nothing was changed; begin again."
)
_REDIRECT: Final = re.compile(
    r"https://[^\s#@/?]+(/[^\s#?]*)?|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/[^\s#?]*)?"
)


class Kept(msgspec.Struct, frozen=True):
    """What a flow keeps, encrypted: settings for the connection, and the verifier until the code is exchanged."""

    values: Mapping[str, str]
    verifier: str = ""
    token: str = ""
    """An access token that came with the grant, for listing accounts."""


_kept = msgspec.json.Decoder(Kept)


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in under way. Holds secrets; never shown."""

    id: int
    project: Project
    destination: Destination
    redirect_uri: str
    kept: Kept
    expires_at: int


async def begin(
    means: Means,
    project_ref: str,
    slug: str,
    redirect_uri: str,
    *,
    values: Mapping[str, str] | None = None,
    by: Actor | None = None,
) -> Begun:
    """Begins a sign-in; `values` are settings that the connection is to get, `by` is None on the command line.

    InvalidInput for a setting that is wrong, a client that is missing, an address that is none of ours to come back
    to; NotFound for a project that is not the person's.
    """
    destination = registry.get(slug)
    consent = _consent(destination)
    if not _REDIRECT.fullmatch(redirect_uri):
        raise InvalidInput("The address to come back to is https, or http on this machine alone.", "redirect_uri")
    given = registry.tidied(destination, values or {})
    state, verifier = means.ids.oauth_state(), means.ids.oauth_verifier()

    def work(tx: Tx) -> tuple[Settings, int]:
        project = _project(tx, project_ref, by)
        settings = {**_known(tx, means, project.id, slug), **given}
        _require_client(destination, consent, settings)
        expires_at = tx.now() + STATE_LIFE
        queries.forget_old(tx)
        queries.add(
            tx,
            project_id=project.id,
            destination=slug,
            user_id=_user(by),
            state_hash=hash_key(state),
            redirect_uri=redirect_uri,
            kept=_encrypt(means, Kept(given, verifier)),
            expires_at=expires_at,
        )
        return settings, expires_at

    settings, expires_at = await means.db.write(work)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    page = consent.address(settings, Asked(redirect_uri=redirect_uri, state=state, challenge=challenge))
    return Begun(address=means.http.address_for_people(page), state=state, expires_at=expires_at)


async def finish(
    means: Means, slug: str, *, state: str, code: str | None = None, error: str | None = None, by: Actor | None = None
) -> Connection | Unfinished:
    """What the person came back with, made into a connection. The state is used up, whatever comes of it.

    InvalidInput for a state that is not theirs or a missing code; NotConnected with what the platform said;
    RightsMissing with what was not ticked.
    """
    flow = await _take(means, slug, state, by)
    consent = _consent(flow.destination)
    if error:
        raise refusal(flow.destination, consent.refused(error))
    if not code:
        raise InvalidInput("The address holds neither a code nor an error; copy it whole.", "code")
    settings = {**await _settings(means, flow), **flow.kept.values}
    returned = Returned(code=code, redirect_uri=flow.redirect_uri, verifier=flow.kept.verifier)
    answer = await ask(means, consent.exchange(settings, returned), flow.destination.limits.timeout_s)
    grant = answer if isinstance(answer, Outcome) else consent.read(answer, means.clock.now())
    if isinstance(grant, Outcome):
        raise refusal(flow.destination, grant)
    if missing := [right for right in consent.rights if right.scope not in grant.scopes]:
        raise RightsMissing(flow.destination, consent.lacking, missing)
    return await _store(means, flow, grant)


async def complete(
    means: Means, project_ref: str, slug: str, values: Mapping[str, str], *, by: Actor | None = None
) -> Connection:
    """Makes the connection of a grant that waited for these settings. NotFound when none waits (any more)."""
    flow = await waiting(means, project_ref, slug, by=by)
    if flow is None:
        raise NotFound("There is no sign-in that waits for a setting; begin again.")
    return await _connect(means, flow, {**flow.kept.values, **values})


async def waiting(means: Means, project_ref: str, slug: str, *, by: Actor | None = None) -> Flow | None:
    """The sign-in of this person that waits for a setting alone."""

    def work(tx: Tx) -> Flow | None:
        project = _project(tx, project_ref, by)
        row = queries.granted(tx, project.id, slug, _user(by))
        return None if row is None else _flow(means, project, row)

    return await means.db.read(work)


async def needed(means: Means, project_ref: str, slug: str, values: Mapping[str, str]) -> bool:
    """Whether only a sign-in is missing: the client is known, and there is no access yet."""
    destination = registry.get(slug)
    consent = destination.consent
    if consent is None:
        return False

    def work(tx: Tx) -> Settings:
        known = _known(tx, means, _project(tx, project_ref, None).id, slug)
        return registry.with_changes(destination, known, values)

    settings = await means.db.read(work)
    there = {name for name, value in settings.items() if value.strip()}
    return set(consent.client) <= there and not there.intersection(consent.credentials)


async def _take(means: Means, slug: str, state: str, by: Actor | None) -> Flow:
    def work(tx: Tx) -> Flow:
        row = queries.take(tx, hash_key(state), _user(by))
        if row is None or row.destination != slug:
            raise InvalidInput(BAD_STATE, "state")
        # Whoever began it may have lost the project since.
        return _flow(means, _project(tx, str(row.project_id), by), row)

    return await means.db.write(work)


async def _settings(means: Means, flow: Flow) -> Settings:
    return await means.db.read(lambda tx: _known(tx, means, flow.project.id, flow.destination.slug))


async def _store(means: Means, flow: Flow, grant: Grant) -> Connection | Unfinished:
    values = {**flow.kept.values, **grant.values}
    try:
        return await _connect(means, flow, values)
    except InvalidInput as error:
        if error.field is None or error.field in values:
            raise
        field, sentence = error.field, str(error)
    kept = _encrypt(means, Kept(values, token=grant.token))

    def work(tx: Tx) -> int:
        until = tx.now() + GRANT_LIFE
        queries.keep_grant(tx, flow.id, flow.project.id, kept, until)
        return until

    until = await means.db.write(work)
    return Unfinished(flow_id=flow.id, field=field, sentence=sentence, expires_at=until)


async def _connect(means: Means, flow: Flow, values: Mapping[str, str]) -> Connection:
    project, slug = flow.project, flow.destination.slug
    made = await connections.connect(means.db, means.box, project.public_id, slug, values)
    await means.db.write(lambda tx: queries.end(tx, project.id, slug))
    return made


def _project(tx: Tx, ref: str, by: Actor | None) -> Project:
    project = accounts.find_project(tx, ref)
    if by is not None and not by.can_see(project.id):
        raise NotFound("Project not found")
    return project


def _known(tx: Tx, means: Means, project_id: int, slug: str) -> Settings:
    there = (one for one in connections.in_project(tx, project_id) if one.destination == slug)
    found = next(there, None)
    return {} if found is None else connections.full_settings(found, means.box)


def _consent(destination: Destination) -> Consent:
    if destination.consent is None:
        raise InvalidInput(
            f"{destination.name} has no sign-in; enter its settings: {', '.join(f.name for f in destination.fields)}.",
            "destination",
        )
    return destination.consent


def _require_client(destination: Destination, consent: Consent, settings: Settings) -> None:
    for name in consent.client:
        if not settings.get(name):
            field = next(field for field in destination.fields if field.name == name)
            raise InvalidInput(f"{field.label} ({name}) is missing. {field.help}".strip(), name)


def _flow(means: Means, project: Project, row: Any) -> Flow:
    return Flow(
        id=row.id,
        project=project,
        destination=registry.get(row.destination),
        redirect_uri=row.redirect_uri,
        kept=_kept.decode(means.box.decrypt(row.kept).reveal()),
        expires_at=row.expires_at,
    )


def _encrypt(means: Means, kept: Kept) -> str:
    return means.box.encrypt(msgspec.json.encode(kept).decode())


def _user(by: Actor | None) -> int | None:
    return None if by is None else by.user.id
