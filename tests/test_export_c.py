"""`rnncli export --to c`: the compiled program matches the engine, and uses the memory that a summary reports."""

from __future__ import annotations

import re
import subprocess
import zipfile
from itertools import product
from pathlib import Path
from random import Random

import numpy as np
from c_programs import COMPILERS, SANITIZED, STRICT, Case, Machine, compiled, random_cases, run, with_compiler
from conftest import MODELS, Run, Walk, is_thorough, some
from golden.data import difference
from kinds import KINDS

from rnncli import Network
from rnncli.engine.initializers import initial_weights
from rnncli.engine.model import Model
from rnncli.export import Device, Job, export
from rnncli.export.c import header, stored
from rnncli.layers.activations import ACTIVATIONS
from rnncli.network_summary import figure

EVERYTHING = (
    "input:3",
    "embed:1x2",
    "input:3,dense:4:softmax,dropout:0.5",
    "embed:9x4:mask,rnn:3:relu:seq,pool:avg,dense:2",
    "embed:9x4:mask,lstm:3:bi:seq,gru:2:bi=mul:seq,lstm:2:back:seq,pool:max",
    "embed:9x4:mask,gru:3:bi=ave:seq:reset=before,gru:2:bi=sum",
    "input:2:mask,norm,lstm:3:seq,pool:avg",
    "input:2,lstm:5:proj=3:seq,lstm:4:proj=2:bi",
    "input:2,lstm:9:proj=3:seq,lstm:4:proj=3",
    "input:2:mask,dense:3,lstm:3:bi:seq,gru:2:back:seq,pool:avg",
    "input:3,lstm:4:softmax:recact=softmax:seq,gru:3:recact=softmax:reset=before:nobias:seq,norm:nobias",
    "input:2,dense:5,dense:4:gelu,dense:6:selu,norm,lstm:3,dense:4:elu,dense:2",
    "input:2,gru:3,dense:4:relu,repeat:3,lstm:2,dense:3,repeat:4,rnn:2:seq,dense:2:silu",
    "input:2,gru:3,dense:4:softplus,repeat:3,lstm:2:seq,pool:avg",
    "input:9,gru:2:bi:seq,pool:avg,repeat:2,rnn:1:bi:seq,pool:max",
    "input:2,conv:3x4:relu,lstm:2:seq",
    "input:7x2,norm,conv:3x3:stride=2:causal,pool:max:2:stride=1,bnorm,gru:3",
    "input:7x2,conv:3x2:dilation=2:nobias,pool:avg:3,flatten,dense:2",
    "input:7x1,gru:3:bi:seq,conv:2x3:stride=2,pool:avg:2,flatten,bnorm:noscale,dense:2:relu",
    "embed:9x4:mask,lstm:2:seq,conv:3x2:same:stride=2,pool:avg:2:same:stride=1,bnorm:nobias,gru:2:seq",
    "embed:9x3,conv:3x3:same,pool:max:2:same,rnn:2:back",
    "input:2,gru:3,repeat:6,conv:3x2:stride=2:causal,lstm:2:seq,pool:max:2:stride=1",
    "input:2,gru:3,repeat:9,conv:3x2:same,pool:avg:3:same,gru:1:bi=sum",
    "input:2,gru:3,repeat:9,conv:3x2,gru:2,repeat:3,pool:avg:2,dense:2",
    "input:2,gru:3:bi,repeat:5,rnn:2:back:seq,lstm:2:bi,repeat:2",
)
"""Networks that together use every feature that a network in C may have."""


def source_of(spec: str, **device: object) -> str:
    network = Network.parse(spec)
    weights = initial_weights(network, 0, np.dtype("float32"), "keras")
    return str(export(Job(network, lambda: weights, origin="drawn from seed 0", device=Device(**device)), "c"))


def expected_of(case: Case, weights: dict[str, np.ndarray] | None = None) -> np.ndarray:
    return Model(case.network, weights=weights or case.weights)(case.x[None])[0]


