import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import stage1_unet
from stage1_unet import ExportError, export_torchscript
from stage1_unet.export.graph import MapGraph, random_image


@pytest.fixture(scope="module")
def exported(mixed):
    return export_torchscript(*mixed)


@pytest.mark.filterwarnings("ignore:.*jit.load:FutureWarning")
def test_the_module_computes_what_torch_does(exported, mixed):
    module = torch.jit.load(io.BytesIO(exported.content))
    for shape in ((1, 8, 8), (3, 40, 24)):
        image = random_image(*shape)
        with torch.no_grad():
            np.testing.assert_allclose(
                module(image).numpy(), MapGraph(*mixed).expected(image), atol=1e-5
            )
    assert 0 <= exported.difference < 1e-5


def test_the_file_tells_of_no_machine(exported):
    with zipfile.ZipFile(io.BytesIO(exported.content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    here = str(Path(stage1_unet.__file__).parent).encode()
    assert not any(here in part for part in parts.values())
    code = b"".join(part for name, part in parts.items() if name.endswith(".py"))
    assert b"convolution" in code and b"device" not in code  # so that it runs on any


def test_what_cannot_be_traced_is_an_export_error(stubborn):
    with pytest.raises(ExportError, match="other maps than torch"):
        export_torchscript([stubborn])
    stubborn.forward = lambda x: 1 / 0
    with pytest.raises(ExportError, match=r"cannot be written as TorchScript \(.*division by zero"):
        export_torchscript([stubborn])
