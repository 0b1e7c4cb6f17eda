import pytest

from nucleisplit.images.stores.base import micrometres


@pytest.mark.parametrize(
    ("length", "unit", "expected"),
    [
        (2500, "angstrom", 0.25),
        (250, "nm", 0.25),
        (0.25, "µm", 0.25),
        (0.25, "micron", 0.25),
        (0.002, "mm", 2),
        (0.002, "millimeter", 2),
        (0.002, "cm", 20),
        (0.002, "centimetre", 20),
        (0.001, "inch", 25.4),
        (0.002, "m", 2000),
        (0.25, "furlong", None),
        (0.25, None, None),
        (0, "um", None),
        (-1, "um", None),
    ],
)
def test_lengths_in_every_unit(length, unit, expected):
    assert micrometres(length, unit) == (expected and pytest.approx(expected))