@with_compiler
def test_random_networks_match_the_engine_also_step_by_step_within_a_summarys_memory(at: Walk, tmp_path: Path) -> None:
    random, specs = Random(0), [*EVERYTHING]
    for kind in KINDS.values() if is_thorough() else ():
        golden = [*kind.golden_values()]
        specs += random.sample(golden, min(20, len(golden)))
    cases = [*random_cases(random, 100 if is_thorough() else 5), *map(Case.of, specs)]
    for compiler in COMPILERS if is_thorough() else COMPILERS[:1]:  # the last one compiles int8
        for case, ran in zip(cases, run(cases, tmp_path, on=Machine([compiler])), strict=True):
            with at(compiler, str(case.network)):
                assert difference(ran.y, expected_of(case)) < 1e-5
                streaming = case.network.summary().streaming_bytes
                assert (ran.stepped is None) == (streaming is None)
                if ran.stepped is not None and case.network.body:
                    assert ran.stepped.tobytes() == ran.y.tobytes()
                    assert ran.held == streaming


@with_compiler
def test_a_nan_in_the_input_is_not_padding_and_reaches_the_outputs_that_it_reaches_in_forward(tmp_path: Path) -> None:
    specs = ["input:2:mask,gru:3:seq", "input:2,pool:max", "input:2,pool:max:2"]
    specs += [f"input:2,dense:2:{name}" for name in ACTIVATIONS]
    cases = [Case.of(spec) for spec in specs]
    for case in cases:
        case.x[3, 0] = np.nan
    for case, ran in zip(cases, run(cases, tmp_path, SANITIZED if is_thorough() else ["-O0"]), strict=True):
        assert difference(ran.y, expected_of(case)) < 1e-5, str(case.network)


def test_a_sources_constants_are_as_large_as_the_parameters(at: Walk) -> None:
    for dtype in ("float32", "int8"):
        for spec in EVERYTHING:
            with at(spec, dtype):
                constants = re.findall(r"static const (\w+) \w+\[(\d+)\] = ", source_of(spec, dtype=dtype))
                size = sum({"float": 4, "int8_t": 1}[each] * int(count) for each, count in constants)
                *_, account = Network.parse(spec).accounts(dtype=dtype)  # with one bias per cell, as in Keras
                assert (size,) == figure("total_bytes", account, None, dtype)


@with_compiler
def test_int8_computes_with_its_stored_weights_within_a_summarys_memory(at: Walk, tmp_path: Path) -> None:
    cases = [Case.of(spec, dtype="int8") for spec in some(EVERYTHING, 2)]
    for case, ran in zip(cases, run(cases, tmp_path, ["-O0"], Machine(COMPILERS[-1:])), strict=True):
        with at(str(case.network)):
            held = stored(Job(case.network, lambda weights=case.weights: weights))
            for key, array in case.weights.items():
                largest = np.abs(array).max(axis=tuple(range(array.ndim - 1)))
                assert (np.abs(held[key] - array) <= largest / 254 * 1.001).all()
            assert difference(ran.y, expected_of(case, held)) < 1e-5
            if ran.held is not None and case.network.body:
                assert ran.held == case.network.summary(dtype="int8").streaming_bytes


