//! What Elasticsearch complains of, and how much of it may be shown.
//!
//! A complaint about a document quotes the document, in quotation marks, in brackets, bare, as text or as a list of
//! bytes, in the reason and in each cause. Cutting values out of such sentences can always be fooled by a value, so
//! nothing is cut out: of a complaint about a document only what is known beforehand is kept, that is the types of the
//! errors, the names of fields and of their types where the sentence begins with a wording known to hold them, and
//! sentences known word for word. Complaints about requests that hold no rows (mappings, settings) are shown in full.

use std::borrow::Cow;

use serde::Deserialize;

/// An error object of an answer.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Fault<'a> {
    #[serde(borrow, rename = "type", default)]
    pub kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub index: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub caused_by: Option<Box<Fault<'a>>>,
    #[serde(borrow, default)]
    pub root_cause: Vec<Fault<'a>>,
}

/// The body of an answer with an error status.
#[derive(Deserialize)]
pub(super) struct Refusal<'a> {
    #[serde(borrow)]
    pub error: Complaint<'a>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Complaint<'a> {
    #[serde(borrow)]
    Fault(Fault<'a>),
    Sentence(Cow<'a, str>),
}

/// Beginnings of causes that say what is wrong with a value before they quote it; only the beginning is kept.
const KNOWN_CAUSES: [&str; 14] = [
    "For input string",
    "Cannot parse object as number",
    "Current token (START_OBJECT) not numeric",
    "Document contains at least one immense term",
    "Failed to parse value",
    "Failed to parse with all enclosed parsers",
    "Unexpected end of file",
    "[double] supports only finite values",
    "[float] supports only finite values",
    "[half_float] supports only finite values",
    "[latitude] must be a valid double value",
    "[longitude] must be a valid double value",
    "failed to parse date field",
    "unsupported symbol",
];

/// The words around a number that is too large for the type behind them.
const RANGES: [[&str; 2]; 2] = [
    ["Numeric value (", ") out of range of "],
    ["Value [", "] is out of range for a "],
];

/// The types that may stand there; no other word is shown.
const NUMBERS: [&str; 6] = ["byte", "short", "int", "integer", "long", "unsigned_long"];

/// Longest name of a field that is shown, in characters: a name introduced by a document is the document's.
const MAX_NAME: usize = 100;

/// Causes followed; deeper ones only repeat.
const MAX_CAUSES: usize = 4;

impl Fault<'_> {
    /// What may be shown when the complaint is about a document.
    pub fn without_values(&self) -> String {
        let mut text = type_name(&self.kind).to_owned();
        if let Some(what) = self.reason.as_deref().map(without_place).and_then(naming) {
            text.push_str(": ");
            text.push_str(&what);
        }
        let (mut cause, mut said) = (self.caused_by.as_deref(), None);
        for _ in 0..MAX_CAUSES {
            let Some(fault) = cause else { break };
            cause = fault.caused_by.as_deref();
            let known = fault.reason.as_deref().map(without_place).and_then(known_cause);
            if known.is_some() && known == said {
                continue; // the same, in another layer's words
            }
            text.push_str(", caused by ");
            text.push_str(type_name(&fault.kind));
            if let Some(known) = &known {
                text.push_str(": ");
                text.push_str(known);
            }
            said = known;
        }
        text
    }

    /// The whole complaint, for requests that hold no row.
    pub fn in_full(&self) -> String {
        let root = self.root_cause.first().filter(|root| root.kind != self.kind);
        let parts = [self.reason.as_deref(), root.and_then(|root| root.reason.as_deref())];
        let mut text = type_name(&self.kind).to_owned();
        for part in parts.into_iter().flatten() {
            text.push_str(": ");
            text.push_str(part);
        }
        text
    }

    /// Whether this is `kind`, or has it among its causes.
    pub fn is(&self, kind: &str) -> bool {
        self.kind == kind || self.root_cause.iter().any(|root| root.kind == kind)
    }
}

/// An error's type if it looks like one.
fn type_name(kind: &str) -> &str {
    let plain = !kind.is_empty()
        && kind
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if plain { kind } else { "error" }
}

/// The sentence without the place in the document that Elasticsearch (not OpenSearch) puts before it: `[1:6] `.
fn without_place(reason: &str) -> &str {
    let Some((place, rest)) = reason.strip_prefix('[').and_then(|inner| inner.split_once("] ")) else {
        return reason;
    };
    let is_place = place.contains(':') && place.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    if is_place { rest } else { reason }
}

/// What a cause says without a value.
fn known_cause(reason: &str) -> Option<Cow<'static, str>> {
    let beginning = KNOWN_CAUSES.iter().find(|known| reason.starts_with(**known));
    beginning.map(|known| Cow::Borrowed(*known)).or_else(|| {
        let kind = RANGES
            .iter()
            .find_map(|[before, between]| Some(reason.strip_prefix(before)?.split_once(between)?.1))?;
        let kind = kind.strip_prefix("Java ").unwrap_or(kind);
        let word = kind
            .split(|char: char| !char.is_ascii_alphabetic() && char != '_')
            .next()?;
        let number = NUMBERS.iter().find(|number| **number == word)?;
        Some(Cow::Owned(format!("out of range of {number}")))
    })
}

