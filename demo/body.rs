//! The text of one section: paragraphs become plain text, directives become what they describe.
//!
//! The page is walked line by line, because meaning hangs on indentation and on what came before: a `currentmodule` holds until the
//! next one, a method belongs to the class it is indented under. `inline.rs` reads the markup inside a paragraph.

use crate::inline::{self, Domain};

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    pub domain: Domain,
    /// The directive that describes it: `class`, `setting`, `templatetag`, …
    pub kind: String,
    /// Qualified by module and class where it has them.
    pub name: String,
}

/// A mention of something described elsewhere, as written; `corpus.rs` finds out what is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub domain: Domain,
    pub target: String,
    /// Module and class around the mention: an unqualified name is looked up there.
    pub scope: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Note {
    /// `added`, `changed` or `deprecated`.
    pub kind: String,
    pub version: String,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Body {
    pub text: String,
    pub labels: Vec<String>,
    pub objects: Vec<Object>,
    pub references: Vec<Reference>,
    pub notes: Vec<Note>,
}

/// What a page has said so far that the lines to come depend on.
#[derive(Default)]
pub struct Walk {
    module: String,
    command: String,
    /// The classes around the current line, as (indentation, name).
    classes: Vec<(usize, String)>,
}

impl Walk {
    /// `prelude` is what stands above the heading.
    pub fn section(&mut self, prelude: &[&str], lines: &[&str]) -> Body {
        let mut body = Body::default();
        self.classes.clear();
        self.lines(prelude, &mut body);
        body.text.clear(); // a description above the heading says again what the heading says
        self.lines(lines, &mut body);
        body.text = tidy(&body.text);
        body
    }

    /// The plain text of one stretch of markup; the references in it go to `body`.
    pub fn plain(&self, markup: &str, body: &mut Body) -> String {
        let (plain, mentions) = inline::read(markup);
        let scope = || {
            let class = self.classes.last().map(|(_, name)| name.clone());
            class
                .into_iter()
                .chain((!self.module.is_empty()).then(|| self.module.clone()))
                .collect()
        };
        body.references
            .extend(mentions.into_iter().map(|(domain, target)| Reference {
                domain,
                target,
                scope: scope(),
            }));
        plain
    }

    fn lines(&mut self, lines: &[&str], body: &mut Body) {
        let mut rest = Lines { lines, at: 0 };
        while let Some(line) = rest.next() {
            if line.is_empty() {
                body.text.push('\n');
                continue;
            }
            let depth = indent(line);
            self.classes.retain(|&(outer, _)| outer < depth);
            match line.trim_start() {
                ".." => rest.skip_deeper(depth),
                text => match text.strip_prefix(".. ") {
                    Some(explicit) => self.explicit(explicit, depth, &mut rest, body),
                    None => self.paragraph(line, &mut rest, body),
                },
            }
        }
    }

    fn paragraph(&mut self, first: &str, rest: &mut Lines, body: &mut Body) {
        let mut text = first.to_string();
        while let Some(line) = rest.next_if(|line| !line.is_empty() && !line.trim_start().starts_with(".. ")) {
            text.push('\n');
            text.push_str(line);
        }
        let literal = text.ends_with("::");
        if literal {
            text.truncate(text.len() - if text.trim() == "::" { 2 } else { 1 });
        }
        let plain = self.plain(&text, body);
        push_line(body, &plain);
        if literal {
            rest.copy_literal(body);
        }
    }

    /// What follows `.. `: a label, a link, a directive, a footnote, or else a comment.
    fn explicit(&mut self, text: &str, depth: usize, rest: &mut Lines, body: &mut Body) {
        if let Some(target) = text.strip_prefix('_') {
            match target.strip_suffix(':') {
                Some(label) if label != "_" => body.labels.push(label.trim_matches('`').to_lowercase()),
                _ => rest.skip_deeper(depth),
            }
        } else if let Some((name, argument)) = directive(text) {
            self.directive(name, argument, depth, rest, body);
        } else if let Some((_, footnote)) = text.strip_prefix('[').and_then(|note| note.split_once("] ")) {
            self.paragraph(footnote, rest, body);
        } else {
            rest.skip_deeper(depth);
        }
    }

    fn directive(&mut self, name: &str, argument: &str, depth: usize, rest: &mut Lines, body: &mut Body) {
        match name {
            "toctree" | "image" | "figure" | "index" | "contents" | "include" | "highlight" | "raw" | "program" => {
                rest.skip_deeper(depth);
            }
            "code-block" | "code" | "sourcecode" | "console" | "parsed-literal" => {
                rest.skip_options();
                rest.copy_literal(body);
            }
            "currentmodule" => self.module = argument.to_string(),
            "module" => {
                rest.skip_options();
                self.module = argument.to_string();
                body.objects.push(Object {
                    domain: Domain::Python,
                    kind: name.to_string(),
                    name: argument.to_string(),
                });
            }
            "versionadded" | "versionchanged" | "deprecated" => self.note(name, argument, rest, body),
            _ => {
                if let Some(domain) = Domain::of_directive(name) {
                    self.object(domain, name, argument, depth, rest, body);
                } else {
                    rest.skip_options();
                    if !argument.is_empty() {
                        self.paragraph(argument, rest, body);
                    }
                }
            }
        }
    }

    fn note(&mut self, directive: &str, argument: &str, rest: &mut Lines, body: &mut Body) {
        let (version, text) = argument.split_once(' ').unwrap_or((argument, ""));
        let (kind, sentence) = match directive {
            "versionadded" => ("added", "New in Django"),
            "versionchanged" => ("changed", "Changed in Django"),
            _ => ("deprecated", "Deprecated since Django"),
        };
        body.notes.push(Note {
            kind: kind.to_string(),
            version: version.to_string(),
        });
        push_line(body, &format!("{sentence} {version}."));
        if !text.is_empty() {
            self.paragraph(text, rest, body);
        }
    }

    fn object(&mut self, domain: Domain, kind: &str, argument: &str, depth: usize, rest: &mut Lines, body: &mut Body) {
        let mut signatures = vec![argument.to_string()];
        while let Some(line) = rest.next_if(|line| indent(line) > depth && !line.trim_start().starts_with(':')) {
            match signatures.last_mut() {
                Some(open) if open.ends_with('\\') => {
                    open.pop();
                    open.push_str(line.trim_start());
                }
                _ => signatures.push(line.trim_start().to_string()),
            }
        }
        rest.skip_options();
        for signature in signatures.iter().filter(|signature| !signature.is_empty()) {
            push_line(body, signature);
            let name = self.qualified(domain, kind, signature);
            body.objects.push(Object {
                domain,
                kind: kind.to_string(),
                name,
            });
        }
        if kind == "class" || kind == "exception" {
            self.classes.push((depth, python_name(&signatures[0]).to_string()));
        }
    }

    fn qualified(&mut self, domain: Domain, kind: &str, signature: &str) -> String {
        match domain {
            Domain::Python => {
                let name = python_name(signature);
                let class = self.classes.last().map(|(_, class)| class.as_str()).filter(|class| {
                    // `.. method:: Field.clean()` inside `.. class:: Field` names the class twice.
                    !name.strip_prefix(class).is_some_and(|rest| rest.starts_with('.'))
                });
                let parts = [
                    Some(self.module.as_str()).filter(|module| !module.is_empty()),
                    class,
                    Some(name),
                ];
                parts.into_iter().flatten().collect::<Vec<_>>().join(".")
            }
            Domain::Command => {
                self.command = signature.split(' ').next().unwrap_or_default().to_string();
                self.command.clone()
            }
            Domain::Option => {
                let flag = signature.split([' ', ',', '=']).next().unwrap_or_default();
                if kind == "option" || self.command.is_empty() {
                    flag.to_string()
                } else {
                    format!("{} {flag}", self.command)
                }
            }
            _ => signature.to_string(),
        }
    }
}

/// `name:: argument`
fn directive(text: &str) -> Option<(&str, &str)> {
    let (name, argument) = text.split_once("::")?;
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':'));
    is_name.then(|| (name, argument.trim()))
}