@with_compiler
def test_tanh_and_sigmoid_are_within_8_units_in_the_last_place_for_all_floats(at: Walk, tmp_path: Path) -> None:
    source = source_of("input:1,dense:1:tanh,dense:1:sigmoid")
    main = """
    #include <stdio.h>
    int main(void)
    {
        union { uint32_t bits; float value; } x;
        for (x.bits = 0; x.bits < 0x7f800000u; x.bits += 4093) {
            for (int sign = -1; sign <= 1; sign += 2) {
                const float v[3] = {(float)sign * x.value, tanh_of((float)sign * x.value),
                                    sigmoid_of((float)sign * x.value)};
                fwrite(v, sizeof v, 1, stdout);
            }
        }
        return 0;
    }
    """
    for compiler in COMPILERS:
        program = compiled(f"{source}{main.rstrip()}\n", tmp_path, compiler)
        done = subprocess.run([program], capture_output=True, check=True)
        x, *found = np.frombuffer(done.stdout, "<f4").reshape(-1, 3).T
        assert len(x) > 1_000_000
        with np.errstate(over="ignore"):
            exact = np.tanh(x.astype("float64")), 1 / (1 + np.exp(-x.astype("float64")))
        for name, ours, right in zip(("tanh", "sigmoid"), found, exact, strict=True):
            with at(compiler, name):
                assert (np.abs(ours - right) / np.spacing(np.abs(right).astype("float32"))).max() < 8


@with_compiler
def test_programs_from_framework_files_compute_the_output_of_forward(rnncli: Run, at: Walk) -> None:
    with zipfile.ZipFile(MODELS / "keras" / "models.zip") as archive:
        keras = archive.extract("stack.keras")
    files = MODELS / "recall.safetensors", MODELS / "plain.pt", MODELS / "onnx" / "classifier.onnx", keras
    for path in some(files, 2):
        with at(str(path)):
            result = rnncli("export", path, "--to", "c", "--with-main")
            assert result.status == 0
            case = Case.of(rnncli("spec", path).stdout.strip())
            np.save("x.npy", case.x[None])
            assert rnncli("forward", path, "--input", "x.npy", "-o", "y.npy").status == 0
            program = compiled(result.stdout, Path())
            typed = "\n".join(" ".join(map(repr, row)) for row in case.x.reshape(len(case.x), -1).tolist())
            done = subprocess.run([program], input=typed, capture_output=True, text=True, check=True)
            assert np.allclose(np.loadtxt(done.stdout.splitlines(), ndmin=2), np.load("y.npy"), atol=1e-5)


@with_compiler
def test_the_program_reads_rows_until_the_end_and_says_what_a_row_should_be(at: Walk) -> None:
    rows_of = {
        "input:2,gru:3:seq": {"1 2\n3,4\n": 2},
        "input:2,gru:3": {"": 0, "1 2\n3 4\n": 1},
        "input:2,gru:3:bi:seq": {"1 2\n3 4\n5 6": 3},
        "input:2,gru:3:bi": {"": 0, "1 2\n": 1},
        "embed:9x2,gru:3,repeat:4,rnn:2:seq": {"8\n1\n": 4},
        "embed:9x2,gru:3:bi,repeat:4,rnn:2:seq": {"8\n1\n": 4},
    }
    wrong = ("x", "9", "1 2 3 4", "1,,2", ", 1 2", "4294967297", f"0.{'1' * 70}", f"0.{'1' * 500}")
    tried = some(product(rows_of, wrong), 3)
    for spec, rows in rows_of.items():
        with at(spec):
            program = compiled(source_of(spec, with_main=True), Path())
            for typed, count in rows.items():
                done = subprocess.run([program], input=typed, capture_output=True, text=True)
                assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, count, "")
            expected = "an id from 0 to 8" if spec.startswith("embed") else "2 numbers"
            for row in (row for of, row in tried if of == spec):
                done = subprocess.run([program], input=f"{typed}\n{row}\n", capture_output=True, text=True)
                assert (done.returncode, done.stderr) == (1, f"expected {expected} per line\n")


@with_compiler
def test_the_program_states_the_required_sequence_length_and_frees_its_memory(at: Walk) -> None:
    for spec, expected in (
        ("embed:9x3,conv:4x3,pool:avg", "at least 3 timesteps"),
        ("embed:9x3,rnn:2:seq,pool:max:3,gru:2:bi", "at least 3 timesteps"),
        ("embed:9x3,conv:2x3", "at least 3 timesteps"),
        ("input:3x1,gru:2:seq,flatten", "3 timesteps"),
        ("input:3x1,gru:2:bi:seq,flatten", "3 timesteps"),
    ):
        with at(spec):
            assert f"Runs a whole sequence of {expected}." in source_of(spec)
            program = compiled(source_of(spec, with_main=True), Path())
            for typed in ("1\n2\n", "1\n2\n3\n4\n")[: 1 + ("least" not in expected)]:
                done = subprocess.run([program], input=typed, capture_output=True, text=True)
                assert (done.returncode, done.stdout, done.stderr) == (1, "", f"expected {expected}\n")
            done = subprocess.run([program], input="1\n2\n3\n", capture_output=True, text=True)
            assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")


