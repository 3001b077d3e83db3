"""The platforms that the sandbox plays: each is a package here, named by its slug, with a `Platform` in it."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any, Final

from leadtrackr import sandbox
from leadtrackr.sandbox.contract import Platform
from leadtrackr.sandbox.world import World

Make = Callable[[World], Platform[Any]]


def _found() -> Iterator[Make]:
    for module in pkgutil.iter_modules(sandbox.__path__):
        if module.ispkg:
            yield _platform(module.name)


def _platform(slug: str) -> Make:
    """The class of that slug in the package of that name. TypeError when there is none, or more than one."""
    inside: dict[str, Any] = vars(importlib.import_module(f"{sandbox.__name__}.{slug}"))
    classes = {one for one in inside.values() if isinstance(one, type) and issubclass(one, Platform)}
    played: list[Make] = [one for one in classes if getattr(one, "slug", None) == slug]
    if len(played) != 1:
        raise TypeError(f"sandbox/{slug} has {len(played)} platforms with the slug {slug!r}; it needs one.")
    return played[0]


_PLATFORMS: Final = tuple(_found())


def platforms(world: World) -> dict[str, Platform[Any]]:
    """Each platform by its slug, fresh, with its default settings."""
    return {platform.slug: platform for platform in (make(world) for make in _PLATFORMS)}
