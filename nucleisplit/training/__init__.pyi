from .classes import add_classes as add_classes
from .corrections import add_corrections as add_corrections
from .run_folder import TrainingRun as TrainingRun
from .start import Start as Start
from .trees import train_trees as train_trees
from .unet import TrainOptions as TrainOptions
from .unet import train_unet as train_unet
