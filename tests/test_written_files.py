"""Output files: complete or absent, in the right place, with the right mode, and never over one another.

Every output goes through one writer. That is tested for each; the writer's guarantees are tested with one command.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path

import pytest
from command_lines import BOTH_WRITTEN, COMMAND_LINES, MODEL, OPTIONS, READ_AND_WRITTEN, WRITTEN
from conftest import PATIENCE, Run, Walk, program_line, until

from rnncli import atomic
from rnncli.commands.values import FileName
from rnncli.engine.request import Request
from rnncli.engine.run import RunPlan
from rnncli.errors import RnncliError, UsageError
from rnncli.quantities import memory
from rnncli.system.signals import ENDING

ADVICE = "Help: give each file a different name\n"
RUN = ("forward", "input:8,rnn:2", "--seed", "1")
ENDLESS = ("forward", "input:64,rnn:64:seq", "--timesteps", "2G")
STARTS = (b"\x93NUMPY", b"PK", b"<svg", b"<!DOCTYPE html>", b"import ", b"\xe0\x01\0\0\0\0\0\0{")
"""The first bytes of the output files."""

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs a file of another user")


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "here"
    folder.mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)  # recomputed on the next call
    yield
    assert os.listdir(tmp_path / "temporary") == []  # in every test


def array(rnncli: Run) -> bytes:
    """The output of RUN."""
    assert rnncli(*RUN, "-o", "../expected.npy").status == 0
    return Path("../expected.npy").read_bytes()


# One writer


# NumPy 2.0 leaves an archive open if it cannot write it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_every_output_is_written_whole_or_not_at_all(at: Walk, rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(WRITTEN) >= 8
    for _, option in OPTIONS:
        if "FILE" in str(option.metavar):
            assert isinstance(option.type, FileName), option.opts  # which knows whether it is written
    contents = {  # file content that its name does not determine
        ("forward", "--output"): " (1, 32)",
        ("forward", "--save-weights"): " (7 arrays)",
        ("forward", "--save-state"): " (2 arrays)",
        ("export", "--save-weights"): " (6 arrays)",
    }
    written: list[str] = []
    replaced = atomic._replaced
    monkeypatch.setattr(atomic, "_replaced", lambda place: (written.append(place.path), replaced(place))[1])
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")  # not needed for writing a file
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    for command, option in WRITTEN:
        with at(command, option):
            plain = rnncli(*COMMAND_LINES[command])
            result = rnncli(*COMMAND_LINES[command], option, "y")
            content = Path("y").read_bytes()
            assert content.startswith(STARTS)
            assert (written, os.listdir(), result.status) == (["y"], ["y"], 0)
            said = f"wrote y{contents.get((command, option), '')}, {memory(len(content))}"
            assert sorted(result.stderr.splitlines()) == sorted([*plain.stderr.splitlines(), said])
            if command not in ("export", "page"):  # their output goes to the file
                assert result.stdout.count("\n") == plain.stdout.count("\n")
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, most[1]))
            result = rnncli(*COMMAND_LINES[command], option, "y")
            assert (result.status, result.stderr.splitlines()[-1]) == (1, "Error: y cannot be written: File too large")
            assert (Path("y").read_bytes(), os.listdir()) == (content, ["y"])
            assert "wrote" not in result.stderr
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
        written.clear()
        Path("y").unlink()


def test_several_outputs_are_all_reported_and_one_that_fails_leaves_the_others(rnncli: Run) -> None:
    options = ("-o", "y.npy", "--save-weights", "w.npz", "--save-state", "s.npz", "--svg", "p.svg")
    *told, picture = rnncli("forward", "input:8,rnn:16", "--batch", "4", *options).stderr.splitlines()
    assert told == [
        "wrote y.npy (4, 16), 384 B",
        f"wrote w.npz (3 arrays), {memory(os.stat('w.npz').st_size)}",
        f"wrote s.npz (1 array), {memory(os.stat('s.npz').st_size)}",
    ]
    assert picture.startswith("wrote p.svg, ")
    result = rnncli(*RUN, "-o", "z.npy", "--save-weights", "/dev/full")
    result.refusal(1, "/dev/full cannot be written: No space left on device")
    assert {*os.listdir()} == {"p.svg", "s.npz", "w.npz", "y.npy", "z.npy"}  # several are not one transaction


# Where it is written


def test_an_open_file_is_appended_to(at: Walk, rnncli: Run, program: Run) -> None:
    expected = b"KEEP" + array(rnncli)
    for folder in ("/dev/fd", "/proc/self/fd", "/proc/thread-self/fd", "a-link to /dev/fd"):
        with at(folder), open("all", "w+b") as file:
            file.write(b"KEEP")
            file.flush()
            name = f"{folder.rpartition(' ')[2]}/{file.fileno()}"
            if "link" in folder:
                os.symlink(name, "a-link")
                name = "a-link"
            result = rnncli(*RUN, "-o", name)
            assert (result.status, result.stderr) == (0, f"wrote {name} (1, 2), 136 B\n")
            assert Path("all").read_bytes() == expected
            assert os.fstat(file.fileno()).st_ino == os.stat("all").st_ino
    Path("all").write_bytes(b"KEEP")
    shell = 'exec 7>> all; "${@/\\$\\$/$$}"; exit $?'  # keep the shell running, because it has the file open
    assert program(*RUN, "-f", "csv", "-o", "/proc/$$/fd/7", shell=shell).status == 0
    assert Path("all").read_bytes() == expected
    assert program(*RUN, "-f", "csv", "-o", "/dev/stdout", shell='"$@" >> all').status == 0
    assert Path("all").read_bytes().startswith(expected + expected.removeprefix(b"KEEP") + b"spec,")
    program(*RUN, "-o", "/dev/stdout", shell='"$@" >&-').refusal(1, "/dev/stdout cannot be written: it is not open")
    assert sorted(os.listdir()) == ["a-link", "all"]


def test_a_pipe_is_written_to_and_stays_a_pipe(rnncli: Run) -> None:
    expected = array(rnncli)
    os.mkfifo("pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(Path("pipe").read_bytes()), daemon=True)
    reader.start()
    assert rnncli(*RUN, "-o", "pipe").status == 0
    reader.join(PATIENCE)
    assert read == [expected]
    assert Path("pipe").is_fifo()
    reading, writing = os.pipe()
    assert rnncli(*RUN, "-o", f"/dev/fd/{writing}").status == 0
    assert os.read(reading, 1000) == expected
    os.close(reading)
    result = rnncli(*RUN, "-o", f"/dev/fd/{writing}")
    os.close(writing)
    assert result.status == 1
    assert result.stderr.endswith(f"Error: /dev/fd/{writing} cannot be written: its reader has closed it\n")
    assert os.listdir() == ["pipe"]


def test_an_impossible_place_for_a_file_is_reported_before_the_work_begins(at: Walk, rnncli: Run) -> None:
    os.symlink("loop", "loop")
    os.symlink("nowhere/y", "dangling")
    Path("file").write_bytes(b"old")
    Path("folder").mkdir()
    os.mknod("socket", stat.S_IFSOCK)
    before = sorted(os.listdir())
    with open("/dev/null") as read_only:
        for (command, option), (name, words) in product(
            WRITTEN,
            {
                "": "its name is empty",
                "y/": "it names a directory that does not exist",
                "folder": "it is a directory",
                "folder/": "it is a directory",
                "folder/..": "it is a directory",
                "nowhere/y": "there is no folder nowhere",
                "dangling": "there is no folder ./nowhere",
                "file/y": "Not a directory",
                "loop": "Too many levels of symbolic links",
                "y" * 256: "File name too long",
                "socket": "it is a socket",
                f"/dev/no-such-device-{os.getpid()}": "No such file or directory",  # and create none
                "/dev/fd/y": "No such file or directory",
                "/dev/fd/99": "Bad file descriptor",
                f"/dev/fd/{read_only.fileno()}": "it is not open for writing",
            }.items(),
        ):
            with at(command, option, name):
                result = rnncli(*COMMAND_LINES[command], option, name)
                result.refusal(1, f"Error: {name or repr('')} cannot be written: {words}\n")
    assert (sorted(os.listdir()), os.listdir("folder")) == (before, [])


def test_a_name_may_be_a_number_or_as_long_as_the_system_allows(rnncli: Run) -> None:
    name = "7" * 255
    assert rnncli(*RUN, "-o", name).status == 0
    assert rnncli(*RUN, "-o", name).status == 0  # and be replaced
    assert os.listdir() == [name]
    deep = "/".join(["d" * 200] * 20)[: 4090 - len(os.getcwd())].rstrip("/")
    os.makedirs(deep)
    assert rnncli(*RUN, "-o", f"{os.getcwd()}/{deep}/y").status == 0
    assert os.listdir(deep) == ["y"]


def test_a_link_is_kept_and_its_target_replaced(rnncli: Run) -> None:
    Path("folder").mkdir()
    Path("folder/y").write_bytes(b"old")
    os.link("folder/y", "other-name")
    os.symlink("folder/y", "one")
    os.symlink("one", "two")
    assert rnncli(*RUN, "-o", "two").status == 0
    assert (os.readlink("one"), os.readlink("two"), os.listdir("folder")) == ("folder/y", "one", ["y"])
    assert Path("folder/y").read_bytes().startswith(STARTS)
    assert Path("other-name").read_bytes() == b"old"


@root_only
def test_another_users_link_in_a_shared_directory_is_not_followed(rnncli: Run) -> None:
    Path("victim").write_bytes(b"old")
    Path("shared").mkdir()
    os.chmod("shared", 0o1777)
    os.symlink("../victim", "shared/y")
    os.lchown("shared/y", 65534, 65534)
    rnncli(*RUN, "-o", "shared/y").refusal(1, "it is a link of another user, in a shared directory")
    assert Path("victim").read_bytes() == b"old"
    os.symlink("mine", "shared/own-link")
    assert rnncli(*RUN, "-o", "shared/own-link").status == 0


def test_another_users_file_in_a_shared_directory_is_kept(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("shared").mkdir()
    os.chmod("shared", 0o1777)
    Path("shared/y").write_bytes(b"old")
    assert rnncli(*RUN, "-o", "shared/y").status == 0
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    rnncli(*RUN, "-o", "shared/y").refusal(1, "it belongs to another user, in a shared directory")
    assert rnncli(*RUN, "-o", "shared/new").status == 0


def test_a_planted_link_cannot_redirect_the_temporary_file(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("victim").write_bytes(b"old")
    monkeypatch.setattr(os, "urandom", lambda count: b"\0" * count)  # an attacker who predicts the random name
    for lay in (os.symlink, os.link):
        lay("victim", f".rnncli-{'00' * 8}.partial")
        rnncli(*RUN, "-o", "y").refusal(1, "y cannot be written: File exists")
        assert Path("victim").read_bytes() == b"old"
        assert not Path("y").exists()
        Path(f".rnncli-{'00' * 8}.partial").unlink(missing_ok=True)


# Modes


def test_a_replaced_file_keeps_its_mode_and_a_read_only_one_is_not_replaced(at: Walk, rnncli: Run) -> None:
    Path("y").write_bytes(b"old")
    for mode in (0o600, 0o640, 0o666, 0o755):
        with at(oct(mode)):
            os.chmod("y", mode)
            assert rnncli(*RUN, "-o", "y").status == 0
            assert stat.S_IMODE(os.stat("y").st_mode) == mode
            assert Path("y").read_bytes().startswith(STARTS)
    os.chmod("y", 0o444)
    rnncli(*RUN, "-o", "y").refusal(1, "y cannot be written: it is read-only")
    assert os.listdir() == ["y"]


@root_only
def test_a_file_that_root_replaces_keeps_its_owner(rnncli: Run) -> None:
    Path("y").write_bytes(b"old")
    os.chown("y", 65534, 65533)
    assert rnncli(*RUN, "-o", "y").status == 0
    assert (os.stat("y").st_uid, os.stat("y").st_gid) == (65534, 65533)


def test_a_read_only_directory_is_reported_before_the_work_begins(program: Run) -> None:
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write anywhere")
    # Without capabilities, root has the same permissions as others.
    shell = 'setpriv --bounding-set=-all --inh-caps=-all "$@"' if os.geteuid() == 0 else '"$@"'
    Path("folder").mkdir()
    Path("folder/y").write_bytes(b"old")
    os.chmod("folder", 0o500)
    for name in ("folder/new", "folder/y"):
        program(*RUN, "-o", name, shell=shell).refusal(
            1, f"{name} cannot be written: Permission denied in its directory"
        )


# Two files in one place


def test_two_outputs_in_one_place_are_an_error(at: Walk, rnncli: Run, tmp_path: Path) -> None:
    Path("folder").mkdir()
    os.symlink("y", "link")
    os.symlink(".", "same")
    names = ("y", "./y", "folder/../y", f"{tmp_path}/here/y", "link", "same/y", "same/link")
    with open("open", "w") as file:
        opened = ("open", f"/proc/self/fd/{file.fileno()}", f"/dev/fd/{file.fileno()}")
        pairs = [(a, b) for a, b in (*product(names, names), *product(opened, opened)) if "y" in (a, b) or a in opened]
        for (command, one, two), (first, second) in product(BOTH_WRITTEN, pairs):
            with at(command, one, first, two, second):
                said = first if first == second else f"{first}, which is {second}"
                result = rnncli(*COMMAND_LINES[command], one, first, two, second)
                result.refusal(2, f"Error: {one} and {two} would both write to {said}\n{ADVICE}")
    assert not Path("y").exists()


def test_an_input_file_is_never_also_an_output(at: Walk, rnncli: Run) -> None:
    Path("x").write_bytes(b"old")
    os.symlink("x", "link")
    in_c = ("export", "input:8,lstm:4", "--to", "c", "--dtype", "int8")  # the only target that reads an input
    for (command, read, written), one, two in product(READ_AND_WRITTEN, ("x", "link"), ("x", "./x", "link")):
        with at(command, read, one, written, two):
            line = in_c if (command, read) == ("export", "--input") else COMMAND_LINES[command]
            result = rnncli(*line, read, one, written, two)
            result.refusal(2, f"{read} reads {one}, but {written} would write to it\n{ADVICE}")
            assert Path("x").read_bytes() == b"old"
    shutil.copy(MODEL, "x.safetensors")  # stands for a spec
    os.symlink("x.safetensors", "linked")
    more = {"compare": ["input:8,rnn:4"], "export": ["--to", "torch"]}
    for command, option in WRITTEN:
        if command not in ("sweep", "solve"):  # they take no files as specs
            with at(command, option):
                result = rnncli(command, "x.safetensors", *more.get(command, []), option, "linked")
                name = "FILE" if command == "inspect" else "SPEC"
                result.refusal(2, f"{name} reads x.safetensors, but {option} would write to it\n{ADVICE}")
                assert Path("x.safetensors").read_bytes() == Path(MODEL).read_bytes()


def test_a_standard_stream_that_is_the_same_file_is_an_error(at: Walk, program: Run) -> None:
    Path("y").write_bytes(b"old")
    for stream, redirection, said in (("input", "<", "{}old"), ("error", "2>>", "old{}"), ("output", ">", "{}")):
        with at(stream):
            result = program(*RUN, "-o", "y", shell=f'"$@" {redirection} y')
            error = f"Error: standard {stream} is y, but --output would replace it\n{ADVICE}"
            assert (result.status, result.stdout) == (2, "")
            assert result.stderr + Path("y").read_text() == said.format(error)


def test_in_python_the_files_of_a_run_are_checked_before_it_starts() -> None:
    with pytest.raises(UsageError, match="save_weights and output would both write to y"):
        RunPlan("input:8", Request(output="y", save_weights="y"))
    Path("w").write_bytes(b"old")
    with pytest.raises(UsageError, match="weights reads w"):
        RunPlan("input:8", Request(weights="w", output="w"))
    with pytest.raises(RnncliError, match="nowhere/y cannot be written"):
        RunPlan("input:8", Request(output="nowhere/y"))


# Early ends

STEP_BY_STEP = """
import os, signal, stat
from rnncli.atomic import written_whole
from rnncli.system.signals import ENDING, end_on_signals

