from .config import RunConfig as RunConfig
from .config import load_config as load_config
from .errors import NucleisplitError as NucleisplitError
from .labels import to_spatialdata as to_spatialdata
from .model import Bundle as Bundle
from .model import load_bundle as load_bundle
from .options import InferOptions as InferOptions
from .result import Segmentation as Segmentation
from .segmenter import Segmenter as Segmenter
from .segmenter import segment as segment
from .stacks import StackSegmentation as StackSegmentation

__version__: str
