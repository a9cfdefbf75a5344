"""Files that are written: whole or not at all, in the right place, with their mode, and none over another."""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from command_lines import BOTH_WRITTEN, COMMAND_LINES, COMMANDS, MODEL, READ_AND_WRITTEN, WRITTEN, command_of
from conftest import PATIENCE, Result, program_line

from rnncli.commands.values import FileName
from rnncli.errors import RnncliError, UsageError
from rnncli.system.signals import ENDING

Run = Callable[..., Result]

ENDLESS = ("forward", "input:64,rnn:64", "--timesteps", "2G")
STARTS = (b"\x93NUMPY", b"PK", b"<svg", b"import ", b"\xe0\x01\0\0\0\0\0\0{")
"""How the files begin that are written."""

each_output = pytest.mark.parametrize(("command", "option"), WRITTEN)
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="it takes a file of somebody else")


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))


def leftovers() -> list[str]:
    """What is in the temporary directory."""
    return os.listdir(os.environ["TMPDIR"])


def failed(result: Result, *words: str, status: int = 1) -> None:
    """It ended with one clear error that says these words."""
    assert result.status == status
    assert result.stderr.count("Error: ") == 1
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


def test_every_option_that_takes_a_file_says_whether_it_is_written() -> None:
    assert len(WRITTEN) >= 8
    for name in COMMANDS:
        for option in command_of(name).params:
            if isinstance(option, click.Option) and "FILE" in str(option.metavar):
                assert isinstance(option.type, FileName), f"{name} {option.opts}"


# Where it is written


@pytest.mark.parametrize(
    ("command", "option", "name"),
    [
        *((*output, "/dev/stdout") for output in WRITTEN),
        *(
            ("forward", "--output", name)
            for name in ("/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1", "a-link")
        ),
    ],
)
def test_what_leads_to_an_open_file_is_written_behind_what_is_there(
    command: str, option: str, name: str, program: Run
) -> None:
    os.symlink("/dev/stdout", "a-link")
    Path("all").write_bytes(b"KEEP")
    before = os.stat("all").st_ino
    result = program(*COMMAND_LINES[command], option, name, shell='"$@" >> all')
    assert (result.status, "Error" in result.stderr) == (0, False)
    assert Path("all").read_bytes().startswith(b"KEEP")
    assert any(start in Path("all").read_bytes() for start in STARTS)
    assert (os.stat("all").st_ino, sorted(os.listdir()), leftovers()) == (before, ["a-link", "all"], [])


def test_an_open_file_of_another_number_or_process_is_written_behind_what_is_there(program: Run) -> None:
    for name, shell in (("/dev/fd/7", '"$@" 7>> all'), ("/proc/$$/fd/7", 'exec 7>> all; "${@/\\$\\$/$$}"')):
        Path("all").write_bytes(b"KEEP")
        result = program("forward", "input:8,rnn:2", "-f", "csv", "-o", name, shell=shell)
        assert (result.status, result.stderr.startswith("wrote ")) == (0, True)
        assert Path("all").read_bytes().startswith(b"KEEP\x93NUMPY")


def test_an_output_and_the_table_on_one_stream_stand_one_behind_the_other(program: Run) -> None:
    assert program("forward", "input:8,rnn:2", "-f", "csv", "-o", "/dev/stdout", shell='"$@" > all').status == 0
    assert program("forward", "input:8,rnn:2", "-f", "csv", "-o", "y.npy").status == 0
    content, array = Path("all").read_bytes(), Path("y.npy").read_bytes()
    assert content.startswith(array)
    assert content[len(array) :].startswith(b"spec,")


@each_output
def test_a_named_pipe_is_written_to_and_stays_a_pipe(command: str, option: str, program: Run) -> None:
    os.mkfifo("pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(Path("pipe").read_bytes()), daemon=True)
    reader.start()
    assert program(*COMMAND_LINES[command], option, "pipe").status == 0
    reader.join(PATIENCE)
    assert read[0].startswith(STARTS)
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)
    assert (os.listdir(), leftovers()) == (["pipe"], [])


