//! The sections that say how servers are reached.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::section::{Section, Written};
use crate::elastic::{Auth, ElasticSettings};
use crate::feed::settings::KafkaSettings;
use crate::mistake::Place;
use crate::source::settings::PostgresSettings;

pub(super) fn postgres(section: &mut Section<'_>) -> PostgresSettings {
    let default = PostgresSettings::default();
    PostgresSettings {
        url: postgres_url(section, "url", "url_file").unwrap_or_else(|| {
            if section.mistakes.0.is_empty() {
                missing(section, "url", "`url: postgres://user:password@host:5432/database`");
            }
            default.url
        }),
        owner_url: postgres_url(section, "owner_url", "owner_url_file"),
        ca_file: section.file("ca_file"),
        max_connections: section.count("max_connections", default.max_connections, 1..=1000),
        connect_timeout: section.duration("connect_timeout", default.connect_timeout),
        statement_timeout: section.duration("statement_timeout", default.statement_timeout),
        lock_timeout: section.duration("lock_timeout", default.lock_timeout),
    }
}

/// A URL of Postgres. It holds a password as a rule, so no message shows it.
fn postgres_url(section: &mut Section<'_>, key: &'static str, file_key: &'static str) -> Option<SecretString> {
    let url = section.secret(key, file_key)?;
    let text = url.expose_secret();
    let place = section.place(key);
    let scheme = text.starts_with("postgres://") || text.starts_with("postgresql://");
    match Url::parse(text) {
        Ok(_) if is_torn(text, &['/', '?', '#']) => torn(section, &place),
        Ok(_) if scheme => {}
        _ => {
            let found = format!("`{key}` holds no URL of Postgres");
            let remedy = format!("write `postgres://user:password@host:5432/database`, and {ESCAPES}");
            section.mistakes.add(&place, found, remedy);
        }
    }
    Some(url)
}

const ESCAPES: &str =
    "in user and password `%40` for `@`, `%2F` for `/`, `%3A` for `:`, `%3F` for `?`, `%23` for `#`, `%25` for `%`";

/// Whether an `@` stands behind the part of a URL that names user and host. A password that holds a `/`, `?` or `#` as it
/// is ends that part too early; what is left of it would be taken for a host, and be shown in messages.
fn is_torn(url: &str, ends: &[char]) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once(ends).is_some_and(|(_, behind)| behind.contains('@'))
}

/// Says so, and shows nothing of the URL.
fn torn(section: &mut Section<'_>, place: &Place) {
    section.mistakes.add(
        place,
        "an `@` stands behind the host of this URL, as if user or password held characters that end them",
        format!("write {ESCAPES}, and `%40` for an `@` elsewhere"),
    );
}

fn missing(section: &mut Section<'_>, key: &str, remedy: &str) {
    let place = section.place(key);
    let twin = section.twin_name(key);
    section.mistakes.add(
        &place,
        format!("`{key}` is missing"),
        format!("add {remedy}, or set {twin}"),
    );
}

pub(super) fn elastic(section: &mut Section<'_>, max_body_bytes: usize) -> ElasticSettings {
    let default = ElasticSettings::default();
    let written = section.list("url");
    let urls = written
        .iter()
        .flatten()
        .filter_map(|url| elastic_url(section, url))
        .collect();
    if written.is_none_or(|urls| urls.is_empty()) && section.mistakes.0.is_empty() {
        missing(section, "url", "`url: [http://host:9200]`");
    }
    ElasticSettings {
        urls,
        auth: auth(section),
        ca_file: section.file("ca_file"),
        request_timeout: section.duration("request_timeout", default.request_timeout),
        max_body_bytes,
        compress: section.boolean("compress", default.compress),
    }
}

/// A URL of Elasticsearch, which may hold a password too.
fn elastic_url(section: &mut Section<'_>, written: &Written) -> Option<Url> {
    // To http, a backslash is a slash.
    if is_torn(&written.text, &['/', '?', '#', '\\']) {
        torn(section, &written.place);
        return None;
    }
    let url = Url::parse(&written.text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if url.is_none() {
        section.mistakes.add(
            &written.place,
            "this is no URL of Elasticsearch",
            "write `http://host:9200` or `https://…`",
        );
    }
    url
}

fn auth(section: &mut Section<'_>) -> Auth {
    let username = section.text("username").map(|written| written.text);
    let password = section.secret("password", "password_file");
    let api_key = section.secret("api_key", "api_key_file");
    match (username, password, api_key) {
        (None, None, None) => Auth::None,
        (Some(username), Some(password), None) => Auth::Basic { username, password },
        (None, None, Some(key)) => Auth::ApiKey(key),
        (_, _, Some(_)) => {
            let place = section.place("api_key");
            section.mistakes.add(
                &place,
                "an API key beside a user",
                "keep `api_key`, or `username` and `password`",
            );
            Auth::None
        }
        (Some(_), None, None) => {
            if !section.was_read("password_file") {
                half(section, "username", "password");
            }
            Auth::None
        }
        (None, Some(_), None) => {
            half(section, "password", "username");
            Auth::None
        }
    }
}

fn half(section: &mut Section<'_>, there: &str, other: &str) {
    let place = section.place(there);
    section
        .mistakes
        .add(&place, format!("`{there}` without `{other}`"), format!("add `{other}`"));
}

/// Kafka is off where its section is not written, and where its brokers expand to nothing.
pub(super) fn kafka(section: &mut Section<'_>) -> Option<KafkaSettings> {
    let written = section.is_written();
    let named = section.has("brokers");
    let texts = |written: Option<Vec<Written>>| {
        written
            .into_iter()
            .flatten()
            .map(|written| written.text)
            .collect::<Vec<_>>()
    };
    let settings = KafkaSettings {
        brokers: texts(section.list("brokers")),
        topics: texts(section.list("topics")),
        group: section
            .text("group")
            .map_or_else(|| KafkaSettings::default().group, |written| written.text),
        properties: section.map("properties"),
    };
    if settings.brokers.is_empty() {
        if written && !named {
            missing(section, "brokers", "`brokers: [host:9092]`");
        }
        return None;
    }
    if settings.topics.is_empty() {
        missing(section, "topics", "`topics: [orders]`, whose messages wake the daemon");
    }
    Some(settings)
}
