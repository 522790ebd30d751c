//! The colors of a graph, for light and dark.
//!
//! A page may replace each of them with a variable of its own, such as `--graph-add`. Viewers that know no
//! variables use the color before it.

/// A color: its variable, and its value on a light and on a dark ground.
type Color = (&'static str, &'static str, &'static str);

const COLORS: [Color; 23] = [
    ("back", "#ffffff", "#0f1419"),
    ("text", "#1b2733", "#e6edf3"),
    ("dim", "#57646f", "#9aa7b3"),
    ("line", "#8695a3", "#6b7a89"),
    ("same", "#f6f8fa", "#1a222b"),
    ("same-line", "#aeb9c4", "#475563"),
    ("cluster", "#fbfcfd", "#131a21"),
    ("add", "#dcf5e3", "#10351f"),
    ("add-line", "#1a7f3c", "#3fb964"),
    ("change", "#fff3cf", "#3a2f0b"),
    ("change-line", "#946100", "#d9a520"),
    ("replace", "#ffe3cc", "#40250c"),
    ("replace-line", "#b3460b", "#f0883e"),
    ("remove", "#ffe1e0", "#431c1d"),
    ("remove-line", "#c02a2f", "#f4696b"),
    ("import", "#dcecff", "#0f2c4a"),
    ("import-line", "#1763b8", "#58a2f2"),
    ("drift", "#ece4ff", "#2b2148"),
    ("drift-line", "#6a43c4", "#a98af0"),
    ("maybe", "#eef1f4", "#222c36"),
    ("maybe-line", "#57646f", "#9aa7b3"),
    ("rename", "#d8f4f4", "#0c3638"),
    ("rename-line", "#0d7377", "#3fb6ba"),
];

/// Returns the value of a color on a light ground.
pub(super) fn light(name: &str) -> &'static str {
    let color = COLORS.iter().find(|(known, ..)| *known == name);
    color.map_or("#000000", |(_, light, _)| light)
}

/// The rules without colors.
const RULES: &str = "\
.graph text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace}
.graph .kind{font:11px system-ui,-apple-system,\"Segoe UI\",\"DejaVu Sans\",sans-serif}
.graph .cluster text:not(.kind){font-weight:700}
.graph rect{stroke-width:1}
.graph .changed rect{stroke-width:2}
.graph .changed .inner{stroke-width:1}
.graph .cluster rect{stroke-dasharray:5 4}
.graph .changed.cluster rect{stroke-dasharray:none}
.graph .remove rect,.graph .maybe rect{stroke-dasharray:4 3}
.graph .edge path{fill:none;stroke-width:1.3}
.graph .edge .head{stroke:none}
.graph .order path{stroke-dasharray:4 4}
.graph a{text-decoration:none}
.graph a:focus-visible rect,.graph a:hover rect{stroke-width:3}
.graph .edge:hover path{stroke-width:2.5}
";

/// The classes of nodes with a color of their own.
pub(super) const CLASSES: [&str; 9] = [
    "same", "add", "change", "replace", "remove", "import", "drift", "maybe", "rename",
];

/// Returns the style of the graphs in a page, which follows the reader's choice of light and dark.
pub fn style() -> String {
    let mut css = String::from(RULES);
    for (selector, property, color) in [
        (".back", "fill", "back"),
        ("text", "fill", "text"),
        (".kind", "fill", "dim"),
        (".edge path", "stroke", "line"),
        (".edge .head", "fill", "line"),
    ] {
        css.push_str(&format!(
            ".graph {selector}{{{}}}\n",
            colored(property, color)
        ));
    }
    for class in CLASSES {
        let line = format!("{class}-line");
        let (fill, stroke) = (colored("fill", class), colored("stroke", &line));
        css.push_str(&format!(".graph .{class} rect{{{fill};{stroke}}}\n"));
    }
    let fill = colored("fill", "cluster");
    css.push_str(&format!(".graph .cluster.same rect{{{fill}}}\n"));
    css.push_str("@media (prefers-color-scheme:dark){.graph{");
    for (name, _, dark) in COLORS {
        css.push_str(&format!("--graph-{name}:{dark};"));
    }
    css.push_str("}}\n");
    css
}

/// Returns a property with a color: first for viewers that know no variables.
fn colored(property: &str, name: &str) -> String {
    let light = light(name);
    format!("{property}:{light};{property}:var(--graph-{name},{light})")
}
