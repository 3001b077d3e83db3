"""What may leave and what may not: click ids, hashed data, and nothing that a person could read."""

import re
from collections.abc import Iterator
from typing import Final

from leadtrackr.cli.demo.evidence import Check, Evidence, checked, sha256
from leadtrackr.cli.demo.foretold import CLICK_IDS
from leadtrackr.cli.demo.people import Person, person
from leadtrackr.cli.demo.play import Played
from leadtrackr.cli.demo.situations import Consent
from leadtrackr.conversions.receipts import Receipt

NO_PERSONAL_DATA: Final = frozenset({Consent.NO_PERSONAL_DATA, Consent.DENIED})
_ANALYTICS: Final = "cid"
"""Of no ad, so that consent to ads says nothing of it."""
_DIGEST: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_READABLE: Final = re.compile(r"[\w.'+-]+@[\w.-]+|\+\d{8,15}")


def click_ids(found: Evidence) -> Check:
    """Each id at its own platform, and nowhere else."""
    wrong: list[str] = []
    reached = 0
    for one in found.delivered():
        played, texts = found.by_lead.get(one.lead_id), [row.text for row in found.rows(one)]
        for name, value in (played.ids if played else {}).items():
            there = any(value in text for text in texts)
            reached += there
            if texts and there != _belongs(name, one, played):
                wrong.append(f"{name} of lead {one.lead_id} {'is' if there else 'is not'} at {one.destination}")
    names = {name for own in CLICK_IDS.values() for name in own}
    kept = f"ids of {len(names)} kinds, {reached} times in an event of their platform, in none of another"
    return checked("Click ids reach their own platform alone, letter for letter", wrong, kept)


def _belongs(name: str, one: Receipt, played: Played | None) -> bool:
    denied = played is not None and played.scene.situation.consent == Consent.DENIED
    return name in CLICK_IDS[one.destination] and (name == _ANALYTICS or not denied)


def without_consent(found: Evidence) -> Check:
    """With a control: the same digests of people who did not deny are there, so the comparison means something."""
    digests_there = set(_DIGEST.findall(found.ledger.text))
    sent_to_meta = {one.lead_id for one in found.delivered() if one.destination == "meta"}
    wrong, denied, control = list(_digests_of_denied(found)), 0, 0
    for one in found.run.played:
        who = person(one.scene.number)
        if one.scene.situation.consent in NO_PERSONAL_DATA:
            denied += 1
            wrong += [f"lead {one.lead_id}: its {what}" for what, digest in digests(who) if digest in digests_there]
            if sha256(str(one.lead_id)) in digests_there:
                wrong.append(f"lead {one.lead_id}: its number")
        elif one.scene.situation.email and one.lead_id in sent_to_meta:
            control += 1
            if sha256(who.email.lower()) not in digests_there:
                wrong.append(f"lead {one.lead_id}: its e-mail address is missing although consent was not denied")
    promise = "Without consent nothing personal leaves"
    kept = f"{denied} people denied; none of their hashed data is in the ledger (of {control} others it is)"
    return checked(promise, wrong or (["nobody to compare"] if not (denied and control) else []), kept)


def _digests_of_denied(found: Evidence) -> Iterator[str]:
    """Events of people who denied that hold any digest at all, such as one of a name or an IP address."""
    for one in found.delivered():
        played = found.by_lead.get(one.lead_id)
        if played is not None and played.scene.situation.consent in NO_PERSONAL_DATA:
            for row in found.rows(one):
                if _DIGEST.search(row.text.lower()):
                    yield f"lead {one.lead_id}: a digest at {one.destination}"


def hashes_only(found: Evidence) -> Check:
    """No address and no number that somebody could read."""
    readable = set(_READABLE.findall(found.ledger.text))
    people = [person(one.scene.number) for one in found.run.played]
    wrong = [who.email for who in people if who.email.lower() in readable]
    wrong += [who.e164 for who in people if who.e164 in readable]
    return checked("Addresses and numbers leave as hashes only", wrong, f"none of {len(people)} people is readable")


def digests(who: Person) -> list[tuple[str, str]]:
    """What a platform could be sent of a person's own: SHA-256 of the address, with the dots before the @ and without,
    and of the number, with + and without.
    """
    name, _, domain = who.email.lower().partition("@")
    return [
        ("e-mail address", sha256(f"{name}@{domain}")),
        ("e-mail address", sha256(f"{name.replace('.', '')}@{domain}")),
        ("phone number", sha256(who.e164)),
        ("phone number", sha256(who.e164.lstrip("+"))),
    ]
