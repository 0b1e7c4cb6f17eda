"""What is said of the labels before a network is trained on them."""

import numpy as np
import pytest
import tifffile

from nucleisplit.config import RunConfig
from nucleisplit.errors import DatasetError
from nucleisplit.io import load_dataset
from nucleisplit.training.unet import read_pairs


@pytest.mark.parametrize("empty", ["", "b", "abd", "abcd"])
def test_labels_without_nuclei(tmp_path, spots, empty):
    for number, name in enumerate("abcd"):
        image, labels = spots(number)
        for folder, pixels in (("images", image), ("labels", labels * (name not in empty))):
            (tmp_path / folder).mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / folder / f"{name}.tif", pixels.astype(np.uint8))
    said: list[str] = []
    dataset = load_dataset(tmp_path, folds=2)
    if empty == "abcd":
        with pytest.raises(DatasetError, match="no label image holds a nucleus .such as .*a.tif"):
            read_pairs(dataset, RunConfig(), said.append)
        return
    assert len(read_pairs(dataset, RunConfig(), said.append)) == 4
    told = [line for line in said if "hold no nucleus" in line]
    count = len(empty)
    assert told == (
        [f"{count} of 4 label images hold no nucleus: {', '.join(empty)}"] if empty else []
    )