def watched(name, step):
    def taken(*arguments, **options):
        found = name == "fsync" and os.fstat(arguments[0])
        kind = found and (" of a directory" if stat.S_ISDIR(found.st_mode) else f" of {found.st_size} bytes")
        come(f"before {name}{kind or ''}")
        result = step(*arguments, **options)
        come(f"after {name}{kind or ''}")
        return result
    setattr(os, name, taken)

def come(moment):
    global left
    left -= 1
    if not left:
        os.write(1, f"{number.name} {moment}: ".encode())
        signal.raise_signal(number)

def write():
    end_on_signals()
    for name in ("open", "fchown", "fchmod", "fsync", "replace"):
        watched(name, getattr(os, name))
    with written_whole("y") as file:
        file.write(b"new")
    os._exit(0)

for number in map(signal.Signals, [*ENDING, signal.SIGHUP]):
    for left in range(1, 100):
        with open("y", "w") as file:
            file.write("old")
        if not (child := os.fork()):
            write()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with open("y") as file:
            print(status, file.read(), *os.listdir(), flush=True)
        if not status:
            break
    signal.signal(signal.SIGHUP, signal.SIG_IGN if number == ENDING[-1] else signal.SIG_DFL)
"""
"""Write a file with every signal at every step, and finally with a signal ignored from the start, as by nohup."""


def test_whatever_ends_it_at_any_step_the_file_is_the_old_or_the_new_one() -> None:
    done = subprocess.run([sys.executable, "-c", STEP_BY_STEP], capture_output=True, text=True, timeout=PATIENCE)
    steps = ["open", "open", "fchown", "fchmod", "fsync of 3 bytes", "replace", "open", "fsync of a directory"]
    moments = [f"{when} {step}" for step in steps for when in ("before", "after")]
    expected = []
    for number in map(signal.Signals, ENDING):
        for index, moment in enumerate(moments):
            content = "new" if index >= moments.index("after replace") else "old"
            expected.append(f"{number.name} {moment}: {128 + number} {content} y")
        expected.append("0 new y")
    assert done.stdout.splitlines() == [*expected, f"SIGHUP {moments[0]}: 0 new y"]
    assert done.stderr == "Interrupted\n" * len(moments)


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(program_line(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_signal_ends_a_long_run_and_keeps_the_old_file(at: Walk) -> None:
    Path("y").write_bytes(b"old")
    os.chmod("y", 0o600)
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGKILL, -9)):
        with at(number.name), started(*ENDLESS, "-o", "y") as process:
            until(lambda: any(os.stat(name).st_size for name in os.listdir() if name != "y"))
            (beside,) = {*os.listdir()} - {"y"}
            assert (beside.startswith(".rnncli-"), beside.endswith(".partial")) == (True, True)
            assert stat.S_IMODE(os.stat(beside).st_mode) == 0o600  # private from the start, like the file it replaces
            process.send_signal(number)
            said = b"Interrupted\n" if number == signal.SIGINT else b""
            assert process.communicate(timeout=PATIENCE) == (b"", said)
            assert process.returncode == status
            left = ["y", beside] if number == signal.SIGKILL else ["y"]
            assert (Path("y").read_bytes(), sorted(os.listdir())) == (b"old", sorted(left))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc")
def test_a_signal_leaves_no_traces_of_output_waiting_for_a_pipe() -> None:
    def waiting() -> bool:
        with suppress(FileNotFoundError):  # closed by now
            files = map(os.readlink, Path(f"/proc/{process.pid}/fd").iterdir())
            return any(file.startswith(os.environ["TMPDIR"]) and file.endswith("(deleted)") for file in files)
        return False

    with started(*ENDLESS, "-o", "/dev/stdout") as process:
        until(waiting)
        process.terminate()
        assert process.communicate(timeout=PATIENCE) == (b"", b"")
    assert (process.returncode, os.listdir()) == (128 + signal.SIGTERM, [])
