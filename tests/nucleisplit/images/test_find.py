import json
from pathlib import Path

import pytest

from nucleisplit.errors import InputError
from nucleisplit.images import find_images, output_stems, read_image


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(paths, root):
    return [path.relative_to(root).as_posix() for path in paths]


def test_folder_lists_images_in_natural_order_and_nothing_below(tmp_path):
    touch(tmp_path, "a10.png", "a2.TIF", "A1.jpg", "b.txt", ".hidden.png", "sub/c.png")
    assert names(find_images([tmp_path]), tmp_path) == ["A1.jpg", "a2.TIF", "a10.png"]


def test_files_keep_their_order_and_repeats_go(tmp_path):
    touch(tmp_path, "b.png", "a.png", "odd.ending")
    given = [tmp_path / "odd.ending", tmp_path / "b.png", tmp_path, tmp_path / "." / "a.png"]
    assert names(find_images(given), tmp_path) == ["odd.ending", "b.png", "a.png"]


def test_patterns(tmp_path):
    touch(tmp_path, "a.png", "a.txt", "x/b2.png", "x/y/b10.png", "[1].png")
    assert names(find_images([str(tmp_path / "*")]), tmp_path) == ["[1].png", "a.png"]
    deep = find_images([str(tmp_path / "**" / "b*.png")])
    assert names(deep, tmp_path) == ["x/b2.png", "x/y/b10.png"]
    assert names(find_images([tmp_path / "[1].png"]), tmp_path) == ["[1].png"]  # a name first


def write_zarr(path, attributes=None):
    path.mkdir(parents=True)
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    (path / ".zattrs").write_text(json.dumps(attributes or {}))
    return path


def test_an_ome_zarr_is_told_by_what_is_in_it(tmp_path):
    one = write_zarr(tmp_path / "one", {"multiscales": []})
    write_zarr(tmp_path / "one" / "0")
    two = write_zarr(tmp_path / "two.zarr")
    write_zarr(tmp_path / "table")
    plate = write_zarr(tmp_path / "plate", {"plate": {}})
    write_zarr(plate / "A" / "1" / "0", {"multiscales": []})
    assert find_images([tmp_path]) == [one, plate, two]
    assert find_images([str(tmp_path / "*")]) == [one, plate, two]
    assert find_images([str(tmp_path / "**")]) == [one, plate, two]
    assert find_images([str(plate / "*" / "*" / "*")]) == [plate / "A" / "1" / "0"]


def test_a_zipped_ome_zarr(tmp_path):
    (tmp_path / "a.zarr.zip").write_bytes(b"PK")
    (tmp_path / "b.zip").write_bytes(b"PK")
    assert find_images([tmp_path]) == [tmp_path / "a.zarr.zip"]
    assert find_images([str(tmp_path / "*")]) == [tmp_path / "a.zarr.zip"]


def test_a_link_to_nothing_is_told_of(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "a.txt").symlink_to(tmp_path / "gone.txt")
    for given in (tmp_path, tmp_path / "a.png", str(tmp_path / "*")):
        assert find_images([given]) == [tmp_path / "a.png"]
    with pytest.raises(InputError, match=r"a\.png: is a link to .*gone\.png, which does not exist"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("given", ["", "*.png"])
def test_the_hint_knows_folders_in_folders(tmp_path, given):
    with pytest.raises(InputError, match=r"\*\*"):
        find_images([str(tmp_path / given)])


def test_output_stems():
    def stems(*paths):
        return output_stems([Path(path) for path in paths])

    assert stems() == []
    assert stems("a/x.png", "b/y.png") == ["x", "y"]
    assert stems("a/x.ome.tif", "a/y.OME.tiff", "a/z.ome.zarr") == ["x", "y", "z"]
    assert stems("a/x.ome.tif", "a/x.tif", "a/x.tiff") == ["x_ome_tif", "x_tif", "x_tiff"]
    assert stems("a/x.png", "a/x.tif") == ["x_png", "x_tif"]
    assert stems("a/x.png", "b/X.png") == ["a_x", "b_X"]
    assert stems("a/x.png", "b/x.png", "b/x.tif") == ["a_x", "b_x", "x_tif"]
    assert stems("p/a/x.png", "q/a/x.png") == ["x", "x_2"]
    assert stems("a/x.png", "b/x.png", "c/a_x.png", "c/b_x.png") == [
        "a_x_png",
        "b_x_png",
        "a_x",
        "b_x",
    ]


def test_output_stems_are_always_distinct():
    paths = [Path(f"{a}/{b}/{s}.{e}") for a in "pq" for b in "ab" for s in "xX" for e in ("p", "t")]
    paths += [Path("x_2.p"), Path("a_x.t"), Path("x_p.t")]
    found = [stem.casefold() for stem in output_stems(paths)]
    assert len(set(found)) == len(paths)


def test_names_too_long_or_of_several_lines():
    names = [
        "x" * 245,
        "x" * 244 + "y",
        "é" * 120,
        "a\nb",
        "a\u2028b",
        "a_b",
        "a\udcffb",
        "x" * 160,
    ]
    found = output_stems([Path("in", f"{name}.tif") for name in names])
    assert len(set(found)) == len(names)
    assert found[5] == "a_b" and found[7] == "x" * 160
    for stem in found:
        assert len(f".{stem}.coco-polygons.json.1234567-01234567.part".encode()) <= 255
        assert len(stem.splitlines()) == 1
