"""One HTML page to judge a batch by: images, doubtful nuclei, and scores where the truth is known.

- `run`: what ``infer`` left in a folder.
- `compare`: nuclei against the truth; what was missed, merged, split or made up.
- `queue`: which nuclei to look at first.
- `pictures`: thumbnails and crops.
- `figures`: histograms and curves.
- `gather`: all of it, image by image.
- `page`: the HTML.
"""

from .page import write_report

__all__ = ["write_report"]
