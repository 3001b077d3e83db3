"""Fixtures: a running sandbox with a clock that stands still, and a client for each platform."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from .client import Ads, Capi, Client, Clock, LinkedInApi, Mp, OpenAiApi, RedditApi, Server


@pytest.fixture
def clock() -> Clock:
    """The sandbox's clock."""
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Client]:
    """A client for a sandbox of its own."""
    server = Server(clock)
    yield Client(server.running.port)
    server.stop()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for calls that do not come back."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


@pytest.fixture
def ads(sandbox: Client) -> Ads:
    """The Data Manager API."""
    return Ads(sandbox)


@pytest.fixture
def capi(sandbox: Client) -> Capi:
    """Meta's Conversions API."""
    return Capi(sandbox)


@pytest.fixture
def mp(sandbox: Client) -> Mp:
    """GA4's Measurement Protocol."""
    return Mp(sandbox)


@pytest.fixture
def linkedin(sandbox: Client) -> LinkedInApi:
    """LinkedIn's Conversions API."""
    return LinkedInApi(sandbox)


@pytest.fixture
def reddit(sandbox: Client) -> RedditApi:
    """Reddit's Conversions API."""
    return RedditApi(sandbox)


@pytest.fixture
def openai(sandbox: Client) -> OpenAiApi:
    """OpenAI's Conversions API."""
    return OpenAiApi(sandbox)
