"""Every test that docs/promises.md names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_tests_that_hold_the_promises():
    page = (ROOT / "docs/promises.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", page)
    assert len(named) > 40
    for file, name in named:
        places = (ROOT / "tests" / file, ROOT / "tests/nucleisplit" / file)
        (text,) = [place.read_text(encoding="utf-8") for place in places if place.is_file()]
        assert f"\ndef {name}(" in text, f"{file}::{name}"
