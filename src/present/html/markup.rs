//! HTML that text cannot break.
//!
//! Names of resources, values, reasons and lines of code come from files and from the service, and may
//! contain any text. A page is written by a [`Writer`], which has no way to add text as markup: names of
//! elements and attributes are part of the program, texts and values are escaped, an address is always an
//! [`Id`] of the same page, and every element is closed. Known secrets are masked before a text is
//! escaped, because a mask in the finished page could change its elements.

use std::borrow::Cow;
use std::sync::Arc;

use crate::config::secret::Redactor;
use crate::plan::model::KNOWN_AFTER_APPLY;
use crate::plan::resource_graph::{Node, ResourceGraph};
use crate::present::graph::{Usage, svg};
use crate::present::visible;

/// What a page, or the part of a page on one of several stacks, has in common.
#[derive(Debug, Clone, Default)]
pub struct PageContext {
    redactor: Arc<Redactor>,
    /// The place of the stack among several; `None` if the page is about one stack.
    member: Option<usize>,
    /// The number of stacks that share the page, at least 1.
    share: usize,
}

impl PageContext {
    /// Returns the context of a page about one stack. `redactor` masks the known secrets.
    pub fn new(redactor: Arc<Redactor>) -> Self {
        Self {
            redactor,
            member: None,
            share: 1,
        }
    }

    /// Returns the context of the part on one of `share` stacks.
    #[must_use]
    pub fn of_member(self, member: usize, share: usize) -> Self {
        Self {
            member: Some(member),
            share: share.max(1),
            ..self
        }
    }

    /// Returns whether the page is about several stacks.
    pub fn has_several(&self) -> bool {
        self.member.is_some()
    }

    /// Returns the number of stacks that share the page, at least 1.
    pub fn share(&self) -> usize {
        self.share.max(1)
    }

    /// Returns the heading of a stack's sections, such as `h2`. The heading of the stack itself is one
    /// level above it.
    pub(super) fn heading(&self) -> [&'static str; 3] {
        if self.has_several() {
            ["h2", "h3", "h4"]
        } else {
            ["h1", "h2", "h3"]
        }
    }

    /// Returns an id, which is unique in the page if the kind and the number are unique in the part.
    pub fn id(&self, kind: &'static str, number: usize) -> Id {
        Id(format!("{}{kind}-{number}", self.prefix()))
    }

    /// Returns the id of a section, which occurs once in each part.
    pub fn section_id(&self, name: &'static str) -> Id {
        Id(format!("{}{name}", self.prefix()))
    }

    /// Returns the id of a thing with a name. The name is part of the id if it has only ASCII letters and
    /// digits, as logical ids have.
    pub fn named_id(&self, kind: &'static str, name: &str, number: usize) -> Id {
        let is_plain = !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric());
        if is_plain && self.masked(name) == name {
            return Id(format!("{}{kind}-{name}", self.prefix()));
        }
        Id(format!("{}{kind}-no.{number}", self.prefix()))
    }

    /// Returns a text without known secrets. A text that is divided, such as a text of several lines, is
    /// masked before.
    pub fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.redactor.redact(text) {
            Some(masked) => Cow::Owned(masked),
            None => Cow::Borrowed(text),
        }
    }

    fn prefix(&self) -> String {
        self.member
            .map_or_else(String::new, |it| format!("stack{}.", it + 1))
    }
}

/// The id of an element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Id(String);

impl Id {
    /// Returns an id that is part of the program.
    pub(super) fn fixed(id: &'static str) -> Self {
        Self(id.to_owned())
    }
}

/// HTML without unclosed elements.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Markup(String);

