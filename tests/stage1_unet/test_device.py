import pytest

from stage1_unet import device
from stage1_unet.device import may_have_gpu, resolve_device


def test_where_there_is_no_driver_torch_is_not_asked(monkeypatch):
    monkeypatch.setattr(device, "may_have_gpu", lambda: False)
    monkeypatch.setitem(device.sys.modules, "torch", None)  # an import would fail
    assert resolve_device("auto") == resolve_device("cpu") == "cpu"


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_where_there_is_one_the_best_device_is_taken(monkeypatch, cuda, mps, expected):
    import torch

    monkeypatch.setattr(device, "may_have_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert resolve_device("auto") == expected


def test_drivers_are_found(monkeypatch, tmp_path):
    monkeypatch.setattr(device.sys, "platform", "linux")
    monkeypatch.setattr(device, "_DRIVERS", (str(tmp_path / "none"),))
    assert not may_have_gpu()
    monkeypatch.setattr(device, "_DRIVERS", (str(tmp_path / "none"), str(tmp_path)))
    assert may_have_gpu()
    monkeypatch.setattr(device.sys, "platform", "win32")
    monkeypatch.setattr(device, "find_library", {"nvcuda": None}.get)
    assert not may_have_gpu()
    monkeypatch.setattr(device.sys, "platform", "darwin")
    assert may_have_gpu()
