//! `highwater check`: holds configuration and definitions against the servers they speak of, and tells everything that is
//! wrong at once. It changes nothing: the two things it makes, a temporary view in Postgres and an index in Elasticsearch,
//! are gone when it ends.

mod report;

use std::time::Duration;

use sqlx::{Connection as _, PgConnection, Row as _};

pub use report::Report;

use crate::catalog::Catalog;
use crate::config::{Config, Reading};
use crate::definition::Definition;
use crate::elastic::{Distribution, Elastic, ElasticError, Product, Verdict};
use crate::error::{message, remedy_of};
use crate::feed::kafka::{self, KafkaError};
use crate::job::look::{look, published};
use crate::job::{CaptureMode, rights, trial};
use crate::ledger::{self, LedgerError};
use crate::mistake::{Mistakes, Place, counted};
use crate::plan::{self, Plan};
use crate::source::Postgres;
use crate::source::catalog::read_catalog;
use crate::source::connect::connect_owner;

/// How long brokers are asked; they are an extra, and a missing one should not hold up the rest.
const KAFKA_PATIENCE: Duration = Duration::from_secs(3);

/// The oldest versions whose answers are known to be understood.
const OLDEST_ELASTICSEARCH: (u32, u32, u32) = (7, 17, 0);
const OLDEST_OPENSEARCH: (u32, u32, u32) = (1, 0, 0);

/// Looks at a configuration as far as it could be read; `offline` asks no server.
pub async fn check(reading: &Reading, offline: bool) -> Report {
    let mut report = Report {
        mistakes: reading.mistakes.clone(),
        ..Report::default()
    };
    let Some(config) = &reading.config else { return report };
    if reading.mistakes.0.is_empty() {
        let definitions = counted(config.definitions.len(), "definition");
        report
            .well
            .push(format!("{} can be read, with {definitions}", config.file.display()));
    }
    if offline {
        let oversized = config.definitions.iter().map(plan::oversized);
        oversized.for_each(|mistakes| report.mistakes.merge(mistakes));
    } else {
        let mut source = None;
        if is_sound(reading, "postgres", &mut report) {
            source = postgres(config, &reading.mistakes, &mut report).await;
        }
        if is_sound(reading, "elasticsearch", &mut report) {
            elastic(config, &reading.mistakes, source.as_deref(), &mut report).await;
        }
        if is_sound(reading, "kafka", &mut report) {
            brokers(config, &mut report).await;
        }
    }
    report.mistakes = std::mem::take(&mut report.mistakes).in_file_order();
    report.warnings = std::mem::take(&mut report.warnings).in_file_order();
    report
}

/// The configuration, when nothing is wrong with it; otherwise every mistake that [`check`] finds, so that a verb that
/// needs it tells as much.
///
/// # Errors
/// All of them.
pub async fn sound(reading: &Reading) -> Result<&Config, Mistakes> {
    match &reading.config {
        Some(config) if reading.mistakes.0.is_empty() => Ok(config),
        _ => Err(check(reading, false).await.mistakes),
    }
}

/// Whether a server can be asked at all; says so otherwise.
fn is_sound(reading: &Reading, section: &'static str, report: &mut Report) -> bool {
    let sound = !reading.unsound.contains(&section);
    if !sound {
        report
            .left
            .push(format!("what `{section}` in the configuration leads to"));
    }
    sound
}

/// A key of the configuration as a whole: its value may have come from the environment.
fn key(config: &Config, path: &str) -> Place {
    Place {
        file: config.file.display().to_string().into(),
        path: path.to_owned(),
        ..Place::default()
    }
}

/// Returns the ledger's name towards the cluster, empty where there is no ledger; none where that cannot be told.
async fn postgres(config: &Config, known: &Mistakes, report: &mut Report) -> Option<String> {
    let (mut address, mut remedy, mut source) = (String::new(), None, None);
    let connected = async {
        let postgres = Postgres::new(&config.postgres)?;
        address = format!(" as {}", postgres.address());
        let connection = postgres.connect().await;
        remedy = connection.as_ref().err().map(|error| postgres.remedy(error));
        Ok((postgres, connection?))
    };
    let looked = match connected.await {
        Ok((postgres, mut connection)) => {
            let looked = database(config, &postgres, &mut connection, known, report).await;
            source = ledger::identity::name(&mut connection).await.ok();
            let _ = connection.close().await; // it has nothing left to lose
            looked
        }
        Err(error) => Err(error),
    };
    if let Err(error) = looked {
        let list = if is_mistaken(&error) {
            &mut report.mistakes
        } else {
            &mut report.unavailable
        };
        let found = format!("Postgres{address}: {}", message(&error));
        let remedy = remedy.unwrap_or_else(|| remedy_of(&error));
        list.add(&key(config, "postgres.url"), found, remedy);
    }
    source
}

/// Whether it takes a person: a wrong password stays wrong, a server that is starting does not stay so.
fn is_mistaken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            code.starts_with("28") || code.starts_with("42") || code == "3D000"
        }
        _ => false, // the network, or the server, whatever it was
    }
}

