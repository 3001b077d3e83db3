"""The platforms that the sandbox plays. A new one is one file and one line here."""

from typing import Any

from leadtrackr.sandbox.contract import Platform
from leadtrackr.sandbox.ga4 import Ga4
from leadtrackr.sandbox.google_ads import GoogleAds
from leadtrackr.sandbox.google_ads_api import GoogleAdsApi
from leadtrackr.sandbox.google_ads_legacy import GoogleAdsLegacy
from leadtrackr.sandbox.google_analytics_admin import GoogleAnalyticsAdmin
from leadtrackr.sandbox.google_oauth import GoogleOAuth
from leadtrackr.sandbox.linkedin import LinkedIn
from leadtrackr.sandbox.linkedin_oauth import LinkedInOAuth
from leadtrackr.sandbox.meta import Meta
from leadtrackr.sandbox.microsoft import Microsoft
from leadtrackr.sandbox.microsoft_customers import MicrosoftCustomers
from leadtrackr.sandbox.microsoft_oauth import MicrosoftOAuth
from leadtrackr.sandbox.openai import OpenAi
from leadtrackr.sandbox.pinterest import Pinterest
from leadtrackr.sandbox.reddit import Reddit
from leadtrackr.sandbox.snapchat import Snapchat
from leadtrackr.sandbox.tiktok import TikTok
from leadtrackr.sandbox.webhook import Webhook
from leadtrackr.sandbox.world import World
from leadtrackr.sandbox.x import X


def platforms(world: World) -> dict[str, Platform[Any]]:
    """Each platform by its slug, fresh, with its default settings."""
    made: tuple[Platform[Any], ...] = (
        GoogleAds(world),
        GoogleAdsLegacy(world),
        Ga4(world),
        Meta(world),
        LinkedIn(world),
        Microsoft(world),
        TikTok(world),
        Pinterest(world),
        Snapchat(world),
        Reddit(world),
        X(world),
        OpenAi(world),
        Webhook(world),
        GoogleOAuth(world),
        LinkedInOAuth(world),
        MicrosoftOAuth(world),
        MicrosoftCustomers(world),
        GoogleAdsApi(world),
        GoogleAnalyticsAdmin(world),
    )
    return {platform.slug: platform for platform in made}
