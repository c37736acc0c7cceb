//! JSON over several lines, every value as it was written: a parsed number would lose the zero of `1.50`.

/// A document without its mark, indented by two.
pub fn document(json: &str) -> String {
    // Written by us, last, and nowhere else: within a string the quotes would be escaped.
    let fields = json
        .rfind("\"_highwater\":{")
        .map(|at| json[..at].trim_end_matches(','));
    fields.map_or_else(|| pretty(json.trim()), |fields| pretty(&format!("{fields}}}")))
}

/// Compact JSON, indented by two.
fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut inside, mut escaped) = (0_usize, false, false);
    let mut before = ' ';
    for char in json.chars() {
        if inside {
            out.push(char);
            inside = escaped || char != '"';
            escaped = char == '\\' && !escaped;
        } else {
            match char {
                '}' | ']' => {
                    depth = depth.saturating_sub(1);
                    if !matches!(before, '{' | '[') {
                        line(&mut out, depth);
                    }
                }
                _ if matches!(before, '{' | '[' | ',') => line(&mut out, depth),
                _ => {}
            }
            out.push(char);
            match char {
                '{' | '[' => depth += 1,
                ':' => out.push(' '),
                _ => inside = char == '"',
            }
        }
        before = if inside { '"' } else { char };
    }
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_as_they_were_written() {
        let json = r#"{"a":1.50,"b":[],"c":{},"d":["{,\"",{"e":null}],"f":"\\","_highwater":{"key":"1"}}"#;
        let wanted = "{\n  \"a\": 1.50,\n  \"b\": [],\n  \"c\": {},\n  \"d\": [\n    \"{,\\\"\",\n    {\n      \"e\": null\n    }\n  ],\n  \"f\": \"\\\\\"\n}";
        assert_eq!(document(json), wanted);
        assert_eq!(document("{\"_highwater\":{\"key\":\"1\"}}\n"), "{}");
        assert_eq!(document("{\"a\":1}"), "{\n  \"a\": 1\n}");
    }

    proptest::proptest! {
        #[test]
        fn only_blanks_are_added(texts in proptest::collection::vec(".{0,6}", 0..5), number: i32) {
            let value = serde_json::json!({ "texts": texts, "deep": { "number": number, "none": [], "text": texts.concat() } });
            let pretty = document(&value.to_string());
            proptest::prop_assert_eq!(pretty, serde_json::to_string_pretty(&value).expect("JSON"));
        }
    }
}
