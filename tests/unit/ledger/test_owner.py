"""Which process holds a request, and whether it is gone."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from milepost.ledger import owner
from milepost.ledger.owner import is_dead, this_process

SLEEPER = "import sys; from milepost.ledger.owner import this_process; print(this_process(), flush=True); sys.stdin.read()"


def start_sleeper() -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([sys.executable, "-c", SLEEPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_this_process_is_alive_and_always_has_the_same_name() -> None:
    assert this_process() == this_process()
    assert is_dead(this_process()) is False
    assert len(this_process()) <= 200


def test_another_process_is_alive_until_it_is_killed_even_before_it_is_reaped() -> None:
    process, name = start_sleeper()
    assert name != this_process()
    assert is_dead(name) is False
    process.send_signal(signal.SIGKILL)
    until = time.monotonic() + 5
    while not is_dead(name) and time.monotonic() < until:
        time.sleep(0.01)
    assert is_dead(name) is True, "a killed process is dead though its parent has not waited for it"
    process.communicate()
    assert is_dead(name) is True


def test_a_process_that_got_the_same_pid_later_is_not_mistaken_for_it() -> None:
    place, _, rest = this_process().rpartition("|pid:")
    pid, _, started = rest.partition("@")
    assert is_dead(f"{place}|pid:{pid}@{int(started) - 1 if started.isdigit() else 'earlier'}") is True


@pytest.mark.filterwarnings("ignore:This process.*fork:DeprecationWarning")
def test_a_forked_child_has_a_name_of_its_own() -> None:
    parent = this_process()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, this_process().encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        name = told.read()
    os.waitpid(child, 0)
    assert name != parent
    assert f"|pid:{child}@" in name
    assert is_dead(name) is True
    assert is_dead(parent) is False


@pytest.mark.parametrize(
    "name",
    [
        "another-host|boot|pid:[1]|pid:1@1",
        this_process().replace("|pid:", "-other|pid:", 1),
        this_process().rpartition("@")[0] + "@",
        "a name of an older kind",
        "",
    ],
    ids=["another host", "another boot", "no start", "an older kind", "no name"],
)
def test_of_a_process_elsewhere_nothing_can_be_known(name: str) -> None:
    assert is_dead(name) is None


@pytest.mark.skipif(shutil.which("ps") is None, reason="this machine has no ps")
def test_where_there_is_no_proc_ps_tells_the_same() -> None:
    process, _ = start_sleeper()
    seen = owner._seen_by_ps(process.pid)
    assert seen is not None
    assert not seen.ended
    assert seen == owner._seen_by_ps(process.pid)
    process.kill()
    process.communicate()
    assert owner._seen_by_ps(process.pid) is None
