#!/usr/bin/env python3
"""Generates the table of create-only properties and unordered lists.

The data comes from the resource provider schemas: `createOnlyProperties`,
`conditionalCreateOnlyProperties`, and `insertionOrder: false` of a list. The PyPI package cfn-lint
(MIT-0) contains the schemas of every region. The table is the union of all regions, so it includes
types that exist only in some regions.

    python3 scripts/schema-table.py            downloads the pinned wheel with pip, writes the table
    python3 scripts/schema-table.py FILE.whl   reads an existing wheel

The same wheel results in the same bytes. Requires only Python 3.9.
"""

import io
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

VERSION = "1.58.0"
SCHEMAS = "cfnlint/data/schemas/resources/"
TABLE = pathlib.Path(__file__).parent.parent / "src" / "template" / "schema_table" / "table.zip"
LISTS = {"createOnlyProperties": "create", "conditionalCreateOnlyProperties": "conditional"}


def wheel(folder: str) -> pathlib.Path:
    """Downloads the pinned wheel into a folder and returns its path."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
    subprocess.run([*pip, f"cfn-lint=={VERSION}"], check=True)  # noqa: S603 (no external input)
    return next(pathlib.Path(folder).glob("*.whl"))


def path(pointer: str) -> str:
    """Returns `/properties/A/properties/B/items/C` and its variants as `A/B/*/C`."""
    steps = [step for step in pointer.strip("/").split("/") if step != "properties"]
    return "/".join("*" if step in ("items", "[*]") else step for step in steps)


def unordered(schema: dict) -> set:
    """Returns the paths of the lists whose order is irrelevant, such as `A/*/B`."""
    found: set = set()

    def walk(node: dict, steps: tuple, above: tuple) -> None:
        reference = node.get("$ref", "")
        if reference:
            # A definition may contain itself; one round is enough.
            if reference in above:
                return
            above = (*above, reference)
            target: dict = schema
            for step in reference.lstrip("#/").split("/"):
                target = target.get(step, {})
            node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        if node.get("insertionOrder") is False and "items" in node:
            found.add("/".join(steps))
        for name, inner in node.get("properties", {}).items():
            walk(inner, (*steps, name), above)
        if isinstance(node.get("items"), dict):
            walk(node["items"], (*steps, "*"), above)
        for word in ("oneOf", "anyOf", "allOf"):
            for inner in node.get(word, []):
                walk(inner, steps, above)

    for name, inner in schema.get("properties", {}).items():
        walk(inner, (name,), ())
    return found


def condense(archive: zipfile.ZipFile) -> dict:
    """Returns the lists of every type, sorted, without empty lists."""
    types: dict = {}
    for name in archive.namelist():
        if not (name.startswith(SCHEMAS) and name.endswith(".json")):
            continue
        schema = json.loads(archive.read(name))
        if "typeName" not in schema:
            continue
        entry = types.setdefault(schema["typeName"], {})
        for long, short in LISTS.items():
            for pointer in schema.get(long, []):
                entry.setdefault(short, set()).add(path(pointer))
        sets = unordered(schema)
        if sets:
            entry.setdefault("unordered", set()).update(sets)
    return {
        kind: {key: sorted(paths) for key, paths in sorted(types[kind].items())}
        for kind in sorted(types)
    }


def main() -> None:
    """Writes the table and prints its size."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else wheel(folder)
        with zipfile.ZipFile(file) as archive:
            types = condense(archive)
        source = file.name.split("-py3")[0].replace("_", "-")
    table = {"source": f"{source} (PyPI, MIT-0)", "types": types}
    text = json.dumps(table, separators=(",", ":"), sort_keys=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        entry = zipfile.ZipInfo("table.json")
        entry.compress_type = zipfile.ZIP_DEFLATED
        out.writestr(entry, text, compresslevel=9)
    TABLE.write_bytes(buffer.getvalue())
    listed = sum(1 for entry in types.values() if entry)
    packed = len(buffer.getvalue())
    print(f"{len(types)} types, {listed} with a list, {len(text)} -> {packed} bytes")


if __name__ == "__main__":
    main()
