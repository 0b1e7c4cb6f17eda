"""What of the input is an image: plates, files of several images, sets of files, outputs."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nucleisplit.batch.inputs import list_parts
from nucleisplit.batch.outputs import default_out, open_folder, plan_jobs
from nucleisplit.batch.parts import Part
from nucleisplit.errors import InputError, OutputError
from tests.strategies.zarrs import VERSIONS, make_array, make_group

IMAGE = np.arange(600, dtype=np.uint8).reshape(20, 30)
SCALE = [{"type": "scale", "scale": [1, 1]}]


def write_field(group, image=IMAGE):
    make_array(group, image.shape, image.shape, name="0")[:] = image
    scales = {"datasets": [{"path": "0", "coordinateTransformations": SCALE}], "axes": ["y", "x"]}
    group.attrs["multiscales"] = [{"version": "0.4", **scales}]


def write_plate(path, version=2, wells=("A/1", "B/1"), fields=("0", "1")):
    """Write a plate of OME-Zarr 0.4, or of 0.5 where `version` is 3."""
    plate = make_group(path, version)
    plate.attrs["plate"] = {"version": "0.4", "wells": [{"path": well} for well in wells]}
    for well in wells:
        group = plate.require_group(well)
        group.attrs["well"] = {"images": [{"path": field} for field in fields]}
        for field in fields:
            write_field(group.create_group(field))
    return path


def write_set(folder, images):
    """Write an OME-TIFF set: `images` gives for each image the files of its channels."""
    nodes, files = "", {}
    for number, names in enumerate(images):
        parts = ""
        for channel, name in enumerate(names):
            files[name] = f"urn:uuid:{name}"
            parts += (
                f'<TiffData IFD="0" FirstC="{channel}" PlaneCount="1">'
                f'<UUID FileName="{name}">{files[name]}</UUID></TiffData>'
            )
        channels = "".join(
            f'<Channel ID="Channel:{number}:{i}" SamplesPerPixel="1"/>' for i in range(len(names))
        )
        nodes += (
            f'<Image ID="Image:{number}"><Pixels ID="Pixels:{number}" DimensionOrder="XYCZT" '
            f'Type="uint8" SizeX="30" SizeY="20" SizeC="{len(names)}" SizeZ="1" SizeT="1">'
            f"{channels}{parts}</Pixels></Image>"
        )
    for name, uuid in files.items():
        head = f'<OME UUID="{uuid}">{nodes}</OME>'
        tifffile.imwrite(folder / name, IMAGE, description=head, metadata=None)
    return [folder / name for name in files]


def test_a_plate_is_its_fields(tmp_path):
    plate = write_plate(tmp_path / "plate.ome.zarr")
    parts, notes = list_parts([plate])
    assert notes == []
    assert [part.path.relative_to(plate).as_posix() for part in parts] == [
        "A/1/0", "A/1/1", "B/1/0", "B/1/1",
    ]  # fmt: skip
    jobs = plan_jobs(parts, tmp_path / "out")
    assert [job.stem for job in jobs] == ["A_1_0", "A_1_1", "B_1_0", "B_1_1"]
    assert jobs[3].image == "plate.ome.zarr/B/1/1"
    assert jobs[3].facts == {"well": "B1", "field": "1"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_well_and_fields_by_name(tmp_path, monkeypatch, version):
    write_plate(tmp_path / "p.zarr", version)
    monkeypatch.chdir(tmp_path / "p.zarr" / "A")
    named = [part.name for part in list_parts([tmp_path / "p.zarr" / "A" / "1"])[0]]
    assert named == ["p.zarr/A/1/0", "p.zarr/A/1/1"]
    (part,) = list_parts([Path("1/1")])[0]
    assert (part.name, part.facts["well"]) == ("p.zarr/A/1/1", "A1")


def test_two_plates_in_one_run(tmp_path):
    plates = [write_plate(tmp_path / name, fields=["0"]) for name in ("p.zarr", "q.zarr")]
    jobs = plan_jobs(list_parts(plates)[0], tmp_path / "out")
    assert len({job.stem for job in jobs}) == 4
    assert [job.image for job in jobs] == [f"{p}.zarr/{w}/1/0" for p in "pq" for w in "AB"]


@pytest.mark.parametrize("well", ["../A/1", "/A/1", ""])
def test_a_plate_that_leads_out_of_itself_is_refused(tmp_path, well):
    plate = write_plate(tmp_path / "p.zarr", fields=[])
    meta = json.loads((plate / ".zattrs").read_text())
    meta["plate"]["wells"][0]["path"] = well
    (plate / ".zattrs").write_text(json.dumps(meta))
    with pytest.raises(InputError, match=r"p\.zarr: is damaged \(path "):
        list_parts([plate])


def test_nothing_is_written_into_a_plate(tmp_path):
    plate = write_plate(tmp_path / "p.zarr", fields=["0"])
    field = plate / "A" / "1" / "0"
    for given, images in ((plate, [plate]), (field, [field]), (field.parent, [field, field])):
        assert default_out([given], images) == tmp_path / "p-nuclei"
    for inside in (plate, field, plate / "new", plate / "A" / "new"):
        with pytest.raises(OutputError, match=r"lies in the OME-Zarr .*p\.zarr; choose another"):
            open_folder(inside, overwrite=False, resume=False)


def test_files_of_one_image_are_one_image(tmp_path):
    files = write_set(tmp_path, [["c0.ome.tif", "c1.ome.tif"]])
    parts, notes = list_parts(files)
    assert [part.path.name for part in parts] == ["c0.ome.tif"]
    assert notes == ["files that hold parts of an image of others: c1.ome.tif"]
    assert len(list_parts(files, "all")[0]) == 1
    assert len(list_parts(files[1:])[0]) == 1


def test_files_of_one_image_each_are_all_images(tmp_path):
    files = write_set(tmp_path, [["A.ome.tif"], ["B.ome.tif"], ["C.ome.tif"]])
    assert [part.path for part in list_parts(files)[0]] == files
    assert [part.path for part in list_parts(files, "all")[0]] == files
    parts, notes = list_parts(files, 1)
    assert [part.path.name for part in parts] == ["B.ome.tif"]
    assert notes == ["files that hold parts of an image of others: A.ome.tif, C.ome.tif"]


def test_all_images_of_a_file(tmp_path):
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for size in (20, 10):
            tiff.write(IMAGE[:size], photometric="minisblack")
    one = tmp_path / "b.tif"
    tifffile.imwrite(one, IMAGE)
    parts, _ = list_parts([path, one], "all")
    assert parts == [Part(path, 0), Part(path, 1), Part(one)]
    jobs = plan_jobs(parts, tmp_path / "out")
    assert [job.image for job in jobs] == ["a.ome.tif#0", "a.ome.tif#1", "b.tif"]
    assert [job.key for job in jobs] == ["../a.ome.tif#0", "../a.ome.tif#1", "../b.tif"]
    assert len({job.stem for job in jobs}) == 3
    assert [job.facts for job in jobs] == [{"scene": 0}, {"scene": 1}, {}]
    (tmp_path / "broken.ome.tif").write_bytes(b"II*\0")
    assert list_parts([tmp_path / "broken.ome.tif"], "all")[0] == [
        Part(tmp_path / "broken.ome.tif")
    ]


def test_label_images_of_images_are_none(tmp_path):
    """As in a folder of Cellpose; what only is called so is an image."""
    names = ["a.ome.tif", "a_masks.tif", "b.png", "b_cp_masks.png", "b_labels.tif", "c_masks.tif"]
    parts, notes = list_parts(tmp_path / name for name in names)
    assert [part.path.name for part in parts] == ["a.ome.tif", "b.png", "c_masks.tif"]
    assert notes == ["label images were left out: a_masks.tif, b_cp_masks.png, b_labels.tif"]
    assert len(list_parts([tmp_path / "a_masks.tif"])[0]) == 1


def test_the_number_of_an_image_follows_the_stem():
    for name, named in (("a.ome.tif", "a_2.ome.tif"), ("0.5 um.czi", "0.5 um_2.czi")):
        assert Part(Path("in", name), 2).named_after == Path("in", named)


def test_outputs_of_an_earlier_run_are_no_images(tmp_path):
    images = [{"image": "a.tif", "labels": "a_labels.tif", "overlay": "a_overlay.png"}]
    (tmp_path / "run.json").write_text(json.dumps({"images": images}))
    files = [tmp_path / name for name in ("a.tif", "a_labels.tif", "a_overlay.png", "b_labels.tif")]
    parts, notes = list_parts(files)
    assert [part.path.name for part in parts] == ["a.tif", "b_labels.tif"]
    assert notes == ["outputs of an earlier run were left out: a_labels.tif, a_overlay.png"]
    with pytest.raises(InputError, match=r"outputs of an earlier run .*: a_labels\.tif; name "):
        list_parts(files[1:2])