@each_output
def test_a_reader_that_leaves_the_pipe_of_an_output_makes_it_fail(command: str, option: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    line = program_line(*COMMAND_LINES[command], option, f"/dev/fd/{writing}")
    done = subprocess.run(line, pass_fds=[writing], capture_output=True, text=True, timeout=PATIENCE)
    os.close(writing)
    failed(Result(done.returncode, done.stdout, done.stderr), f"/dev/fd/{writing}", "reader has left")


@each_output
def test_what_is_no_place_for_a_file_is_said_before_the_work_begins(command: str, option: str, rnncli: Run) -> None:
    os.symlink("loop", "loop")
    os.symlink("nowhere/y", "dangling")
    Path("file").write_bytes(b"old")
    Path("folder").mkdir()
    for name, words in {
        "": "its name is empty",
        "y/": "names a directory, and there is none",
        "folder": "it is a directory",
        "folder/": "it is a directory",
        "folder/..": "it is a directory",
        "nowhere/y": "No such file or directory",
        "dangling": "No such file or directory",
        "file/y": "Not a directory",
        "loop": "Too many levels of symbolic links",
        "y" * 256: "File name too long",
        "/dev/no-such-device": "No such file or directory",
        "/dev/fd/99": "Bad file descriptor",
    }.items():
        result = rnncli(*COMMAND_LINES[command], option, name)
        failed(result, name or "''", words)
        assert result.stdout == ""
    assert sorted(os.listdir()) == ["dangling", "file", "folder", "loop"]
    assert not os.listdir("folder")


def test_what_is_open_for_reading_alone_is_no_place_for_a_file(program: Run) -> None:
    failed(program("forward", "input:8", "-o", "/dev/fd/7", shell='"$@" 7< /dev/null'), "not open for writing")
    failed(program("forward", "input:8", "-o", "/dev/stdout", shell='"$@" >&-'), "not open for writing")


@each_output
def test_a_name_may_be_as_long_as_the_system_allows(command: str, option: str, rnncli: Run) -> None:
    name = "y" * 255
    assert rnncli(*COMMAND_LINES[command], option, name).status == 0
    assert rnncli(*COMMAND_LINES[command], option, name).status == 0  # and be replaced
    assert os.listdir() == [name]
    deep = "/".join(["d" * 200] * 20)[: 4090 - len(os.getcwd())].rstrip("/")
    os.makedirs(deep)
    assert rnncli(*COMMAND_LINES[command], option, f"{os.getcwd()}/{deep}/y").status == 0
    assert os.listdir(deep) == ["y"]


@each_output
def test_a_link_stays_and_what_it_leads_to_is_replaced(command: str, option: str, rnncli: Run) -> None:
    Path("folder").mkdir()
    Path("folder/y").write_bytes(b"old")
    os.link("folder/y", "other-name")
    os.symlink("folder/y", "one")
    os.symlink("one", "two")
    assert rnncli(*COMMAND_LINES[command], option, "two").status == 0
    assert (os.readlink("one"), os.readlink("two"), os.listdir("folder")) == ("folder/y", "one", ["y"])
    assert Path("folder/y").read_bytes().startswith(STARTS)
    assert Path("other-name").read_bytes() == b"old"


@root_only
def test_a_link_of_somebody_else_in_a_shared_directory_is_not_followed(rnncli: Run) -> None:
    Path("victim").write_bytes(b"old")
    Path("shared").mkdir()
    os.chmod("shared", 0o1777)
    os.symlink("../victim", "shared/y")
    os.lchown("shared/y", 65534, 65534)
    failed(rnncli("forward", "input:8", "-o", "shared/y"), "link of somebody else")
    assert Path("victim").read_bytes() == b"old"


def test_nobody_can_lay_a_link_in_the_way_of_the_file_beside_it(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("victim").write_bytes(b"old")
    monkeypatch.setattr(os, "urandom", lambda count: b"\0" * count)  # somebody has foreseen what cannot be foreseen
    for lay in (os.symlink, os.link):
        lay("victim", f".rnncli-{'00' * 8}.partial")
        failed(rnncli("forward", "input:8", "-o", "y"), "y cannot be written: File exists")
        assert Path("victim").read_bytes() == b"old"
        assert not Path("y").exists()
        Path(f".rnncli-{'00' * 8}.partial").unlink(missing_ok=True)


def test_no_two_runs_have_one_name_for_the_file_beside_it(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[Any] = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda old, new, **extra: (names.append(old), replace(old, new, **extra)))
    for _ in range(3):
        assert rnncli("forward", "input:8", "-o", "y").status == 0
    assert len(set(names)) == 3


def test_the_file_is_on_the_disk_before_it_has_its_name_and_then_its_name(
    rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(file: int) -> None:
        done.append("directory" if stat.S_ISDIR(os.fstat(file).st_mode) else "file")
        fsync(file)

    def replaced(*names: Any, **extra: Any) -> None:
        done.append("name")
        replace(*names, **extra)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    assert rnncli("forward", "input:8", "-o", "y").status == 0
    assert done == ["file", "name", "directory"]


# Modes


@each_output
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_a_file_that_is_replaced_keeps_its_mode(command: str, option: str, mode: int, rnncli: Run) -> None:
    Path("y").write_bytes(b"old")
    os.chmod("y", mode)
    assert rnncli(*COMMAND_LINES[command], option, "y").status == 0
    assert stat.S_IMODE(os.stat("y").st_mode) == mode
    assert Path("y").read_bytes().startswith(STARTS)


@root_only
def test_a_file_that_root_replaces_keeps_its_owner(rnncli: Run) -> None:
    Path("y").write_bytes(b"old")
    os.chown("y", 65534, 65533)
    assert rnncli("forward", "input:8", "-o", "y").status == 0
    assert (os.stat("y").st_uid, os.stat("y").st_gid) == (65534, 65533)


@each_output
def test_a_file_that_is_read_only_is_not_replaced(command: str, option: str, rnncli: Run) -> None:
    Path("y").write_bytes(b"old")
    os.chmod("y", 0o444)
    result = rnncli(*COMMAND_LINES[command], option, "y")
    failed(result, "y cannot be written: it is read-only")
    assert (result.stdout, Path("y").read_bytes(), os.listdir()) == ("", b"old", ["y"])


@each_output
def test_a_directory_that_may_not_be_written_is_said_before_the_work_begins(
    command: str, option: str, program: Run
) -> None:
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write anywhere")
    # Without its capabilities root may do what others may.
    shell = 'setpriv --bounding-set=-all --inh-caps=-all "$@"' if os.geteuid() == 0 else '"$@"'
    Path("folder").mkdir()
    Path("folder/y").write_bytes(b"old")
    os.chmod("folder", 0o500)
    for name in ("folder/new", "folder/y"):
        result = program(*COMMAND_LINES[command], option, name, shell=shell)
        failed(result, "Permission denied in its directory")
        assert result.stdout == ""


# Two files in one place


@pytest.mark.parametrize(("command", "one", "two"), BOTH_WRITTEN)
def test_two_outputs_with_one_place_are_wrong(command: str, one: str, two: str, rnncli: Run, tmp_path: Path) -> None:
    Path("folder").mkdir()
    os.symlink("y", "link")
    os.symlink(".", "same")
    for name in ("y", "./y", "folder/../y", f"{tmp_path}/here/y", "link", "same/y", "same/link"):
        result = rnncli(*COMMAND_LINES[command], one, "y", two, name)
        failed(result, one, two, "both write", status=2)
        assert (result.stdout, Path("y").exists()) == ("", False)
        failed(rnncli(*COMMAND_LINES[command], one, name, two, "y"), one, two, status=2)


@pytest.mark.parametrize(("command", "one", "two"), BOTH_WRITTEN)
def test_two_outputs_on_one_stream_are_wrong(command: str, one: str, two: str, program: Run) -> None:
    failed(program(*COMMAND_LINES[command], one, "/dev/stdout", two, "/dev/fd/1"), one, two, status=2)
    result = program(*COMMAND_LINES[command], one, "y", two, "/dev/fd/7", shell='"$@" 7>> y')
    failed(result, one, two, status=2)


@pytest.mark.parametrize(("command", "read", "written"), READ_AND_WRITTEN)
def test_what_is_read_is_not_written(command: str, read: str, written: str, rnncli: Run) -> None:
    Path("x").write_bytes(b"old")
    os.symlink("x", "link")
    for one, two in itertools.product(("x", "./x", "link"), repeat=2):
        result = rnncli(*COMMAND_LINES[command], read, one, written, two)
        failed(result, read, written, status=2)
        assert (result.stdout, Path("x").read_bytes()) == ("", b"old")


@each_output
def test_the_model_file_that_stands_for_a_spec_is_not_written(command: str, option: str, rnncli: Run) -> None:
    if command in ("sweep", "solve"):
        pytest.skip("it takes no files for specs")
    shutil.copy(MODEL, "x.safetensors")
    os.symlink("x.safetensors", "link.svg")
    others = ["input:8,rnn:4"] if command == "compare" else []
    more = ["--to", "torch"] if command == "export" else []
    result = rnncli(command, "x.safetensors", *others, *more, option, "link.svg")
    failed(result, "x.safetensors", option, "would write to it", status=2)
    assert Path("x.safetensors").read_bytes() == Path(MODEL).read_bytes()


@each_output
def test_a_standard_stream_that_is_the_file_is_wrong(command: str, option: str, program: Run) -> None:
    for shell in ('"$@" > y', '"$@" 2>> y', '"$@" < y'):
        Path("y").write_bytes(b"old" if "<" in shell else b"")
        result = program(*COMMAND_LINES[command], option, "y", shell=shell)
        assert result.status == 2
        if "2>" not in shell:
            failed(result, "standard ", option, status=2)
        assert not Path("y").read_bytes().startswith(STARTS)


def test_in_python_the_files_of_a_run_are_looked_at_before_it_starts() -> None:
    from rnncli.engine.request import Request
    from rnncli.engine.run import plan

    with pytest.raises(UsageError, match="save_weights and output would both write to y"):
        plan("input:8", Request(output="y", save_weights="y"))
    Path("w").write_bytes(b"old")
    with pytest.raises(UsageError, match="weights reads w"):
        plan("input:8", Request(weights="w", output="w"))
    with pytest.raises(RnncliError, match="nowhere/y cannot be written"):
        plan("input:8", Request(output="nowhere/y"))


# What ends it early


def limited(size: int) -> Callable[[], None]:
    """What limits the files of a process to a size, as a full disk does."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@each_output
def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(command: str, option: str) -> None:
    Path("y").write_bytes(b"old")
    line = program_line(*COMMAND_LINES[command], option, "y")
    done = subprocess.run(line, preexec_fn=limited(100), capture_output=True, text=True, timeout=PATIENCE)
    failed(Result(done.returncode, done.stdout, done.stderr), "y cannot be written: File too large")
    assert (Path("y").read_bytes(), os.listdir(), leftovers()) == (b"old", ["y"], [])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_fills_up_leaves_the_old_file_and_nothing_beside_it(small_disk: Path, program: Run) -> None:
    (small_disk / "y").write_bytes(b"old")
    for option in ("-o", "--save-weights"):
        result = program("forward", "input:8,rnn:150:seq", "--timesteps", "200", option, small_disk / "y")
        failed(result, "No space left on device")
        assert ((small_disk / "y").read_bytes(), os.listdir(small_disk)) == (b"old", ["y"])


def begun(process: subprocess.Popen[bytes], *before: str) -> set[str]:
    """What lies in the directory once the process has begun to write there."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        beside = set(os.listdir()) - set(before)
        if any(os.stat(name).st_size for name in beside):
            return beside
        time.sleep(0.01)
    raise AssertionError("it has not begun to write")


def deaf_to_nothing() -> None:
    """Have a process hear every signal, also where the tests run in the background."""
    for number in ENDING:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_signal_ends_it_with_128_and_its_number_and_leaves_the_old_file_alone(number: signal.Signals) -> None:
    Path("y").write_bytes(b"old")
    os.chmod("y", 0o600)
    process = subprocess.Popen(
        program_line(*ENDLESS[:1], "input:64,rnn:64:seq", *ENDLESS[2:], "-o", "y"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=deaf_to_nothing,
    )
    try:
        (beside,) = begun(process, "y")
        assert stat.S_IMODE(os.stat(beside).st_mode) == 0o600  # what replaces a private file is private from the start
        process.send_signal(number)
        output = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    said = b"Interrupted\n" if number == signal.SIGINT else b""
    assert (process.returncode, output) == (128 + number, (b"", said))
    assert (Path("y").read_bytes(), os.listdir(), leftovers()) == (b"old", ["y"], [])


@pytest.mark.parametrize("name", ["/dev/stdout", "pipe"])
def test_a_signal_leaves_nothing_of_what_waits_for_a_pipe(name: str) -> None:
    os.mkfifo("pipe")
    line = program_line("forward", "input:64,rnn:64:seq", "--timesteps", "2G", "-o", name)
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=deaf_to_nothing)
    try:
        time.sleep(1)
        process.terminate()
        output = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert (process.returncode, output) == (128 + signal.SIGTERM, (b"", b""))
    assert (os.listdir(), leftovers()) == (["pipe"], [])


def test_a_limit_of_processor_time_leaves_nothing_either() -> None:
    def two_seconds() -> None:
        deaf_to_nothing()
        resource.setrlimit(resource.RLIMIT_CPU, (1, 20))

    done = subprocess.run(program_line(*ENDLESS, "-o", "y"), preexec_fn=two_seconds, timeout=PATIENCE)
    assert (done.returncode, os.listdir()) == (128 + signal.SIGXCPU, [])


def test_a_signal_that_is_ignored_from_the_start_stays_so() -> None:
    def as_nohup_does() -> None:
        deaf_to_nothing()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    process = subprocess.Popen(program_line(*ENDLESS, "-o", "y"), preexec_fn=as_nohup_does)
    try:
        end = time.monotonic() + PATIENCE
        while not os.listdir() and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.terminate()
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    finally:
        process.kill()


@each_output
def test_whenever_a_signal_comes_the_file_is_the_old_or_the_new_one(command: str, option: str, rnncli: Run) -> None:
    assert rnncli(*COMMAND_LINES[command], option, "y").status == 0
    size = os.stat("y").st_size
    # Not SIGINT, which Python itself hears before rnncli begins.
    for delay, number in ((0.1, signal.SIGTERM), (0.2, signal.SIGHUP), (0.3, signal.SIGQUIT)):
        Path("y").write_bytes(b"old")
        line = program_line(*COMMAND_LINES[command], option, "y")
        process = subprocess.Popen(
            line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=deaf_to_nothing
        )
        time.sleep(delay)
        process.send_signal(number)
        assert process.wait(PATIENCE) in (0, 128 + number, -number)
        content = Path("y").read_bytes()
        # A picture of a run is as long as the times in it.
        assert content == b"old" or (content.startswith(STARTS) and abs(len(content) - size) < max(100, size // 20))
        assert (os.listdir(), leftovers()) == (["y"], [])


def test_after_sigkill_one_file_may_remain_and_it_has_a_name_that_tells_what_it_is() -> None:
    Path("y").write_bytes(b"old")
    process = subprocess.Popen(program_line("forward", "input:64,rnn:64:seq", "--timesteps", "2G", "-o", "y"))
    begun(process, "y")
    process.kill()
    process.wait(PATIENCE)
    (beside,) = set(os.listdir()) - {"y"}
    assert (Path("y").read_bytes(), beside.startswith(".rnncli-"), beside.endswith(".partial")) == (b"old", True, True)


def test_what_fails_among_several_outputs_leaves_the_others(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    result = rnncli("forward", "input:8,rnn:4", "-o", "y.npy", "--save-weights", "/dev/full")
    failed(result, "/dev/full")
    assert os.listdir() == ["y.npy"]  # several outputs are not one transaction


def test_a_temporary_directory_that_is_missing_is_no_reason_to_fail_for_a_file(program: Run) -> None:
    assert program("forward", "input:8,rnn:4", "-o", "y", TMPDIR="/nowhere").status == 0
    assert tempfile.gettempdir()
    assert sys.platform != "linux" or os.listdir() == ["y"]
