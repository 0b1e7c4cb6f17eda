"""What ``infer`` says, and to whom."""

import json
import signal

import pytest
from click.testing import CliRunner
from PIL import Image

from nucleisplit.batch import process
from nucleisplit.cli.main import main
from nucleisplit.model import load_bundle


@pytest.fixture
def images(tmp_path, spots, monkeypatch):
    """Two images that are fine, one that is none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    for number in range(2):
        Image.fromarray(spots(number)[0]).save(tmp_path / "images" / f"cell{number}.png")
    (tmp_path / "images" / "empty.png").write_bytes(b"")
    return tmp_path / "images"


@pytest.fixture
def infer(model):
    def run(*words):
        options = ["--model", str(model), "--device", "cpu", "--backend", "torch"]
        return CliRunner().invoke(main, ["infer", *words, *options])

    return run


FAILED = "nucleisplit: images/empty.png: is empty (0 bytes); copy or export it again"


def test_verbose_has_a_line_for_every_image(images, infer, model):
    result = infer("images", "-v")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert lines[0] == f"images: model {model}, device cpu, backend torch"
    for number, name in enumerate(["cell0.png", "cell1.png"], start=1):
        (line,) = [line for line in lines if line.startswith(f"[{number}/3] images/{name}: ")]
        assert " nuclei, predicted mAP 0." in line and line.endswith(" s")
    assert any(line.startswith("[3/3] images/empty.png: failed, ") for line in lines)
    fingerprint = load_bundle(model).fingerprint[:12]
    made = f"{model} ({fingerprint}), torch on cpu, test-time augmentation none: "
    assert any(line.startswith(made) for line in lines)
    assert result.stdout.endswith(" nuclei in 2 images: images-nuclei\n")


def test_quiet_says_only_what_failed(images, infer):
    result = infer("images", "-q")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [FAILED]
    (images / "empty.png").unlink()
    result = infer("images", "-q", "--overwrite")
    assert (result.exit_code, result.output) == (0, "")


def test_json_is_the_whole_answer(images, infer):
    result = infer("images", "--json")
    assert result.exit_code == 1
    assert FAILED in result.stderr.splitlines()
    answer = json.loads(result.stdout)
    run = json.loads(images.with_name("images-nuclei").joinpath("run.json").read_text())
    assert answer == {
        "out": "images-nuclei",
        "nuclei": sum(entry.get("nuclei", 0) for entry in run["images"]),
        "images": 3,
        "failed": 1,
        "doubtful": sum(entry.get("doubtful", False) for entry in run["images"]),
        "by_earlier_run": 0,
        "notes": [],
        "run": run,
    }
    assert json.loads(infer("images", "--json", "--resume").stdout)["by_earlier_run"] == 2
    again = infer("images", "--json")
    assert again.exit_code == 2
    assert "images-nuclei: holds " in json.loads(again.stdout)["error"]


def test_a_terminated_run_cleans_up_and_is_resumed(images, infer, monkeypatch):
    (images / "empty.png").unlink()
    write, written = process.write_overlay, []

    def stop(path, *arguments, **options):
        if written:
            signal.raise_signal(signal.SIGTERM)
        written.append(path)
        return write(path, *arguments, **options)

    monkeypatch.setattr(process, "write_overlay", stop)
    result = infer("images")
    assert result.exit_code == 143
    remedy = "repeat the command with --resume to go on"
    assert result.stderr == f"nucleisplit: terminated; {remedy}\n"
    out = images.with_name("images-nuclei")
    assert (out / "cell0_labels.tif").exists() and not (out / "cell1_labels.tif").exists()
    assert json.loads((out / "run.json").read_text())["status"] == "interrupted"
    monkeypatch.setattr(process, "write_overlay", write)
    assert "in 2 images (1 by an earlier run)" in infer("images", "--resume").stdout
