"""TAB in the machine's shells, with the script that `rnncli completion` prints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Walk
from shells import COMMANDS, STARTS, Shell

LINES = {
    "rnncli summ": "rnncli summary ",
    "rnncli summary --for": "rnncli summary --format ",
    "rnncli summary -f js": "rnncli summary -f json ",
    "rnncli summary --format=js": "rnncli summary --format=json ",
    "rnncli completion z": "rnncli completion zsh ",
    "rnncli sweep --sort mem": "rnncli sweep --sort memory ",
    "rnncli sweep --sort -pa": "rnncli sweep --sort -params ",
    "rnncli sweep --sort=-pa": "rnncli sweep --sort=-params ",
    # No space follows inside a spec, because it can continue.
    "rnncli summary em": "rnncli summary embed:",
    "rnncli summary embed:10000x32,rnn:32:s": "rnncli summary embed:10000x32,rnn:32:seq",
    "rnncli summary embed:10000x32,rnn:32:seq,l": "rnncli summary embed:10000x32,rnn:32:seq,lstm:",
    "rnncli summary input:8,gru:4:reset=b": "rnncli summary input:8,gru:4:reset=before",
    "rnncli summary input:8,dense:3:re": "rnncli summary input:8,dense:3:relu",
    "rnncli summary 'input:8,ls": "rnncli summary 'input:8,lstm:",
    'rnncli summary "input:8,lstm:4:se': 'rnncli summary "input:8,lstm:4:seq',
    "rnncli compare input:3,rnn:3 input:4,ls": "rnncli compare input:3,rnn:3 input:4,lstm:",
    "rnncli solve input:8,lstm:": "rnncli solve input:8,lstm:_",
    "rnncli sweep 'input:8,{gru,ls": "rnncli sweep 'input:8,{gru,lstm",
    "rnncli sweep 'input:{u=4,8},{gru,lstm}:{u}:s": "rnncli sweep 'input:{u=4,8},{gru,lstm}:{u}:seq",
    "rnncli summary $(rnncli solve in": "rnncli summary $(rnncli solve input:",
    'rnncli summary "$(rnncli solve input:8,ls': 'rnncli summary "$(rnncli solve input:8,lstm:',
    # With several choices, or none, the line does not change.
    "rnncli summary input:8,gru:4:": "rnncli summary input:8,gru:4:",
    "rnncli summary input:8,gru:4:reset=": "rnncli summary input:8,gru:4:reset=",
    "rnncli summary input:8,gru:": "rnncli summary input:8,gru:",
    "rnncli sumary in": "rnncli sumary in",
    # Files are selected by extension.
    "rnncli forward --input da": "rnncli forward --input data.npy ",
    "rnncli forward --input=da": "rnncli forward --input=data.npy ",
    "rnncli forward --weights da": "rnncli forward --weights data.npz ",
    "rnncli forward -o my": "rnncli forward -o my\\ file.npy ",
    "rnncli forward -o 'my": "rnncli forward -o 'my file.npy' ",
    "rnncli forward --input fol": "rnncli forward --input folder/",
    "rnncli forward --input folder/": "rnncli forward --input folder/deep.npy ",
    "rnncli forward --input ~/da": "rnncli forward --input ~/data.npy ",
}


@pytest.fixture(scope="module", params=COMMANDS)
def shell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "folder").mkdir()
    for name in ("data.npy", "data.npz", "data.txt", "my file.npy", "folder/deep.npy", "folder/deep.txt"):
        (folder / name).touch()
    with closing(Shell(request.param, folder)) as shell:
        yield shell


@pytest.mark.thorough
def test_tab_completes(shell: Shell, at: Walk) -> None:
    for typed, completed in LINES.items():
        with at(typed):
            assert shell.line_after(f"{typed}\t") == completed


@pytest.mark.thorough
def test_tab_completes_in_the_middle_of_a_line(shell: Shell) -> None:
    left = "\x1b[D" * len(" --wide")
    keys = f"rnncli summary input:8,rnn:4:s --wide{left}\t"
    assert shell.line_after(keys) == "rnncli summary input:8,rnn:4:seq --wide"


@pytest.mark.thorough
def test_tab_twice_lists_the_choices(shell: Shell) -> None:
    shell.press("rnncli summary input:8,gru:4:\t\t")
    shell.wait_for("seq", "back", "bi=", "nobias", "act=", "recact=", "reset=")
    assert shell.take_line().startswith("rnncli summary input:8,gru:4:")


@pytest.mark.parametrize("shell", ["bash"], indirect=True)
def test_a_network_can_be_typed_with_tab(shell: Shell) -> None:
    keys = "rnncli summary em\t10000x32,rn\t32:s\t,gr\t4:bi=s\t:rese\tb\t,dens\t1:sig\t"
    spec = "embed:10000x32,rnn:32:seq,gru:4:bi=sum:reset=before,dense:1:sigmoid"
    assert shell.line_after(keys) == f"rnncli summary {spec}"
    assert shell.line_after("rnncli forward -o my\t") == LINES["rnncli forward -o my"]


@pytest.mark.thorough
def test_zsh_may_also_load_the_script_when_it_is_needed(tmp_path: Path) -> None:
    start = STARTS["zsh"].replace("source <(rnncli completion zsh)", "")
    script = f"rnncli completion zsh > ~/_rnncli\nfpath=(~ $fpath)\n{start}"
    with closing(Shell("zsh", tmp_path, script)) as shell:
        for _ in range(2):
            assert shell.line_after("rnncli summary input:8,ls\t") == "rnncli summary input:8,lstm:"
