"""`leadtrackr user`."""

import click

from leadtrackr.accounts import service as accounts
from leadtrackr.accounts.model import Role
from leadtrackr.cli.desk import Desk, at_desk
from leadtrackr.cli.output import json_option, pairs, show, tell
from leadtrackr.dashboard.addresses import login_link
from leadtrackr.kit.clock import iso_millis


@click.group()
def user() -> None:
    """People who may sign in to the dashboard."""


@user.command("create")
@click.argument("email")
@click.option("--admin", is_flag=True, help="May see every project.")
@click.option("--project", "projects", multiple=True, metavar="PROJECT", help="May see this one; may be given again.")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.MEMBER.value, show_default=True)
@json_option
def create_user(email: str, admin: bool, projects: tuple[str, ...], role: str, as_json: bool) -> None:
    """Let the person with the address EMAIL sign in, and print a login link, which works once within a day.

    For somebody who is known already it prints a new link; projects and --admin are added to what they may see.
    """

    async def work(desk: Desk) -> dict[str, object]:
        made = await accounts.invite(
            desk.db, desk.ids, email=email, admin=admin, project_refs=projects, role=Role(role)
        )
        return {
            "userId": made.user.id,
            "email": made.user.email,
            "admin": made.user.is_admin,
            "created": made.created,
            "loginLink": login_link(desk.settings.base_url, made.token),
            "expiresAt": iso_millis(made.expires_at),
        }

    data = at_desk(work)
    show(data, pairs({name: data[name] for name in ("email", "loginLink", "expiresAt")}), as_json=as_json)
    if not (admin or projects or data["admin"]) and data["created"]:
        tell("This person sees no project yet. Run it again with --project PROJECT, or with --admin.")
