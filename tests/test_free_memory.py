"""How much memory is free, as the machine, the control groups and `ulimit` say; and what is said when it is short."""

from __future__ import annotations

import re
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command_lines import COMMANDS, command_of
from conftest import PATIENCE, Result, program_line

from rnncli.commands.groups import GroupedCommand
from rnncli.system import memory
from rnncli.system.memory import RESERVE, free_bytes

Run = Callable[..., Result]

MB = 1 << 20
V2 = "30 25 0:26 {top} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "31 25 0:27 {top} /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n"
OTHER = "22 25 0:22 / /proc rw,nosuid shared:12 - proc proc rw\n"


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., Path]:
    """Lay out what Linux tells of a machine with 4,000 MB free, and of control groups."""

    def lay(own: str, mounts: str, groups: dict[str, dict[str, object]] | None = None) -> Path:
        files = {
            "proc/meminfo": f"MemTotal: 8192000 kB\nMemFree: 10 kB\nMemAvailable: {4000 * 1024} kB\n",
            "proc/self/cgroup": own,
            "proc/self/mountinfo": OTHER + mounts,
        }
        for folder, contents in (groups or {}).items():
            files |= {f"sys/fs/cgroup/{folder}/{name}": f"{value}\n" for name, value in contents.items()}
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return lay


def group2(limit: object, used: int, cached: int = 0) -> dict[str, object]:
    return {
        "memory.max": limit,
        "memory.current": used * MB,
        "memory.stat": f"anon 5\nfile {cached * MB}\ninactive_file {cached * MB}",
    }


def group1(limit: int, used: int, cached: int = 0) -> dict[str, object]:
    stat = f"cache 7\ninactive_file 0\ntotal_inactive_file {cached * MB}"
    return {"memory.limit_in_bytes": limit, "memory.usage_in_bytes": used * MB, "memory.stat": stat}


def free(root: Path) -> int | None:
    found = free_bytes(str(root))
    return None if found is None else found // MB


def test_the_machine_is_asked_for_what_is_available_and_not_for_what_is_unused(machine: Callable[..., Path]) -> None:
    assert free(machine("0::/\n", V2.format(top="/"))) == 4000


def test_what_a_group_keeps_of_files_counts_as_free(machine: Callable[..., Path]) -> None:
    root = machine("0::/mine\n", V2.format(top="/"), {"mine": group2(1000 * MB, used=990, cached=900)})
    assert free(root) == 910
    root = machine("4:memory:/mine\n0::/\n", V1.format(top="/"), {"memory/mine": group1(1000 * MB, 990, cached=900)})
    assert free(root) == 910


def test_the_own_group_and_every_group_above_it_is_looked_at(machine: Callable[..., Path]) -> None:
    groups = {
        "": {},
        "user": group2("max", used=1),
        "user/session": group2(800 * MB, used=300),
        "user/session/job": group2(700 * MB, used=50),
    }
    assert free(machine("0::/user/session/job\n", V2.format(top="/"), groups)) == 500
    groups["user/session/job"] = group2(100 * MB, used=50)
    assert free(machine("0::/user/session/job\n", V2.format(top="/"), groups)) == 50
    # A group beside it is not its concern.
    groups["user/other"] = group2(10 * MB, used=9)
    assert free(machine("0::/user/session/job\n", V2.format(top="/"), groups)) == 50


def test_groups_of_version_1_are_looked_at_where_memory_is_counted(machine: Callable[..., Path]) -> None:
    groups = {"memory/user": group1(600 * MB, 100), "memory/user/job": group1(2**63 - 4096, 50)}
    own = "9:name=systemd:/elsewhere\n5:cpu,cpuacct:/elsewhere\n4:memory:/user/job\n0::/elsewhere\n"
    assert free(machine(own, V1.format(top="/"), groups)) == 500


@pytest.mark.parametrize("own", ["0::/docker/1a2b\n", "0::/\n", "0::/../outside\n"])
def test_in_a_container_the_group_is_where_its_files_are_mounted(own: str, machine: Callable[..., Path]) -> None:
    top = "/docker/1a2b" if "docker" in own else "/"
    assert free(machine(own, V2.format(top=top), {"": group2(300 * MB, used=100)})) == 200


