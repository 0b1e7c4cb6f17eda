"""The networks of a model for other programs: an ONNX file, or a package for bioimage.io.

- `card`: what is told of a model.
- `sample`: the image that a package is shown with and tested on.
- `describe`, `documentation`, `credits`: what a package says, to programs and to people.
- `package`: its files, packed and tested.
- `model_file`: from a model to the file.
"""

from .model_file import ENDINGS, Export, export_model

__all__ = ["ENDINGS", "Export", "export_model"]
