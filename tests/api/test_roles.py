"""Every route × role × firm: who is below the role a route declares is refused, whoever's firm it is."""

import pytest

from app.edge.operating import PREFIX
from app.edge.principals import Role
from tests.api.test_walls import PUBLIC, fill, operations
from tests.support.api import Api
from tests.support.world import World

ADMIN = frozenset(
    """
    api_key_create api_key_list api_key_revoke api_key_rotate audit_event_list auth_begin
    auth_revoke connection_change connection_disconnect connection_initiate_oauth
    connection_oauth_callback connection_select_company firm_change integration_connect webhook_event_replay
    """.split()
)

IDS = dict.fromkeys(
    """
    account_id client_id connection_id entry_id export_log_id import_batch_id invoice_id key_id payment_id
    record_id run_id suggestion_id transaction_id firm_id
    """.split(),
    999_999,
)


def needed(name: str, method: str) -> Role:
    """The role a route must ask for: reading is a viewer's, changing a member's, connecting and keys an admin's."""
    if name in ADMIN:
        return Role.admin
    return Role.viewer if method == "GET" and name != "auth_refresh" else Role.member


@pytest.mark.parametrize("role", list(Role))
async def test_each_route_refuses_whoever_is_below_its_role(world: World, api: Api, role: Role) -> None:
    caller = await api.caller(await world.firm(), role)
    wrong = {}
    for name, method, path in operations(api):
        if name in PUBLIC:
            continue
        params = {"seconds": 0} if name == "run_live" else {}
        answer = await caller.request(method, fill(path, IDS), params=params, json={} if method != "GET" else None)
        assert answer.status_code != 401, name
        allowed = role.covers(needed(name, method)) and not path.startswith(PREFIX)  # those are no firm's at all
        if (answer.status_code == 403) is allowed:
            wrong[name] = answer.status_code
    assert wrong == {}


async def test_the_lists_above_name_real_routes(api: Api) -> None:
    names = {name for name, _, _ in operations(api)}
    assert names >= ADMIN
