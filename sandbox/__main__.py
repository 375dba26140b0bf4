"""`python -m sandbox`: the sandbox as a process of its own; one JSON line with the addresses, then until SIGTERM."""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.seed import SEEDS
from sandbox.server import Sandbox, SandboxSettings


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A local Xero, job systems and Slack.")
    parser.add_argument("--seed", choices=sorted(SEEDS), help="fill the vendors with a world")
    parser.add_argument(
        "--ports-file", type=Path, help="keep the ports in this JSON file: the next start uses the same ones"
    )
    return parser.parse_args(argv)


async def serve(options: argparse.Namespace) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Sandbox(SandboxSettings(ports=kept_ports(options.ports_file))) as sandbox:
        if options.seed:
            SEEDS[options.seed](sandbox)
        keep_ports(options.ports_file, sandbox.urls)
        sys.stdout.write(json.dumps(sandbox.urls) + "\n")
        sys.stdout.flush()
        await stop.wait()


def kept_ports(file: Path | None) -> dict[str, int]:
    if file is None or not file.exists():
        return {}
    return {name: int(port) for name, port in json.loads(file.read_text()).items()}


def keep_ports(file: Path | None, urls: dict[str, str]) -> None:
    if file is not None:
        file.write_text(json.dumps({name: urlsplit(url).port for name, url in urls.items()}))


if __name__ == "__main__":
    asyncio.run(serve(arguments()))
