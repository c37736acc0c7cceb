//! `highwater check`: holds configuration and definitions against the servers they speak of, and tells everything that is
//! wrong at once. It changes nothing: the two things it makes, a temporary view in Postgres and an index in Elasticsearch,
//! are gone when it ends.

use std::fmt;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection, Row as _};

use crate::catalog::Catalog;
use crate::config::Config;
use crate::definition::{Definition, Fields, Mapping};
use crate::elastic::{Distribution, Elastic, ElasticError, IndexPlan, Product, Verdict, generation_settings};
use crate::feed::kafka::{self, KafkaError};
use crate::job::apply::published;
use crate::ledger::remedy_of;
use crate::mistake::{Mistakes, Place};
use crate::plan::Plan;
use crate::source::Postgres;
use crate::source::catalog::read_catalog;
use crate::source::proof::{Proof, prove};

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// To be mended in a file, or on a server by who owns it; until then the daemon cannot do its work.
    pub mistakes: Mistakes,
    /// It would work, but perhaps not as wished.
    pub warnings: Mistakes,
    /// Servers that did not answer: what belongs to them was not looked at. Place, reason and remedy.
    pub unavailable: Mistakes,
    /// What was found well, a line each.
    pub well: Vec<String>,
}

impl Report {
    /// 78 (configuration) before 69 (a server is unavailable) before 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.mistakes.0.is_empty(), self.unavailable.0.is_empty()) {
            (false, _) => 78,
            (true, false) => 69,
            (true, true) => 0,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.well
            .iter()
            .try_for_each(|line| writeln!(formatter, "ok: {line}"))?;
        for (word, list) in [
            ("warning", &self.warnings),
            ("unavailable", &self.unavailable),
            ("mistake", &self.mistakes),
        ] {
            list.0.iter().try_for_each(|one| writeln!(formatter, "{word}: {one}"))?;
        }
        let (mistakes, warnings) = (self.mistakes.0.len(), self.warnings.0.len());
        write!(
            formatter,
            "{}, {}",
            count(mistakes, "mistake"),
            count(warnings, "warning")
        )?;
        match self.unavailable.0.len() {
            0 => Ok(()),
            servers => write!(formatter, ", {} unavailable", count(servers, "server")),
        }
    }
}

fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// How long brokers are asked; they are an extra, and a missing one should not hold up the rest.
const KAFKA_PATIENCE: Duration = Duration::from_secs(3);

/// The oldest versions whose answers are known to be understood.
const OLDEST_ELASTICSEARCH: (u32, u32, u32) = (7, 17, 0);
const OLDEST_OPENSEARCH: (u32, u32, u32) = (1, 0, 0);

/// Checks a configuration that was read; `offline` asks no server.
pub async fn check(config: &Config, offline: bool) -> Report {
    let mut report = Report::default();
    let definitions = count(config.definitions.len(), "definition");
    report
        .well
        .push(format!("{} can be read, with {definitions}", config.file.display()));
    if !offline {
        let plans = postgres(config, &mut report).await;
        elastic(config, &plans, &mut report).await;
        brokers(config, &mut report).await;
    }
    report.mistakes = std::mem::take(&mut report.mistakes).in_file_order();
    report.warnings = std::mem::take(&mut report.warnings).in_file_order();
    report
}

/// A key of the configuration as a whole: its value may have come from the environment.
fn key(config: &Config, path: &str) -> Place {
    Place {
        file: config.file.display().to_string().into(),
        path: path.to_owned(),
        ..Place::default()
    }
}

type Planned<'c> = Vec<(&'c Definition, Plan)>;

async fn postgres<'c>(config: &'c Config, report: &mut Report) -> Planned<'c> {
    let mut address = String::new();
    let connected = async {
        let postgres = Postgres::new(&config.postgres)?;
        address = format!(" as {}", postgres.address());
        let connection = postgres.connect().await?;
        Ok((postgres, connection))
    };
    let looked = match connected.await {
        Ok((postgres, mut connection)) => {
            let planned = looks(config, &postgres, &mut connection, report).await;
            let _ = connection.close().await; // it has nothing left to lose
            planned
        }
        Err(error) => Err(error),
    };
    looked.unwrap_or_else(|error| {
        let list = if is_mistaken(&error) {
            &mut report.mistakes
        } else {
            &mut report.unavailable
        };
        let found = format!("Postgres{address}: {}", message(&error));
        list.add(&key(config, "postgres.url"), found, remedy_of(&error));
        Vec::new()
    })
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