/// The sentence up to the last name it is known to hold; `None` for a sentence that is not known.
fn naming(reason: &str) -> Option<String> {
    /// The words before the names; a sentence is `word [name] word [name]`.
    const SENTENCES: [[&str; 2]; 3] = [
        ["failed to parse field [", "] of type ["],
        ["mapping set to strict, dynamic introduction of [", "] within ["],
        ["object mapping for [", "] tried to parse field ["],
    ];
    SENTENCES.iter().find_map(|[before, between]| {
        let (first, rest) = reason.strip_prefix(before)?.split_once(between)?;
        let (second, _) = rest.split_once(']')?;
        Some(format!("{before}{}{between}{}]", short(first), short(second)))
    })
}

fn short(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(MAX_NAME) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows the complaint and makes sure that the value in it is gone.
    fn shown(json: &str) -> String {
        let text = serde_json::from_str::<Fault>(json).unwrap().without_values();
        assert!(!text.contains("secret") && !text.contains("115"), "{text}");
        text
    }

    // All of these were answered by Elasticsearch 9.5.3 or OpenSearch 3.8.0, to documents that hold "secret…".

    #[test]
    fn a_field_and_its_type_are_kept() {
        let text = shown(
            r#"{"type":"document_parsing_exception","reason":"[1:6] failed to parse field [n] of type [integer] in document with id 'a'. Preview of field's value: 'secret text'","caused_by":{"type":"number_format_exception","reason":"For input string: \"secret text\""}}"#,
        );
        let expected = "document_parsing_exception: failed to parse field [n] of type [integer], \
                        caused by number_format_exception: For input string";
        assert_eq!(text, expected);
        let text = shown(
            r#"{"type":"mapper_parsing_exception","reason":"failed to parse field [n] of type [long] in document with id 'a'. Preview of field's value: 'secret text'","caused_by":{"type":"illegal_argument_exception","reason":"For input string: \"secret text\""}}"#,
        );
        assert!(
            text.starts_with("mapper_parsing_exception: failed to parse field [n] of type [long], caused"),
            "{text}"
        );
    }

    #[test]
    fn causes_lose_their_values() {
        let date = shown(
            r#"{"type":"document_parsing_exception","reason":"[1:6] failed to parse field [d] of type [date] in document with id 'b'. Preview of field's value: 'secret d'","caused_by":{"type":"illegal_argument_exception","reason":"failed to parse date field [secret d] with format [strict_date_optional_time||epoch_millis]","caused_by":{"type":"date_time_parse_exception","reason":"Failed to parse with all enclosed parsers"}}}"#,
        );
        assert!(date.ends_with(
            "illegal_argument_exception: failed to parse date field, \
             caused by date_time_parse_exception: Failed to parse with all enclosed parsers"
        ));
        let point = shown(
            r#"{"type":"document_parsing_exception","reason":"[1:6] failed to parse field [p] of type [geo_point]","caused_by":{"type":"parse_exception","reason":"unsupported symbol [ ] in geohash [secret g]","caused_by":{"type":"illegal_argument_exception","reason":"unsupported symbol [ ] in geohash [secret g]"}}}"#,
        );
        assert!(point.ends_with("[p] of type [geo_point], caused by parse_exception: unsupported symbol"));
        shown(
            r#"{"type":"document_parsing_exception","reason":"[1:11] failed to parse field [o.x] of type [keyword] in document with id 'k'. Preview of field's value: 'secretxxx'","caused_by":{"type":"illegal_argument_exception","reason":"Document contains at least one immense term in field=\"o.x\" (whose UTF8 encoding is longer than the max length 32766), all of which were skipped. The prefix of the first immense term is: '[115, 101, 99, 114, 101, 116, 120]...'"}}"#,
        );
    }

    #[test]
    fn a_number_that_is_too_large_says_for_what() {
        let nested = shown(
            r#"{"type":"document_parsing_exception","reason":"[1:6] failed to parse field [s] of type [short] in document with id 'x'. Preview of field's value: '115000'","caused_by":{"type":"x_content_parse_exception","reason":"[1:11] Numeric value (115000) out of range of Java short\n at [Source: (byte[])\"{\"s\":115000}\"; line: 1, column: 11]","caused_by":{"type":"input_coercion_exception","reason":"Numeric value (115000) out of range of Java short\n at [Source: (byte[])\"{\"s\":115000}\"; line: 1, column: 11]"}}}"#,
        );
        let expected = "document_parsing_exception: failed to parse field [s] of type [short], \
                        caused by x_content_parse_exception: out of range of short";
        assert_eq!(nested, expected);
        let plain = shown(
            r#"{"type":"a","caused_by":{"type":"illegal_argument_exception","reason":"Value [1150] is out of range for a byte"}}"#,
        );
        assert_eq!(plain, "a, caused by illegal_argument_exception: out of range of byte");
        let forged =
            shown(r#"{"type":"a","caused_by":{"type":"b","reason":"Value [x] is out of range for a secret"}}"#);
        assert_eq!(forged, "a, caused by b");
    }

    #[test]
    fn strict_mappings_name_the_field() {
        let text = shown(
            r#"{"type":"strict_dynamic_mapping_exception","reason":"[1:7] mapping set to strict, dynamic introduction of [zz] within [_doc] is not allowed"}"#,
        );
        let expected =
            "strict_dynamic_mapping_exception: mapping set to strict, dynamic introduction of [zz] within [_doc]";
        assert_eq!(text, expected);
        let text = shown(
            r#"{"type":"document_parsing_exception","reason":"[1:6] object mapping for [o] tried to parse field [o] as object, but found a concrete value"}"#,
        );
        assert!(
            text.ends_with("object mapping for [o] tried to parse field [o]"),
            "{text}"
        );
    }

    #[test]
    fn what_is_not_known_is_not_shown() {
        assert_eq!(
            shown(r#"{"type":"some_exception","reason":"secret came first"}"#),
            "some_exception"
        );
        assert_eq!(
            shown(r#"{"type":"secret text","reason":"[secret] failed to parse field [n] of type [x]"}"#),
            "error"
        );
        let text = shown(r#"{"type":"a","reason":"failed to parse field [n] of type [date] x [secret]"}"#);
        assert_eq!(text, "a: failed to parse field [n] of type [date]");
    }

    #[test]
    fn a_long_name_is_cut() {
        let reason = format!(
            "mapping set to strict, dynamic introduction of [{}] within [_doc]",
            "é".repeat(300)
        );
        assert_eq!(naming(&reason).unwrap().matches('é').count(), MAX_NAME);
    }
}
