//! Each text of a rendered template is located where it is written in the source.

use proptest::prelude::*;
use regex_lite::Regex;

use crate::targets;

/// Pieces of a template. Each `@` becomes a marker of its own, such as `m12;`.
const PIECES: [&str; 16] = [
    "@: 1\n",
    "  @: é 🦀 @\n",
    "@ ",
    "\n",
    "{{ project }} @\n",
    "{{ vars.ports | tojson }}",
    "{{ \"@\" }}\n",
    "{{ \"@\n@\" }} @\n",
    "{{ '@' ~ vars.nested.a ~ '@' }}",
    "{# @\n@ #}@\n",
    "{%- set x = '@' -%}\n@\n",
    "{% set y = vars.flag %}@\n",
    "{% if not vars.flag %}@{% endif %}\n",
    "{% raw %}@ {{ y }}\n@{% endraw %}\n",
    "{%- if vars.flag %}\n@: x\n{%- else %}\n@\n{%- endif %}\n",
    "@: |\n  {{ 'a' }}\n  @\n",
];

/// Statements around other pieces. The pieces take the place of `…`.
const BLOCKS: [&str; 5] = [
    "{% if vars.flag %}…{% endif %}\n",
    "{%- if vars.flag -%}\n…\n{%- endif -%}\n",
    "{% for port in vars.ports %}\n…{{ port }}{% endfor %}\n",
    "{%- for port in vars.ports -%}\n@ … @\n{%- endfor %}\n",
    "{% if not vars.flag %}@{% else %}\n…{% endif %}",
];

/// Returns templates of these pieces. Each begins with a marker.
fn templates() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(&PIECES[..]).prop_map(str::to_owned);
    let pieces = piece.prop_recursive(3, 24, 6, |inner| {
        let pieces = prop::collection::vec(inner, 0..6).prop_map(|pieces| pieces.concat());
        (prop::sample::select(&BLOCKS[..]), pieces)
            .prop_map(|(block, pieces)| block.replace('…', &pieces))
    });
    prop::collection::vec(pieces, 0..8)
        .prop_map(|pieces| numbered(&("@\n".to_owned() + &pieces.concat())))
}

/// Replaces each `@` by a marker of its own.
fn numbered(text: &str) -> String {
    let mut pieces = text.split('@');
    let first = pieces.next().unwrap_or_default().to_owned();
    let numbered = pieces.enumerate();
    numbered.fold(first, |text, (number, piece)| {
        format!("{text}m{number};{piece}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_text_is_located_where_it_is_written(template in templates()) {
        let marker = Regex::new("m[0-9]+;").unwrap();
        targets::with_rendered(&template, |rendered, _| {
            let rendered = rendered.unwrap();
            let text = rendered.text();
            assert!(text.starts_with("m0;"), "{text:?}");
            for found in marker.find_iter(text) {
                let location = rendered.locate(found.range()).unwrap();
                let source = &location.source.text[location.span.clone()];
                assert!(
                    source.contains(found.as_str()),
                    "{:?} of {text:?} is located at {source:?} of {template:?}",
                    found.as_str()
                );
            }
        });
    }
}
