"""Render the recipe for conda, as conda-forge does, and say where it departs from pyproject.toml.

Needs ``py-rattler-build``; nothing is solved or built, so no channel of conda is asked.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from rattler_build import Stage0Recipe

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Render; an error where the requirements of the two files differ."""
    (variant,) = Stage0Recipe.from_file(str(ROOT / "scripts" / "conda" / "recipe.yaml")).render()
    recipe = variant.recipe.to_dict()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {text.replace(" ", "") for text in project["dependencies"]}
    found = {str(text).replace(" ", "") for text in recipe["requirements"]["run"]}
    if wanted ^ found - {f"python{project['requires-python']}"}:
        raise SystemExit(f"recipe.yaml must require what the wheel does: {sorted(wanted ^ found)}")
    print(f"recipe of {recipe['package']['name']} {recipe['package']['version']}: rendered")


if __name__ == "__main__":
    main()
