"""The platforms that the sandbox plays. A new one is one file and one line here."""

from typing import Any

from leadtrackr.sandbox.contract import Platform
from leadtrackr.sandbox.ga4 import Ga4
from leadtrackr.sandbox.google_ads import GoogleAds
from leadtrackr.sandbox.google_oauth import GoogleOAuth
from leadtrackr.sandbox.linkedin import LinkedIn
from leadtrackr.sandbox.meta import Meta
from leadtrackr.sandbox.openai import OpenAi
from leadtrackr.sandbox.reddit import Reddit
from leadtrackr.sandbox.world import World


def platforms(world: World) -> dict[str, Platform[Any]]:
    """Each platform by its slug, fresh, with its default settings."""
    made: tuple[Platform[Any], ...] = (
        GoogleAds(world),
        Ga4(world),
        Meta(world),
        LinkedIn(world),
        Reddit(world),
        OpenAi(world),
        GoogleOAuth(world),
    )
    return {platform.slug: platform for platform in made}
