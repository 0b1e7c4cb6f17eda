"""OME-TIFF sets of several files, and images of an OME-XML that have no pixels here."""

import numpy as np
import pytest
import tifffile

from nucleisplit.errors import InputError
from nucleisplit.images import PlaneChoice, open_image

HEAD = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{}>{}</OME>'
A = np.full((20, 30), 10, np.uint8)
B = np.arange(600, dtype=np.uint8).reshape(20, 30)


def image(name, size, parts, channels=("",), number=0, z=1):
    """The XML of an image: `parts` are the insides of its Pixels element after the channels."""
    channels = (
        "".join(
            f'<Channel ID="Channel:{number}:{i}" SamplesPerPixel="1"{f" Name={c!r}" if c else ""}/>'
            for i, c in enumerate(channels)
        )
        or ""
    )
    count = channels.count("<Channel")
    return (
        f'<Image ID="Image:{number}" Name="{name}"><Pixels ID="Pixels:{number}" '
        f'DimensionOrder="XYCZT" Type="uint8" SizeX="30" SizeY="20" SizeC="{count}" SizeZ="{z}" '
        f'SizeT="1" PhysicalSizeX="{size}" PhysicalSizeY="{size}">{channels}{parts}</Pixels>'
        "</Image>"
    )


def part(file="", uuid="", count=1, **place):
    """A TiffData element."""
    places = "".join(f' {key}="{value}"' for key, value in place.items())
    inside = f'<UUID FileName="{file}">{uuid}</UUID>' if file else ""
    return f'<TiffData IFD="0" PlaneCount="{count}"{places}>{inside}</TiffData>'


def write(path, pixels, images, uuid=None, **options):
    head = HEAD.format(f' UUID="{uuid}"' if uuid else "", images)
    options = {"photometric": "minisblack", "metadata": None, **options}
    tifffile.imwrite(path, pixels, description=head.encode(), **options)


def write_plate(folder, **options):
    """Two images, A and B, each in the file of its name; the XML of both knows both."""
    both = image("A", 0.25, part("A.ome.tif", "urn:uuid:a")) + image(
        "B", 0.5, part("B.ome.tif", "urn:uuid:b"), number=1
    )
    write(folder / "A.ome.tif", A, both, "urn:uuid:a", **options)
    write(folder / "B.ome.tif", B, both, "urn:uuid:b", **options)


def read(path, **choice):
    choice = PlaneChoice(**choice)
    with open_image(path, choice) as source:
        return source.plane(choice).read(), source.pixel_size, source.channels


@pytest.mark.parametrize("options", [{}, {"compression": "lzw"}, {"tile": (16, 16)}])
@pytest.mark.parametrize("file", ["A.ome.tif", "B.ome.tif"])
def test_pixels_come_from_the_file_that_holds_them(tmp_path, file, options):
    write_plate(tmp_path, **options)
    for scene, pixels, size in ((0, A, 0.25), (1, B, 0.5)):
        found = read(tmp_path / file, scene=scene)
        np.testing.assert_array_equal(found[0], pixels)
        assert found[1] == (size, size)


def test_each_file_means_its_own_image(tmp_path):
    write_plate(tmp_path)
    np.testing.assert_array_equal(read(tmp_path / "A.ome.tif")[0], A)
    np.testing.assert_array_equal(read(tmp_path / "B.ome.tif")[0], B)
    (tmp_path / "A.ome.tif").unlink()
    pixels, size, _ = read(tmp_path / "B.ome.tif")
    np.testing.assert_array_equal(pixels, B)
    assert size == (0.5, 0.5)
    with pytest.raises(InputError, match=r"B\.ome\.tif: lacks A\.ome\.tif, which holds image 0 A"):
        read(tmp_path / "B.ome.tif", scene=0)
    with pytest.raises(InputError, match="has no image 2; it holds 2"):
        read(tmp_path / "B.ome.tif", scene=2)


def test_channels_in_files_of_their_own(tmp_path):
    parts = part("c0.ome.tif", "urn:uuid:0", FirstC=0) + part("c1.ome.tif", "urn:uuid:1", FirstC=1)
    one = image("x", 0.25, parts, ("DAPI", "GFP"))
    write(tmp_path / "c0.ome.tif", A, one, "urn:uuid:0")
    write(tmp_path / "c1.ome.tif", B, one, "urn:uuid:1")
    for name in ("c0.ome.tif", "c1.ome.tif"):
        np.testing.assert_array_equal(read(tmp_path / name, channel="DAPI")[0], A)
        np.testing.assert_array_equal(read(tmp_path / name, channel="GFP")[0], B)
    (tmp_path / "c0.ome.tif").unlink()
    np.testing.assert_array_equal(read(tmp_path / "c1.ome.tif", channel="GFP")[0], B)
    with pytest.raises(
        InputError, match=r"c1\.ome\.tif: lacks c0\.ome\.tif, which holds this plane"
    ):
        read(tmp_path / "c1.ome.tif", channel="DAPI")


