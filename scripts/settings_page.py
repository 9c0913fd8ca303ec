"""Write docs/guide/settings.md from the table of settings; `--check` only compares."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kiseki.sdk.settings import FIELDS, Field

PAGE = Path(__file__).parent.parent / "docs" / "guide" / "settings.md"
INTRODUCTION = """\
# Settings

`scripts/settings_page.py` makes this page from the table in `src/kiseki/sdk/settings.py`.

A setting may be given in several places; the later ones win: its default, the user's settings file
(`~/.config/kiseki/settings`), the folder's (`./kiseki/settings`; both are ini files with a section
`[default]`), the environment (`KISEKI_<NAME>`, else `WANDB_<NAME>`), `kiseki.setup(settings)`,
`init(settings={…})`, the arguments of `init`. The environment is read once per process;
`kiseki.teardown()` makes the next `init` read it again. An unknown name or a value that is not allowed is a
`UsageError`.

```python
import kiseki

kiseki.setup({"run_group": "nightly", "x_stats_sampling_interval": 5})
with kiseki.init(project="first", mode="offline", settings={"console": "off"}) as run:
    assert run.group == "nightly" and run.settings.console == "off"
kiseki.teardown()
```

`KISEKI_CONFIG_DIR` and `KISEKI_DATA_DIR` name the user's folders; they are read where they are used.

| setting | variable | default | meaning |
|---|---|---|---|
"""


def page() -> str:
    """Return the whole page."""
    return INTRODUCTION + "".join(_row(name, field) for name, field in FIELDS.items())


def _row(name: str, field: Field) -> str:
    variable = f"`KISEKI_{field.env}`" if field.env else ""
    default = "" if field.default is None else f"`{field.default}`"
    meaning = field.doc
    if field.choices:
        meaning += f" ({', '.join(field.choices)})"
    if field.minimum is not None:
        meaning += f" (at least {field.minimum:g})"
    return f"| `{name}` | {variable} | {default} | {meaning} |\n"


def main() -> int:
    """Write the page, or with `--check` return 1 if it is not what it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        return int(not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
