"""`leadtrackr demo`."""

import asyncio
import signal
from typing import Final

import click

from leadtrackr.accounts import service as accounts
from leadtrackr.cli import listening
from leadtrackr.cli.demo import checks, ledger, script, telling
from leadtrackr.cli.demo.evidence import Evidence
from leadtrackr.cli.demo.play import play
from leadtrackr.cli.demo.progress import Progress
from leadtrackr.cli.demo.result import Result
from leadtrackr.cli.demo.stage import Stage, built
from leadtrackr.cli.output import json_option, show, tell
from leadtrackr.conversions import receipts
from leadtrackr.conversions.receipts import Filters
from leadtrackr.dashboard.addresses import login_link
from leadtrackr.kit.errors import LeadTrackrError

MOST: Final = 100_000
"""Conversions, far more than the play has."""


class PromiseBroken(LeadTrackrError):
    """Something that the demo promises did not happen."""


@click.command()
@click.option("--once", is_flag=True, help="End by itself; with 1 when anything that was promised did not happen.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Of the demo's server.")
@json_option
def demo(once: bool, port: int, as_json: bool) -> None:
    """See the whole way: over 200 leads, rated, delivered to every platform, emulated here, and checked.

    Starts the sandbox and a server on a database of its own, posts leads over HTTP as the real client programs do,
    rates them over HTTP, waits for delivery and shows a table of every lead and every platform, what was not sent and
    why, and what went wrong on purpose. The table is in words where the terminal has about 155 columns, and in single
    letters elsewhere. Nothing leaves this machine, and nothing is left behind. Without --once the server stays until
    Ctrl-C.
    """
    try:
        ok = listening.run(lambda: _run(once=once, port=port, as_json=as_json))
    except asyncio.CancelledError:
        raise click.Abort from None
    if not ok:
        raise PromiseBroken("Not everything that the demo promises happened.")


async def _run(*, once: bool, port: int, as_json: bool) -> bool:
    _leave_when_told()
    progress = Progress()
    progress.step("Starting the emulated platforms and a server on a database of its own")
    async with built(port) as stage:
        result = await _result(stage, progress)
        show(telling.data(result, stage), telling.text(result, stage.names), as_json=as_json)
        if not once:
            tell(_invitation(stage, await _login_link(stage)))
            await listening.stop_signal().wait()
    return result.ok


def _leave_when_told() -> None:
    """A kill and a terminal that is closed end the demo like Ctrl-C, so that its temporary folder goes too.

    Not what is to outlive its terminal, as `nohup` says it.
    """
    loop, playing = asyncio.get_running_loop(), asyncio.current_task()

    def leave() -> None:
        # Once: a terminal's end is often told twice, and the second must not break into the cleaning up.
        if playing is not None and not playing.cancelling():
            playing.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            loop.add_signal_handler(number, leave)


async def _result(stage: Stage, progress: Progress) -> Result:
    run = await play(stage, script.write(), progress)
    progress.step("Comparing what the database says with what the platforms have")
    evidence = Evidence(
        run=run,
        receipts=await receipts.listing(stage.parts.db, stage.project_id, Filters(limit=MOST)),
        leads_in_api=await _leads_in_api(stage),
        ledger=await ledger.read(stage.http, stage.sandbox_url),
    )
    checked = checks.check(evidence)
    progress.done()
    return Result(evidence=evidence, checks=checked, seconds=progress.seconds)


async def _leads_in_api(stage: Stage) -> int:
    headers = {"X-API-Key": stage.api_key}
    async with stage.http.get(f"{stage.url}/api/leads/getLeads", params={"limit": "1"}, headers=headers) as response:
        return int((await response.json())["total"])


async def _login_link(stage: Stage) -> str:
    invitation = await accounts.invite(stage.parts.db, stage.parts.ids, email="demo@example.com", admin=True)
    return login_link(stage.url, invitation.token)


def _invitation(stage: Stage, link: str) -> str:
    return f"""
The server stays at {stage.url} until Ctrl-C, and is gone then, with its database.
  The dashboard, by a link that signs in once:
                         {link}
  The API's reference:   {stage.url}/api/docs
  The leads:             curl -H 'X-API-Key: {stage.api_key}' '{stage.url}/api/leads/getLeads?limit=2'
  A lead of your own:    curl {stage.url}/api/leads/createLead -H 'Content-Type: application/json' \\
                           -d '{{"projectId": "{stage.project_number}", "userData": {{"email": "you@example.com"}}}}'
  Rate it as a deal:     curl {stage.url}/api/leads/updateLeadStatus -H 'Content-Type: application/json' \\
                           -H 'X-API-Key: {stage.api_key}' \\
                           -d '{{"email": "you@example.com", "conversionId": "{_deal(stage)}", "price": 125000}}'
  What the emulated platforms have taken: {stage.sandbox_url}/_sandbox/ledger"""


def _deal(stage: Stage) -> str:
    return stage.conversion_ids[script.To.DEAL]
