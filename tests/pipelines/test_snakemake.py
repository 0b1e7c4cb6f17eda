"""The rules for sopa's workflow, run by Snakemake on a toy dataset with a copy of sopa that has our
method."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sopa
import spatialdata
from spatialdata.models import Image2DModel

OURS = Path(__file__).parents[2] / "integrations" / "sopa"
# What the rules need of the workflow: names of files, options, the rule before and the one after.
SNAKEFILE = """
from pathlib import Path

configfile: CONFIG

class Options(dict):
    def __getitem__(self, name):
        value = self.get(name, {})
        return Options(value) if isinstance(value, dict) else value

    def as_cli(self):
        pairs = [(n.replace("_", "-"), v) for n, v in self.items()]
        pairs = [(n, one) for n, v in pairs for one in (v if isinstance(v, list) else [v])]
        return " ".join(f'--{name} "{value}"' for name, value in pairs)

class Paths:
    sdata_path = Path(config["sdata_path"])
    cache = sdata_path / ".sopa_cache"
    smk_patches, smk_patches_file_image = cache / "patches", cache / "patches_file_image"

    def temp_dir(self, name):
        return self.cache / f"{name}_boundaries"

    def segmentation_done(self, name):
        return self.cache / f"{name}_boundaries_done"

args, paths = Options(config), Paths()

def get_input_resolve(name, method):
    def files(wildcards):
        with checkpoints.patchify_image.get(**wildcards).output.patches_file.open() as file:
            return [str(paths.temp_dir(method) / f"{i}.parquet") for i in range(int(file.read()))]
    return files

include: RULES

rule all:
    default_target: True
    input: paths.segmentation_done("nucleisplit")

checkpoint patchify_image:
    output:
        patches_file = paths.smk_patches_file_image,
        patches = touch(paths.smk_patches),
    params:
        options = args["patchify"].as_cli(),
        sdata_path = paths.sdata_path,
    shell:
        "sopa patchify image {params.sdata_path} {params.options}"
"""


@pytest.fixture
def snakemake(tmp_path):
    """Run the workflow on a dataset; the options of patches are smaller than those of ours."""
    shutil.copytree(Path(sopa.__file__).parent, tmp_path / "site" / "sopa")
    methods = tmp_path / "site" / "sopa" / "segmentation" / "methods"
    shutil.copy(OURS / "_nucleisplit.py", methods)
    with (methods / "__init__.py").open("a") as file:
        file.write("from ._nucleisplit import nucleisplit_patch\n")
    config, rules = (repr(str(OURS / name)) for name in ("nucleisplit.yaml", "nucleisplit.smk"))
    snakefile = SNAKEFILE.replace("CONFIG", config).replace("RULES", rules)
    (tmp_path / "Snakefile").write_text(snakefile)
    smaller = tmp_path / "smaller.yaml"
    smaller.write_text("patchify: {patch_width_pixel: 120, patch_overlap_pixel: 40}\n")
    paths = [str(tmp_path / "site"), str(Path(__file__).parents[2])]
    programs = Path(sys.executable).parent
    environment = {
        "PYTHONPATH": os.pathsep.join(paths),
        "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
    }

    def run(dataset):
        # metadata would hold what is in the environment of `conda:`, and there may be no conda
        command = [programs / "snakemake", "--cores", "1", "--drop-metadata", "--configfile"]
        command += [OURS / "nucleisplit.yaml", smaller, "--config", f"sdata_path={dataset}"]
        done = subprocess.run(
            [str(word) for word in command],
            cwd=tmp_path,
            env=os.environ | environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stderr

    return run


def test_the_rules_make_cells_of_a_toy_dataset(tmp_path, snakemake, spots):
    image = Image2DModel.parse(spots[0][None], dims=("c", "y", "x"), c_coords=["DAPI"])
    dataset = tmp_path / "toy.zarr"
    spatialdata.SpatialData(images={"image": image}).write(dataset)
    told = snakemake(dataset)
    assert "patch_segmentation_nucleisplit" in told and "resolve_nucleisplit" in told
    assert (dataset / ".sopa_cache" / "patches_file_image").read_text().strip() == "2"
    cells = spatialdata.read_zarr(dataset)["nucleisplit_boundaries"].centroid
    found = np.stack([cells.x, cells.y], axis=1)
    np.testing.assert_allclose(
        found[np.lexsort(found.T[::-1])], [(30, 6), (40, 60), (75, 95), (110, 60)], atol=3
    )
