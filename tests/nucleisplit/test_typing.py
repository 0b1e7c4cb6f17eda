"""Everything public says its types, so that editors and type checkers know them."""

import ast
import inspect
from configparser import ConfigParser
from importlib import import_module
from pathlib import Path

import pytest

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


STUBS = [path for package in OURS for path in sorted((ROOT / package).rglob("__init__.pyi"))]


@pytest.mark.parametrize("path", STUBS, ids=lambda path: path.parent.name)
def test_what_is_imported_on_demand_is_there_for_all_and_packed(path):
    name = ".".join(path.parent.relative_to(ROOT).parts)
    module = import_module(name)
    imports = [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.ImportFrom)]
    names = [alias.name for node in imports for alias in node.names]
    assert all(alias.asname == alias.name for node in imports for alias in node.names)
    assert sorted({*module.__all__} - {"__version__"}) == sorted(names)
    assert all(hasattr(module, public) for public in names)
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg")
    assert "*.pyi" in settings["options.package_data"][name].split()


def test_the_packages_are_marked_as_typed():
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg")
    for package in OURS:
        assert (ROOT / package / "py.typed").is_file()
        assert "py.typed" in settings["options.package_data"][package].split()
