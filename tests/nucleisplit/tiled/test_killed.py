"""A run that is killed, time and again, ends in the same files as one that is not."""

import json
import multiprocessing
import signal
import sys
import time

import numpy as np
import pytest
import tifffile

from nucleisplit.batch.infer_batch import infer_batch

NAMES = ("field_labels.tif", "nuclei.csv", "field_overlay.png")
ASSEMBLY = ("*field_nuclei.csv.*.part", "*field_labels.tif.*.part", "field_labels.tif")
"""What is there while tiles are put together, one after the other."""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
def test_a_run_killed_ten_times(tmp_path, spots, model):
    image, out = tmp_path / "field.tif", tmp_path / "killed"
    tifffile.imwrite(image, spots(3, (900, 900), 900)[0], tile=(128, 128), compression="zlib")
    context = multiprocessing.get_context("forkserver")  # imports once, then each start is quick
    context.set_forkserver_preload(["nucleisplit.batch.infer_batch"])

    def start(out, **options):
        options |= {"model": model, "device": "cpu", "tile": 256}
        process = context.Process(target=infer_batch, args=([image], out), kwargs=options)
        process.start()
        return process

    def finish(process):
        process.join(120)
        assert process.exitcode == 0

    def count():
        return len(list(out.glob(".nucleisplit-tiles/field/tile-*.npz")))

    finish(start(tmp_path / "whole"))
    total = json.loads((tmp_path / "whole" / "run.json").read_text())["images"][0]["tiles"]
    rng = np.random.default_rng(0)
    for moment in [*sorted(rng.choice(np.arange(1, 3 * total // 4), 7, replace=False)), *ASSEMBLY]:
        before = count()
        process = start(out, resume=out.exists())
        while process.is_alive():
            if any(out.glob(moment)) if isinstance(moment, str) else count() > max(moment, before):
                time.sleep(rng.uniform(0, 0.01))
                process.kill()
                break
            time.sleep(0.001)
        process.join(60)
        assert process.exitcode == -signal.SIGKILL, moment
        assert before <= count() <= total
    finish(start(out, resume=True))
    for name in NAMES:
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert not list(out.glob("*.part")) and not (out / ".nucleisplit-tiles").exists()