async fn database(
    config: &Config,
    postgres: &Postgres,
    connection: &mut PgConnection,
    known: &Mistakes,
    report: &mut Report,
) -> Result<(), sqlx::Error> {
    let standby: bool = sqlx::query("SELECT pg_is_in_recovery()")
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    if standby {
        let found = "this Postgres is a standby, where the order of changes cannot be told";
        report.mistakes.add(
            &key(config, "postgres.url"),
            found,
            "name the primary, with `target_session_attrs` out of the URL",
        );
        return Ok(());
    }
    let catalog = read_catalog(connection).await?;
    report
        .well
        .push(format!("Postgres {} as {}", version(&catalog), postgres.address()));
    if let Some((found, remedy)) = published(&catalog) {
        report.warnings.add(&key(config, "postgres.url"), found, remedy);
    }
    let looked = look(connection, &catalog, &config.definitions, known).await?;
    report.mistakes.merge(looked.mistakes);
    report.warnings.merge(looked.warnings);
    let lacks = ledger::grant::lacking(connection, postgres.role()).await?;
    if !lacks.is_empty() {
        let found = format!("the role lacks rights on the ledger: {}", lacks.join(", "));
        let remedy = format!(
            "run `highwater apply` with an owner_url, or as the owner: {}",
            ledger::grant::sql(postgres.role())
        );
        report.mistakes.add(&key(config, "postgres.url"), found, remedy);
    }
    owner(config, &looked.plans, report).await;
    if let Some(why) = looked.unproved {
        let found = format!("it was not proved that expressions depend on their row alone: {why}");
        let database = "SELECT quote_ident(current_database()::text)";
        let database: String = sqlx::query(database).fetch_one(&mut *connection).await?.try_get(0)?;
        let role = crate::catalog::quote(postgres.role());
        let remedy = format!("run: GRANT TEMPORARY ON DATABASE {database} TO {role}");
        report.warnings.add(&key(config, "postgres.url"), found, remedy);
    }
    Ok(())
}

/// Whether whoever puts ledger and triggers in place may do so, where that is this configuration's to do.
async fn owner(config: &Config, plans: &[(&Definition, Plan)], report: &mut Report) {
    let (named, place) = match &config.postgres.owner_url {
        Some(_) => (true, key(config, "postgres.owner_url")),
        None => (false, key(config, "postgres.url")),
    };
    if !named && config.job.capture != CaptureMode::Manage {
        return;
    }
    let asked = async {
        let mut owner = connect_owner(&config.postgres).await?;
        let catalog = read_catalog(&mut owner).await?;
        rights::lacking(&mut owner, &catalog, plans).await
    };
    match asked.await {
        Ok(lacking) => report.mistakes.merge(lacking.at(&place.file)),
        Err(error) => {
            let list = match &error {
                LedgerError::Postgres(error) if !is_mistaken(error) => &mut report.unavailable,
                _ => &mut report.mistakes,
            };
            list.add(&place, error.to_string(), error.remedy());
        }
    }
}

fn version(catalog: &Catalog) -> String {
    format!(
        "{}.{}",
        catalog.server_version / 10_000,
        catalog.server_version % 10_000
    )
}

async fn elastic(config: &Config, known: &Mistakes, source: Option<&str>, report: &mut Report) {
    let place = key(config, "elasticsearch");
    let asked = async {
        let elastic = Elastic::connect(&config.elastic)?;
        let product = elastic.info().await?;
        Ok::<_, ElasticError>((elastic, product))
    };
    let looked = match asked.await {
        Ok((elastic, product)) if is_supported(&product, &place, report) => {
            indexes(&elastic, &config.definitions, known, source, report).await
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = looked {
        let list = match error.verdict() {
            Verdict::Retry => &mut report.unavailable,
            Verdict::Wait | Verdict::Split | Verdict::Stop => &mut report.mistakes,
        };
        list.add(&place, error.to_string(), error.remedy());
    }
}

/// Tries each index; one without a name cannot be tried.
async fn indexes(
    elastic: &Elastic,
    definitions: &[Definition],
    known: &Mistakes,
    source: Option<&str>,
    report: &mut Report,
) -> Result<(), ElasticError> {
    for definition in definitions.iter().filter(|definition| !definition.index.is_empty()) {
        let known = known.in_file(&definition.place.file);
        let refused = trial::refused(elastic, definition, &known).await?;
        if refused.0.is_empty() && known.0.is_empty() {
            report.well.push(format!(
                "index {}: Elasticsearch takes mapping and settings",
                definition.index
            ));
        }
        report.mistakes.merge(refused);
        if let Some(source) = source {
            report.mistakes.merge(trial::taken(elastic, definition, source).await?);
        }
        report.warnings.merge(trial::lacking(elastic, definition).await?);
    }
    Ok(())
}

fn is_supported(product: &Product, place: &Place, report: &mut Report) -> bool {
    let (name, oldest) = match product.distribution {
        Distribution::Elasticsearch => ("Elasticsearch", OLDEST_ELASTICSEARCH),
        Distribution::OpenSearch => ("OpenSearch", OLDEST_OPENSEARCH),
    };
    let (major, minor, patch) = product.version;
    if product.version < oldest {
        let found = format!("{name} {major}.{minor}.{patch} is too old");
        report
            .mistakes
            .add(place, found, format!("use {name} {}.{} or newer", oldest.0, oldest.1));
        return false;
    }
    report.well.push(format!("{name} {major}.{minor}.{patch}"));
    true
}

/// Kafka's absence costs a moment and no change, so it is a warning; settings that cannot work are a mistake.
async fn brokers(config: &Config, report: &mut Report) {
    let Some(settings) = &config.feed.kafka else { return };
    let place = key(config, "kafka");
    match kafka::missing_topics(settings, KAFKA_PATIENCE).await {
        Ok(missing) if missing.is_empty() => report.well.push(format!("Kafka at {}", settings.brokers.join(", "))),
        Ok(missing) => {
            let found = format!("these topics do not exist: {}", missing.join(", "));
            report.warnings.add(
                &key(config, "kafka.topics"),
                found,
                "create them, or correct their names; until then no message wakes the daemon",
            );
        }
        Err(error @ KafkaError::Settings { .. }) => report.mistakes.add(&place, error.to_string(), error.remedy()),
        Err(error @ KafkaError::Unreachable { .. }) => report.warnings.add(&place, error.to_string(), error.remedy()),
    }
}