@pytest.mark.parametrize(
    "first",
    [
        "<MetadataOnly/>",
        "",
        part("gone.ome.tif", "urn:uuid:9"),
    ],
    ids=["words only", "no TiffData", "a file that is gone"],
)
def test_an_image_without_pixels_does_not_lend_its_size(tmp_path, first):
    images = image("overview", 10, first, ("RGB",)) + image("field", 0.5, part(), ("DAPI",), 1)
    write(tmp_path / "a.ome.tif", B, images)
    pixels, size, channels = read(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(pixels, B)
    assert (size, channels) == ((0.5, 0.5), ("DAPI",))


def test_no_image_says_where_its_pixels_are(tmp_path):
    write(tmp_path / "a.ome.tif", B, image("x", 0.5, "", ("DAPI",)))
    assert read(tmp_path / "a.ome.tif")[1:] == ((0.5, 0.5), ("DAPI",))


def test_a_renamed_file_is_still_itself(tmp_path):
    write(tmp_path / "new.ome.tif", B, image("x", 0.5, part("old.ome.tif", "urn:uuid:1")))
    np.testing.assert_array_equal(read(tmp_path / "new.ome.tif")[0], B)


def test_names_of_another_machine(tmp_path):
    both = image("A", 1, part("C:\\scans\\A.ome.tif", "urn:uuid:a")) + image(
        "B", 2, part("C:\\scans\\B.ome.tif", "urn:uuid:b"), number=1
    )
    write(tmp_path / "A.ome.tif", A, both, "urn:uuid:a")
    write(tmp_path / "B.ome.tif", B, both, "urn:uuid:b")
    np.testing.assert_array_equal(read(tmp_path / "A.ome.tif", scene=1)[0], B)


def test_metadata_in_another_file(tmp_path):
    own = "<BinaryOnly MetadataFile='all.companion.ome' UUID='urn:uuid:b'/>"
    write(tmp_path / "B.ome.tif", B, own)
    with pytest.raises(InputError, match=r"B\.ome\.tif: lacks all\.companion\.ome, which says"):
        read(tmp_path / "B.ome.tif")
    both = image("A", 0.25, part("A.ome.tif", "urn:uuid:a")) + image(
        "B", 0.5, part("B.ome.tif", "urn:uuid:b"), ("DAPI",), number=1
    )
    (tmp_path / "all.companion.ome").write_text(HEAD.format("", both))
    pixels, size, channels = read(tmp_path / "B.ome.tif")
    np.testing.assert_array_equal(pixels, B)
    assert (size, channels) == ((0.5, 0.5), ("DAPI",))


def test_fewer_planes_than_the_header_names(tmp_path):
    pages = np.stack([A, B, A])
    write(tmp_path / "a.ome.tif", pages, image("x", 1, part(count=5), z=5), compression="lzw")
    np.testing.assert_array_equal(read(tmp_path / "a.ome.tif", z=1)[0], B)
    with pytest.raises(InputError, match=r"truncated \(plane 3 of the 5 in its header is not"):
        read(tmp_path / "a.ome.tif", z="max")


def test_xml_that_cannot_be_read(tmp_path):
    write(tmp_path / "a.ome.tif", B, "<Image>")
    with pytest.raises(InputError, match=r"a\.ome\.tif: is damaged \(its OME-XML: mismatched tag"):
        read(tmp_path / "a.ome.tif")


def test_micro_manager_has_its_pixel_size_in_the_xml_too(tmp_path, monkeypatch):
    monkeypatch.setattr(tifffile.TiffFile, "is_mmstack", True)
    # a method before tifffile 2026.11, a function since
    monkeypatch.setattr(tifffile.TiffFile, "_series_mmstack", lambda self: [], raising=False)
    inner = tifffile.tifffile
    monkeypatch.setattr(inner, "series_mmstack", lambda *_, **__: [], raising=False)
    write(tmp_path / "a.ome.tif", B, image("x", 0.5, part(), ("DAPI",)))
    assert read(tmp_path / "a.ome.tif")[1:] == ((0.5, 0.5), ("DAPI",))
