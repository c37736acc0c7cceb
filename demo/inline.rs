//! Markup inside a paragraph: roles, literals, emphasis, links. Returns the words a reader sees and the things they point to.

/// What kind of thing a reference or an object is: names are unique within a domain, not across them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Domain {
    Label,
    Document,
    Python,
    Setting,
    Tag,
    Filter,
    Lookup,
    Command,
    Option,
    Variable,
}

impl Domain {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Document => "document",
            Self::Python => "python",
            Self::Setting => "setting",
            Self::Tag => "templatetag",
            Self::Filter => "templatefilter",
            Self::Lookup => "fieldlookup",
            Self::Command => "command",
            Self::Option => "option",
            Self::Variable => "variable",
        }
    }

    pub fn of_directive(name: &str) -> Option<Self> {
        Some(match name {
            "class" | "method" | "attribute" | "function" | "exception" | "data" | "classmethod" | "staticmethod"
            | "module" => Self::Python,
            "setting" => Self::Setting,
            "templatetag" => Self::Tag,
            "templatefilter" => Self::Filter,
            "fieldlookup" => Self::Lookup,
            "django-admin" => Self::Command,
            "django-admin-option" | "option" => Self::Option,
            "envvar" => Self::Variable,
            _ => return None,
        })
    }

    /// Roles that point outside the documentation (a ticket, an RFC, Python's own manual) have none.
    fn of_role(name: &str) -> Option<Self> {
        Some(match name {
            "ref" => Self::Label,
            "doc" => Self::Document,
            "class" | "meth" | "attr" | "func" | "exc" | "data" | "mod" | "obj" => Self::Python,
            "setting" => Self::Setting,
            "ttag" => Self::Tag,
            "tfilter" => Self::Filter,
            "lookup" => Self::Lookup,
            "djadmin" => Self::Command,
            "option" => Self::Option,
            "envvar" => Self::Variable,
            _ => return None,
        })
    }
}

type Mention = (Domain, String);

pub fn read(markup: &str) -> (String, Vec<Mention>) {
    let mut plain = String::with_capacity(markup.len());
    let mut mentions = Vec::new();
    let mut rest = markup;
    while let Some(c) = rest.chars().next() {
        let before = plain.chars().next_back();
        let taken = match c {
            '`' if rest.starts_with("``") => literal(rest, &mut plain),
            '`' => link(rest, &mut plain),
            ':' => role(rest, &mut plain, &mut mentions),
            '*' if !before.is_some_and(char::is_alphanumeric) => emphasis(rest, &mut plain),
            '\\' => escape(rest, &mut plain),
            _ => None,
        };
        rest = &rest[taken.unwrap_or_else(|| {
            plain.push(c);
            c.len_utf8()
        })..];
    }
    (plain, mentions)
}

/// Each of these reads one construct at the start of `rest`, adds its words, and says how many bytes it took.
fn literal(rest: &str, plain: &mut String) -> Option<usize> {
    let end = rest[2..].find("``")? + 2;
    plain.push_str(&rest[2..end]);
    Some(end + 2)
}

fn link(rest: &str, plain: &mut String) -> Option<usize> {
    let end = rest[1..].find('`')? + 1;
    plain.push_str(split_target(&rest[1..end]).0.unwrap_or(&rest[1..end]));
    let tail = &rest[end + 1..];
    Some(end + 1 + (tail.len() - tail.trim_start_matches('_').len()))
}

fn role(rest: &str, plain: &mut String, mentions: &mut Vec<Mention>) -> Option<usize> {
    let open = rest.find('`')?;
    let name = rest[1..open].strip_suffix(':')?;
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '-' | ':')) {
        return None;
    }
    let end = rest[open + 1..].find('`')? + open + 1;
    let (words, target) = split_target(&rest[open + 1..end]);
    let domain = Domain::of_role(name);
    match words {
        Some(words) => plain.push_str(words),
        None => shown(domain, name, target, plain),
    }
    if let Some(domain) = domain.filter(|_| !target.starts_with('!')) {
        let target = target
            .trim_start_matches('~')
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        mentions.push((domain, target));
    }
    Some(end + 1)
}

/// What a reader sees of a role without words of its own: `~shop.Book` is `Book`, a method has its brackets.
fn shown(domain: Option<Domain>, role: &str, target: &str, plain: &mut String) {
    let name = target.trim_start_matches(['!', '.']);
    match name.strip_prefix('~') {
        Some(long) => plain.push_str(long.rsplit('.').next().unwrap_or(long)),
        None => plain.push_str(name),
    }
    if domain == Some(Domain::Python) && matches!(role, "meth" | "func") && !target.ends_with(')') {
        plain.push_str("()");
    }
}

fn emphasis(rest: &str, plain: &mut String) -> Option<usize> {
    let mark = if rest.starts_with("**") { "**" } else { "*" };
    let inner = &rest[mark.len()..];
    let end = inner.find(mark)?;
    let words = &inner[..end];
    let after = inner[end + mark.len()..].chars().next();
    let closed = !words.is_empty() && !words.starts_with(char::is_whitespace) && !words.ends_with(char::is_whitespace);
    if !closed || after.is_some_and(|c| c.is_alphanumeric() || c == '*') {
        return None;
    }
    plain.push_str(words);
    Some(end + 2 * mark.len())
}

/// A backslash makes the next character ordinary, and a space nothing.
fn escape(rest: &str, plain: &mut String) -> Option<usize> {
    let next = rest[1..].chars().next()?;
    if !next.is_whitespace() {
        plain.push(next);
    }
    Some(1 + next.len_utf8())
}

/// `words <target>`, the space being optional, or the target alone.
fn split_target(content: &str) -> (Option<&str>, &str) {
    match content.strip_suffix('>').and_then(|content| content.rsplit_once('<')) {
        Some((words, target)) if !words.trim().is_empty() => (Some(words.trim_end()), target),
        _ => (None, content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(markup: &str) -> String {
        read(markup).0
    }

    #[test]
    fn roles_show_their_words_and_tell_their_target() {
        let (text, mentions) = read(
            "Use :meth:`~shop.Book.lend`, :ref:`the rules\n<lending  rules>`, :ttag:`{% if %}<if>` or :setting:`DEBUG`.",
        );
        assert_eq!(text, "Use lend(), the rules, {% if %} or DEBUG.");
        let expected = [
            (Domain::Python, "shop.Book.lend"),
            (Domain::Label, "lending rules"),
            (Domain::Tag, "if"),
            (Domain::Setting, "DEBUG"),
        ];
        assert_eq!(mentions, expected.map(|(domain, target)| (domain, target.to_string())));
    }

    #[test]
    fn what_points_outside_is_only_text() {
        let (text, mentions) =
            read(":ticket:`123`, :class:`!Hidden`, :py:func:`len`, `a site <https://example.org/>`__ and `another`_");
        assert_eq!(text, "123, Hidden, len, a site and another");
        assert!(mentions.is_empty());
    }

    #[test]
    fn literals_and_emphasis_lose_their_marks() {
        assert_eq!(plain("``**kwargs`` is **not** *that*"), "**kwargs is not that");
        assert_eq!(
            plain("* an item with *args and 2 * 3"),
            "* an item with *args and 2 * 3"
        );
    }

    #[test]
    fn a_colon_or_an_open_mark_is_text() {
        assert_eq!(plain("Note: 12:30 `open"), "Note: 12:30 `open");
        assert_eq!(plain(r"Book\ s and \*"), "Books and *");
    }
}
