import json

import pytest

from nucleisplit.errors import InputError
from nucleisplit.labels import find_class_map, read_class_map


def test_a_list_counts_from_1(tmp_path):
    path = tmp_path / "classes.json"
    path.write_text('[{"name": "tumour", "colour": "#D62728"}, {"name": "stroma"}]')
    found = read_class_map(path)
    assert found.names == {1: "tumour", 2: "stroma"} and found.colors == {"tumour": "#d62728"}


def test_type_info_of_hovernet(tmp_path):
    content = {"0": ["nolabe", [0, 0, 0]], "2": ["inflam", [0, 255, 0]]}
    (tmp_path / "type_info.json").write_text(json.dumps(content))
    (tmp_path / "labels").mkdir()
    found = find_class_map(tmp_path / "labels")
    assert found.names == {2: "inflam"} and found.colors == {"inflam": "#00ff00"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([{"name": "a"}, {"name": "a"}], "has the class 'a' twice"),
        (
            [{"name": "a", "colour": "#000001"}, {"name": "b", "color": [0, 0, 1]}],
            "'a' and 'b' have the same colour, #000001",
        ),
        ({"1": ["a", [0, 0, 0]], "01": ["b", [1, 1, 1]]}, "has the number 1 twice"),
        ([{"name": "a", "colour": "red"}], "'red' is no colour such as #d62728"),
        ([{"name": "a", "colour": [0, 300, 0]}], "is no class map"),
        ([{"colour": "#000000"}], "is no class map"),
        ([{"name": " "}], "a class without a name"),
        ([], "no classes"),
        ("a", "is no class map"),
    ],
)
def test_wrong_maps_are_refused(tmp_path, content, message):
    path = tmp_path / "classes.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message) as caught:
        read_class_map(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
