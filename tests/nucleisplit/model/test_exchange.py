"""Models from hand to hand: whatever arrives is checked before it gets a name."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from nucleisplit.cli.main import main
from nucleisplit.errors import BundleError, OutputError
from nucleisplit.model import MODELS, add_model, load_bundle, pack_model
from nucleisplit.model.bundle import added_models
from tests.strategies.models import sign_manifest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setattr("nucleisplit.model.bundle.user_data_path", lambda *_, **__: home)
    monkeypatch.chdir(tmp_path)
    return home / "models"


@pytest.fixture
def packed(tmp_path, model):
    path = tmp_path / "mine.model.zip"
    pack_model(load_bundle(model), path)
    return path


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_model_goes_from_hand_to_hand(model, home, tmp_path):
    done = run("export", model, "--format", "model", "--out", "mine.model.zip")
    fingerprint = load_bundle(model).fingerprint
    assert (done.exit_code, done.stdout) == (0, f"mine.model.zip: model {fingerprint[:12]}\n")
    done = run("models", "add", "mine.model.zip", "--json")
    assert json.loads(done.stdout) == {
        "name": "mine",
        "path": str(home / "mine"),
        "fingerprint": fingerprint,
    }
    assert load_bundle("mine").fingerprint == fingerprint
    rows = run("models").stdout.splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["default", "mine"]
    refused = run("models", "add", "mine.model.zip")
    assert refused.exit_code == 2 and "exists; choose another folder or add" in refused.stderr
    assert run("models", "add", "mine.model.zip", "--overwrite").exit_code == 0
    assert run("models", "add", model, "--name", "other").exit_code == 0
    assert {path.name for path in home.iterdir()} == {"mine", "other"}
    for path in load_bundle(model).manifest.files:
        assert (home / "other" / path).read_bytes() == (model / path).read_bytes()


def test_a_folder_that_was_zipped_by_hand(model, home, tmp_path):
    shutil.make_archive(str(tmp_path / "by hand"), "zip", model.parent, model.name)
    assert add_model("by hand.zip", "b").fingerprint == load_bundle(model).fingerprint


def test_the_same_model_gives_the_same_bytes(model, packed, tmp_path):
    pack_model(load_bundle(model), tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()
    with pytest.raises(OutputError, match="again.zip: exists"):
        pack_model(load_bundle(model), tmp_path / "again.zip")


def rewrite(path, change):
    """Change the entries of a zip, a dict."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def escaping(entries):
    """A manifest, rightly signed, that names a file outside."""
    import hashlib

    from nucleisplit.model.manifest import Manifest

    values = json.loads(entries["manifest.json"])
    values.pop("fingerprint")
    entries["../evil.txt"] = b"evil"
    values["files"]["../evil.txt"] = hashlib.sha256(b"evil").hexdigest()
    values["fingerprint"] = Manifest.model_validate(values).fingerprint
    entries["manifest.json"] = json.dumps(values).encode()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.update({"network.safetensors": b"x"}), "network.safetensors: has changed"),
        (lambda e: e.pop("network.safetensors"), "lacks a file of the model"),
        (lambda e: e.pop("manifest.json"), "holds no model"),
        (lambda e: e.update({"b/manifest.json": b"{}"}), "holds several models"),
        (lambda e: e.update({"manifest.json": b"{}"}), "is not the manifest of a model"),
        (escaping, "'../evil.txt' is no file inside the folder"),
        (lambda e: e.update({"zeros": b"\0" * 2**26}), "claims to hold"),
    ],
)
def test_what_is_not_as_it_was_written_is_refused(packed, home, tmp_path, change, message):
    rewrite(packed, change)
    with pytest.raises(BundleError) as caught:
        add_model(packed)
    assert message in str(caught.value) and "mine" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (home / "mine").exists() and not list(tmp_path.rglob("evil.txt"))
    assert not home.exists() or not list(home.iterdir())


@pytest.mark.parametrize("size", [0, 100, 3000])
def test_a_damaged_zip_is_refused(packed, size, home):
    packed.write_bytes(packed.read_bytes()[:size])
    with pytest.raises(BundleError, match="mine.model.zip: is damaged, or is no zip of a model"):
        add_model(packed)
    assert not (home / "mine").exists()


def test_a_damaged_model_does_not_replace_a_good_one(packed, model, home):
    add_model(packed)
    rewrite(packed, lambda entries: entries.update({"network.safetensors": b"x"}))
    with pytest.raises(BundleError):
        add_model(packed, overwrite=True)
    assert load_bundle("mine").fingerprint == load_bundle(model).fingerprint
    broken = shutil.copytree(model, Path("broken"))
    sign_manifest(broken, lambda values: values.update(format=99))
    with pytest.raises(BundleError, match="format"):
        add_model(broken, "mine", overwrite=True)
    assert load_bundle("mine").fingerprint == load_bundle(model).fingerprint


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["add"], "add takes one SOURCE"),
        (["add", "a", "b"], "add takes one SOURCE"),
        (["add", "nosuch.zip"], "nosuch.zip: does not exist"),
        (["add", "mine.model.zip", "--name", "default"], "default is the name of a bundled model"),
        (["add", "mine.model.zip", "--name", "../x"], "'../x' is no name for a model"),
        (["add", "mine.model.zip", "--name", ""], "'' is no name for a model"),
        (["--name", "x"], "are for nucleisplit models add"),
    ],
)
def test_wrong_words_are_refused_in_one_line(packed, words, message):
    result = run("models", *words)
    assert result.exit_code == 2 and message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_bundled_model_is_not_shadowed(model, home):
    shutil.copytree(model, home / "default")
    assert load_bundle("default").path == MODELS / "default"
    assert added_models() == home
