"""What the wiring promises of the parts it connects."""

import asyncio
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from config.front_end import open_door
from config.settings import Settings
from config.wiring import connect, wires
from tests.worker.test_outages import Server


@pytest.fixture
async def server(tmp_path_factory: pytest.TempPathFactory):
    running = Server(tmp_path_factory.mktemp("r"))
    yield running
    running.stop()


@pytest.mark.parametrize("known", [True, False], ids=["open connection", "no connection yet"])
async def test_a_call_made_while_redis_restarts_is_answered(server: Server, known: bool) -> None:  # noqa: FBT001
    client = connect(server.url)
    if known:
        await server.start()
        await client.ping()
        server.stop("kill")

    asked = [asyncio.create_task(client.ping()) for _ in range(3)]
    await asyncio.wait(asked, timeout=0.3)
    await server.start()

    assert await asyncio.gather(*asked) == [True] * 3
    await client.aclose()


async def test_a_front_end_whose_redis_stays_away_says_that_it_is_not_ready(
    tmp_path: Path,
) -> None:
    nobody = SecretStr(f"unix://{tmp_path}/nobody.sock")
    settings = Settings(data_dir=tmp_path, redis_url=nobody, http_port=0, _env_file=None)

    async with wires(settings) as hand, aiohttp.ClientSession() as web:
        door = await open_door(settings, hand)
        async with web.get(f"{door.url}/readyz") as response:
            said = await response.json()
        await door.stop()

    assert response.status == 503
    assert said == {"ready": False, "parts": {"redis": False, "store": True}}
