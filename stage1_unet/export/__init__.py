"""Networks as one graph that other programs can compute: ONNX or TorchScript."""

from .graph import Exported, ExportError
from .to_onnx import ONNX_OPSET, export_onnx
from .to_torchscript import export_torchscript

__all__ = ["ONNX_OPSET", "ExportError", "Exported", "export_onnx", "export_torchscript"]
