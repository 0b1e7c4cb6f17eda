import xml.etree.ElementTree as ET

import pytest

from nucleisplit.metric import THRESHOLDS
from nucleisplit.report.figures import ap_curve, bars, histogram, reliability_plot


@pytest.mark.parametrize(
    "drawing",
    [
        bars([0, 3, 1], 'a <b> & "c"'),
        bars([], ""),
        bars([0, 0], "none"),
        histogram([1, 0, 5], 0, 30, "size, <px>", "a & b"),
        histogram([], 0, 1, "x", "y"),
        ap_curve(THRESHOLDS, {"<mean>": [0.5] * 10, "pooled": [0.1] * 10}, "AP"),
        reliability_plot([(0.2, 0.3), (0.9, 0.95)], "r"),
        reliability_plot([], "r"),
    ],
)
def test_figures_are_well_formed_and_say_what_they_show(drawing):
    root = ET.fromstring(drawing)
    assert root.attrib["role"] == "img" and "aria-label" in root.attrib
    assert "nan" not in drawing


def test_marks_stand_where_the_values_are():
    circles = ET.fromstring(reliability_plot([(0.5, 1.0)], "r")).findall("circle")
    assert [(c.attrib["cx"], c.attrib["cy"]) for c in circles] == [("176.0", "12.0")]
    curve = ET.fromstring(ap_curve((0.5, 0.95), {"a": (1.0, 0.0)}, "AP")).findall("circle")
    assert [c.attrib["cy"] for c in curve] == ["12.0", "154.0"]


def test_a_histogram_says_how_many_nuclei_its_bars_are():
    texts = [t.text for t in ET.fromstring(histogram([1, 0, 5], 0, 30, "size", "a")).iter("text")]
    assert texts[5:8] == ["0", "2", "5"] and texts[-1] == "nuclei"
    few = [t.text for t in ET.fromstring(histogram([1], 0, 30, "size", "a")).iter("text")]
    assert few[5:7] == ["0", "1"]


@pytest.mark.parametrize(
    ("values", "corner"),
    [([0.95, 0.9, 0.85, 0.8, 0.1], "below left"), ([0.5, 0.4, 0.3, 0.2, 0.0], "above right")],
)
def test_the_legend_of_a_curve_lies_off_it(values, corner):
    thresholds = (0.5, 0.6, 0.7, 0.8, 0.95)
    root = ET.fromstring(ap_curve(thresholds, {"mean": values, "pooled": values}, "AP"))
    names = [text for text in root.iter("text") if text.text in ("mean", "pooled")]
    xs = [float(text.attrib["x"]) for text in names]
    ys = [float(text.attrib["y"]) for text in names]
    if corner == "below left":
        assert max(xs) < 100 and min(ys) > 100
    else:
        assert min(xs) > 180 and max(ys) < 50
