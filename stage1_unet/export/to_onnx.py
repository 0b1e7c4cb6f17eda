"""Networks as an ONNX graph, by the exporter of torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ..network import Network
from .graph import Exported, MapGraph, check, failing_as, random_image

ONNX_OPSET = 18
"""Version of the operators of a graph."""

_IMAGE, _MAPS = "image", "maps"
_AXES = {0: "batch", 2: "height", 3: "width"}
"""Those that may be of any size."""


def export_onnx(
    networks: Sequence[Network],
    weights: Sequence[float] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Exported:
    """Turn networks into one ONNX graph, their average included.

    Its input ``image`` is (batch, 3, height, width) float32 in [0, 1], what `preprocess` returns
    with the channels first; height and width are multiples of the strides of all networks. Its
    output ``maps`` is of the same shape: probabilities in the order of `CHANNELS`, 0 for those
    that no network predicts.

    Parameters
    ----------
    networks : sequence of Module
        They are moved to the CPU and put into evaluation mode.
    weights : sequence of float, optional
        How much each network counts; by default all alike.
    metadata : mapping of str to str, optional
        Kept in the graph.

    Returns
    -------
    Exported

    Raises
    ------
    ValueError
        Without networks, or for weights that do not fit them.
    ExportError
        onnx, onnxscript or onnxruntime is missing, ONNX lacks an operation, or the graph
        computes other maps than torch.
    """
    graph = MapGraph(networks, weights)
    with failing_as("ONNX"):
        from onnxruntime import InferenceSession

        program: Any = torch.onnx.export(
            graph,
            (random_image(2, 2 * graph.stride, 3 * graph.stride),),
            input_names=[_IMAGE],
            output_names=[_MAPS],
            opset_version=ONNX_OPSET,
            dynamo=True,
            dynamic_shapes=(dict.fromkeys(_AXES, torch.export.Dim.DYNAMIC),),
            external_data=False,
            verbose=False,
        )
        content = _tidy(program.model_proto, metadata or {}).SerializeToString()
        session = InferenceSession(content, providers=["CPUExecutionProvider"])
        return check(content, graph, lambda x: session.run([_MAPS], {_IMAGE: x.numpy()})[0])


def _tidy(model, metadata: Mapping[str, str]):
    """Name the axes, add the metadata, and drop what tells of the machine it was made on."""
    graph = model.graph
    for item in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    graph.ClearField("value_info")  # which calls the axes by other names
    for value in (*graph.input, *graph.output):
        for axis, name in _AXES.items():
            value.type.tensor_type.shape.dim[axis].dim_param = name
    model.ClearField("metadata_props")
    for key, text in metadata.items():
        model.metadata_props.add(key=key, value=text)
    return model
