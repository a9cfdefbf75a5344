"""Free memory by the machine, the control groups and `ulimit`, and the messages when it is short."""

from __future__ import annotations

import os
import re
import resource
import shutil
from contextlib import nullcontext
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from command_lines import COMMANDS, command_of
from conftest import Run, Walk, some

from rnncli import Network
from rnncli.commands.groups import GroupedCommand
from rnncli.engine.memory import run_bytes, weight_bytes
from rnncli.system.memory import RESERVE, free_bytes

MB = 1 << 20
V2 = "30 25 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "31 25 0:27 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n"
OTHER = "22 25 0:22 / /proc rw,nosuid shared:12 - proc proc rw\n"
DOCKER = V2.replace(" / ", " /docker/1a2b ")


def group2(limit: object, used: int, cached: int = 0, **more: str) -> dict[str, object]:
    stat = f"anon 5\nfile {cached * MB}\ninactive_file {cached * MB}"
    return {"memory.max": limit, "memory.current": used * MB, "memory.stat": more.get("stat", stat)}


def group1(limit: int, used: int, cached: int = 0) -> dict[str, object]:
    stat = f"cache 7\ninactive_file 0\ntotal_inactive_file {cached * MB}"
    return {"memory.limit_in_bytes": limit, "memory.usage_in_bytes": used * MB, "memory.stat": stat}


USERS = {"": {}, "user": group2("max", used=1), "user/session": group2(800 * MB, used=300)}
ABOVE = USERS | {"user/session/job:1": group2(700 * MB, used=50)}
OWN = USERS | {"user/session/job": group2(100 * MB, used=50), "user/other": group2(10 * MB, used=9)}
LEGACY = {"memory/user": group1(600 * MB, 100), "memory/user/job": group1(2**63 - 4096, 50)}
COUNTLESS = {"a": group2(1000 * MB, 100, stat="inactive_file"), "a/b": group2(1000 * MB, 100, stat="anon 5")}
ELSEWHERE = "9:name=systemd:/elsewhere\n5:cpu,cpuacct:/elsewhere\n4:memory:/user/job\n0::/elsewhere"

