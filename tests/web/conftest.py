from collections.abc import AsyncIterator

import pytest

from tests.support.api import Api, open_api
from tests.support.pages import Pages
from tests.support.world import World


@pytest.fixture
async def api(world: World) -> AsyncIterator[Api]:
    """The application over simulators and an empty database."""
    async with open_api(world) as opened:
        yield opened


@pytest.fixture
async def pages(api: Api) -> Pages:
    """People with browsers in front of that application."""
    return Pages(api)
