"""Links of a page to files outside of ``docs/`` lead to the page of the site that shows the file.

The pages are read in the repository too, where ``../README.md`` is right; on the site that file is
no page.
"""

from __future__ import annotations

from typing import Any

PAGES = {
    "../README.md": "/index.md",
    "../.github/CONTRIBUTING.md": "/project/contributing.md",
    "../benchmarks/README.md": "/project/measuring.md",
    "../CHANGELOG.md": "/project/changelog.md",
    "suite/report.md": "/project/suite_report.md",
}


def mend(app: Any, page: str, source: list[str]) -> None:
    """Replace the targets of `source`, the text of one page."""
    for target, shown in PAGES.items():
        source[0] = source[0].replace(f"]({target}", f"]({shown}")


def setup(app: Any) -> dict[str, bool]:
    """Say to Sphinx when to call."""
    app.connect("source-read", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
