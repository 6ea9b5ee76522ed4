"""Links of a page to files outside of the site lead to the page of the site that shows the file.

The pages are read in the repository too, where ``../README.md`` and the source of an example are
right; on the site these files are no pages.
"""

from __future__ import annotations

import re
from typing import Any

PAGES = {
    r"\.\./README\.md": "/index.md",
    r"\.\./\.github/CONTRIBUTING\.md": "/project/contributing.md",
    r"\.\./benchmarks/README\.md": "/project/measuring.md",
    r"\.\./CHANGELOG\.md": "/project/changelog.md",
    r"suite/(\w+)\.md": r"/project/suite_\1.md",
    r"(?:\.\./)?examples/(\w+/plot_\w+)\.py": r"/gallery/\1.rst",
    r"(?:\.\./)?examples/GALLERY_HEADER\.rst": "/gallery/index.rst",
}


def mend(app: Any, page: str, source: list[str]) -> None:
    """Replace the targets of `source`, the text of one page."""
    for target, shown in PAGES.items():
        source[0] = re.sub(rf"\]\({target}", rf"]({shown}", source[0])


def setup(app: Any) -> dict[str, bool]:
    """Say to Sphinx when to call."""
    app.connect("source-read", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
