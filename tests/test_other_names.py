"""Other tools' words for commands, options and values: they are understood or lead to a suggestion."""

from __future__ import annotations

import re
import shlex

import click
from command_lines import OPTIONS, command_of
from conftest import Run, Walk

from rnncli.cli import COMMANDS, cli
from rnncli.commands.rewrites import COMMANDS as OTHER_COMMANDS
from rnncli.commands.rewrites import OPTIONS as OTHER_OPTIONS
from rnncli.commands.values import OneOf

SPEC = "input:8,rnn:4"

DTYPES = {
    "float16": "half fp16 f16 F16 FP16 Float16 torch.float16 torch.half np.half tf.float16",
    "bfloat16": "bf16 BF16 BFloat16 torch.bfloat16 jnp.bfloat16 ml_dtypes.bfloat16",
    "float32": "float single fp32 f32 FLOAT32 torch.float np.float32 numpy.single tf.float32",
    "float64": "double fp64 f64 Double torch.double np.float64 jax.numpy.float64",
    "int8": "i8 INT8 Int8 torch.int8 np.int8 torch.qint8",
}
"""The other names of each dtype."""

NO_DTYPES = "np.float numpy.float int i4 f4 f8 uint8 fp8 float128 torch torch. half."
"""Words that are not dtypes here, or are ambiguous."""

FRAMEWORKS = {
    "torch": "torch pytorch PyTorch pt PT Torch torch.nn",
    "keras": "keras Keras KERAS tf TensorFlow tensorflow tf.keras",
}
"""The names of each framework."""

SIZES = {
    "summary": (SPEC,),
    "compare": (SPEC, "input:8,rnn:5"),
    "sweep": (SPEC,),
    "solve": ("input:8,rnn:_", "--params", "100"),
}
"""The commands with sizes in any dtype, and an argument list for each."""


def test_a_dtype_is_accepted_by_its_other_names_and_shown_by_its_own(at: Walk, rnncli: Run) -> None:
    for command, arguments in SIZES.items():
        for dtype, names in DTYPES.items():
            for name in names.split():
                with at(command, name):
                    assert rnncli(command, *arguments, "--dtype", name, "-f", "json").objects[0]["dtype"] == dtype


def test_unsupported_dtypes_are_refused(at: Walk, rnncli: Run) -> None:
    for name in ["", *NO_DTYPES.split()]:
        with at(name):
            expected = f"Error: --dtype is '{name}', expected float16, bfloat16, float32, float64 or int8\n"
            assert rnncli("summary", SPEC, f"--dtype={name}").refusal().startswith(expected)


def test_a_framework_is_accepted_by_its_other_names(at: Walk, rnncli: Run) -> None:
    for command, arguments in (SIZES | {"forward": (SPEC,), "export": (SPEC,)}).items():
        for framework, names in FRAMEWORKS.items():
            answers = set()
            for name in names.split():
                option = ["--to", name] if command == "export" else ["--framework", name, "-f", "json"]
                with at(command, name):
                    result = rnncli(command, *arguments, *option)
                    assert result.status == 0
                    if command != "export":
                        assert result.objects[0]["framework"] == framework
                    answers.add(result.stdout)
            with at(command, framework):
                assert len(answers) == 1 or command == "forward"  # its output includes a run time


def test_forward_accepts_its_dtypes_by_their_other_names(at: Walk, rnncli: Run) -> None:
    for name, dtype in {"double": "float64", "torch.float": "float32", "F64": "float64"}.items():
        with at(name):
            (found,) = rnncli("forward", SPEC, "--timesteps", "2", "--dtype", name, "-f", "json").objects
            assert found["dtype"] == dtype


def test_help_and_completion_show_only_this_programs_names(at: Walk) -> None:
    for name, option in OPTIONS:
        if isinstance(option.type, OneOf):
            with at(name, option.name):
                context = click.Context(command_of(name), **cli.context_settings)
                record = option.get_help_record(context)
                assert record is not None
                assert record[0].endswith(option.metavar or f"[{'|'.join(option.type.choices)}]")
                items = option.type.shell_complete(context, option, "")
                assert [item.value for item in items] == list(option.type.choices)


def test_another_name_for_a_command_leads_to_it(at: Walk, rnncli: Run) -> None:
    rows = {name: becomes.split() for name, becomes in OTHER_COMMANDS.items()}
    trains = ["train", "fit", "learn", "finetune", "backprop", "optimize", "optimise"]
    for name, (command, *options) in (rows | {name: ["export", "--to", "keras"] for name in trains}).items():
        with at(name):
            assert name not in COMMANDS
            if command in ("help", "layers", "completion"):  # these take no spec
                assert f": rnncli {' '.join([command, *options])}" in rnncli(name).stderr
                continue
            given = "model.npz" if command == "inspect" else SPEC
            error = rnncli(name, given).refusal()
            offered = shlex.split(error.rpartition(": rnncli ")[2])
            blank = [word.replace("_", "4") for word in offered]  # solve needs a blank
            assert (offered[0], {given, *options} - {*blank}) == (command, set())
            assert ("nothing is trained here" in error) == (name in trains)


def test_another_name_for_an_option_leads_to_one_that_some_command_has(at: Walk) -> None:
    names = {name for _, option in OPTIONS for name in option.opts}
    for row in OTHER_OPTIONS:
        with at(row.pattern):
            led_to = re.findall(r"(?:^| )(-\S+)", row.becomes if isinstance(row.becomes, str) else "--macs")
            assert {*led_to} <= names
