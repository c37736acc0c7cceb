//! What two documents differ in, by the paths of their fields.

use serde_json::Value;

/// A line for each place: `-` what is held, `+` what would be built now.
pub fn lines(held: &Value, now: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    compare("", held, now, &mut lines);
    lines
}

fn compare(path: &str, held: &Value, now: &Value, lines: &mut Vec<String>) {
    match (held, now) {
        _ if held == now => {}
        (Value::Object(held), Value::Object(now)) => {
            let below = |name: &str| {
                if path.is_empty() {
                    name.to_owned()
                } else {
                    format!("{path}.{name}")
                }
            };
            for (name, value) in held {
                match now.get(name) {
                    Some(other) => compare(&below(name), value, other, lines),
                    None => lines.push(format!("- {}: {value}", below(name))),
                }
            }
            for (name, value) in now.iter().filter(|(name, _)| !held.contains_key(*name)) {
                lines.push(format!("+ {}: {value}", below(name)));
            }
        }
        (Value::Array(held), Value::Array(now)) if held.len() == now.len() => {
            for (at, (held, now)) in held.iter().zip(now).enumerate() {
                compare(&format!("{path}[{at}]"), held, now, lines);
            }
        }
        (Value::Array(held), Value::Array(now)) => {
            let gone = held.iter().filter(|item| !now.contains(item));
            lines.extend(gone.map(|item| format!("- {path}[]: {item}")));
            let new = now.iter().filter(|item| !held.contains(item));
            lines.extend(new.map(|item| format!("+ {path}[]: {item}")));
            lines.push(format!(
                "  {path}: {} items are held, {} there would be now",
                held.len(),
                now.len()
            ));
        }
        _ => lines.extend([format!("- {path}: {held}"), format!("+ {path}: {now}")]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::lines;

    #[test]
    fn each_place_by_its_path() {
        let held = json!({ "a": 1, "b": { "c": [1, { "d": 2 }], "e": null }, "gone": true, "list": [1, 2] });
        let now = json!({ "a": 1, "b": { "c": [1, { "d": 3 }], "e": [] }, "list": [2, 3, 4], "new": "x" });
        assert_eq!(
            lines(&held, &now),
            [
                "- b.c[1].d: 2",
                "+ b.c[1].d: 3",
                "- b.e: null",
                "+ b.e: []",
                "- gone: true",
                "- list[]: 1",
                "+ list[]: 3",
                "+ list[]: 4",
                "  list: 2 items are held, 3 there would be now",
                "+ new: \"x\"",
            ]
        );
        assert!(lines(&held, &held).is_empty());
    }
}
