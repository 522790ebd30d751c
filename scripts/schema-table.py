#!/usr/bin/env python3
"""Generates the tables of resource types: `table.zip`, `names.zip` and `permissions.zip`.

`table.zip` contains the create-only properties, the unordered lists and the property that fixes the
physical name: `createOnlyProperties`, `conditionalCreateOnlyProperties`, `insertionOrder: false` of
a list, and a `primaryIdentifier` that the template sets. `names.zip` contains the
names of all properties and of the attributes for `Fn::GetAtt`; `names.rs` describes its format.
`permissions.zip` contains the permissions of the handlers; `permissions.rs` describes its format.

The data comes from the resource provider schemas. The PyPI package cfn-lint (MIT-0) contains the
schemas of every region, and those of the SAM types. The tables are the union of all regions, so
they include types that exist only in some regions.

    python3 scripts/schema-table.py            downloads the pinned wheel with pip, writes tables
    python3 scripts/schema-table.py FILE.whl   reads an existing wheel

The same wheel results in the same bytes. Requires only Python 3.9.
"""

import io
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

VERSION = "1.58.0"
SCHEMAS = "cfnlint/data/schemas/resources/"
FOLDER = pathlib.Path(__file__).parent.parent / "src" / "template" / "schema_table"
OBJECT = ("properties", "patternProperties", "additionalProperties", "oneOf", "anyOf", "allOf")
# How many slashes a pointer such as `/properties/Name` has.
DEPTH = 2
VARIANTS = ("oneOf", "anyOf", "allOf")
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


def resolve(schema: dict, node: dict) -> tuple:
    """Returns a node without its `$ref`, and the reference or an empty string."""
    reference, seen = "", set()
    while "$ref" in node and node["$ref"] not in seen:
        reference = node["$ref"]
        seen.add(reference)
        target: object = schema
        for step in reference.lstrip("#/").split("/"):
            target = target.get(step, {}) if isinstance(target, dict) else {}
        rest = {key: value for key, value in node.items() if key != "$ref"}
        node = {**(target if isinstance(target, dict) else {}), **rest}
    return node, reference


class Names:
    """The names of the properties of one type, level by level.

    A level is a map from names to the numbers of other levels; `None` stands for a value that is
    not checked. The name `*` stands for any other name. A list has the level of its elements.
    """

    def __init__(self, schema: dict) -> None:
        """Takes the schema of the type."""
        self.schema = schema
        self.levels: list = []
        self.known: dict = {}
        # The keys of `known` may be ids, so these nodes must stay in memory.
        self.kept: list = []
        top = {key: value for key, value in schema.items() if key in OBJECT}
        self.level([{"type": "object", **top}])

    def level(self, nodes: list) -> object:
        """Returns the number of the level that accepts what any of the nodes accepts."""
        objects: dict = {}
        if not all(self.expand(node, objects, ()) for node in nodes) or not objects:
            return None
        key = frozenset(objects)
        if key in self.known:
            return self.known[key]
        number = len(self.levels)
        self.known[key] = number
        self.levels.append({})
        members: dict = {}
        for accepted in objects.values():
            for name, inner in accepted.items():
                members.setdefault(name, []).append(inner)
        for name, inner in sorted(members.items()):
            self.levels[number][name] = self.level(inner)
        return number

    def expand(self, node: object, objects: dict, above: tuple) -> bool:
        """Adds the objects that a node accepts; returns false if it accepts any map."""
        if not isinstance(node, dict):
            return False
        extra = set(node) - {"$ref", "description", "title", "type"}
        node, reference = resolve(self.schema, node)
        identity = reference if reference and not extra else id(node)
        if reference in above:
            return True
        above = (*above, reference) if reference else above
        types = node.get("type", [])
        types = [types] if isinstance(types, str) else types
        variants = [inner for word in VARIANTS for inner in node.get(word, [])]
        if any(node.get(key) for key in ("properties", "patternProperties")) or isinstance(
            node.get("additionalProperties"), dict
        ):
            self.kept.append(node)
            objects[identity] = self.members(node, variants)
            return True
        if isinstance(node.get("items"), dict) and "object" not in types:
            return self.expand(node["items"], objects, above)
        if variants and "object" not in types:
            return all(self.expand(inner, objects, above) for inner in variants)
        return bool(types) and not {"object", "array"} & set(types)

    def members(self, node: dict, variants: list) -> dict:
        """Returns the names that an object accepts, with their values."""
        members = dict(node.get("properties", {}))
        for variant in variants:
            inner, _ = resolve(self.schema, variant)
            for name, value in inner.get("properties", {}).items():
                members.setdefault(name, value)
        values = list(node.get("patternProperties", {}).values())
        if node.get("additionalProperties") is not False:
            values.append(node.get("additionalProperties", True))
        if values:
            members["*"] = values[0] if len(values) == 1 else True
        return members

    def lines(self) -> str:
        """Returns the levels as text. Levels that accept everything are left out."""
        numbers: dict = {}
        texts: list = []

        def number(level: object) -> object:
            if level is None or self.levels[level] == {"*": None}:
                return None
            if level not in numbers:
                numbers[level] = len(numbers)
                texts.append("")
                members = []
                for name, inner in self.levels[level].items():
                    below = number(inner)
                    members.append(name if below is None else f"{name}={below}")
                texts[numbers[level]] = ",".join(members)
            return numbers[level]

        if self.levels:
            number(0)
        return ";".join(texts)


