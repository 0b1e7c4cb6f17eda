"""Training beside inference: folds, out-of-fold maps, both fits, the model they make."""

from .run import TrainingRun
from .unet import train_unet

__all__ = ["TrainingRun", "train_unet"]
