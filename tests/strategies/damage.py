"""Hypothesis strategies: what happens to files on their way."""

from hypothesis import strategies as st

__all__ = ["damaged"]

_FALSE_SIZES = (0, 1, 2**16, 300_000, 10**6, 2**24, 2**31 - 1, 2**32 - 1)


@st.composite
def damaged(draw, data: bytes, head: int = 600) -> bytes:
    """Draw a damaged copy of a file: cut short, bits turned, a part zeroed, a false number.

    Numbers are put, and every second bit is turned, in the first `head` bytes, where the sizes are.
    """
    kind = draw(st.sampled_from(["cut", "bits", "zeros", "number", "moved"]))
    place = st.integers(0, len(data) - 1)
    near = st.integers(0, min(head, len(data)) - 1)
    result = bytearray(data)
    if kind == "cut":
        return data[: draw(place)]
    if kind == "bits":
        for at in draw(st.lists(place | near, min_size=1, max_size=3)):
            result[at] ^= 1 << draw(st.integers(0, 7))
    elif kind == "number":
        at, order = draw(near), draw(st.sampled_from(["little", "big"]))
        result[at : at + 4] = draw(st.sampled_from(_FALSE_SIZES)).to_bytes(4, order)
    else:
        at, source, length = draw(place), draw(place), draw(st.integers(1, 300))
        part = bytes(length) if kind == "zeros" else data[source : source + length]
        result[at : at + len(part)] = part
    return bytes(result[: len(data)])
