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
# # A first look at nucleisplit
#
# From an image to outlined, measured nuclei, and which of them to look at. A few minutes, no GPU.

# %%
import sys

if "google.colab" in sys.modules:
    import subprocess

    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "nucleisplit"], check=True)

# %%
import matplotlib.pyplot as plt
import numpy as np

import nucleisplit
from nucleisplit.labels import write_geojson, write_labels

# %% [markdown]
# ## An image
#
# Drawn here, so that nothing has to be fetched. Of your own:
# `from nucleisplit.images import read_image`, `image = read_image("cells.tif")`.

# %%
rng = np.random.default_rng(1)
rows, columns = np.mgrid[:320, :320]
image = rng.normal(20, 3, (320, 320))
for y, x in np.argwhere(np.ones((8, 8))) * 38 + 27 + rng.uniform(-9, 9, (64, 2)):
    long, wide, angle = rng.uniform(11, 15), rng.uniform(8, 11), rng.uniform(0, np.pi)
    along = (rows - y) * np.cos(angle) + (columns - x) * np.sin(angle)
    across = (columns - x) * np.cos(angle) - (rows - y) * np.sin(angle)
    inside = (along / long) ** 2 + (across / wide) ** 2
    image += rng.uniform(70, 120) / (1 + np.exp(8 * np.minimum(inside - 1, 5)))
image = image.clip(0, 255).astype(np.uint8)

# %% [markdown]
# ## Its nuclei
#
# The first call compiles, which takes half a minute; later ones take a fraction of a second.

# %%
result = nucleisplit.segment(image)
print(f"{result.nuclei} nuclei; predicted mAP {result.predicted_map:.2f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5.5), sharex=True, sharey=True)
left.imshow(image, cmap="gray")
right.imshow(image, cmap="gray")
right.contour(result.labels > 0, [0.5], colors="deepskyblue", linewidths=1)
for axes in (left, right):
    axes.set_axis_off()

# %% [markdown]
# ## What was measured
#
# One row per nucleus. `predicted_iou` says how well the outline is expected to agree with one drawn
# by hand: sort by it, and the doubtful ones come first.

# %%
columns = ["label", "area", "eccentricity", "intensity_mean", "predicted_iou"]
result.table.sort_values("predicted_iou")[columns].head()

# %% [markdown]
# ## Another opinion, without computing anew
#
# Merge or split more, keep more or fewer: the network has seen the image, only the choice changes.

# %%
for bias in (-0.5, 0.0, 0.5):
    print(f"split bias {bias:+}: {result.reselect(split_bias=bias).nuclei} nuclei")

# %% [markdown]
# ## For other programs

# %%
write_labels("cells_labels.tif", result.labels, overwrite=True)
write_geojson("cells.geojson", result.labels, result.table, overwrite=True)  # QuPath
