"""The images that the OME-XML of a TIFF tells of, and the files that hold their planes."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PureWindowsPath
from xml.etree import ElementTree

import tifffile

from nucleisplit.errors import InputError

__all__ = ["OmeImage", "choose_ome_image", "member_of_set", "ome_images"]

# Without a handler, tifffile's remarks on odd tags would end up on the terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class OmeImage:
    """One image of an OME-XML, as one of its files sees it.

    Attributes
    ----------
    root : Element
        Of the whole XML.
    node : Element
        The image in it.
    path : Path
        The file whose XML it is.
    """

    root: ElementTree.Element
    node: ElementTree.Element
    path: Path

    @property
    def name(self) -> str:
        return self.node.get("Name", "")

    @cached_property
    def pixels(self) -> ElementTree.Element:
        return next(children(self.node, "Pixels"))

    @cached_property
    def has_pixels(self) -> bool:
        """Whether it says where its planes are: an overview may be there in words only."""
        pixels = next(children(self.node, "Pixels"), None)
        return pixels is not None and next(children(pixels, "TiffData"), None) is not None

    @cached_property
    def files(self) -> dict[str, None]:
        """Names of the files that hold its planes, in order; this file as its own name."""
        names = (
            self._file_of(data) or self.path.name for data in children(self.pixels, "TiffData")
        )
        return dict.fromkeys(names)

    @property
    def is_here(self) -> bool:
        """Whether this file holds any of its planes."""
        return self.path.name in self.files

    def sizes(self) -> dict[str, int]:
        """Lengths of its dimensions, by letter.

        Raises
        ------
        InputError
            One is missing or no positive number.
        """
        found = {axis: self.pixels.get(f"Size{axis}", "") for axis in "XYZCT"}
        wrong = [axis for axis, text in found.items() if not text.isdecimal() or not int(text)]
        if wrong:
            raise InputError(
                f"is damaged (its OME-XML says Size{wrong[0]} {found[wrong[0]]!r})",
                "copy or export it again",
            )
        return {axis: int(text) for axis, text in found.items()}

    def file_of_plane(self, number: int, samples: int) -> str | None:
        """Name of the other file that should hold a plane, counted in the order of the XML."""
        order = self.pixels.get("DimensionOrder", "XYCZT")[2:]
        size = self.sizes()
        size["C"] //= samples
        for data in children(self.pixels, "TiffData"):
            start, step = 0, 1
            for axis in order:
                start += int(data.get(f"First{axis}", 0)) * step
                step *= size[axis]
            count = int(data.get("PlaneCount", 1 if "IFD" in data.attrib else step))
            if start <= number < start + count:
                return self._file_of(data)
        return None

    def alone(self) -> str:
        """Return an OME-XML of this image only, for tifffile to read.

        Planes in this file are said to be so without its name, others by the plain name of the
        file beside it, whatever folder or machine the XML was written for.
        """
        root = ElementTree.Element(self.root.tag, {"UUID": "urn:uuid:this"})
        for node in self.root:
            if node is self.node:
                root.append(self._cleaned())
            elif _is(node, "StructuredAnnotations"):
                root.append(node)
        return ElementTree.tostring(root, encoding="unicode")

    def missing(self) -> list[str]:
        """Names of the files that are not there."""
        here = self.path.name
        return [name for name in self.files if name != here and not self._beside(name).is_file()]

    def _cleaned(self) -> ElementTree.Element:
        node = copy.deepcopy(self.node)
        missing = self.missing()
        for data in children(next(children(node, "Pixels")), "TiffData"):
            name = self._file_of(data)
            uuids = list(children(data, "UUID"))
            for uuid in uuids if name is None else uuids[1:]:
                data.remove(uuid)
            if name is not None:
                uuids[0].set("FileName", name)
                uuids[0].text = f"urn:uuid:{name}"
                if name in missing:  # of which nobody can tell how many it holds
                    data.attrib.setdefault("PlaneCount", "1")
        return node

    def _file_of(self, data: ElementTree.Element) -> str | None:
        """Name of the file of some planes; None for this one."""
        uuid = next(children(data, "UUID"), None)
        if uuid is None or not (name := _name_in(uuid)):
            return None
        own = self.root.get("UUID")
        if (own is not None and uuid.text == own) or name.lower() == self.path.name.lower():
            return None
        return None if self._is_renamed else name

    @cached_property
    def _is_renamed(self) -> bool:
        """Whether the XML knows one file only, which is this one by another name."""
        parts = [node for node in self.root.iter() if _is(node, "TiffData")]
        uuids = [uuid for part in parts for uuid in list(children(part, "UUID"))[:1]]
        names = {_name_in(uuid) for uuid in uuids}
        return (
            len(uuids) == len(parts)
            and len(names) == 1
            and "" not in names
            and not self._beside(*names).exists()
            and self.root.get("UUID") in (None, uuids[0].text)
        )

    def _beside(self, name: str) -> Path:
        return self.path.with_name(name)


def ome_images(text: str, path: Path) -> list[OmeImage]:
    """List the images of an OME-XML, those without pixels too.

    A file that has only the name of the file with the XML (``BinaryOnly``) is looked up there.

    Raises
    ------
    InputError
        The XML is damaged, or in a file that is missing. The message names no path.
    """
    root = _parse(text)
    binary = next(children(root, "BinaryOnly"), None)
    if binary is not None:
        own = binary.get("UUID")
        root = _parse(_companion(path, PureWindowsPath(binary.get("MetadataFile", "")).name))
        root.attrib.pop("UUID", None)
        if own:
            root.set("UUID", own)
    return [OmeImage(root, node, path) for node in children(root, "Image")]


def _name_in(uuid: ElementTree.Element) -> str:
    """Name of the file, without a folder, that a UUID of the OME-XML stands for; "" for none."""
    return PureWindowsPath(uuid.get("FileName", "")).name


def choose_ome_image(images: list[OmeImage], scene: int | str | None) -> OmeImage:
    """Find the image that is meant: by its number, else the one of which this file holds planes.

    Raises
    ------
    InputError
        There are several or fewer, or none of its files is there. The message names no path.
    """
    from ..plane_choice import choose_scene

    own = [number for number, image in enumerate(images) if image.is_here]
    image = images[choose_scene(scene, [image.name for image in images], own)]
    missing = image.missing()
    if len(missing) == len(image.files):
        raise InputError(
            f"lacks {', '.join(missing)}, which holds image {images.index(image)} {image.name}",
            "put it into the same folder",
        )
    return image


def member_of_set(path: Path, scene: int | str | None = None) -> tuple[tuple, bool] | None:
    """Tell which image of an OME-TIFF set of several files a file stands for.

    Parameters
    ----------
    path : Path
    scene : int, optional
        As given; by default the image of which the file holds planes.

    Returns
    -------
    key, holds : tuple, bool
        Equal keys mean the same image; and whether the file holds any of it. None for what is no
        member of a set, or cannot be read.
    """
    if not path.name.lower().endswith((".ome.tif", ".ome.tiff", ".ome.btf", ".ome.tf8")):
        return None
    try:
        with tifffile.TiffFile(path) as tiff:
            placed = [i for i in ome_images(tiff.ome_metadata or "", path) if i.has_pixels]
        if {path.name}.issuperset(name for image in placed for name in image.files):
            return None
        image = choose_ome_image(placed, scene)
        return (path.parent.resolve(), frozenset(image.files), placed.index(image)), image.is_here
    except Exception:  # whatever is wrong is told when the image is opened
        return None


def children(node: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    """Yield the children of a node that have a name, whatever version of OME it is of."""
    return (child for child in node if _is(child, name))


def _is(node: ElementTree.Element, name: str) -> bool:
    return isinstance(node.tag, str) and node.tag.rpartition("}")[2] == name


def _parse(text: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InputError(f"is damaged (its OME-XML: {error})", "copy or export it again") from None


def _companion(path: Path, name: str) -> str:
    """Read the OME-XML of another file: an XML, or the first TIFF of the set."""
    other = path.with_name(name) if name else path
    if other == path or not other.is_file():
        raise InputError(
            f"lacks {name or 'its metadata file'}, which says what it holds",
            "put it into the same folder",
        )
    try:
        with tifffile.TiffFile(other) as tiff:
            return tiff.ome_metadata or ""
    except tifffile.TiffFileError:
        return other.read_text(encoding="utf-8")