def test_what_is_used_beyond_the_limit_leaves_nothing(machine: Callable[..., Path]) -> None:
    assert free(machine("0::/mine\n", V2.format(top="/"), {"mine": group2(100 * MB, used=120)})) == 0


def test_what_the_system_does_not_say_is_left_out(machine: Callable[..., Path], tmp_path: Path) -> None:
    assert free(machine("nonsense\n", "nonsense\n")) == 4000
    assert free(machine("0::/mine\n", V2.format(top="/"), {"mine": {"memory.max": "many"}})) == 4000
    broken = group2(1000 * MB, used=100) | {"memory.stat": "inactive_file"}
    assert free(machine("0::/mine\n", V2.format(top="/"), {"mine": broken})) == 900
    empty = tmp_path / "empty"
    empty.mkdir()
    assert (free(empty) or 0) > 0  # the memory that the machine has


def test_on_this_machine_some_memory_is_free() -> None:
    found = free_bytes()
    assert found is not None
    assert found > RESERVE


def test_what_is_set_aside_is_said(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncli.engine.memory.free_bytes", lambda: RESERVE)
    result = rnncli("forward", "input:8,rnn:3")
    assert (result.status, result.stdout) == (1, "")
    taken = re.search(
        r"take (\d+) B for its weights, (.*) KB for its run and 32.00 MB for Python, (.*) KB more than the 32.00 MB ",
        result.stderr,
    )
    assert taken, result.stderr
    weights, run, more = map(float, taken.groups())
    assert more == pytest.approx(weights / 1024 + run, abs=0.01)


LIMITED = 'ulimit -v 120000; "$@"'  # KiB
MANY = "input:8,lstm:{1..2000}:seq,gru:{1..2000}"


@pytest.mark.parametrize("options", [("--sort", "params"), ("--sort=-memory",), ("--top", "3M")], ids=str)
def test_a_sweep_that_is_sorted_says_how_to_take_less_memory(options: tuple[str, ...], program: Run) -> None:
    result = program("sweep", MANY, "-f", "csv", *options, shell=LIMITED)
    assert (result.status, result.stdout) == (1, "")
    assert re.search(r"^Error: .*(candidates to sort are in memory|out of memory)", result.stderr, re.MULTILINE)
    assert result.stderr.splitlines()[-1] == "Help: --top N keeps little more than the first N in memory"


@pytest.mark.parametrize(
    ("options", "helps"),
    [
        (("--top", "2"), None),
        (("--pareto", "params"), None),
        (("--sort", "params"), "--top N keeps little more than the first N in memory"),
        (("--pareto", "params,-output"), "fewer figures leave fewer candidates"),
    ],
    ids=str,
)
def test_only_what_a_sweep_holds_counts_as_held(
    options: tuple[str, ...], helps: str | None, rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnncli.commands.sweep.free_bytes", lambda: RESERVE)
    result = rnncli("sweep", "input:8,lstm:{1..9000}", "-f", "csv", *options)
    assert result.status == (0 if helps is None else 1)
    assert helps is None or result.stderr.splitlines()[-1] == f"Help: {helps}"


def test_what_helps_is_said_for_the_command_that_ran_out_of_memory(
    rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_memory(*arguments: object) -> None:
        raise MemoryError

    for name in COMMANDS:
        command = command_of(name)
        assert isinstance(command, GroupedCommand)
        options = {option for parameter in command.params for option in parameter.opts}
        for option in re.findall(r"--[a-z-]+", command.less_memory or ""):
            assert option in options, f"{name} has no {option}"
        with monkeypatch.context() as patch:
            patch.setattr(command, "callback", without_memory)
            patch.setattr(command, "params", [])
            help_line = f"Help: {command.less_memory}\n" if command.less_memory else ""
            assert rnncli(name) == (1, "", f"Error: out of memory\n{help_line}")


def test_a_small_network_runs_where_little_memory_is_left(program: Run) -> None:
    def little() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (900 * MB, 900 * MB))

    line = program_line("forward", "input:8,rnn:4", "-f", "csv")
    done = subprocess.run(line, preexec_fn=little, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")
    assert memory.RESERVE == 32 * MB
