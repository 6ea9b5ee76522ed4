"""How Sphinx makes the site of these pages: ``scripts/docs`` runs it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
GALLERIES = ("equations", "optimization", "control", "dynamics", "fits", "inside")
sys.path[:0] = [str(DOCS.parent), str(DOCS / "_ext")]
os.environ.setdefault("MPLBACKEND", "agg")

import sparsesolve  # noqa: E402 - after the path is set

project = "sparsesolve"
author = "The sparsesolve authors"
copyright = author
version = release = sparsesolve.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "inner_members",
    "repository_links",
]
root_doc = "index"
exclude_patterns = ["_ext", "_templates", "suite/*", "examples/**"]
templates_path = ["_templates"]

# pages are Markdown that reads well without a build too
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline", "colon_fence"]
suppress_warnings = ["config.cache"]  # sphinx-gallery's settings hold classes

# the reference: signatures and docstrings, members of a class below the class
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_use_plots = False

# the gallery: run while building; an example that fails ends the build
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": "/plot_",
    "subsection_order": [f"examples/{name}" for name in GALLERIES],
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "doc_module": ("sparsesolve",),
    "backreferences_dir": "api/backreferences",
    "inspect_global_variables": False,
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "parallel": int(os.environ.get("SPARSESOLVE_DOCS_JOBS", "1")),
}

html_theme = "pydata_sphinx_theme"
html_title = "sparsesolve"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_favicon = "_static/icon.svg"
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "sparsesolve"},
    "header_links_before_dropdown": 7,
    "navigation_depth": 2,
    # wide tables get the place of the list of headings
    "secondary_sidebar_items": {
        "**": ["page-toc"],
        "index": [],
        **{f"start/{page.stem}": [] for page in (DOCS / "start").glob("from_*.md")},
    },
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": []}
