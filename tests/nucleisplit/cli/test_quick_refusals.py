"""What can be refused without torch is refused before it is imported, which takes seconds."""

import os
import subprocess
import sys
from pathlib import Path

import nucleisplit

REFUSED = {
    "infer nowhere": "nowhere: does not exist",
    "infer a.png --out used": "used: holds the results of an earlier run",
    "infer a.png --model nowhere": "nowhere: no such model",
    "infer a.png --classes nowhere": "nowhere: no such model",
    "infer a.png --min-area 9 --min-area a=4": "min_area of a is 4, below the 9 of all nuclei",
    "report nowhere": "nowhere: was not written by infer, or is not there",
    "evaluate nowhere nowhere": "nowhere: does not exist",
    "convert nowhere b.tif": "nowhere: does not exist",
    "train used": "used: is not a dataset",
    "train-unet used": "used: is not a dataset",
    "train-unet used --out used": "used: is not empty and not a training run",
    "train-unet used --config a.toml": "unknown key 'batch_size' in [train]; did you mean 'batch'?",
    "train-trees used": "used: is not a training run (no run.json)",
    "train-trees used --out used": "used: exists and is not a model",
    "train-trees --add used --model nowhere": "nowhere: no such model",
    "export nowhere --format onnx": "nowhere: no such model",
}

CODE = """
import sys
from click.testing import CliRunner
from nucleisplit.cli.main import main
for number, line in enumerate(sys.stdin.read().splitlines()):
    result = CliRunner().invoke(main, line.split())
    print(result.exit_code, result.stderr, end="")
    if number == 0:
        print(sorted({"numba", "pandas"} & set(sys.modules)))
print(sorted({"lightgbm", "lightning", "matplotlib", "skimage", "torch"} & set(sys.modules)))
"""


def test_no_torch_for_a_refusal(tmp_path):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "nuclei.csv").touch()
    (tmp_path / "a.png").touch()
    (tmp_path / "a.toml").write_text("[train]\nbatch_size = 4\n")
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        input="\n".join(REFUSED),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(nucleisplit.__file__).parents[1])},
        text=True,
        capture_output=True,
        check=True,
    )
    wrong_path, at_first, *others, heavy = done.stdout.splitlines()
    for line, message in zip([wrong_path, *others], REFUSED.values(), strict=True):
        assert line.startswith("2 nucleisplit: ") and message in line
    assert at_first == heavy == "[]"