impl Markup {
    /// Returns the HTML.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An attribute of an element.
#[derive(Debug, Clone, Copy)]
pub enum Attribute<'a> {
    /// A name and a value that are part of the program.
    Fixed(&'static str, &'static str),
    /// The classes, which are part of the program.
    Class(&'static str),
    /// An attribute without a value, such as `hidden`.
    Flag(&'static str),
    /// The element's own id.
    Id(&'a Id),
    /// The address of a link: another element of the page.
    Link(&'a Id),
    /// An attribute that names another element, such as `aria-labelledby`.
    Reference(&'static str, &'a Id),
    /// `data-NAME`, with any text as its value.
    Data(&'static str, &'a str),
    /// `aria-label`, with any text as its value.
    Label(&'a str),
    /// `title`, with any text as its value.
    Title(&'a str),
    /// A number, such as a coordinate of a picture. It has at most two decimals.
    Number(&'static str, f64),
    /// A number of percent, such as the place in a picture that is as wide as its surroundings.
    Percent(&'static str, f64),
    /// `data-NAME` with a whole number.
    Count(&'static str, usize),
}

/// Writes HTML.
#[derive(Debug)]
pub struct Writer<'a> {
    context: &'a PageContext,
    html: String,
}

impl<'a> Writer<'a> {
    /// Returns a writer of an empty fragment.
    pub fn new(context: &'a PageContext) -> Self {
        Self {
            context,
            html: String::new(),
        }
    }

    /// Returns what is common to the page.
    pub fn context(&self) -> &'a PageContext {
        self.context
    }

    /// Returns what was written.
    pub fn finish(self) -> Markup {
        Markup(self.html)
    }

    /// Returns how many bytes were written.
    pub fn len(&self) -> usize {
        self.html.len()
    }

    /// Returns whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.html.is_empty()
    }

    /// Adds an element with its content.
    pub fn element(
        &mut self,
        name: &'static str,
        attributes: &[Attribute<'_>],
        content: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        content(self);
        self.html.push_str("</");
        self.html.push_str(name);
        self.html.push('>');
    }

    /// Adds an element that contains one text. `class` may be empty.
    pub fn leaf(&mut self, name: &'static str, class: &'static str, text: &str) {
        let attributes = [Attribute::Class(class)];
        let attributes = if class.is_empty() {
            &[][..]
        } else {
            &attributes[..]
        };
        self.element(name, attributes, |inner| inner.text(text));
    }

    /// Adds an element without content, such as `input`.
    pub fn void(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.open(name, attributes);
    }

    /// Adds a text. Secrets are masked, and hidden characters are visible.
    pub fn text(&mut self, text: &str) {
        let masked = self.context.masked(text);
        let shown = visible::visible(&masked);
        let shown = known_later(&shown);
        push_escaped(&mut self.html, &shown);
    }

    /// Adds a sentence, with the text between backticks as code.
    pub fn prose(&mut self, text: &str) {
        let text = &*self.context.masked(text);
        let parts: Vec<&str> = text.split('`').collect();
        if parts.len().is_multiple_of(2) {
            return self.text(text);
        }
        for (number, part) in parts.into_iter().enumerate() {
            if number % 2 == 1 {
                self.leaf("code", "", part);
            } else {
                self.text(part);
            }
        }
    }

    /// Adds what was written before.
    pub fn markup(&mut self, markup: &Markup) {
        self.html.push_str(&markup.0);
    }

    /// Adds a line break between elements, which keeps the source of the page readable.
    pub fn new_line(&mut self) {
        self.html.push('\n');
    }

    /// Adds the picture of a graph, whose nodes lead to the elements that `link` returns. Returns its length
    /// in bytes. Adds nothing if it is longer than `limit` or contains a secret: a mask could change its
    /// elements.
    pub(super) fn graph(
        &mut self,
        graph: &ResourceGraph,
        title: &str,
        link: &dyn Fn(&Node) -> Option<Id>,
        limit: usize,
    ) -> Option<usize> {
        let address = |node: &Node| link(node).map(|id| format!("#{}", id.0));
        let picture = svg(graph, title, Usage::Embedded(&address));
        let is_usable = picture.len() <= limit && self.context.masked(&picture) == picture;
        is_usable.then(|| {
            self.html.push_str(&picture);
            picture.len()
        })
    }

    /// Adds a text that is part of the program, as it is: the style and the script of the page, whose
    /// digests are in the page too.
    pub(super) fn own_source(&mut self, name: &'static str, source: &str) {
        self.open(name, &[]);
        self.html.push_str(source);
        self.html.push_str("</");
        self.html.push_str(name);
        self.html.push('>');
    }

    /// Adds the element with the content security policy of the page.
    pub(super) fn policy(&mut self, policy: &str) {
        let fixed = Attribute::Fixed("http-equiv", "Content-Security-Policy");
        self.html.push_str("<meta");
        self.attribute(fixed);
        self.pair("", "content", policy);
        self.html.push('>');
    }

    fn open(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.html.push('<');
        self.html.push_str(name);
        for attribute in attributes {
            self.attribute(*attribute);
        }
        self.html.push('>');
    }

    fn attribute(&mut self, attribute: Attribute<'_>) {
        use Attribute::{
            Class, Count, Data, Fixed, Flag, Label, Link, Number, Percent, Reference, Title,
        };
        match attribute {
            Fixed(name, value) => self.pair("", name, value),
            Class(value) => self.pair("", "class", value),
            Flag(name) => {
                self.html.push(' ');
                self.html.push_str(name);
            }
            Attribute::Id(id) => self.pair("", "id", &id.0),
            Link(id) => self.pair("", "href", &format!("#{}", id.0)),
            Reference(name, id) => self.pair("", name, &id.0),
            Data(name, value) => self.any_text("data-", name, value),
            Label(value) => self.any_text("", "aria-label", value),
            Title(value) => self.any_text("", "title", value),
            Number(name, value) => self.pair("", name, &decimal(value)),
            Percent(name, value) => self.pair("", name, &(decimal(value) + "%")),
            Count(name, value) => self.pair("data-", name, &value.to_string()),
        }
    }

    fn any_text(&mut self, prefix: &str, name: &str, value: &str) {
        let masked = self.context.masked(value);
        let shown = visible::one_line(&masked);
        let shown = known_later(&shown);
        self.pair(prefix, name, &shown);
    }

    fn pair(&mut self, prefix: &str, name: &str, value: &str) {
        self.html.push(' ');
        self.html.push_str(prefix);
        self.html.push_str(name);
        self.html.push_str("=\"");
        push_escaped(&mut self.html, value);
        self.html.push('"');
    }
}

/// Returns a number with at most two decimals.
fn decimal(value: f64) -> String {
    let value = if value.is_finite() { value } else { 0.0 };
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Returns a text with the words for CloudFormation's placeholder of a value that is not known yet.
fn known_later(text: &str) -> Cow<'_, str> {
    if text.contains(KNOWN_AFTER_APPLY) {
        Cow::Owned(text.replace(KNOWN_AFTER_APPLY, "(known after apply)"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Adds a text with references for the characters that mean something in HTML.
fn push_escaped(html: &mut String, text: &str) {
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        let reference = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            _ => continue,
        };
        html.push_str(text.get(copied..at).unwrap_or_default());
        html.push_str(reference);
        copied = at + 1;
    }
    html.push_str(text.get(copied..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Attribute, PageContext, Writer};
    use crate::config::secret::{Redactor, Secret};

    #[test]
    fn text_and_values_are_escaped_and_secrets_masked() {
        let secret = Secret::new("p<ss & word");
        let context = PageContext::new(Arc::new(Redactor::new(&[secret])));
        let mut html = Writer::new(&context);
        let hostile = "</b><script>\"'&\u{202e} p<ss & word";
        html.element("b", &[Attribute::Data("name", hostile)], |inner| {
            inner.text(hostile);
        });
        assert_eq!(
            html.finish().as_str(),
            "<b data-name=\"&lt;/b&gt;&lt;script&gt;&quot;&#39;&amp;\\u202e (secret)\">\
             &lt;/b&gt;&lt;script&gt;&quot;&#39;&amp;\\u202e (secret)</b>"
        );
    }

    #[test]
    fn an_id_has_no_text_but_a_plain_name() {
        let context = PageContext::default().of_member(1, 2);
        for (name, id) in [
            ("Bucket", "stack2.change-Bucket"),
            ("a b", "stack2.change-no.7"),
            ("\" onload=", "stack2.change-no.7"),
            ("", "stack2.change-no.7"),
        ] {
            assert_eq!(context.named_id("change", name, 7).0, id);
        }
    }

    #[test]
    fn numbers_have_at_most_two_decimals() {
        let context = PageContext::default();
        let mut html = Writer::new(&context);
        for number in [1.0, 2.5, 3.146, f64::NAN] {
            html.void("p", &[Attribute::Number("x", number)]);
        }
        html.void("p", &[Attribute::Percent("x", 12.5)]);
        html.prose("a `b<` c");
        assert_eq!(
            html.finish().as_str(),
            "<p x=\"1\"><p x=\"2.5\"><p x=\"3.15\"><p x=\"0\"><p x=\"12.5%\">a <code>b&lt;</code> c"
        );
    }
}
