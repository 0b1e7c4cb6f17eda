import numpy as np
import pytest
import tifffile

from nucleisplit.images import open_image
from nucleisplit.segmenter import Segmenter


@pytest.fixture(scope="session")
def field(tmp_path_factory, spots):
    """A field of many spots, with an empty corner: (700, 900) in a tiled TIFF."""
    image = spots(7, (700, 900), 700)[0]
    image[:, 500:] = np.where(np.indices((700, 400))[0] < 400, 30, image[:, 500:])
    path = tmp_path_factory.mktemp("field") / "field.tif"
    tifffile.imwrite(path, image, tile=(128, 128), compression="zlib")
    return path


@pytest.fixture
def plane(field):
    with open_image(field) as source:
        yield source.plane()


@pytest.fixture(scope="session")
def segmenter(model):
    """With tiles of given size."""
    return lambda tile, **cut: Segmenter(model, device="cpu", tile=tile, **cut)