@with_compiler
def test_a_header_may_be_included_in_cplusplus_and_twice(tmp_path: Path) -> None:
    network = Network.parse("input:2,gru:3")
    weights = initial_weights(network, 0, np.dtype("float32"), "keras")
    job = Job(network, lambda: weights, origin="none", device=Device("net", header="net.h"))
    (tmp_path / "net.h").write_text(header(job))
    (tmp_path / "twice.c").write_text('#include "net.h"\n#include "net.h"\nint one(void);\n')
    for compiler in COMPILERS:
        subprocess.run([compiler, *STRICT, "-c", "twice.c"], cwd=tmp_path, check=True)
    assert 'extern "C" {' in header(job)


def test_no_line_is_longer_than_100_columns_and_all_are_ascii(at: Walk) -> None:
    specs = *EVERYTHING, "input:8:mask,gru:8:bi:seq:nobias:recact=hard_sigmoid:reset=before:x2"
    for spec, dtype in product(specs, ("float32", "int8")):
        with at(spec, dtype):
            for line in source_of(spec, with_main=True, name="n" * 31, dtype=dtype).splitlines():
                assert len(line) <= 100
                assert line == line.rstrip()
                assert line.isascii()


def test_only_the_sequences_around_a_layer_that_reads_ahead_are_stored() -> None:
    source = source_of("input:2,dense:9,gru:3:bi:seq,dense:7,dense:8,pool:avg")
    assert "#define MODEL_WORKSPACE(timesteps) ((timesteps) * 9 + (timesteps) * 6)\n" in source
    assert "workspace of model_run, which is not used and may be NULL. */" in source_of("input:9x2,conv:3x3:same")
    struct = source.partition("typedef struct model_state {")[2].partition("}")[0]
    on_stack = sum(map(int, re.findall(r"float \w+\[([0-9]+)\];", struct))) + struct.count("int32_t ")
    assert f"workspace of model_run; it keeps {on_stack} others on the stack. */" in source


def test_the_header_describes_the_input_of_a_step() -> None:
    assert "/* Runs a timestep. x: MODEL_INPUTS numbers; y: " in source_of("input:2,gru:3")
    assert "/* Runs a timestep. id: from 0 to 8; y: " in source_of("embed:9x2,gru:3")


def test_equal_cells_share_a_function_and_every_function_is_called(at: Walk) -> None:
    source = source_of("input:16,lstm:16:seq:x12,dense:1")
    assert source.count("static void lstm_16x16(") == 1
    for spec in EVERYTHING:
        with at(spec):
            source = source_of(spec, with_main=True)
            for name in re.findall(r"^static .*?(\w+)\(", source, re.MULTILINE):
                assert len(re.findall(rf"\b{name}\(", source)) > 1
                assert not name.endswith(("_reset", "_step", "_next", "_run"))  # a `--name` may be all before that


def test_a_file_name_cannot_end_the_comment_that_mentions_it() -> None:
    network = Network.parse("input:2,dense:1")
    job = Job(network, lambda: initial_weights(network, 0, np.dtype("float32"), "keras"), origin="of a*/int x;/*é")
    assert "*/int" not in str(export(job, "c"))


