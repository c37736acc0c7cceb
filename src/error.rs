//! What a failure of Postgres is called, and what a person does about it.

/// What the server or the connection says, in one line. The driver's own form adds the line of Postgres' source where
/// the error was raised.
#[must_use]
pub fn message(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// What to do about an error of Postgres, for one who just set things up.
#[must_use]
pub fn remedy_of(error: &sqlx::Error) -> String {
    let text = match error {
        sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => {
            "nothing listens there: check host and port in postgres.url, and that Postgres runs"
        }
        sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::TimedOut => {
            "no answer: check host and port in postgres.url, and firewalls on the way"
        }
        sqlx::Error::Io(_) => "the host cannot be reached: check its name in postgres.url",
        sqlx::Error::Tls(_) => "check sslmode in postgres.url, and postgres.ca_file",
        sqlx::Error::Configuration(_) => "postgres.url is postgres://user:password@host:port/database",
        sqlx::Error::PoolTimedOut => "all connections are in use or none can be made: check postgres.max_connections",
        sqlx::Error::Database(error) => match error.code().as_deref() {
            Some("28P01" | "28000") => "check user and password in postgres.url, and pg_hba.conf on the server",
            Some("3D000") => "the database does not exist: check its name in postgres.url",
            Some("42501") => "the role lacks a right: run `highwater apply` with an owner_url, or grant it",
            Some("53300") => {
                "the server takes no more connections: raise its max_connections or lower postgres.max_connections"
            }
            Some("3F000" | "42P01") => "run `highwater apply` first",
            _ => "see the message of the server",
        },
        _ => "see the message",
    };
    text.to_owned()
}