FREE: dict[str, tuple[str, str, dict[str, dict[str, object]], int]] = {
    "what is available counts, not what is unused": ("0::/", V2, {}, 4000),
    "what a group keeps of files is free": ("0::/mine", V2, {"mine": group2(1000 * MB, used=990, cached=900)}, 910),
    "in version 1 too": ("4:memory:/mine\n0::/", V1, {"memory/mine": group1(1000 * MB, 990, cached=900)}, 910),
    "but no more than it uses": ("0::/mine", V2, {"mine": group2(1000 * MB, used=10, cached=20)}, 1000),
    "a group above counts": ("0::/user/session/job:1", V1 + V2, ABOVE, 500),
    "the own group counts, and none beside it": ("0::/user/session/job", V2, OWN, 50),
    "version 1 counts memory in a group of its own": (ELSEWHERE, V1, LEGACY, 500),
    "a container has its group at the top": ("0::/docker/1a2b", DOCKER, {"": group2(300 * MB, used=100)}, 200),
    "also one that has no name": ("0::/", V2, {"": group2(300 * MB, used=100)}, 200),
    "and one that is outside": ("0::/../outside", V2, {"": group2(300 * MB, used=100)}, 200),
    "beyond the limit nothing is free": ("0::/mine", V2, {"mine": group2(100 * MB, used=120)}, 0),
    "nonsense says nothing": ("nonsense", "nonsense\n", {}, 4000),
    "nor does a limit that is no number": ("0::/mine", V2, {"mine": {"memory.max": "many"}}, 4000),
    "without a count of files all is in use": ("0::/a/b", V2, COUNTLESS, 900),
}
"""A process's control groups, their mount points, their files, and the resulting free megabytes."""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is read in place of the root of the file system."""
    monkeypatch.setattr("rnncli.system.memory._read", lambda path: tmp_path.joinpath(path[1:]).read_text())
    return tmp_path


def test_free_memory_is_the_least_left_by_the_machine_and_every_control_group(at: Walk, root: Path) -> None:
    for name, (own, mounts, groups, expected) in FREE.items():
        files = {
            "proc/meminfo": f"MemTotal: 8192000 kB\nMemFree: 10 kB\nMemAvailable: {4000 * 1024} kB\n",
            "proc/self/cgroup": f"{own}\n",
            "proc/self/mountinfo": OTHER + mounts,
        }
        for folder, contents in groups.items():
            files |= {f"sys/fs/cgroup/{folder}/{name}": f"{value}\n" for name, value in contents.items()}
        shutil.rmtree(root)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        with at(name):
            assert free_bytes() == expected * MB


def test_without_control_groups_the_machines_memory_counts(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del root  # which is empty
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for limit, expected in ((resource.RLIM_INFINITY, pages), (9 * MB, 9 * MB)):
        monkeypatch.setattr(resource, "getrlimit", lambda kind, limit=limit: (limit, limit))
        assert free_bytes() == expected
    monkeypatch.undo()
    found = free_bytes()
    assert found is not None
    assert found > RESERVE == 40 * MB


def test_the_memory_to_be_allocated_is_reported(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncli.engine.memory.free_bytes", lambda: RESERVE)
    # 100 timesteps of 8 + 2 * 3 numbers take 5,600 B; 36 weights take 144 B, and drawing them 216 B.
    error = (
        "the network would need 360 B for its weights, 5.47 KB for its run and 40.00 MB for Python, "
        "5.82 KB more than the 40.00 MB of memory that is free"
    )
    advice = "`rnncli summary` computes its sizes without allocating it"
    assert rnncli("forward", "input:8,rnn:3") == (1, "", f"Error: {error}\nHelp: {advice}\n")


def test_a_remedy_is_suggested_if_the_shortest_run_barely_fits(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    network, dtype = Network.parse("input:1k,lstm:1k:bi"), np.dtype("float32")
    least = weight_bytes(network, dtype) + run_bytes(network, 1, 1, dtype) + RESERVE
    for free, is_said in ((least, True), (least - 1, False)):
        monkeypatch.setattr("rnncli.engine.memory.free_bytes", lambda free=free: free)
        assert ("keep the whole sequence" in rnncli("forward", "input:1k,lstm:1k:bi").stderr) == is_said


def test_the_window_of_a_layer_is_counted(at: Walk, rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncli.engine.memory.free_bytes", lambda: RESERVE + 50 * MB)
    for layer in ("pool:max:10M:same:stride=1", "pool:avg:10M:same", "conv:1x3:dilation=1M:causal"):
        with at(layer):
            error = rnncli("forward", f"input:8,{layer}", "--timesteps", "1").stderr
            assert "for its run" in error
            assert "`rnncli summary` computes its sizes" in error


def test_a_long_sequence_of_ids_takes_no_more_memory_than_one_of_numbers(
    rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnncli.engine.memory.free_bytes", lambda: RESERVE + 50 * MB)
    assert rnncli("forward", "embed:10x4,rnn:3", "--timesteps", "100k", "-f", "csv").status == 0


def test_only_candidates_that_a_sweep_holds_count_as_held(
    at: Walk, rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnncli.search.sweep.free_bytes", lambda: RESERVE)
    monkeypatch.setattr("rnncli.search.sweep.CHECK_INTERVAL", 5_000)
    for options, helps in {
        "--top 2": None,
        "--pareto params": None,
        "--sort params --max-params 10G": "--top N keeps little more than the first N in memory",
        "--pareto params,-output": "fewer figures keep fewer candidates",
    }.items():
        with at(options):
            result = rnncli("sweep", "input:8,lstm:{1..6000}", "-f", "csv", *options.split())
            assert result.status == (0 if helps is None else 1)
            if helps is not None:
                error = r"Error: [\d,]+ candidates to sort fill the memory: 40\.00 MB is free\n"
                assert re.fullmatch(f"{error}Help: {helps}\n", result.stderr)


def test_too_many_candidates_to_sort_are_refused_before_any_is_evaluated(
    at: Walk, rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnncli.search.sweep.evaluated", None)
    monkeypatch.setattr("rnncli.search.sweep.free_bytes", lambda: 20 << 30)
    pattern = "input:8,lstm:{1..60000}:seq,gru:{1..60000}"
    refused = ("--sort params", "--sort=-memory --jobs 2", "--sort spec -f csv", "--top 1G", "--top 1G --part 1/2")
    for options in refused:
        with at(options):
            held = "2,000,002,000" if options == "--top 1G" else "1,800,000,000" if "/" in options else "3,600,000,000"
            error = f"{held} candidates do not fit in memory, at 500 B or more each: 20.00 GB is free"
            advice = "--top N keeps little more than the first N in memory"
            assert rnncli("sweep", pattern, *options.split()) == (1, "", f"Error: {error}\nHelp: {advice}\n")
    with at("a number beyond what can be counted"):
        endless = ",".join(["input:8", *["rnn:{1..1000}:seq"] * 2000])
        assert "about 10^6000 candidates do not" in rnncli("sweep", endless, "--sort", "params").stderr


def test_a_remedy_is_suggested_if_memory_runs_out(at: Walk, rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in COMMANDS:
        with at(name), monkeypatch.context() as patch:
            command = command_of(name)
            assert isinstance(command, GroupedCommand)
            named = {*re.findall(r"--[a-z-]+", command.less_memory or "")}
            assert named <= {option for parameter in command.params for option in parameter.opts}
            patch.setattr(command, "callback", lambda: bytes(1 << 62))  # raises a MemoryError
            patch.setattr(command, "params", [])
            patch.setattr(command, "check", lambda given: None)
            help_line = f"Help: {command.less_memory}\n" if command.less_memory else ""
            assert rnncli(name) == (1, "", f"Error: out of memory\n{help_line}")


@pytest.mark.thorough
def test_a_sorted_sweep_suggests_how_to_use_less_memory(at: Walk, program: Run) -> None:
    for options in (("--sort", "params"), ("--sort=-memory",), ("--top", "3M")):
        with at(*options):
            line = ("sweep", "input:8,lstm:{1..2000}:seq,gru:{1..2000}", "-f", "csv", *options)
            error = program(*line, shell='ulimit -v 120000; "$@"').refusal(1)  # KiB
            assert error.splitlines()[-1] == "Help: --top N keeps little more than the first N in memory"


NUMPYS = (
    "forward input:8,rnn:4",
    "reach input:8,rnn:4",
    "export input:8,rnn:4 --to onnx -o m.onnx",
    "solve embed:_vx_d,lstm:_u --params 1M",
)
"""Command lines that need NumPy."""


def test_a_ulimit_too_low_for_numpy_is_reported(at: Walk, program: Run) -> None:
    # From Python's own memory through NumPy's libraries to the first product of large matrices.
    refusals = (
        r"NumPy would need 92\.0 MB of memory, [\d.]+ MB more than the [\d.]+ MB that `ulimit -v` leaves",
        r"the (network|weights) would need .* of memory that is free",
        r"out of memory",
    )
    for megabytes, line in some(product((40, 60, 110, 125, 150, 151, 158, 166), NUMPYS), 7):
        with at(megabytes, line):
            status, stdout, stderr = program(*line.split(), shell=f'ulimit -v {megabytes * 1000}; "$@"')
            if status == 0:
                assert line.startswith("solve")
                assert megabytes > 115
                continue
            assert (status, stdout) == (1, "")
            assert re.fullmatch(rf"Error: ({'|'.join(refusals)})(\nHelp: .*)?\n", stderr), stderr
    with at("what needs no NumPy"):
        assert program("summary", "input:8,rnn:4", shell='ulimit -v 60000; "$@"').status == 0


def test_a_ulimit_too_low_for_h5py_is_not_reported_as_a_damaged_file(at: Walk, program: Run) -> None:
    pytest.importorskip("h5py").File("model.h5", "w").close()
    for kilobytes in some((50_000, 80_000, 114_000), 2):
        with at(kilobytes):
            status, stdout, stderr = program("inspect", "model.h5", shell=f'ulimit -v {kilobytes}; "$@"')
            assert (status, stdout) == (1, "")
            assert stderr.startswith("Error: model.h5: h5py would need 98.0 MB of memory, "), stderr


def test_any_python_error_for_lack_of_memory_is_reported_as_out_of_memory(
    at: Walk, rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for said, free in {
        ImportError("_struct.so: failed to map segment from shared object"): None,
        SystemError("error return without exception set"): RESERVE - 1,
        ValueError("field 'target' is required for AnnAssign"): 0,
        ValueError("a mistake"): RESERVE,
    }.items():

        def no_room(*arguments: object, said: Exception = said, **options: object) -> None:
            try:
                raise said
            except Exception as error:
                raise ImportError("Error importing numpy") from error

        with at(said):
            monkeypatch.setattr("rnncli.system.memory.free_bytes", lambda free=free: free)
            monkeypatch.setattr(command_of("spec"), "callback", no_room)
            with pytest.raises(ImportError) if free == RESERVE else nullcontext():  # a bug, which tests see unchanged
                assert rnncli("spec", "input:8") == (1, "", "Error: out of memory\n")


def test_a_small_network_runs_with_little_memory(program: Run) -> None:
    assert program("forward", "input:8,rnn:4", "-f", "csv", shell='ulimit -v 900000; "$@"').answer
