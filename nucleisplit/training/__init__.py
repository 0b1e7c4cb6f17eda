"""Training beside inference: folds, out-of-fold maps, both fits, the model they make."""

from .corrections import add_corrections
from .run_folder import TrainingRun
from .start import Start
from .trees import train_trees
from .unet import TrainOptions, train_unet

__all__ = ["Start", "TrainOptions", "TrainingRun", "add_corrections", "train_trees", "train_unet"]
