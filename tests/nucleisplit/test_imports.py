"""What an import brings along: the heavy libraries stay out until they are needed."""

import subprocess
import sys

import pytest

RUN = "import sys; sys.argv[0] = 'nucleisplit'; {code}; print(*sorted(sys.modules))"


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(code=code)], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import nucleisplit", {"torch", "lightgbm", "numpy", "pandas", "click"}),
        ("import nucleisplit.cli.main", {"torch", "lightgbm", "numpy", "pandas"}),
        (
            "from nucleisplit.cli.main import main; "
            "[main.get_command(None, name) for name in main.homes]",
            {"torch", "lightgbm", "numpy", "pandas", "rich", "pydantic"},
        ),
        ("import stage2_trees", {"torch", "segmentation_models_pytorch", "click", "nucleisplit"}),
        (
            "import stage1_unet",
            {"lightgbm", "click", "nucleisplit", "lightning", "albumentations"},
        ),
        ("import nucleisplit.batch.run", {"lightning", "albumentations", "matplotlib.pyplot"}),
    ],
)
def test_heavy_libraries_stay_out(code, absent):
    assert modules_after(code) & absent == set()


def test_public_names_are_found_on_demand():
    code = "import nucleisplit; assert nucleisplit.segment.__module__ == 'nucleisplit.pipeline'"
    assert "torch" in modules_after(code)


def test_an_unknown_name_is_an_attribute_error():
    import nucleisplit

    with pytest.raises(AttributeError, match="no attribute 'segmenter'"):
        nucleisplit.segmenter  # noqa: B018


def test_public_names_are_listed():
    import nucleisplit

    assert {"segment", "Segmenter", "Segmentation", "load_bundle"} <= set(dir(nucleisplit))
