//! The sample, the environment, secrets, and every mistake at once.

use std::fs;
use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::{Config, LogFormat, LogLevel};
use crate::elastic::Auth;
use crate::job::settings::CaptureMode;
use crate::mistake::Mistakes;

const MINIMAL: &str = "postgres: { url: postgres://u:p@db/app }\nelasticsearch: { url: [http://es:9200] }\n";
const BOOKS: &str = "index: books\ntable: book\nfields: { id: long }\n";

/// A directory with these files; `MINIMAL` and one definition where none are given.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("indexes")).unwrap();
    for (name, text) in [("highwater.yaml", MINIMAL), ("indexes/books.yaml", BOOKS)]
        .iter()
        .chain(files)
    {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

fn load(files: &[(&str, &str)], env: &[(&str, &str)]) -> Result<Config, Mistakes> {
    let directory = directory(files);
    let env = |name: &str| {
        env.iter()
            .find(|(set, _)| *set == name)
            .map(|(_, value)| (*value).to_owned())
    };
    Config::load(&directory.path().join("highwater.yaml"), &env).map_err(|mut mistakes| {
        // The directory's name differs from run to run.
        let prefix = format!("{}/", directory.path().display());
        for mistake in &mut mistakes.0 {
            mistake.place.file = mistake.place.file.replace(&prefix, "").into();
            mistake.found = mistake.found.replace(&prefix, "");
        }
        mistakes
    })
}

fn loaded(files: &[(&str, &str)], env: &[(&str, &str)]) -> Config {
    load(files, env).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn told(files: &[(&str, &str)], env: &[(&str, &str)]) -> String {
    load(files, env).map_or_else(|mistakes| mistakes.to_string(), |_| "nothing".to_owned())
}

#[test]
fn the_sample_loads() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/highwater.yaml");
    let config = Config::load(&sample, &|_: &str| None).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(config.definitions.len(), 1);
    assert!(config.feed.kafka.is_none() && config.postgres.owner_url.is_none());
    assert!(matches!(config.elastic.auth, Auth::None));
}

/// Each commented line of the sample is a key that exists, and its value the default.
#[test]
fn the_sample_shows_the_defaults() {
    let sample = include_str!("../../config/highwater.yaml");
    let mut text = String::new();
    for line in sample.lines() {
        let bare = line.trim_start().strip_prefix("# ").unwrap_or("");
        let key = bare
            .trim_start()
            .split_once(':')
            .filter(|(key, _)| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        let secret = line.contains("ca_file") || line.contains("token");
        let commented = key.is_some() && !secret && !line.contains("properties");
        text.push_str(&if commented {
            line.replacen("# ", "", 1)
        } else {
            line.to_owned()
        });
        text.push('\n');
    }
    assert!(
        text.contains("\n  poll_max: 50ms") && text.contains("\n  lock_timeout: 300ms"),
        "{text}"
    );
    let written = loaded(&[("highwater.yaml", &text)], &[]);
    let plain = loaded(&[], &[]);
    let shown = |config: &Config| {
        let Config {
            feed,
            pipeline,
            job,
            http,
            log,
            elastic,
            postgres,
            ..
        } = config;
        let timeouts = (
            postgres.max_connections,
            postgres.connect_timeout,
            postgres.statement_timeout,
            postgres.lock_timeout,
        );
        format!(
            "{feed:?} {pipeline:?} {job:?} {http:?} {log:?} {:?} {timeouts:?}",
            (elastic.request_timeout, elastic.compress)
        )
    };
    assert_eq!(shown(&written), shown(&plain));
}

#[test]
fn the_environment_goes_first() {
    let text = "postgres: { url: '${NOT_SET}', lock_timeout: 1s }\nelasticsearch: { url: [http://es:9200] }\n";
    let config = loaded(
        &[("highwater.yaml", text)],
        &[
            ("HIGHWATER_POSTGRES_URL", "postgres://env/app"),
            ("HIGHWATER_ELASTICSEARCH_URL", "http://a:9200, https://b:9200"),
            ("HIGHWATER_POSTGRES_LOCK_TIMEOUT", ""),
            ("HIGHWATER_PIPELINE_BODY_BYTES", "2MB"),
            ("HIGHWATER_CAPTURE_MODE", "check"),
            ("HIGHWATER_CAPTURE_LEASE", "1h"),
            ("HIGHWATER_HTTP_LISTEN", "[::]:80"),
            ("HIGHWATER_KAFKA_BROKERS", "a:9092,b:9092"),
            ("HIGHWATER_KAFKA_TOPICS", "orders"),
            ("HIGHWATER_KAFKA_PROPERTIES", "sasl.username=u,sasl.password=hidden"),
            ("HIGHWATER_LOG_LEVEL", "debug"),
            ("HIGHWATER_LOG_FORMAT", "json"),
        ],
    );
    assert_eq!(config.postgres.url.expose_secret(), "postgres://env/app");
    assert_eq!(config.postgres.lock_timeout, Duration::from_secs(1));
    assert_eq!(config.elastic.urls.len(), 2);
    assert_eq!(
        (config.pipeline.body_bytes, config.elastic.max_body_bytes),
        (2_000_000, 2_000_000)
    );
    assert_eq!(
        (config.job.capture, config.job.capture_lease),
        (CaptureMode::Check, Duration::from_hours(1))
    );
    assert_eq!(config.http.listen.to_string(), "[::]:80");
    let kafka = config.feed.kafka.clone().unwrap();
    assert_eq!((kafka.brokers.len(), kafka.group.as_str()), (2, "highwater"));
    assert_eq!(kafka.properties["sasl.password"], "hidden");
    assert_eq!(
        (config.log.level, config.log.format),
        (LogLevel::Debug, LogFormat::Json)
    );
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let text = "
postgres: { url_file: url, owner_url: 'postgres://o:hidden@db/app' }
elasticsearch: { url: ['https://u:hidden@es:9200'], username: elastic, password: '${PASSWORD}' }
http: { token_file: token }
kafka: { brokers: a, topics: b, properties: { sasl.password: hidden } }
";
    let files = [
        ("highwater.yaml", text),
        ("url", "postgres://u:hidden@db/app\n"),
        ("token", "hidden\r\n"),
    ];
    let config = loaded(&files, &[("PASSWORD", "hidden")]);
    assert_eq!(config.postgres.url.expose_secret(), "postgres://u:hidden@db/app");
    assert_eq!(config.http.token.as_ref().unwrap().expose_secret(), "hidden");
    let Auth::Basic { password, .. } = &config.elastic.auth else {
        panic!()
    };
    assert_eq!(password.expose_secret(), "hidden");
    let shown = format!("{config:?}");
    assert!(!shown.contains("hidden"), "{shown}");
}

#[test]
fn every_mistake_at_once() {
    let text = "
postgres: { url: 'mysql://u:hidden@db', lock_timout: 1s, connect_timeout: 5, max_connections: 0, ca_file: nowhere.pem }
elasticsearch: { url: ['es:9200', 'http://${NOT_SET}'], api_key: hidden, username: elastic, compress: yes }
feeds: [touch_log, kafka, pigeons]
touch_log: { poll_min: 1s, claims: [4] }
kafka: { topics: x }
pipelin: { workers: 2 }
pipeline: { body_bytes: 8, max_document_bytes: 1GB, retry_min: 0s }
capture: { mode: manual, lease: forever }
http: { listen: localhost, token: hidden, token_file: token }
log: { level: loud, format: '${' }
";
    let files = [
        ("highwater.yaml", text),
        (
            "indexes/other.yml",
            "index: books\ntable: book2\nfields: { id: long }\n",
        ),
        ("indexes/wrong.yaml", "index: Wrong\n"),
        ("indexes/.hidden.yaml", "not read"),
        ("indexes/notes.txt", "not read"),
    ];
    let told = told(&files, &[("HIGHWATER_JOBS_DRIFT_EVERY", "soon")]);
    assert!(!told.contains("hidden"), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn what_is_missing() {
    let cases: [(&str, &[(&str, &str)]); 9] = [
        ("", &[]),
        ("postgres:\nelasticsearch:\n", &[]),
        ("postgres: { url: '${URL:-}' }\nelasticsearch: { url: [] }\n", &[]),
        (
            "postgres: 5\nelasticsearch: { url: {} }\n",
            &[("HIGHWATER_POSTGRES_URL", "postgres://db/app")],
        ),
        (&format!("{MINIMAL}indexes: [nowhere, 'in*.yaml']\n"), &[]),
        (&format!("{MINIMAL}indexes: []\nfeeds: []\n"), &[]),
        (&format!("{MINIMAL}kafka: {{ brokers: a }}\n"), &[]),
        (
            "postgres: { url_file: nowhere }\nelasticsearch: { url: http://a, password: x }\n",
            &[],
        ),
        ("postgres: {\n", &[]),
    ];
    let told = cases.map(|(text, env)| format!("{text}==\n{}\n", told(&[("highwater.yaml", text)], env)));
    insta::assert_snapshot!(told.join("\n"));
}

/// What follows an unescaped `/`, `?` or `#` in a password is not the server's name, and is never shown as such.
#[test]
fn a_torn_url_is_refused_and_nothing_of_it_shown() {
    for torn in [
        "u:12/hid@3.5@db",
        "u:hid@3.5/x@db",
        "u:hid@3.5?x@db",
        "u:1#3.5@db",
        "u:hid/3.5@db",
    ] {
        let text = format!(
            "postgres: {{ url: 'postgres://{torn}:5432/app' }}\nelasticsearch: {{ url: 'https://{torn}:9200' }}\n"
        );
        let told = told(&[("highwater.yaml", &text)], &[]);
        assert!(!told.contains("hid") && !told.contains("3.5"), "{told}");
        assert_eq!(told.matches("`%2F` for `/`").count(), 2, "{torn}: {told}");
    }
    let text = "postgres: { url: 'postgres://u:p@db/app' }\nelasticsearch: { url: 'https://u:hid@3.5\\x@es:9200' }\n";
    let told = told(&[("highwater.yaml", text)], &[]);
    assert!(
        told.contains("elasticsearch.url: an `@` stands behind") && !told.contains("3.5"),
        "{told}"
    );
    let whole = "postgres: { url: 'postgres://u:p%2F%40:@db/app?application_name=a%40b' }\n\
                 elasticsearch: { url: 'https://u:p@es:9200/below' }\n";
    loaded(&[("highwater.yaml", whole)], &[]);
}

#[test]
fn a_missing_file_is_one_mistake() {
    let directory = tempfile::tempdir().unwrap();
    let mistakes = Config::load(&directory.path().join("highwater.yaml"), &|_: &str| None).unwrap_err();
    assert_eq!(mistakes.0.len(), 1);
    assert!(mistakes.to_string().contains("--config"), "{mistakes}");
}

#[test]
fn definitions_may_be_listed() {
    let text = format!("{MINIMAL}indexes: [b.yaml, indexes]\n");
    let other = "index: other\ntable: other\nfields: { id: long }\n";
    let config = loaded(&[("highwater.yaml", &text), ("b.yaml", other)], &[]);
    let names = config
        .definitions
        .iter()
        .map(|definition| definition.index.as_str())
        .collect::<Vec<_>>();
    assert_eq!(names, ["other", "books"]);
    assert_eq!(config.definitions[0].text, other);
}
