//! Keeps `deny.toml` without cargo-deny, which takes longer to compile than this package: bans with their wrappers,
//! licences, sources. It looks at every package of the lock file, for every platform.

use std::process::Command;

use serde_json::Value;
use spdx::{Expression, ParseMode};
use toml::Table;

/// Every breach at once, a line each.
#[test]
fn dependencies_keep_to_deny_toml() {
    let rules: Table = super::read("deny.toml").parse().expect("deny.toml is TOML");
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(
        packages.len() > 50,
        "cargo metadata lists {} packages only",
        packages.len()
    );

    let mut breaches = Vec::new();
    breaches.extend(packages.iter().filter_map(|package| licence(&rules, package)));
    breaches.extend(packages.iter().filter_map(|package| source(&rules, package)));
    breaches.extend(banned(&rules, &metadata));
    assert!(
        breaches.is_empty(),
        "deny.toml does not allow:\n{}",
        breaches.join("\n")
    );
}

/// The rules bite: each of these packages breaks one.
#[test]
fn a_breach_is_seen() {
    let rules: Table = super::read("deny.toml").parse().expect("deny.toml is TOML");
    let closed = serde_json::json!({"name": "a", "version": "1.0.0", "license": "MIT AND LicenseRef-Closed"});
    assert!(licence(&rules, &closed).is_some());
    let without = serde_json::json!({"name": "a", "version": "1.0.0", "license": null});
    assert!(licence(&rules, &without).is_some());
    let branch = serde_json::json!({"name": "a", "version": "1.0.0", "source": "git+https://example.org/a"});
    assert!(source(&rules, &branch).is_some());
    let needs = |by: &str, dependency: &str| {
        let graph = serde_json::json!({
            "packages": [{"id": "1", "name": by}, {"id": "2", "name": dependency}],
            "resolve": {"nodes": [{"id": "1", "dependencies": ["2"]}, {"id": "2", "dependencies": []}]},
        });
        banned(&rules, &graph).len()
    };
    assert_eq!(needs("sqlx", "ring"), 0);
    assert_eq!(needs("rustls", "aws-lc-rs"), 1);
    assert_eq!(needs("rdkafka-sys", "openssl-sys"), 0, "the wrapper may");
    assert_eq!(needs("sqlx", "openssl-sys"), 1);
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

fn licence(rules: &Table, package: &Value) -> Option<String> {
    let allowed: Vec<String> = strings(&rules["licenses"]["allow"]);
    let Some(written) = package["license"].as_str() else {
        return Some(format!("{}: it declares no licence", id(package)));
    };
    // Lax: some old crates write MIT/Apache-2.0.
    let expression = match Expression::parse_mode(&written.replace(" / ", "/"), ParseMode::LAX) {
        Ok(expression) => expression,
        Err(error) => return Some(format!("{}: licence {written}: {error}", id(package))),
    };
    let permitted = expression.evaluate(|requirement| allowed.contains(&requirement.to_string()));
    (!permitted).then(|| format!("{}: licence {written}", id(package)))
}

fn source(rules: &Table, package: &Value) -> Option<String> {
    let registries = strings(&rules["sources"]["allow-registry"]);
    let source = package["source"].as_str()?; // none: this package itself
    let known = source
        .strip_prefix("registry+")
        .is_some_and(|registry| registries.iter().any(|known| known == registry));
    (!known).then(|| format!("{}: source {source}", id(package)))
}

/// Who needs a banned package, except its wrappers.
fn banned(rules: &Table, metadata: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let packages = list(&metadata["packages"]);
    let name = |id: &Value| {
        packages
            .iter()
            .find(|package| package["id"] == *id)
            .and_then(|package| package["name"].as_str())
    };
    let mut breaches = Vec::new();
    for ban in rules["bans"]["deny"].as_array().expect("bans.deny is a list") {
        let banned = ban["crate"].as_str().expect("a ban names its crate");
        let wrappers = ban.get("wrappers").map(strings).unwrap_or_default();
        for node in list(&metadata["resolve"]["nodes"]) {
            let needs = list(&node["dependencies"])
                .iter()
                .any(|dependency| name(dependency) == Some(banned));
            let by = name(&node["id"]).unwrap_or("?");
            if needs && !wrappers.iter().any(|wrapper| wrapper == by) {
                breaches.push(format!(
                    "{banned}, needed by {by}: {}",
                    ban["reason"].as_str().unwrap_or("(no reason given)")
                ));
            }
        }
    }
    breaches
}

fn strings(list: &toml::Value) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter()
        .map(|item| item.as_str().expect("a string").to_owned())
        .collect()
}

fn id(package: &Value) -> String {
    format!(
        "{} {}",
        package["name"].as_str().unwrap_or("?"),
        package["version"].as_str().unwrap_or("?")
    )
}
