import json
import sys

import pytest

from nucleisplit import extras

COPY = {"url": "file:///no/such%20copy", "dir_info": {}}
GIT = {"url": "https://example.org/n.git", "vcs_info": {"vcs": "git", "commit_id": "1"}}
WHEEL = {"url": "https://example.org/n.whl", "archive_info": {}}


@pytest.fixture
def installed_from(monkeypatch):
    """Make it look as if pip had installed from there, and pip were beside this Python."""

    def install(record):
        class Distribution:
            read_text = staticmethod(lambda name: record and json.dumps(record))

        class Built:
            read_text = staticmethod(lambda name: None)

        monkeypatch.setattr(extras, "distributions", lambda name: [Built, Distribution])
        monkeypatch.setattr(extras.shutil, "which", lambda name: f"/venv/bin/{name}")
        monkeypatch.setattr(sys, "executable", "/venv/bin/python")

    return install


@pytest.mark.parametrize(
    ("record", "source"),
    [
        (None, '"nucleisplit[x]"'),
        (COPY, '".[x]"'),
        (GIT, '"nucleisplit[x] @ git+https://example.org/n.git"'),
        (WHEEL, '"nucleisplit[x] @ https://example.org/n.whl"'),
    ],
)
def test_the_command_names_where_it_was_installed_from(installed_from, record, source):
    installed_from(record)
    assert extras.install_command("x") == f"pip install {source}"


def test_a_copy_is_named_by_its_path_unless_one_stands_in_it(installed_from, tmp_path, monkeypatch):
    copy = tmp_path / "a copy"
    copy.mkdir()
    installed_from({"url": copy.as_uri(), "dir_info": {"editable": True}})
    assert extras.install_command("x") == f'pip install -e "{copy}[x]"'
    monkeypatch.chdir(copy)
    assert extras.install_command("x") == 'pip install -e ".[x]"'


def test_the_pip_of_this_python_is_named_where_the_shell_finds_another(installed_from, monkeypatch):
    installed_from(None)
    monkeypatch.setattr(extras.shutil, "which", lambda name: "/usr/bin/pip")
    assert extras.install_command("x") == '/venv/bin/python -m pip install "nucleisplit[x]"'


def test_a_folder_that_was_never_installed_is_its_own_copy(installed_from, monkeypatch):
    installed_from(None)

    monkeypatch.setattr(extras, "distributions", lambda name: [])
    monkeypatch.chdir(extras.Path(extras.__file__).parents[1])
    assert extras.install_command("x") == 'pip install ".[x]"'