/// `async Field.clean(value)` is `Field.clean`.
fn python_name(signature: &str) -> &str {
    let signature = signature.strip_prefix("async ").unwrap_or(signature);
    signature.split(['(', ' ', ':', '=']).next().unwrap_or_default()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn push_line(body: &mut Body, text: &str) {
    body.text.push_str(text);
    body.text.push('\n');
}

/// At most one blank line in a row, none at the ends.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    for line in text.lines() {
        if !(line.is_empty() && (tidy.is_empty() || tidy.ends_with("\n\n"))) {
            tidy.push_str(line);
            tidy.push('\n');
        }
    }
    tidy.truncate(tidy.trim_end().len());
    tidy
}

/// A cursor over the lines of a section.
struct Lines<'a> {
    lines: &'a [&'a str],
    at: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.next_if(|_| true)
    }

    fn next_if(&mut self, wanted: impl Fn(&str) -> bool) -> Option<&'a str> {
        let line = self.lines.get(self.at).copied().filter(|line| wanted(line))?;
        self.at += 1;
        Some(line)
    }

    /// Passes over the block that belongs to a directive or comment at `depth`.
    fn skip_deeper(&mut self, depth: usize) {
        while self.next_if(|line| line.is_empty() || indent(line) > depth).is_some() {}
    }

    /// Passes over `:option: value` lines directly below a directive.
    fn skip_options(&mut self) {
        while self
            .next_if(|line| line.starts_with([' ', '\t']) && line.trim_start().starts_with(':'))
            .is_some()
        {}
    }

    /// Copies an indented block as it is. Its first line says how deep it is; the first shallower line ends it.
    fn copy_literal(&mut self, body: &mut Body) {
        while self.next_if(str::is_empty).is_some() {
            body.text.push('\n');
        }
        let depth = self.lines.get(self.at).map_or(0, |line| indent(line));
        while let Some(line) = (depth > 0)
            .then(|| self.next_if(|line| line.is_empty() || indent(line) >= depth))
            .flatten()
        {
            push_line(body, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Body {
        Walk::default().section(&[], &text.lines().collect::<Vec<_>>())
    }

    fn names(body: &Body) -> Vec<(&str, &str)> {
        body.objects
            .iter()
            .map(|object| (object.kind.as_str(), object.name.as_str()))
            .collect()
    }

    #[test]
    fn objects_are_qualified_by_module_and_class() {
        let body = read(
            ".. module:: shop.books\n   :synopsis: Books.\n\n.. class:: Book(title, *, author=None)\n\n   .. method:: lend(to)\n               lend_out(to)\n\n   .. attribute:: Book.title\n\n.. function:: find(text)\n",
        );
        assert_eq!(
            names(&body),
            [
                ("module", "shop.books"),
                ("class", "shop.books.Book"),
                ("method", "shop.books.Book.lend"),
                ("method", "shop.books.Book.lend_out"),
                ("attribute", "shop.books.Book.title"),
                ("function", "shop.books.find"),
            ]
        );
    }

    #[test]
    fn options_belong_to_their_command() {
        let body =
            read(".. django-admin:: lend BOOK\n\n.. django-admin-option:: --days DAYS, -d DAYS\n\n   For how long.\n");
        assert_eq!(
            names(&body),
            [("django-admin", "lend"), ("django-admin-option", "lend --days")]
        );
    }

    #[test]
    fn version_notes_keep_their_text() {
        let body = read(".. versionadded:: 5.1\n\n   The ``x`` argument.\n\n.. deprecated:: 4.2 Use y.\n");
        assert_eq!(
            body.notes
                .iter()
                .map(|n| (n.kind.as_str(), n.version.as_str()))
                .collect::<Vec<_>>(),
            [("added", "5.1"), ("deprecated", "4.2")]
        );
        assert!(
            body.text.contains("New in Django 5.1.")
                && body.text.contains("The x argument.")
                && body.text.contains("Use y.")
        );
    }

    #[test]
    fn code_is_kept_as_it_is_and_read_no_further() {
        let body = read(
            "Like this::\n\n    :class:`not.a.Reference`\n    **kwargs\n\nAnd :class:`~shop.Book`.\n\n.. code-block:: python\n    :caption: x.py\n\n    .. class:: NotOne\n",
        );
        assert_eq!(
            body.text,
            "Like this:\n\n    :class:`not.a.Reference`\n    **kwargs\n\nAnd Book.\n\n    .. class:: NotOne"
        );
        assert_eq!(body.references.len(), 1);
        assert!(body.objects.is_empty());
    }

    #[test]
    fn links_comments_and_tables_of_contents_leave_no_text() {
        let body = read(
            "A `link`_.\n\n.. _link: https://example.org/\n.. A comment\n   over two lines\n\n.. toctree::\n   :hidden:\n\n   one\n   two\n\nThe end.\n",
        );
        assert_eq!(body.text, "A link.\n\nThe end.");
        assert!(body.labels.is_empty());
    }

    #[test]
    fn a_mention_knows_its_surroundings() {
        let body =
            read(".. currentmodule:: shop\n\n.. class:: Book\n\n   See :meth:`lend`.\n\nSee :meth:`.Book.lend`.\n");
        assert_eq!(body.references[0].scope, ["Book", "shop"]);
        assert_eq!(body.references[1].scope, ["shop"]);
    }
}
