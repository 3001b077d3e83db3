"""The sandbox's own addresses, under `/_sandbox/`: ledger, faults, settings."""

from typing import Any

import msgspec
from aiohttp import web

from leadtrackr.sandbox.faults import FaultError, field_of, parse
from leadtrackr.sandbox.ledger import without_bodies
from leadtrackr.sandbox.sandbox import Sandbox

CLOCK = "sandbox"
"""The section of the settings that belongs to no platform."""


class ClockSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`clock_offset_s`: seconds added to the clock of every platform."""

    clock_offset_s: float = 0


class Control:
    """The handlers; each answers JSON."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[web.RouteDef]:
        """All addresses of the sandbox itself."""
        return [
            web.get("/_sandbox/ledger", self.get_ledger),
            web.delete("/_sandbox/ledger", self.delete_ledger),
            web.get("/_sandbox/ledger/summary", self.get_summary),
            web.get("/_sandbox/ledger/keys", self.get_keys),
            web.get("/_sandbox/faults", self.get_faults),
            web.put("/_sandbox/faults", self.put_faults),
            web.delete("/_sandbox/faults", self.delete_faults),
            web.get("/_sandbox/settings", self.get_settings),
            web.put("/_sandbox/settings", self.put_settings),
            web.delete("/_sandbox/settings", self.delete_settings),
            web.route("*", "/_sandbox{rest:.*}", self.unknown),
        ]

    async def get_ledger(self, request: web.Request) -> web.Response:
        """`?destination=`, `?since=` (a call number), `?bodies=0`."""
        since = request.query.get("since", "0")
        if not since.isdigit():
            return _refuse("since", "since is the number of a call.")
        calls = self._sandbox.ledger.calls(request.query.get("destination"), int(since))
        if request.query.get("bodies") == "0":
            calls = without_bodies(calls)
        return _json({"calls": calls})

    async def delete_ledger(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Empty the ledger; the platforms forget what they took."""
        self._sandbox.ledger.clear()
        for platform in self._sandbox.platforms.values():
            platform.forget()
        return web.Response(status=204)

    async def get_summary(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Totals per destination."""
        return _json({"destinations": self._sandbox.ledger.summary()})

    async def get_keys(self, request: web.Request) -> web.Response:
        """`?destination=`: every dedup key accepted, with how often and its last value."""
        destination = request.query.get("destination", "")
        if destination not in self._sandbox.platforms:
            return _refuse("destination", "Give the destination whose keys are wanted.")
        return _json({"keys": self._sandbox.ledger.keys(destination)})

    async def get_faults(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """All faults with their counts."""
        return _json({"faults": self._sandbox.faults.view()})

    async def put_faults(self, request: web.Request) -> web.Response:
        """Add one fault or a list of them."""
        known = {slug: platform.takes_events for slug, platform in self._sandbox.platforms.items()}
        try:
            faults = parse(await request.read(), known)
        except FaultError as error:
            return _refuse(error.field, str(error))
        self._sandbox.faults.add(faults)
        return await self.get_faults(request)

    async def delete_faults(self, request: web.Request) -> web.Response:
        """Remove all faults, or those of `?destination=`; calls that hang are cut off."""
        self._sandbox.faults.clear(request.query.get("destination"))
        return web.Response(status=204)

    async def get_settings(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """All settings by platform."""
        platforms = self._sandbox.platforms
        shown: dict[str, Any] = {slug: platform.settings for slug, platform in platforms.items()}
        return _json({**shown, CLOCK: ClockSettings(self._sandbox.world.offset / 1_000_000)})

    async def put_settings(self, request: web.Request) -> web.Response:
        """Change the settings given, by platform; the others stay."""
        try:
            sections = msgspec.json.decode(await request.read(), type=dict[str, dict[str, Any]])
            changed = {name: self._merge(name, section) for name, section in sections.items()}
        except FaultError as error:
            return _refuse(error.field, str(error))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _refuse("", f"The settings must be an object of objects by platform: {error}.")
        for name, settings in changed.items():
            self._apply(name, settings)
        return await self.get_settings(request)

    async def delete_settings(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Set everything back to its default."""
        for name in [*self._sandbox.platforms, CLOCK]:
            self._apply(name, self._kind(name)())
        return web.Response(status=204)

    async def unknown(self, request: web.Request) -> web.Response:
        """Anything else under `/_sandbox`."""
        sentence = f"The sandbox has nothing at {request.method} {request.path}."
        return web.Response(status=404, body=msgspec.json.encode({"error": sentence}), content_type="application/json")

    def _kind(self, name: str) -> type[msgspec.Struct]:
        if name == CLOCK:
            return ClockSettings
        return type(self._sandbox.platforms[name].settings)

    def _merge(self, name: str, section: dict[str, Any]) -> msgspec.Struct:
        if name != CLOCK and name not in self._sandbox.platforms:
            raise FaultError(name, f"No platform is called {name!r}.")
        current = ClockSettings() if name == CLOCK else self._sandbox.platforms[name].settings
        try:
            return msgspec.convert({**msgspec.to_builtins(current), **section}, self._kind(name))
        except msgspec.ValidationError as error:
            field = field_of(str(error))
            raise FaultError(f"{name}.{field}", f"{name}: {error}.") from error

    def _apply(self, name: str, settings: msgspec.Struct) -> None:
        if isinstance(settings, ClockSettings):
            self._sandbox.world.offset = int(settings.clock_offset_s * 1_000_000)
        else:
            self._sandbox.platforms[name].configure(settings)


def _json(body: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")


def _refuse(field: str, sentence: str) -> web.Response:
    return web.Response(
        status=400, body=msgspec.json.encode({"field": field, "error": sentence}), content_type="application/json"
    )
