# ---
# jupyter:
#   jupytext:
#     formats: py:percent,ipynb
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From corrections to a better model
#
# A few images, corrected by hand, teach the second stage what *you* count as a nucleus. Seconds, no
# GPU. Here the truth is known because the images are drawn; yours comes out of napari or QuPath.

# %%
import subprocess
import sys

if "google.colab" in sys.modules:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "nucleisplit"], check=True)

# %%
from pathlib import Path

import numpy as np
from PIL import Image

import nucleisplit
from nucleisplit.labels import write_labels
from nucleisplit.metric import score_image, summarize

# %% [markdown]
# ## Images unlike others
#
# Bright rings round dim nuclei, and specks, which are none.


# %%
def draw(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:192, :192]
    image, truth = rng.normal(30, 5, (192, 192)), np.zeros((192, 192), np.int32)
    for number, (y, x) in enumerate(rng.uniform(16, 176, (16, 2)), start=1):
        radius = rng.uniform(9, 13)
        distance = np.hypot(rows - y, columns - x) / radius
        inside = (distance < 1) & (truth == 0)
        truth[inside] = number
        image[inside] = 75 + 60 * distance[inside] + rng.normal(0, 6, np.count_nonzero(inside))
    for y, x in rng.uniform(5, 187, (20, 2)):
        image += 110 * np.exp(-(np.hypot(rows - y, columns - x) ** 2) / 8)
    return image.clip(0, 255).astype(np.uint8), truth


pairs = [draw(seed) for seed in range(6)]
learn, test = pairs[:4], pairs[4:]

# %% [markdown]
# ## How well the model does as it is


# %%
def score(model: str | Path) -> float:
    segmenter = nucleisplit.Segmenter(model)
    found = [score_image(segmenter(image).labels, truth) for image, truth in test]
    return summarize(found).map


before = score("default")
print(f"mAP before: {before:.3f}")

# %% [markdown]
# ## Four corrected images
#
# In a folder, with equal names. Correct an image as a whole: what has no label counts as
# background.

# %%
corrected = Path("corrected")
for number, (image, truth) in enumerate(learn):
    (corrected / "images").mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(corrected / f"images/{number}.png")
    write_labels(corrected / f"labels/{number}.tif", truth, overwrite=True)

# %% [markdown]
# ## Learn, and look again
#
# In a terminal: `nucleisplit train-trees --add corrected/ --out mine/`. It tells what was gained on
# corrected images that were left out, and changes nothing where nothing was.

# %%
command = ["train-trees", "--add", str(corrected), "--out", "mine", "--overwrite"]
done = subprocess.run(
    [sys.executable, "-m", "nucleisplit", *command], check=True, capture_output=True, text=True
)
print(done.stdout)

# %%
after = score("mine")
print(f"mAP on images that nothing has learnt from: {before:.3f} before, {after:.3f} after")
