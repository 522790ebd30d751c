//! A strict reader of the pages that stackctl writes. It accepts far less than a browser, and stops at
//! what it does not know.

/// A page as its elements and texts.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Each beginning of an element with the names of its attributes, its classes and its depth.
    pub(super) elements: Vec<String>,
    /// The texts, without references.
    texts: Vec<String>,
    /// The ids.
    pub(super) ids: Vec<String>,
    /// The ids that links lead to.
    pub(super) links: Vec<String>,
}

const VOID: [&str; 4] = ["br", "input", "link", "meta"];

impl Document {
    /// Reads a page.
    #[track_caller]
    pub(super) fn parse(page: &str) -> Self {
        let mut rest = page.strip_prefix("<!DOCTYPE html>\n").unwrap();
        let mut document = Self::default();
        let mut open: Vec<&str> = Vec::new();
        while let Some(at) = rest.find('<') {
            let (text, tag) = rest.split_at(at);
            document.text_part(text);
            let tag = &tag[1..];
            let end = end_of_tag(tag);
            let (inside, after) = (&tag[..end], &tag[end + 1..]);
            rest = after;
            if let Some(name) = inside.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name), "in {open:?}");
                continue;
            }
            let name_end = inside.find(' ').unwrap_or(inside.len());
            let (name, attributes) = inside.split_at(name_end);
            assert!(
                name.bytes()
                    .all(|it| it.is_ascii_alphanumeric() || it == b'-'),
                "{name}"
            );
            document.element(name, attributes, open.len());
            if name == "script" || name == "style" {
                let (_, after) = rest.split_once(&format!("</{name}>")).unwrap();
                rest = after;
            } else if !VOID.contains(&name) {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
        assert_eq!(rest, "\n");
        document
    }

    /// Returns all texts, and the values of attributes that a reader may see.
    pub(super) fn text(&self) -> String {
        self.texts.concat()
    }

    fn text_part(&mut self, text: &str) {
        assert!(!text.contains(['>', '"', '\'']), "{text}");
        let shown = ["&lt;", "&gt;", "&quot;", "&#39;"]
            .into_iter()
            .zip(["<", ">", "\"", "'"])
            .fold(text.to_owned(), |text, (reference, character)| {
                text.replace(reference, character)
            });
        let ands = shown.replace("&amp;", "");
        assert!(!ands.contains('&'), "{text}");
        self.texts.push(shown.replace("&amp;", "&"));
    }

    fn element(&mut self, name: &str, attributes: &str, depth: usize) {
        let mut shown = format!("{depth} {name}");
        let mut rest = attributes;
        while let Some(attribute) = rest.strip_prefix(' ') {
            let end = attribute.find(['=', ' ']).unwrap_or(attribute.len());
            let (key, after) = attribute.split_at(end);
            assert!(
                key.bytes()
                    .all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b':'),
                "{attributes}"
            );
            assert!(
                !key.starts_with("on") && key != "style" && key != "src",
                "{key}"
            );
            shown.push_str(&format!(" {key}"));
            let Some(value) = after.strip_prefix("=\"") else {
                rest = after;
                continue;
            };
            let (value, after) = value.split_once('"').unwrap();
            assert!(!value.contains(['<', '>', '\'']), "{value}");
            match key {
                "class" | "data-kind" => shown.push_str(&format!("={value}")),
                "id" => self.ids.push(value.to_owned()),
                "href" => {
                    let id = value.strip_prefix('#').unwrap();
                    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b".-".contains(&it);
                    assert!(id.bytes().all(is_plain), "{value}");
                    self.links.push(id.to_owned());
                }
                _ => {}
            }
            rest = after;
        }
        assert!(rest.is_empty(), "{attributes}");
        self.elements.push(shown);
    }
}

/// Returns the place of the `>` that ends a tag: values in quotes may contain one.
fn end_of_tag(tag: &str) -> usize {
    let mut is_quoted = false;
    for (at, byte) in tag.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'>' if !is_quoted => return at,
            _ => {}
        }
    }
    tag.len() - 1
}
