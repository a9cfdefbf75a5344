"""Record where real Keras's `model.save_weights` puts each array of some networks.

    KERAS_BACKEND=torch python tests/golden/keras_weight_layouts.py

`weight_layouts.json` has each network's array paths and shapes, and the layer name of each group.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import h5py
from golden.data import WEIGHT_LAYOUTS, write_lines
from golden.frameworks import VERSIONS, keras_model

from rnncli import Network

SPECS = (
    "embed:5x3,rnn:2:seq:x3,rnn:3,dense:2",
    "input:3,lstm:2:seq:bi,lstm:2:seq,dropout:0.5:x2,lstm:4:seq:bi=sum,gru:2,dense:2:nobias:x2",
    "embed:5x3:mask,gru:2:seq:bi:x2,gru:2:seq:reset=before,gru:3:nobias,repeat:4,gru:2,norm",
    "input:7x3,norm:nobias:noscale,norm,norm:nobias,norm:noscale,rnn:2:bi:seq,rnn:2:back:seq,pool:max,dense:1",
    "input:3,lstm:2:seq:x12,pool:avg",
    "input:9x3,conv:4x2,bnorm,conv:4x2:nobias,bnorm:nobias,pool:max:2,bnorm:noscale,lstm:2:seq,flatten,dense:2",
)


def layout(spec: str) -> dict[str, object]:
    """Return the paths of a network's arrays, and the layer name recorded in each group."""
    arrays: dict[str, list[int]] = {}
    names: dict[str, str] = {}

    def visit(path: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[path] = list(item.shape)
        elif path.count("/") == 2 and path.endswith("/vars"):
            names[path.split("/")[1]] = item.attrs["name"]

    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.weights.h5"
        keras_model(Network.parse(spec).layers).save_weights(file)
        with h5py.File(file, "r") as opened:
            opened.visititems(visit)
    return {"spec": spec, "arrays": arrays, "names": names}


if __name__ == "__main__":
    write_lines(WEIGHT_LAYOUTS, VERSIONS, map(layout, SPECS), "layouts")
