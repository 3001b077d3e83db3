"""The platforms that the sandbox plays. A new one is one file and one line here."""

from typing import Any

from leadtrackr.sandbox.contract import Platform
from leadtrackr.sandbox.ga4 import Ga4
from leadtrackr.sandbox.google_ads import GoogleAds
from leadtrackr.sandbox.google_ads_api import GoogleAdsApi
from leadtrackr.sandbox.google_analytics_admin import GoogleAnalyticsAdmin
from leadtrackr.sandbox.google_oauth import GoogleOAuth
from leadtrackr.sandbox.meta import Meta
from leadtrackr.sandbox.world import World


def platforms(world: World) -> dict[str, Platform[Any]]:
    """Each platform by its slug, fresh, with its default settings."""
    made: tuple[Platform[Any], ...] = (
        GoogleAds(world),
        Ga4(world),
        Meta(world),
        GoogleOAuth(world),
        GoogleAdsApi(world),
        GoogleAnalyticsAdmin(world),
    )
    return {platform.slug: platform for platform in made}
