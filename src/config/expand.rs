//! `${VAR}` and `${VAR:-default}` in the texts of the configuration. Not in definitions: the ledger keeps those as they
//! stand, and every daemon has to read the same from them.

/// What is wrong with a reference, and what to do.
pub(super) type Fault = (String, String);

/// `text` with its references replaced. A variable that is empty counts as set, except before `:-`, as in a shell; `$$`
/// is a dollar sign, and so is any `$` that no brace follows.
pub(super) fn expand(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Fault> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let (reference, after) = after.split_once('}').ok_or_else(|| {
                (
                    "`${` without `}`".to_owned(),
                    "close it; write `$$` for a dollar sign".to_owned(),
                )
            })?;
            out.push_str(&lookup(reference, env)?);
            rest = after;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn lookup(reference: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Fault> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let valid = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    if !valid {
        let remedy = "write `${NAME}` or `${NAME:-default}`, and `$$` for a dollar sign".to_owned();
        return Err(("`${…}` does not hold the name of a variable".to_owned(), remedy));
    }
    match (env(name), default) {
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err((
            format!("the environment variable `{name}` is not set"),
            format!("set it, or give a default: `${{{name}:-…}}`"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::expand;

    fn expanded(text: &str) -> String {
        let env = |name: &str| match name {
            "HOST" => Some("db".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        expand(text, &env).unwrap_or_else(|(found, remedy)| format!("{found}; {remedy}"))
    }

    #[test]
    fn references() {
        assert_eq!(expanded("a ${HOST}:${PORT:-5432}!"), "a db:5432!");
        assert_eq!(expanded("${EMPTY}|${EMPTY:-x}|${NONE:-}"), "|x|");
        assert_eq!(expanded("$$HOST $${HOST} $5 pa$"), "$HOST ${HOST} $5 pa$");
        assert_eq!(expanded("${URL:-http://a:1}"), "http://a:1");
        assert!(expanded("${NONE}").contains("`NONE` is not set"));
        assert!(expanded("${HOST").contains("without `}`"));
        for wrong in ["${}", "${1A}", "${A-B}", "${A B}"] {
            assert!(expanded(wrong).contains("name of a variable"), "{wrong}");
        }
    }
}
