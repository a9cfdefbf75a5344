"""What is imported: a library only by the command, and the format, that needs it."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from rnncli.commands.options import FORMATS

REPORT = """
import sys
from rnncli.cli import run
status = run(sys.argv[1:])
import json
print(json.dumps([status, sorted({name.partition(".")[0] for name in sys.modules})]), file=sys.stderr)
"""
SPEC = "embed:10000x32,lstm:32:bi:seq,dense:8,rnn:32"


def imported(*arguments: str) -> set[str]:
    """The libraries that a command line leaves imported."""
    done = subprocess.run([sys.executable, "-c", REPORT, *arguments], capture_output=True, text=True, timeout=60)
    status, modules = json.loads(done.stderr.splitlines()[-1])
    assert (status, done.stdout == "") == (0, False)
    return set(modules)


@pytest.mark.parametrize("options", [["-f", name] for name in FORMATS if name != "table"] + [["-q"]])
def test_a_summary_for_programs_imports_neither_numpy_nor_rich(options: list[str]) -> None:
    assert not imported("summary", *options, SPEC, "--batch", "2", "--timesteps", "5") & {"numpy", "rich"}


MODELS = Path(__file__).parent / "golden" / "models"
MODEL_FILES = ["lstm-1.npz", "lstm-1.safetensors", "plain.pt", "before-1.6.pth", "onnx/lstm.onnx"]


@pytest.mark.parametrize("file", [*MODEL_FILES, "stack.keras", "stack.json"])
@pytest.mark.parametrize("command", [["inspect", "-f", "json"], ["inspect", "-f", "csv"], ["summary", "-q"], ["spec"]])
def test_what_programs_read_of_a_model_file_takes_neither_numpy_nor_rich(
    command: list[str], file: str, tmp_path: Path
) -> None:
    path = MODELS / file
    if not path.exists():
        with zipfile.ZipFile(MODELS / "keras" / "models.zip") as packed:
            path = Path(packed.extract(file, tmp_path))
    assert not imported(*command, str(path)) & {"numpy", "rich", "h5py", "pickle", "mmap"}


@pytest.mark.parametrize("format_", FORMATS)
def test_a_sweep_imports_neither_numpy_nor_rich(format_: str) -> None:
    assert not imported("sweep", "-f", format_, "input:8,lstm:{1..9}", "--top", "3") & {"numpy", "rich"}


@pytest.mark.parametrize("options", [[], ["--wide"], ["--framework", "torch"]])
def test_a_summary_for_people_imports_no_numpy(options: list[str]) -> None:
    modules = imported("summary", *options, SPEC)
    assert "numpy" not in modules
    assert "rich" in modules


@pytest.mark.parametrize(
    "arguments", [["layers"], ["--help"], ["--version"], ["layers", "--help"], ["summary", "--help"], ["forward", "-h"]]
)
def test_what_only_tells_about_rnncli_imports_neither(arguments: list[str]) -> None:
    assert not imported(*arguments) & {"numpy", "rich"}


@pytest.mark.parametrize("format_", [name for name in FORMATS if name != "table"])
def test_a_run_for_programs_imports_no_rich(format_: str) -> None:
    modules = imported("forward", "-f", format_, "input:8,rnn:4", "--timesteps", "3")
    assert "numpy" in modules
    assert "rich" not in modules


def test_a_summary_in_python_imports_no_library_at_all() -> None:
    program = f"""
import sys
from rnncli import Network
assert Network.parse("{SPEC}").summary(batch=2).total_params > 0
print(*{{"numpy", "rich", "click"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("\n", "")