def attributes(schema: dict) -> list:
    """Returns the attributes for `Fn::GetAtt`, such as `Endpoint.Address`."""
    pointers = schema.get("readOnlyProperties", [])
    return sorted({path(pointer).replace("/", ".") for pointer in pointers})


def names(archive: zipfile.ZipFile) -> str:
    """Returns a line per type: the type, its levels and its attributes."""
    lines = []
    for schema in schemas(archive):
        levels = Names(schema).lines()
        if not re.fullmatch(r"[A-Za-z0-9_.:$*/,;=-]*", levels):
            raise ValueError(f"{schema['typeName']}: {levels}")
        lines.append(f"{schema['typeName']}|{levels}|{','.join(attributes(schema))}")
    return "\n".join(sorted(lines))


def permissions(archive: zipfile.ZipFile) -> str:
    """Returns a line per type: the type and its actions, those of a service together."""
    types: dict = {}
    for schema in schemas(archive):
        for name, handler in schema.get("handlers", {}).items():
            # CloudFormation lists the resources of a type only for other purposes.
            if name != "list":
                actions = types.setdefault(schema["typeName"], set())
                actions.update(action.strip() for action in handler.get("permissions", []))
    lines = []
    for kind, actions in sorted(types.items()):
        services: dict = {}
        for action in sorted(actions):
            # A few are not complete.
            if re.fullmatch(r"[A-Za-z0-9-]+:[A-Za-z0-9*]+", action):
                service, name = action.split(":")
                services.setdefault(service.lower(), []).append(name)
        named = (f"{service}:{','.join(names)}" for service, names in services.items())
        lines.append(f"{kind}|{';'.join(named)}")
    return "\n".join(lines)


def schemas(archive: zipfile.ZipFile) -> list:
    """Returns the schemas of all types."""
    files = (name for name in archive.namelist() if name.startswith(SCHEMAS))
    read = (json.loads(archive.read(name)) for name in files if name.endswith(".json"))
    return [schema for schema in read if "typeName" in schema]


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


def custom_name(schema: dict) -> dict:
    """Returns the create-only property that names the resource, if there is one.

    It is `identifier` if it is the primary identifier and its own name says that it names the
    resource, such as `TableName`. It is `name` if only one of both is so, such as `QueueName`: the
    service may accept the same name twice then.
    """

    def top(key: str) -> list:
        return [path(pointer) for pointer in schema.get(key, []) if pointer.count("/") == DEPTH]

    settable = set(top("createOnlyProperties")) - set(top("readOnlyProperties"))
    kind = schema["typeName"].split("::")[-1]

    def says_so(name: str) -> bool:
        prefix = re.sub("(Name|Identifier|Id)$", "", name)
        return name == "Name" or (prefix != name and kind.endswith(prefix)) or name == kind

    primary = schema.get("primaryIdentifier", [])
    if len(primary) == 1 and path(primary[0]) in settable:
        name = path(primary[0])
        return {"identifier" if says_so(name) else "name": name}
    for name in sorted(settable):
        if name.endswith("Name") and says_so(name):
            return {"name": name}
    return {}


def condense(archive: zipfile.ZipFile) -> dict:
    """Returns the lists of every type, sorted, without empty lists, and its custom name."""
    types: dict = {}
    for schema in schemas(archive):
        entry = types.setdefault(schema["typeName"], {})
        for long, short in LISTS.items():
            for pointer in schema.get(long, []):
                entry.setdefault(short, set()).add(path(pointer))
        sets = unordered(schema)
        if sets:
            entry.setdefault("unordered", set()).update(sets)
        entry.update(custom_name(schema))

    def plain(value: object) -> object:
        return sorted(value) if isinstance(value, set) else value

    return {
        kind: {key: plain(value) for key, value in sorted(types[kind].items())}
        for kind in sorted(types)
    }


def write(name: str, member: str, text: str) -> int:
    """Writes a file with one compressed member; returns its size in bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        entry = zipfile.ZipInfo(member)
        entry.compress_type = zipfile.ZIP_DEFLATED
        out.writestr(entry, text, compresslevel=9)
    (FOLDER / name).write_bytes(buffer.getvalue())
    return len(buffer.getvalue())


def main() -> None:
    """Writes the tables and prints their sizes."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else wheel(folder)
        with zipfile.ZipFile(file) as archive:
            types = condense(archive)
            named = names(archive)
            permitted = permissions(archive)
        source = file.name.split("-py3")[0].replace("_", "-")
    table = {"source": f"{source} (PyPI, MIT-0)", "types": types}
    text = json.dumps(table, separators=(",", ":"), sort_keys=True)
    packed = write("table.zip", "table.json", text)
    listed = sum(1 for entry in types.values() if entry)
    print(f"{len(types)} types, {listed} with a list, {len(text)} -> {packed} bytes")
    packed = write("names.zip", "names.txt", named)
    print(f"names: {len(named)} -> {packed} bytes")
    packed = write("permissions.zip", "permissions.txt", permitted)
    print(f"permissions: {len(permitted)} -> {packed} bytes")


if __name__ == "__main__":
    main()
