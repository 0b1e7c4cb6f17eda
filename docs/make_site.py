"""Put the documentation together and build it as a site, in site/: `pip install ".[docs]"`, then

    python docs/make_site.py

The pages are written to be read where they lie, on the disk or on a host of git repositories. Here
they come into one folder, build/pages, with those that lie elsewhere, and their links are turned to
where things are then. A link to nothing ends the build, as does any warning.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from posixpath import dirname, normpath, relpath

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "build/pages"

ELSEWHERE = {
    "MODEL_CARD.md": "model_card.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "integrations/README.md": "integrations.md",
}
"""Pages that do not lie in docs/, and what they are called in the site."""

_CODE = re.compile(r"^```[\s\S]*?^```|`[^`\n]+`|^(?: {4}.*\n)+", re.MULTILINE)
_LINK = re.compile(r"(\]\()([^)#\s]+)(#[^)\s]*)?(\))")


def place_of(path: str) -> str:
    """Where a file of the repository comes to lie in the site.

    >>> place_of("docs/method.md"), place_of("MODEL_CARD.md"), place_of("README.md")
    ('method.md', 'model_card.md', 'index.md')
    >>> place_of("integrations/qupath/nucleisplit.groovy")
    'files/integrations/qupath/nucleisplit.groovy'
    """
    if path == "README.md":
        return "index.md"
    inside = path.removeprefix("docs/")
    return ELSEWHERE.get(path) or (inside if inside != path else f"files/{path}")


def turn_links(text: str, path: str, root: Path = ROOT) -> tuple[str, set[str]]:
    """Turn the links of a page to where things lie in the site.

    Parameters
    ----------
    text
        The page.
    path
        Where it lies in the repository.
    root
        The folder of the repository.

    Returns
    -------
    text, linked : str, set of str
        The page, and the files of the repository that it links to.

    Raises
    ------
    FileNotFoundError
        A link leads to nothing.
    """
    linked = set()

    def turn(match: re.Match) -> str:
        opening, target, anchor, closing = match.groups(default="")
        if ":" in target:
            return match[0]
        found = normpath(f"{dirname(path)}/{target}") if dirname(path) else normpath(target)
        if not (root / found).is_file():
            raise FileNotFoundError(f"{path}: links to {target}, which is not there")
        linked.add(found)
        here = dirname(place_of(path)) or "."
        return opening + relpath(place_of(found), here) + anchor + closing

    kept = _CODE.split(text)
    code = _CODE.findall(text)
    turned = [_LINK.sub(turn, part) for part in kept]
    return "".join(a + b for a, b in zip(turned, [*code, ""], strict=True)), linked


def gather(root: Path, pages: Path) -> None:
    """Write all pages, and the files that they link to, into one folder."""
    shutil.rmtree(pages, ignore_errors=True)
    sources = [f"docs/{page.name}" for page in sorted((root / "docs").glob("*.md"))]
    wanted = set()
    for path in [*sources, *ELSEWHERE]:
        text, linked = turn_links((root / path).read_text(encoding="utf-8"), path, root)
        target = pages / place_of(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        wanted |= {file for file in linked if not place_of(file).endswith(".md")}
    wanted.add("docs/site.css")
    for path in sorted(wanted):
        target = pages / place_of(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / path, target)


def main() -> None:
    try:
        gather(ROOT, PAGES)
    except FileNotFoundError as error:
        sys.exit(str(error))
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    sys.exit(subprocess.run(command, cwd=ROOT).returncode)


if __name__ == "__main__":
    main()
