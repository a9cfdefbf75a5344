"""Words from other tools for the values of options: they are understood, and none is taken for another."""

from __future__ import annotations

import json
from collections.abc import Callable

import click
import pytest
from conftest import Result

from rnncli.cli import cli
from rnncli.commands.named import Named

Run = Callable[..., Result]

SPEC = "input:8,rnn:4"

DTYPES = {
    "float16": (
        "half",
        "fp16",
        "f16",
        "F16",
        "FP16",
        "Float16",
        "torch.float16",
        "torch.half",
        "np.half",
        "tf.float16",
    ),
    "bfloat16": ("bf16", "BF16", "BFloat16", "torch.bfloat16", "jnp.bfloat16", "ml_dtypes.bfloat16"),
    "float32": ("float", "single", "fp32", "f32", "FLOAT32", "torch.float", "np.float32", "numpy.single", "tf.float32"),
    "float64": ("double", "fp64", "f64", "Double", "torch.double", "np.float64", "jax.numpy.float64"),
    "int8": ("i8", "INT8", "Int8", "torch.int8", "np.int8", "torch.qint8"),
}
"""What each dtype is called elsewhere."""

NO_DTYPES = (
    "np.float",
    "numpy.float",
    "int",
    "i4",
    "f4",
    "f8",
    "uint8",
    "fp8",
    "float128",
    "torch",
    "torch.",
    "",
    "half.",
)
"""What is no dtype here, or may mean one of two."""

FRAMEWORKS = {
    "torch": ("torch", "pytorch", "PyTorch", "pt", "PT", "Torch", "torch.nn"),
    "keras": ("keras", "Keras", "KERAS", "tf", "TensorFlow", "tensorflow", "tf.keras"),
}
"""What each framework is called."""

COMMANDS = {
    "summary": (SPEC,),
    "compare": (SPEC, "input:8,rnn:5"),
    "sweep": (SPEC,),
    "solve": ("input:8,rnn:_", "--params", "100"),
}
"""The commands that have sizes in any dtype, and what makes each answer."""


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_dtype_goes_by_its_other_names_and_is_called_by_its_own(command: str, dtype: str, rnncli: Run) -> None:
    for name in DTYPES[dtype]:
        result = rnncli(command, *COMMANDS[command], "--dtype", name, "-f", "json")
        assert result.status == 0
        assert json.loads(result.stdout.splitlines()[0])["dtype"] == dtype


@pytest.mark.parametrize("name", NO_DTYPES)
def test_what_is_no_dtype_here_is_refused(name: str, rnncli: Run) -> None:
    result = rnncli("summary", SPEC, f"--dtype={name}")
    assert (result.status, result.stdout) == (2, "")
    assert "expected float16, bfloat16, float32, float64 or int8" in result.stderr


@pytest.mark.parametrize("command", [*COMMANDS, "forward", "export"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_goes_by_its_other_names(command: str, framework: str, rnncli: Run) -> None:
    spec = COMMANDS.get(command, (SPEC,))
    answers = {}
    for name in FRAMEWORKS[framework]:
        if command == "export":
            result = rnncli("export", SPEC, "--to", name)
        else:
            result = rnncli(command, *spec, "--framework", name, "-f", "json")
            assert json.loads(result.stdout.splitlines()[0])["framework"] == framework
        assert result.status == 0
        answers[name] = result.stdout
    if command != "forward":  # which prints how long it took
        assert len(set(answers.values())) == 1


@pytest.mark.parametrize(("name", "dtype"), [("double", "float64"), ("torch.float", "float32"), ("F64", "float64")])
def test_forward_knows_the_dtypes_that_it_computes_in_by_their_other_names(name: str, dtype: str, rnncli: Run) -> None:
    result = rnncli("forward", SPEC, "--timesteps", "2", "--dtype", name, "-f", "json")
    assert json.loads(result.stdout)["dtype"] == dtype


@pytest.mark.parametrize("name", ["int8", "half", "np.float16", "BF16"])
def test_forward_says_that_it_does_not_compute_in_the_other_dtypes(name: str, rnncli: Run) -> None:
    result = rnncli("forward", SPEC, "--dtype", name)
    assert result.status == 2
    assert f"--dtype is '{name}', expected float32 or float64, in which forward computes" in result.stderr
    assert "`rnncli summary` has the sizes in any" in result.stderr


def test_help_and_completion_show_the_names_of_this_program_alone() -> None:
    for name in cli.list_commands(click.Context(cli)):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        for option in command.params:
            if isinstance(option.type, Named):
                context = click.Context(command)
                record = option.get_help_record(context)
                assert record is not None
                assert record[0].endswith(f"[{'|'.join(option.type.choices)}]")
                items = option.type.shell_complete(context, option, "")
                assert [item.value for item in items] == list(option.type.choices)
