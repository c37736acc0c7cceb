//! The compose file: valid by the Compose specification, and as a newcomer needs it: every service says when it is
//! healthy, waits for those it needs, is pinned to a version, and is reachable from this machine only.

use std::collections::BTreeSet;

use compose_spec::Compose;
use serde_json::{Map, Value};

const FILE: &str = "docker-compose.yml";

#[test]
fn it_follows_the_specification() {
    let file = interpolated(&super::read(FILE));
    let compose: Compose = serde_yaml::from_str(&file).unwrap_or_else(|error| panic!("{FILE}: {error}"));
    compose.validate_all().unwrap_or_else(|error| panic!("{FILE}: {error}"));
}

#[test]
fn every_service_says_when_it_is_healthy() {
    for (name, service) in services() {
        let test = service["healthcheck"]["test"].as_array();
        assert!(test.is_some_and(|words| words.len() > 1), "{name} has no health check");
    }
}

#[test]
fn services_wait_until_those_they_need_are_healthy() {
    let services = services();
    for (name, service) in &services {
        let Some(needs) = service.get("depends_on") else {
            continue;
        };
        let needs = needs
            .as_object()
            .unwrap_or_else(|| panic!("{name}: depends_on names no condition"));
        for (needed, how) in needs {
            assert_eq!(how["condition"], "service_healthy", "{name} needs {needed}");
            // A service of a profile that is not on would never come up.
            assert!(
                services[needed].get("profiles").is_none(),
                "{name} needs {needed}, which a profile may leave out"
            );
        }
    }
    let waits_for: Vec<_> = services["highwater"]["depends_on"]
        .as_object()
        .expect("depends_on")
        .keys()
        .collect();
    assert_eq!(waits_for, ["postgres", "kafka", "elasticsearch"]);
}

#[test]
fn images_are_pinned_to_a_version() {
    for (name, service) in services() {
        let image = service["image"]
            .as_str()
            .unwrap_or_else(|| panic!("{name} has no image"));
        let tag = image
            .rsplit('/')
            .next()
            .and_then(|last| last.split_once(':'))
            .map(|(_, tag)| tag);
        assert!(
            tag.is_some_and(|tag| tag.starts_with(|first: char| first.is_ascii_digit())),
            "{name}: {image}"
        );
    }
}

/// A clone must not clash with what already runs here, and must not open the machine to its network.
#[test]
fn ports_are_variables_on_the_loopback_address() {
    for (name, service) in services() {
        for port in service["ports"].as_array().unwrap_or(&Vec::new()) {
            let port = port
                .as_str()
                .unwrap_or_else(|| panic!("{name}: a port is written as a string"));
            assert!(port.starts_with("127.0.0.1:${HIGHWATER_"), "{name}: {port}");
        }
    }
}

#[test]
fn the_profiles_are_there() {
    let services = services();
    let named = |service: &Value| service["profiles"].as_array().cloned().unwrap_or_default();
    let profiles: BTreeSet<String> = services
        .values()
        .flat_map(named)
        .map(|p| p.as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(profiles, BTreeSet::from(["demo".to_owned(), "opensearch".to_owned()]));
    let always: Vec<_> = services
        .iter()
        .filter(|(_, service)| service.get("profiles").is_none())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(always, ["postgres", "kafka", "elasticsearch", "highwater"]);
}

#[test]
fn highwater_is_built_here_and_reads_the_mounted_configuration() {
    let highwater = &services()["highwater"];
    assert_eq!(highwater["build"], ".");
    assert_eq!(highwater["volumes"][0], "./config:/config:ro");
    assert!(super::read("Dockerfile").contains(r#"CMD ["/highwater", "healthcheck"]"#));
}

/// In the order of the file.
fn services() -> Map<String, Value> {
    let file: Value = serde_yaml::from_str(&super::read(FILE)).unwrap_or_else(|error| panic!("{FILE}: {error}"));
    file["services"].as_object().expect("services").clone()
}

/// As compose does before it parses, where no variable is set: `${NAME:-default}` is the default.
fn interpolated(text: &str) -> String {
    let mut parts = text.split("${");
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').expect("a variable ends");
        let (_, default) = variable
            .split_once(":-")
            .unwrap_or_else(|| panic!("{FILE}: {variable} has no default"));
        done.push_str(default);
        done.push_str(rest);
    }
    done
}
