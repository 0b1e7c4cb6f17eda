"""Labels in the OME-Zarr of their image: where they lie, and that the image is never harmed."""

import json
import os
import shutil

import numpy as np
import pytest
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader

from nucleisplit.errors import InputError, OutputError
from nucleisplit.images import PlaneChoice, open_image
from nucleisplit.labels import (
    LabelStream,
    check_in_place,
    read_labels,
    take_back,
    write_in_place,
)
from nucleisplit.labels.ome_zarr_pyramid import Pyramid
from nucleisplit.labels.registry import write_as
from tests.strategies.zarrs import VERSIONS, make_array, make_group

LABELS = np.kron(np.array([[1, 0, 2], [0, 3, 0]], np.int32), np.ones((10, 10), np.int32))
KINDS = {"t": "time", "c": "channel"}


def write(path, version=VERSIONS[-1], axes="tczyx", shape=(2, 2, 4, 20, 30)):
    """Two levels; the second has half the rows, columns and slices."""
    group = make_group(path, version)
    datasets = []
    for level in range(2):
        step = [2**level if name in "zyx" else 1 for name in axes]
        sizes = tuple(n // s for n, s in zip(shape, step, strict=True))
        make_array(group, sizes, sizes, version=version, name=str(level))[...] = 7
        scale = [0.5 * s if name in "zyx" else 1.0 for s, name in zip(step, axes, strict=True)]
        change = {"type": "scale", "scale": scale}
        datasets.append({"path": str(level), "coordinateTransformations": [change]})
    described = [{"name": n, "type": KINDS.get(n, "space")} for n in axes]
    meta = {"multiscales": [{"axes": described, "datasets": datasets, "version": "0.4"}]}
    group.attrs.update(meta if version == 2 else {"ome": {"version": "0.5", **meta}})
    return path


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def put(path, labels=LABELS, overwrite=False, **choice):
    choice = {"t": 1, "channel": 0, "z": 3} | choice
    with open_image(path) as source:
        plane = source.plane(PlaneChoice(**{n: v for n, v in choice.items() if v is not None}))
        return write_in_place(plane, labels, overwrite)


@pytest.mark.parametrize("version", VERSIONS)
def test_labels_lie_at_the_slice_that_was_segmented(tmp_path, version):
    path = write(tmp_path / "a.zarr", version)
    before = files(path)
    assert put(path) == path / "labels/nuclei"
    after = files(path)
    assert {name: after[name] for name in before} == before
    with open_image(path / "labels/nuclei") as source:
        assert (source.axes, source.shape) == ("TZYX", (2, 4, 20, 30))
        assert (source.pixel_size, source.z_step) == (None, None)  # the image says no unit
        found = source.stack(PlaneChoice(t=1)).read()
        assert not source.stack(PlaneChoice(t=0)).read().any()
    np.testing.assert_array_equal(found[3], LABELS)
    assert not found[:3].any()
    labels = list(Reader(parse_url(path))())[-1]
    assert [np.asarray(level).max() for level in labels.data] == [3, 3]
    assert np.array_equal(np.asarray(labels.data[1])[1, 1], LABELS[::2, ::2])


@pytest.mark.parametrize("version", VERSIONS)
def test_coarser_labels_fill_the_finer_levels_and_projections_have_no_slices(tmp_path, version):
    path = write(tmp_path / "a.zarr", version, "zyx", (4, 20, 30))
    put(path, LABELS[::2, ::2], t=None, channel=None, z="max", level=1)
    with open_image(path / "labels/nuclei") as source:
        assert source.axes == "YX"
        np.testing.assert_array_equal(source.plane().read(), LABELS)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("level", [0, 1])
def test_labels_of_a_stack_lie_at_their_slices(tmp_path, version, level):
    path = write(tmp_path / "a.zarr", version)
    slices = np.stack([LABELS + 3 * z * (LABELS > 0) for z in range(4)])
    with open_image(path) as source:
        stack = source.stack(PlaneChoice(t=1, channel=0, level=level))
        write_in_place(stack, slices[:: 2**level, :: 2**level, :: 2**level])
    with open_image(path / "labels/nuclei") as source:
        assert source.axes == "TZYX"
        found = [source.stack(PlaneChoice(t=1, level=number)).read() for number in range(2)]
        assert not source.stack(PlaneChoice(t=0)).read().any()
    np.testing.assert_array_equal(found[0], slices if level == 0 else slices[[0, 0, 2, 2]])
    np.testing.assert_array_equal(found[1], slices[::2, ::2, ::2])


def test_an_interrupted_stack_leaves_nothing(tmp_path, monkeypatch):
    path = write(tmp_path / "a.zarr", axes="zyx", shape=(4, 20, 30))
    before = files(path)
    add, bands = Pyramid.add, []

    def stop(self, band):
        bands.append(band)
        if len(bands) == 3:
            assert len(files(path)) > len(before)
            raise KeyboardInterrupt
        add(self, band)

    monkeypatch.setattr(Pyramid, "add", stop)
    with open_image(path) as source, pytest.raises(KeyboardInterrupt):
        write_in_place(source.stack(), np.stack([LABELS] * 4))
    assert files(path) == before
    assert not (path / "labels").exists()


@pytest.mark.parametrize("version", VERSIONS)
def test_labels_are_taken_back(tmp_path, version):
    path = write(tmp_path / "a.zarr", version, axes="yx", shape=(20, 30))
    none = {"t": None, "channel": None, "z": None}
    before = files(path)
    take_back(put(path, **none))
    assert files(path) == before
    assert not (path / "labels").exists()
    put(path, **none)
    shutil.copytree(path / "labels" / "nuclei", path / "labels" / "cells")
    file = path / "labels" / ("zarr.json" if version == 3 else ".zattrs")
    file.write_text(file.read_text().replace('"nuclei"', '"cells", "nuclei"'))
    take_back(path / "labels" / "nuclei")
    assert not (path / "labels" / "nuclei").exists()
    np.testing.assert_array_equal(read_labels(path / "labels" / "cells"), LABELS)
    assert '"nuclei"' not in file.read_text()


def test_they_are_replaced_only_when_asked_and_others_stay(tmp_path):
    path = write(tmp_path / "a.zarr", axes="yx", shape=(20, 30))
    none = {"t": None, "channel": None, "z": None}
    put(path, **none)
    target = path / "labels" / "nuclei"
    shutil.copytree(target, path / "labels" / "cells")
    file = path / "labels" / ("zarr.json" if VERSIONS[-1] == 3 else ".zattrs")
    file.write_text(file.read_text().replace('"nuclei"', '"cells", "nuclei"'))
    with pytest.raises(OutputError, match=r"labels/nuclei: exists; use --overwrite"):
        put(path, **none)
    before = files(path)

    def bands():
        yield 2 * LABELS[:5]
        raise OSError(28, "No space left on device")

    broken = LabelStream(LABELS.shape, 6, bands, list)
    with pytest.raises(OutputError, match="labels/nuclei: cannot be written"):
        put(path, broken, True, **none)
    assert files(path) == before
    put(path, 2 * LABELS, True, **none)
    np.testing.assert_array_equal(read_labels(target), 2 * LABELS)
    np.testing.assert_array_equal(read_labels(path / "labels/cells"), LABELS)
    assert json.loads(file.read_text()) == json.loads(before[file.relative_to(path)])


def test_what_is_half_written_is_replaced_the_next_time(tmp_path):
    path = write(tmp_path / "a.zarr", axes="yx", shape=(20, 30))
    none = {"t": None, "channel": None, "z": None}
    before = files(path)

    def bands():
        yield LABELS[:5]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put(path, LabelStream(LABELS.shape, 3, bands, list), **none)
    assert files(path) == before
    assert not (path / "labels").exists()
    killed = path / "labels" / ".nuclei.1-0123abcd.part" / "0"
    killed.mkdir(parents=True)  # of a run that was killed
    (path / "labels" / "nuclei" / "0").mkdir(parents=True)  # and is in no list
    put(path, **none)
    assert not killed.exists()
    np.testing.assert_array_equal(read_labels(path / "labels" / "nuclei"), LABELS)


def test_what_cannot_take_labels_is_refused(tmp_path, monkeypatch):
    def refused(path, error, message):
        with open_image(path) as source, pytest.raises(error, match=message):
            check_in_place(source)

    make_array(tmp_path / "plain.zarr", (20, 30), (20, 30))
    refused(tmp_path / "plain.zarr", InputError, "is no image in the folder of an OME-Zarr")
    path = write(tmp_path / "a.zarr", axes="yx", shape=(20, 30))
    shutil.make_archive(tmp_path / "b.zarr", "zip", path)
    refused(tmp_path / "b.zarr.zip", InputError, "a zipped OME-Zarr has to be unpacked")
    write_as("ome-zarr", tmp_path / "l.ome.zarr", LABELS)
    refused(tmp_path / "l.ome.zarr", InputError, "is no image in the folder")
    monkeypatch.setattr(os, "access", lambda place, mode: place != path)
    refused(path, OutputError, r"a\.zarr: cannot be written \(Permission denied\)")
    monkeypatch.undo()
    (path / ".zmetadata").write_text("{}")
    refused(path, InputError, "has its metadata in one file")
    assert not (path / "labels").exists()
