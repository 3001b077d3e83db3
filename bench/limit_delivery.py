"""The limit of the delivery row: a bare loop that posts the same bodies, one after the other.

`python -m bench.limit_delivery SANDBOX_URL FILE` prints one JSON line. FILE holds a msgspec-encoded list of bodies.
"""

import sys
import time
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
import uvloop

_GRANT: Final = {
    "grant_type": "refresh_token",
    "client_id": "client",
    "client_secret": "secret",
    "refresh_token": "refresh",
}


async def _run(url: str, bodies: list[bytes]) -> float:
    async with aiohttp.ClientSession() as session:
        started = time.perf_counter()
        async with session.post(f"{url}/google_oauth/token", data=_GRANT) as answer:
            token = (await answer.json())["access_token"]
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        for body in bodies:
            async with session.post(f"{url}/google_ads/v1/events:ingest", data=body, headers=headers) as answer:
                assert answer.status == 200, await answer.text()
                await answer.read()
        return time.perf_counter() - started


def main() -> None:
    """Posts what the command line names."""
    bodies = msgspec.msgpack.decode(Path(sys.argv[2]).read_bytes(), type=list[bytes])
    print(msgspec.json.encode({"seconds": uvloop.run(_run(sys.argv[1], bodies))}).decode())


if __name__ == "__main__":
    main()
