"""Build exported Keras, load its weights from each kind of file, run it, and read its source back."""

from __future__ import annotations

from random import Random

import keras
from golden.exports.case import Case, run
from golden.exports.findings import Findings
from golden.frameworks import keras_variables, layers_of

from rnncli.export import TARGETS, arrays, export
from rnncli.export.weight_writers import write_weights
from rnncli.formats import open_model
from rnncli.network_summary import Summary

VERSION = f"Keras {keras.__version__}"


def judge(random: Random, findings: Findings) -> None:
    """Export a random network to Keras, build it, and load its weights in both ways."""
    case = Case(random).counted(findings)
    source = str(export(case.job(), "keras"))
    _judge_built(case, _built(source, findings), case.network.summary(), findings)
    _judge_source(case, source, findings)
    ours = case.output(findings)
    for extension in TARGETS["keras"].weights:
        path = str(findings.folder / f"model{extension}")
        write_weights(path, arrays(case.job(path), "keras"), extension)
        model = _built(str(export(case.job(path), "keras")), findings)
        theirs = keras.ops.convert_to_numpy(model(case.x, training=False))
        if ours is not None:
            findings.compare(case.spec, ours, theirs)
        case.judge_weights_file(path, findings)


def _built(source: str, findings: Findings) -> keras.Model:
    """Return a source's model, built in a fresh Keras session so that automatic names start from zero."""
    findings.keep(source)
    keras.utils.clear_session(free_memory=False)
    model = run(source)["model"]
    assert isinstance(model, keras.Model)
    return model


def _judge_built(case: Case, model: keras.Model, summary: Summary, findings: Findings) -> None:
    """Compare the shapes, names, weights and settings of the Keras model with those of the network."""
    own = layers_of(model)
    theirs = [(layer.name, type(layer).__name__, tuple(layer.output.shape), layer.count_params()) for layer in own]
    ours = [(layer.name, layer.type, layer.output_shape, layer.params) for layer in summary.layers]
    if theirs != ours:
        findings.differ(case.spec, f"its layers are {theirs}, expected {ours}")
    if (tuple(model.input_shape), model.count_params()) != (summary.input_shape, summary.total_params):
        findings.differ(case.spec, f"it reads {model.input_shape} and has {model.count_params():,} parameters")
    weights = {key: tuple(variable.shape) for key, variable in keras_variables(model).items()} if case.weights else {}
    expected = {key: array.shape for key, array in case.weights.items()}
    if [*weights.items()] != [*expected.items()]:
        findings.differ(case.spec, f"its weights are {weights}, expected {expected}")
    # Settings without an effect on the output, such as a bias initialiser, appear only in the config.
    for layer, built in zip(case.network.body, own, strict=True):
        config = getattr(built, "forward_layer", built).get_config() | built.get_config()
        for option in layer.options:
            said, has = getattr(layer, option.attribute), config.get(option.attribute)
            has = has[0] if isinstance(has, tuple) and len(has) == 1 else has  # a size along one axis
            if said is not None and option.attribute in config and has != said:
                findings.differ(case.spec, f"{built.name} has {option.attribute}={has}")


def _judge_source(case: Case, source: str, findings: Findings) -> None:
    """Check that rnncli reads the source back as the exported network, if that has recurrent layers."""
    if not any(layer.states for layer in case.network.layers):
        return
    path = findings.folder / "model.py"
    path.write_text(source, encoding="utf-8")
    read = open_model(str(path))
    path.unlink()
    findings.count("specs")
    if [str(part.network) for part in read.parts] != [case.spec] or read.notes or read.parts[0].assumed:
        findings.differ(case.spec, f"is read back as {[str(part.network) for part in read.parts]}: {read.notes}")
