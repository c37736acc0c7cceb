//! Connections to Postgres: settings that hold for all of them, and pools for those who work side by side.

use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::settings::PostgresSettings;

/// The database, through one pool. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Postgres {
    pool: PgPool,
    options: PgConnectOptions,
    connect_timeout: Duration,
    /// For builds: how long a lock on an application's table is waited for.
    pub(super) lock_timeout: Duration,
}

impl Postgres {
    /// A pool that connects when first used.
    ///
    /// # Errors
    /// A URL that cannot be read.
    pub fn new(settings: &PostgresSettings) -> Result<Self, sqlx::Error> {
        let options = options(&settings.url, settings)?;
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.connect_timeout)
            .test_before_acquire(false) // a round trip a batch; a dead connection shows at its first statement
            .idle_timeout(Duration::from_mins(5))
            .connect_lazy_with(options.clone());
        Ok(Self {
            pool,
            options,
            connect_timeout: settings.connect_timeout,
            lock_timeout: settings.lock_timeout,
        })
    }

    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// One connection outside the pool: the pool hides why it cannot connect.
    ///
    /// # Errors
    /// The true cause: refused, unknown host, wrong password.
    pub async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        tokio::time::timeout(self.connect_timeout, self.options.connect())
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::TimedOut))))
    }

    /// Who connects, for messages: `role@host:port/database`, no password.
    #[must_use]
    pub fn address(&self) -> String {
        let database = self
            .options
            .get_database()
            .unwrap_or_else(|| self.options.get_username());
        format!(
            "{}@{}:{}/{database}",
            self.options.get_username(),
            self.options.get_host(),
            self.options.get_port()
        )
    }

    #[must_use]
    pub fn role(&self) -> &str {
        self.options.get_username()
    }
}

/// Connects as the owner of the ledger and of the captured tables.
///
/// # Errors
/// As [`Postgres::connect`].
pub async fn connect_owner(settings: &PostgresSettings) -> Result<PgConnection, sqlx::Error> {
    let url = settings.owner_url.as_ref().unwrap_or(&settings.url);
    let options = options(url, settings)?;
    let mut connection = tokio::time::timeout(settings.connect_timeout, options.connect())
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::TimedOut))))?;
    connection.ping().await?;
    Ok(connection)
}

fn options(url: &SecretString, settings: &PostgresSettings) -> Result<PgConnectOptions, sqlx::Error> {
    let mut options = PgConnectOptions::from_str(url.expose_secret())?
        .application_name("highwater")
        // Statements are few a plan, but plans may be many: relations × index generations.
        .statement_cache_capacity(500)
        .options([
            ("jit", "off"),
            ("plan_cache_mode", "force_generic_plan"),
            // Keys are texts that Postgres makes, on whichever connection; and a policy must fail, never hide a row.
            ("row_security", "off"),
            ("timezone", "UTC"),
            ("datestyle", "ISO, YMD"),
            ("intervalstyle", "iso_8601"),
            ("bytea_output", "hex"),
            ("extra_float_digits", "1"),
            (
                "statement_timeout",
                &format!("{}ms", settings.statement_timeout.as_millis()),
            ),
            ("client_min_messages", "error"),
        ])
        .disable_statement_logging();
    if let Some(file) = &settings.ca_file {
        options = options.ssl_root_cert(file);
        if matches!(
            options.get_ssl_mode(),
            PgSslMode::Prefer | PgSslMode::Allow | PgSslMode::Disable
        ) {
            options = options.ssl_mode(PgSslMode::VerifyFull);
        }
    }
    Ok(options)
}
