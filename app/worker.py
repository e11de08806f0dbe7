"""The background worker: as many processes on as many machines as there is work for."""

import asyncio
import signal

import structlog

from app import jobs
from app.logs import configure_logs
from app.runtime import open_runtime
from app.settings import Settings

log = structlog.get_logger(__name__)


async def work(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, then finish what is in hand. Open it with settings that passed `load_settings`."""
    configure_logs(settings.log_level)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    log.info("worker_started")
    async with open_runtime(settings) as runtime:
        await jobs.run_worker(runtime, stop)
