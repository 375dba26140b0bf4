"""Where the demo plays: a folder of its own, the sandbox, a Prefect server; everything it starts ends with it."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib import import_module
from pathlib import Path

from cli import demo_show, demo_world
from cli.prefect_api import QUIET
from cli.server import Server, environment, free_port, prefect_server
from cli.show import as_json, say
from cli.up import serve
from milepost.errors import ConfigError
from sandbox.server import Sandbox, SandboxSettings

HOME = Path(".demo")


class Stage:
    """One performance of the demo. `story_is_told` once all of it was shown."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self.story_is_told = False

    async def play(self, *, once: bool) -> None:
        """The story, and then, unless `once`, the deployments served until cancelled."""
        with demo_folder() as home:
            if not self._json:
                demo_show.show_title()
            async with _services(home, json=self._json) as (sandbox, server):
                acts = await demo_world.play(sandbox, quiet=self._json)
                if self._json:
                    as_json(demo_show.as_document(acts, sandbox))
                else:
                    demo_show.show_world(sandbox)
                    demo_show.show_places(server.address, home, up=not once)
                self.story_is_told = True
                if not once:
                    demo_world.one_more_job(sandbox)
                    await serve(server, demo_show.SERVED, run_now=demo_world.scheduled())


@contextmanager
def demo_folder() -> Iterator[Path]:
    """The demo's folder, for this demo alone, with an empty ledger each time.

    Prefect's database is put back as it was after its first start, which takes the longest. Raises ConfigError where
    another demo plays here.
    """
    home = HOME.absolute()
    try:
        home.mkdir(exist_ok=True)
        lock = (home / "lock").open("w")
    except OSError as error:
        raise ConfigError(f"The demo keeps its files in {home}, which cannot be written: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"Another demo plays in {home.parent} already. Stop it first, or start this one elsewhere."
            ) from None
        _clear(home)
        yield home


def _clear(home: Path) -> None:
    shutil.rmtree(home / "milepost", ignore_errors=True)
    prefect = home / "prefect"
    prefect.mkdir(exist_ok=True)
    for suffix in ("", "-wal", "-shm"):
        (prefect / f"prefect.db{suffix}").unlink(missing_ok=True)
    if (empty := home / "prefect-empty.db").exists():
        shutil.copyfile(empty, prefect / "prefect.db")


def _use_only(home: Path, port: int) -> None:
    """This process's environment: whatever is set for real work is left out, and no proxy is asked for loopback."""
    for name in [name for name in os.environ if name.startswith(("PREFECT_", "MILEPOST_"))]:
        del os.environ[name]
    os.environ.update(QUIET | environment(home / "prefect", port))
    os.environ["MILEPOST_HOME"] = str(home / "milepost")
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


@asynccontextmanager
async def _services(home: Path, *, json: bool) -> AsyncIterator[tuple[Sandbox, Server]]:
    """The sandbox, and a Prefect server that this process talks to from here on."""
    port = free_port()
    _use_only(home, port)
    empty = home / "prefect-empty.db"
    if not empty.exists():
        if not json:
            say("[dim]Preparing Prefect's database; this is done once …[/]")
        async with prefect_server(home / "prefect", port):
            pass
        draft = empty.with_suffix(".new")
        shutil.copyfile(home / "prefect" / "prefect.db", draft)
        draft.replace(empty)
    if not json:
        say("[dim]Starting Prefect and the sandbox …[/]")
    # Prefect takes seconds to import: meanwhile its server starts.
    importing = asyncio.create_task(asyncio.to_thread(import_module, "flows.billing"))
    try:
        async with (
            Sandbox(SandboxSettings(xero=demo_world.xero_settings())) as sandbox,
            prefect_server(home / "prefect", port) as server,
        ):
            await importing
            yield sandbox, server
    finally:
        with suppress(asyncio.CancelledError):
            await importing
