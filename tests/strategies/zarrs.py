"""Groups and arrays of Zarr for tests, whichever version of the library is installed."""

import numcodecs
import zarr

__all__ = ["VERSIONS", "make_array", "make_group"]

_OLD = zarr.__version__[0] == "2"
VERSIONS = [2] if _OLD else [2, 3]
"""Versions of the format that can be written."""


def make_group(path, version=2):
    return zarr.open_group(str(path), mode="w", **({} if _OLD else {"zarr_format": version}))


def make_array(where, shape, chunks, dtype="u1", version=2, *, name=None, blosc=False, fill=0):
    """Make an array at a path, or one of a name in a group."""
    options = {"shape": shape, "chunks": chunks, "dtype": dtype, "fill_value": fill}
    if _OLD:
        if blosc:
            options["compressor"] = numcodecs.Blosc(cname="lz4")
        if name is not None:
            return where.create_dataset(name, **options)
        return zarr.open_array(str(where), mode="w", **options)
    if blosc:
        old, new = numcodecs.Blosc(cname="lz4"), zarr.codecs.BloscCodec(cname="lz4")
        options["compressors"] = old if version == 2 else new
    if name is not None:
        return where.create_array(name, **options)
    return zarr.create_array(where, zarr_format=version, **options)
