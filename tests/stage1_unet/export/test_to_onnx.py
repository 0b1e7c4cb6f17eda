import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import stage1_unet
from stage1_unet import ONNX_OPSET, ExportError, export_onnx
from stage1_unet.export.graph import MapGraph, random_image


@pytest.fixture(scope="module")
def exported(mixed):
    return export_onnx(*mixed, {"name": "tiny", "stride": "8"})


def test_onnxruntime_computes_what_torch_does(exported, mixed):
    session = onnxruntime.InferenceSession(exported.content, providers=["CPUExecutionProvider"])
    for shape in ((1, 8, 8), (3, 40, 24)):
        image = random_image(*shape)
        (maps,) = session.run(["maps"], {"image": image.numpy()})
        with torch.no_grad():
            difference = np.abs(maps - MapGraph(*mixed).expected(image)).max()
        print(f"largest difference of {shape}: {difference:.1e}")
        assert maps.std() > 0.01 and difference < 1e-5
    assert 0 <= exported.difference < 1e-5


def test_the_graph_says_what_it_is(exported):
    model = onnx.load_from_string(exported.content)
    onnx.checker.check_model(model, full_check=True)
    assert {entry.key: entry.value for entry in model.metadata_props} == {
        "name": "tiny",
        "stride": "8",
    }
    assert model.opset_import[0].version == ONNX_OPSET
    for value, name in ((*model.graph.input, "image"), (*model.graph.output, "maps")):
        dims = value.type.tensor_type.shape.dim
        assert value.name == name
        assert [dim.dim_param or dim.dim_value for dim in dims] == ["batch", 3, "height", "width"]
    assert str(Path(stage1_unet.__file__).parent).encode() not in exported.content


def test_what_onnx_cannot_hold_is_an_export_error(stubborn, monkeypatch):
    stubborn.forward = lambda x: 1 / 0
    with pytest.raises(ExportError, match="cannot be written as ONNX") as caught:
        export_onnx([stubborn])
    assert "\n" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ExportError, match=r"cannot be written as ONNX \(.*onnxruntime"):
        export_onnx([stubborn])
