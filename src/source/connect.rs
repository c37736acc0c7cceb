//! Connections to Postgres: settings that hold for all of them, and pools for those who work side by side.
//!
//! The server ends what takes too long. Where nothing arrives any more and nothing says so, as behind a firewall that has
//! forgotten a connection, neither side would ever know: here every wait has an end ([`Postgres::within`]), and a server
//! is told to look after a client that is silent for a minute.

use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection, PgConnection};
use url::Url;

use super::settings::PostgresSettings;
use crate::error::remedy_of;

/// The database, through one pool. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Postgres {
    pool: PgPool,
    options: PgConnectOptions,
    /// Whether the URL says who connects.
    names_user: bool,
    connect_timeout: Duration,
    /// The longest that a connection and a statement may take together.
    patience: Duration,
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
        let pool = pool(settings.connect_timeout)
            .max_connections(settings.max_connections)
            .idle_timeout(Duration::from_mins(5))
            .connect_lazy_with(options.clone());
        Ok(Self {
            pool,
            options,
            names_user: names_user(settings.url.expose_secret()),
            connect_timeout: settings.connect_timeout,
            patience: settings.connect_timeout + settings.statement_timeout,
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
            .unwrap_or_else(|_| Err(timed_out()))
    }

    /// Waits for a connection and one long statement, or some short ones, as long as the server itself would let them
    /// take: past that nobody is there any more. What was under way on a connection is given up with it.
    ///
    /// # Errors
    /// Those of `work`; one that passes by itself when the time is over.
    pub async fn within<T, E: From<sqlx::Error>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        tokio::time::timeout(self.patience, work)
            .await
            .unwrap_or_else(|_| Err(timed_out().into()))
    }

    /// Waits for a statement that may take longer than any other, looking from time to time whether it is still there:
    /// `lost` asks over another connection.
    ///
    /// # Errors
    /// Those of either; one that passes by itself when it is lost.
    pub async fn unless_lost<T, E: From<sqlx::Error>, L: Future<Output = Result<bool, E>>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
        lost: impl Fn() -> L,
    ) -> Result<T, E> {
        tokio::pin!(work);
        loop {
            if let Ok(done) = tokio::time::timeout(self.patience, &mut work).await {
                return done;
            }
            if self.within(lost()).await? {
                return Err(timed_out().into());
            }
        }
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

    /// What to do about an error of [`Self::connect`].
    #[must_use]
    pub fn remedy(&self, error: &sqlx::Error) -> String {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        if self.names_user || code.is_none_or(|code| !code.starts_with("28")) {
            return remedy_of(error);
        }
        format!(
            "postgres.url names no user, and {:?} was tried, from PGUSER or the system: write postgres://user:password@host:port/database",
            self.role()
        )
    }
}

fn names_user(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| !url.username().is_empty() || url.query_pairs().any(|(name, _)| name == "user"))
}

fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::TimedOut))
}

/// What holds for every pool.
pub(super) fn pool(connect_timeout: Duration) -> PgPoolOptions {
    PgPoolOptions::new()
        .acquire_timeout(connect_timeout)
        .test_before_acquire(false) // a round trip a batch; a dead connection shows at its first statement
        // One that was given up in the middle of something is closed unless it is soon well again.
        .after_release(move |connection, _| {
            Box::pin(async move {
                let answer = tokio::time::timeout(connect_timeout, connection.ping()).await;
                Ok(answer.is_ok_and(|answer| answer.is_ok()))
            })
        })
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
        .unwrap_or_else(|_| Err(timed_out()))?;
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
            // A server whose client has vanished gives its locks back after a minute, not after two hours.
            ("tcp_keepalives_idle", "30"),
            ("tcp_keepalives_interval", "10"),
            ("tcp_keepalives_count", "3"),
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

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::Instant;

    use super::*;

    fn postgres() -> Postgres {
        let settings = PostgresSettings {
            url: "postgres://nobody@127.0.0.1:1/nowhere".into(),
            ..PostgresSettings::default()
        };
        Postgres::new(&settings).unwrap()
    }

    type Nothing = Result<(), sqlx::Error>;

    #[tokio::test(start_paused = true)]
    async fn a_wait_for_nobody_ends_after_the_longest_statement() {
        let started = Instant::now();
        let ended = postgres().within(pending::<Nothing>()).await;
        assert!(matches!(ended, Err(sqlx::Error::Io(_))), "{ended:?}");
        assert_eq!(started.elapsed(), Duration::from_secs(65));
        postgres().within(ready(Nothing::Ok(()))).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_statement_is_waited_for_unless_it_is_lost() {
        let (started, looks) = (Instant::now(), std::cell::Cell::new(0));
        let lost = || {
            looks.set(looks.get() + 1);
            ready(Ok::<bool, sqlx::Error>(looks.get() == 3))
        };
        let long = async {
            tokio::time::sleep(Duration::from_mins(3)).await;
            Nothing::Ok(())
        };
        postgres().unless_lost(long, lost).await.unwrap();
        assert_eq!((started.elapsed(), looks.get()), (Duration::from_mins(3), 2));
        let ended = postgres().unless_lost(pending::<Nothing>(), lost).await;
        assert!(matches!(ended, Err(sqlx::Error::Io(_))), "{ended:?}");
        assert_eq!(looks.get(), 3);
    }
}
