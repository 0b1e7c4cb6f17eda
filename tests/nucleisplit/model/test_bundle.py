import json
import re
import shutil

import pytest

from nucleisplit.errors import BundleError
from nucleisplit.model import load_bundle
from tests.strategies.models import sign_manifest


def flip_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit_manifest(folder, **changes):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def move_outside(name, how):
    """Let the manifest name a file beside the folder: ``..``, an absolute path, or links."""

    def damage(folder):
        outside = folder.parent / "outside"
        shutil.copytree(folder, outside)
        if how == "link":
            (folder / name).unlink()
            (folder / name).symlink_to(outside / name)
            return
        if how == "link to folder":
            shutil.rmtree(folder / name)
            (folder / name).symlink_to(outside / name, target_is_directory=True)
            return
        other = {"up": f"../outside/{name}", "absolute": str(outside / name)}[how]

        def change(values):
            values["files"][other] = values["files"].pop(name)
            values["networks"] = [other if n == name else n for n in values["networks"]]

        sign_manifest(folder, change)

    return damage


def unlist(name):
    return lambda folder: sign_manifest(folder, lambda values: values["files"].pop(name))


def list_also(name):
    return lambda folder: sign_manifest(folder, lambda values: values["files"].update({name: ""}))


def add_tree(folder):
    """A booster that is not in the list, but in the table of the trees."""
    shutil.copy(folder / "trees" / "iou_0.txt", folder / "trees" / "iou_9.txt")
    table = folder / "trees" / "regressor.json"
    table.write_text(table.read_text().replace("iou_0", "iou_9"))
    sign_manifest(folder)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (move_outside("network.safetensors", "up"), "no file inside the folder"),
        (move_outside("network.safetensors", "absolute"), "no file inside the folder"),
        (move_outside("network.safetensors", "link"), "no file inside the folder"),
        (move_outside("trees/iou_0.txt", "link"), "no file inside the folder"),
        (move_outside("trees", "link to folder"), "no file inside the folder"),
        (move_outside("manifest.json", "link"), "no file inside the folder"),
        (unlist("network.safetensors"), "network.safetensors: is not in the list of files"),
        (unlist("trees/iou_0.txt"), "iou_0.txt: is not in the list of files"),
        (unlist("trees/regressor.json"), "regressor.json: is not in the list of files"),
        (add_tree, "iou_9.txt: is not in the list of files"),
        (list_also("a\\b"), "no file inside"),
        (list_also("a\0b"), "no file inside"),
        (
            lambda f: sign_manifest(f, lambda v: v["files"].update({"a" * 999: ""})),
            "no file inside",
        ),
        (lambda f: edit_manifest(f, networks=[]), "manifest.json: networks"),
        (
            lambda f: (f / "manifest.json").write_text("[" * 200_000),
            "manifest.json: cannot be read",
        ),
    ],
)
def test_only_hashed_files_inside_the_folder_are_loaded(copy, damage, message):
    damage(copy)
    with pytest.raises(BundleError, match=message):
        load_bundle(copy)


def test_files_that_are_not_loaded_may_lie_beside_the_others(copy):
    (copy / "README.md").write_text("where it comes from")
    assert load_bundle(copy).regressor()


def tree_file(folder):
    return next(path for path in sorted((folder / "trees").rglob("*")) if path.is_file())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "network.safetensors").unlink(), "network.safetensors: is missing"),
        (lambda f: tree_file(f).unlink(), "is missing; copy the whole model folder again"),
        (lambda f: (f / "manifest.json").unlink(), "manifest.json: is missing; give a folder"),
        (lambda f: flip_byte(f / "network.safetensors"), "network.safetensors: has changed"),
        (lambda f: flip_byte(tree_file(f)), "has changed since the model was written"),
        (lambda f: edit_manifest(f, format=2), "has format 2, this nucleisplit reads 1"),
        (lambda f: edit_manifest(f, data="other"), "manifest.json: has changed"),
        (lambda f: edit_manifest(f, scores={"trees": {"map": 0.9}}), "manifest.json: has changed"),
        (lambda f: edit_manifest(f, files=3), "manifest.json: files"),
        (lambda f: (f / "manifest.json").write_text("{"), "manifest.json: cannot be read"),
        (lambda f: (f / "manifest.json").write_text("[]"), "is not the manifest of a model"),
    ],
)
def test_a_damaged_model_is_refused_in_one_line(copy, damage, message):
    damage(copy)
    with pytest.raises(BundleError) as caught:
        load_bundle(copy)
    assert message in str(caught.value)
    assert str(copy) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_broken_parts_with_the_right_hashes_are_bundle_errors(copy):
    path = copy / "trees" / "hits_0.txt"
    text = path.read_text()
    path.write_text(re.sub(r"split_feature=\d+", f"split_feature={2**31 + 5}", text, count=1))
    (copy / "network.safetensors").write_bytes(b"\0" * 99)
    sign_manifest(copy)
    bundle = load_bundle(copy)
    for part in (bundle.regressor, bundle.networks):
        with pytest.raises(BundleError, match="cannot be loaded: .*restore the model folder"):
            part()


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(BundleError, match="nosuch: no such model; give the folder of a model"):
        load_bundle("nosuch")
