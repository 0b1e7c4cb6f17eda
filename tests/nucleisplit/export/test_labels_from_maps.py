"""The script in a package makes the labels that our own watershed makes, without nucleisplit."""

import subprocess
import sys

import numpy as np
import tifffile

from nucleisplit.export import labels_from_maps
from nucleisplit.metric import score_image
from nucleisplit.model import load_bundle
from stage1_unet import Predictor, preprocess
from stage2_trees import ThresholdConfig, threshold_labels


def test_the_script_is_our_watershed(tmp_path, spots, trained):
    network, *_ = trained
    maps = Predictor(network, device="cpu").predict(preprocess(spots(3, (160, 200), 40)[0])).maps
    thresholds = load_bundle().manifest.scores["thresholds"] | {"seed": 0.5}
    ours = threshold_labels(maps, ThresholdConfig(**thresholds))
    np.save(tmp_path / "maps.npy", maps[None])
    options = [
        word
        for name, value in thresholds.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    files = [str(tmp_path / "maps.npy"), str(tmp_path / "labels.tif")]
    code = (
        "import sys, runpy; sys.modules['nucleisplit'] = None; "
        f"sys.argv[1:] = {files + options!r}; "
        f"runpy.run_path({labels_from_maps.__file__!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = tifffile.imread(tmp_path / "labels.tif")
    assert done.stdout == f"{found.max()} nuclei: {files[1]}\n"
    assert found.max() == ours.max() > 10
    assert score_image(found.astype(int), ours).map > 0.95