fn message(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

async fn looks<'c>(
    config: &'c Config,
    postgres: &Postgres,
    connection: &mut PgConnection,
    report: &mut Report,
) -> Result<Planned<'c>, sqlx::Error> {
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
        return Ok(Vec::new());
    }
    let catalog = read_catalog(connection).await?;
    report
        .well
        .push(format!("Postgres {} as {}", version(&catalog), postgres.address()));
    if let Some((found, remedy)) = published(&catalog) {
        report.warnings.add(&key(config, "postgres.url"), found, remedy);
    }
    let mut planned = Vec::new();
    for definition in &config.definitions {
        match Plan::new(definition, &catalog) {
            Ok(plan) => planned.push((definition, plan)),
            Err(mistakes) => report.mistakes.0.extend(mistakes.0),
        }
    }
    for (_, plan) in &planned {
        report.warnings.0.extend(plan.warnings.0.iter().cloned());
    }
    expressions(config, postgres, connection, &planned, report).await?;
    Ok(planned)
}

fn version(catalog: &Catalog) -> String {
    format!(
        "{}.{}",
        catalog.server_version / 10_000,
        catalog.server_version % 10_000
    )
}

async fn expressions(
    config: &Config,
    postgres: &Postgres,
    connection: &mut PgConnection,
    planned: &Planned<'_>,
    report: &mut Report,
) -> Result<(), sqlx::Error> {
    let all: Vec<_> = planned
        .iter()
        .flat_map(|(_, plan)| plan.expressions.iter().cloned())
        .collect();
    match prove(connection, &all).await? {
        Proof::Done(mistakes) => {
            for mistake in mistakes.0 {
                // A filter of `tables:` is met at each use of its table.
                if !report.mistakes.0.contains(&mistake) {
                    report.mistakes.0.push(mistake);
                }
            }
        }
        Proof::NotAllowed(why) => {
            let found = format!("it was not proved that expressions depend on their row alone: {why}");
            let database = "SELECT quote_ident(current_database()::text)";
            let database: String = sqlx::query(database).fetch_one(&mut *connection).await?.try_get(0)?;
            let role = crate::catalog::quote(postgres.role());
            let remedy = format!("run: GRANT TEMPORARY ON DATABASE {database} TO {role}");
            report.warnings.add(&key(config, "postgres.url"), found, remedy);
        }
    }
    Ok(())
}

async fn elastic(config: &Config, planned: &Planned<'_>, report: &mut Report) {
    let place = key(config, "elasticsearch");
    let asked = async {
        let elastic = Elastic::connect(&config.elastic)?;
        let product = elastic.info().await?;
        Ok::<_, ElasticError>((elastic, product))
    };
    let looked = match asked.await {
        Ok((elastic, product)) if is_supported(&product, &place, report) => mappings(&elastic, planned, report).await,
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

async fn mappings(elastic: &Elastic, planned: &Planned<'_>, report: &mut Report) -> Result<(), ElasticError> {
    let nothing = serde_json::Map::new();
    for (definition, plan) in planned {
        let settings = generation_settings(plan.settings.clone());
        let mappings = plan.mappings.as_object().unwrap_or(&nothing);
        let index = IndexPlan {
            settings: &settings,
            mappings,
            hash: &plan.hash,
        };
        if let Some(reason) = elastic.try_mapping(&plan.index, index).await? {
            let place = blamed(&definition.fields, &reason).unwrap_or(&definition.place);
            let found = format!("Elasticsearch refuses the index: {reason}");
            report.mistakes.add(
                place,
                found,
                "correct the type, its parameters, or `settings:`, as the reason says",
            );
        } else {
            report.well.push(format!(
                "index {}: Elasticsearch takes mapping and settings",
                plan.index
            ));
        }
    }
    Ok(())
}

/// The field that the reason means: named as in `declared on field [title]`, or by a parameter of its mapping as in
/// `analyzer [englisch]`. Names come without their path, so the first that fits serves; the reason stands beside it.
fn blamed<'d>(fields: &'d Fields, reason: &str) -> Option<&'d Place> {
    let bracketed = |from: &'static str| reason.split(from).skip(1).filter_map(|rest| rest.split(']').next());
    let by_name = |name: &str| found(fields, &|known, _| known == name.rsplit('.').next().unwrap_or(name));
    let by_value = |word: &str| found(fields, &|_, mapping| mapping.values().any(|value| value == word));
    bracketed("field [")
        .find_map(by_name)
        .or_else(|| bracketed("[").find_map(by_value))
}

/// The first field, at any depth, of such a name or mapping.
fn found<'d>(fields: &'d Fields, is: &impl Fn(&str, &Mapping) -> bool) -> Option<&'d Place> {
    fields.iter().find_map(|(name, field)| {
        let here = is(name, field.mapping()).then_some(&field.place);
        here.or_else(|| found(field.fields()?, is))
    })
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