def test_a_file_and_its_header_are_both_written_or_neither(rnncli: Run) -> None:
    result = rnncli("export", "input:2,gru:3", "-o", "my-net.c")
    assert (result.status, result.stdout) == (0, "")
    note, *wrote = result.stderr.splitlines()
    counted = Network.parse("input:2,gru:3").summary()
    sizes = f"{counted.total_bytes} B of constants and {counted.streaming_bytes} B of memory to run a step at a time"
    assert note == f"Note: on a device it needs {sizes}"
    said = rnncli("export", "nn.LSTM(2, 3)", "-o", "one-bias.c").stderr.splitlines()[1]  # PyTorch counts two
    assert said.startswith(f"Note: on a device it needs {Network.parse('input:2,lstm:3').summary().total_bytes} B")
    said = rnncli("export", "input:2,gru:3:bi", "-o", "whole.c").stderr.splitlines()[0]
    assert said.endswith(" of constants and a workspace for the sequence and a stack, which the header sizes")
    assert [line.split(",")[0] for line in wrote] == ["wrote my-net.c", "wrote my-net.h"]
    assert '#include "my-net.h"' in Path("my-net.c").read_text()
    assert "int my_net_step(my_net_state *state" in Path("my-net.h").read_text()
    Path("other.h").mkdir()
    result = rnncli("export", "input:2,gru:3", "-o", "other.c")
    assert result.status == 1
    assert not Path("other.c").exists()


def test_a_function_name_may_be_given_and_a_file_may_have_any_name(rnncli: Run) -> None:
    assert "size_t net_run(" in rnncli("export", "input:2,gru:3", "--to", "c", "--name", "net").stdout
    assert rnncli("export", "input:2,gru:3", "-o", "3-été.c").status == 0
    assert "model_3_t_run(" in Path("3-été.h").read_text()
    assert rnncli("export", "input:2,gru:3", "-o", 'a"b.c').status == 0  # C cannot include such a name
    assert "size_t a_b_run(" in Path('a"b.h').read_text()
    assert '"' not in Path('a"b.c').read_text().replace('"C"', "")


def test_the_error_of_int8_is_reported_for_a_random_and_for_a_given_input(rnncli: Run) -> None:
    line = ("export", "input:2,gru:3:seq", "--to", "c", "--dtype", "int8")
    result = rnncli(*line)
    assert re.fullmatch(
        r"Note: int8 changes the outputs by at most [0-9.e-]+, [0-9.e-]+ on average, compared with float32 "
        r"for 100 random timesteps\n",
        result.stderr,
    )
    assert "for 200 random timesteps" in rnncli(line[0], "input:2,conv:2x200,pool:avg", *line[2:]).stderr
    np.save("x.npy", np.zeros((1, 7, 2), "float32"))
    assert "for the 7 timesteps of x.npy" in rnncli(*line, "--input", "x.npy").stderr


def test_the_digits_are_the_fewest_that_give_the_same_floats(tmp_path: Path) -> None:
    network = Network.parse("input:40,dense:40")
    weights = initial_weights(network, 3, np.dtype("float32"), "keras")
    source = str(export(Job(network, lambda: weights), "c"))
    (written,) = re.findall(r"dense_kernel\[1600\] = \{(.*?)\}", source, re.DOTALL)
    numbers = np.array([each.strip().removesuffix("f") for each in written.split(",")[:-1]], "float32")
    assert (numbers == weights["dense/kernel"].ravel()).all()
    assert all(len(re.sub(r"^\W*0\.0*|e.*|\D", "", each)) <= 9 for each in written.split(","))


@with_compiler
def test_weights_that_are_not_finite_compile(tmp_path: Path) -> None:
    weights = {"dense/kernel": np.float32([[np.inf, -np.inf, np.nan]]), "dense/bias": np.float32([0, -0.0, 1e38])}
    source = str(export(Job(Network.parse("input:1,dense:3"), lambda: weights, device=Device(with_main=True)), "c"))
    done = subprocess.run([compiled(source, tmp_path)], input="1\n", capture_output=True, text=True, check=True)
    assert re.fullmatch("inf -inf -?nan\n", done.stdout)
