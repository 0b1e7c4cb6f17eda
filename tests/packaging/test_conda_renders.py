"""The recipe as rattler-build, which conda-forge builds with, understands it."""

from pathlib import Path

from rattler_build import RenderConfig, Stage0Recipe, VariantConfig

RECIPE = Path(__file__).parents[2] / "packaging/conda/recipe/recipe.yaml"


def test_both_packages_are_rendered():
    recipe = Stage0Recipe.from_yaml(RECIPE.read_text(encoding="utf-8"))
    plain, train = (found.recipe for found in recipe.render(VariantConfig(), RenderConfig()))
    assert (plain.package.name, train.package.name) == ("nucleisplit", "nucleisplit-train")
    assert len(train.requirements.run) == 8  # nucleisplit itself, and seven libraries
