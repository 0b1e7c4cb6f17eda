"""Everything public says its types, so that editors and type checkers know them."""

import ast
import inspect
from configparser import ConfigParser
from importlib import import_module
from pathlib import Path

import pytest

import nucleisplit

ROOT = Path(__file__).parents[2]
OURS = ("nucleisplit", "stage1_unet", "stage2_trees")
PACKAGES = ("images", "labels", "tables", "datasets", "model", "metric")
MODULES = (*OURS, *(f"nucleisplit.{name}" for name in PACKAGES))


def functions_of(thing):
    """A function itself, or the public methods and properties of a class that are ours."""
    if inspect.isfunction(thing):
        yield thing
    for name, member in vars(thing).items() if inspect.isclass(thing) else ():
        if name.startswith("_") and name not in ("__init__", "__call__"):
            continue
        for attribute in ("__func__", "fget", "func"):  # class methods, properties, cached ones
            member = getattr(member, attribute, member)
        if inspect.isfunction(member) and member.__module__.partition(".")[0] in OURS:
            yield member


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_annotated(name):
    module = import_module(name)
    bare = []
    for public in module.__all__:
        for function in functions_of(getattr(module, public)):
            signature = inspect.signature(function)
            hints = {p.name: p.annotation for p in signature.parameters.values()}
            hints["return"] = signature.return_annotation
            bare += [
                f"{function.__qualname__}: {argument}"
                for argument, hint in hints.items()
                if hint is signature.empty and argument not in ("self", "cls")
            ]
    assert bare == []


def test_type_checkers_find_what_is_imported_on_demand():
    tree = ast.parse(Path(nucleisplit.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {name.name: node.module for node in block.body for name in node.names}
    assert seen == nucleisplit._HOMES
    assert sorted([*seen, "__version__"]) == sorted(nucleisplit.__all__)


def test_the_packages_are_marked_as_typed():
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg")
    for package in OURS:
        assert (ROOT / package / "py.typed").is_file()
        assert "py.typed" in settings["options.package_data"][package].split()
