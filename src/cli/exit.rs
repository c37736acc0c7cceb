//! Exit codes, as sysexits has them.

use std::fmt;

use crate::daemon::DaemonError;
use crate::elastic::ElasticError;
use crate::job::JobError;
use crate::job::apply::ApplyError;
use crate::ledger::LedgerError;
use crate::mistake::Mistakes;
use crate::pipeline::fleet::FleetError;

/// Why the program ends without success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A wrong call.
    Usage = 64,
    /// Data differs.
    Data = 65,
    /// A server does not answer.
    Unavailable = 69,
    /// A bug.
    Bug = 70,
    /// Nobody reads what is said.
    Unread = 74,
    /// Configuration or definitions are wrong.
    Config = 78,
}

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Usage => "wrong call",
            Self::Data => "data differs",
            Self::Unavailable => "a server does not answer",
            Self::Bug => "a bug",
            Self::Unread => "nobody reads the output",
            Self::Config => "configuration",
        })
    }
}

impl std::error::Error for Exit {}

impl Exit {
    /// What a report's code means.
    ///
    /// # Errors
    /// For every code but 0.
    pub fn with_code(code: u8) -> anyhow::Result<()> {
        match code {
            0 => Ok(()),
            69 => Err(Self::Unavailable.into()),
            _ => Err(Self::Config.into()),
        }
    }

    /// The code for an error.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        if let Some(exit) = error.downcast_ref::<Self>() {
            return *exit;
        }
        if super::say::is_unread(error) {
            return Self::Unread;
        }
        if error.is::<Mistakes>() {
            return Self::Config;
        }
        if let Some(error) = error.downcast_ref::<DaemonError>() {
            return match error {
                DaemonError::Apply(error) => of_apply(error),
                DaemonError::Fleet(FleetError::Ledger(LedgerError::Absent)) | DaemonError::NotApplied(_) => {
                    Self::Config
                }
                DaemonError::Fleet(_) | DaemonError::Elastic(_) | DaemonError::Postgres(_) => Self::Unavailable,
                DaemonError::Fatal(_) => Self::Data,
                DaemonError::Http(_) | DaemonError::Connections { .. } => Self::Config,
                DaemonError::Ended(_) | DaemonError::Metrics(_) => Self::Bug,
            };
        }
        if let Some(error) = error.downcast_ref::<ApplyError>() {
            return of_apply(error);
        }
        if error.is::<LedgerError>()
            || error.is::<sqlx::Error>()
            || error.is::<ElasticError>()
            || error.is::<FleetError>()
            || error.is::<JobError>()
        {
            return Self::Unavailable;
        }
        Self::Bug
    }
}

fn of_apply(error: &ApplyError) -> Exit {
    match error {
        ApplyError::Mistakes(_) => Exit::Config,
        ApplyError::Ledger(_) | ApplyError::Postgres(_) | ApplyError::Locked(_) => Exit::Unavailable,
    }
}

/// What to do about an error, where there is something to say.
#[must_use]
pub fn remedy(error: &anyhow::Error) -> Option<String> {
    let postgres = |error: &sqlx::Error| Some(crate::ledger::error::remedy_of(error));
    let apply = |error: &ApplyError| match error {
        ApplyError::Ledger(error) => Some(error.remedy()),
        ApplyError::Postgres(error) => postgres(error),
        ApplyError::Mistakes(_) => None,
        ApplyError::Locked(_) => {
            Some("run it again when the table is less busy; see pg_locks for who holds it".to_owned())
        }
    };
    if let Some(error) = error.downcast_ref::<DaemonError>() {
        return match error {
            DaemonError::Apply(error) => apply(error),
            DaemonError::Fleet(FleetError::Ledger(error)) => Some(error.remedy()),
            DaemonError::Fleet(FleetError::Catalog(error)) | DaemonError::Postgres(error) => postgres(error),
            DaemonError::Elastic(error) => Some(error.remedy().to_owned()),
            DaemonError::Http(error) => Some(error.remedy().to_owned()),
            DaemonError::Fatal(_)
            | DaemonError::Connections { .. }
            | DaemonError::NotApplied(_)
            | DaemonError::Ended(_)
            | DaemonError::Metrics(_) => None,
        };
    }
    if let Some(error) = error.downcast_ref::<ApplyError>() {
        return apply(error);
    }
    if let Some(error) = error.downcast_ref::<LedgerError>() {
        return Some(error.remedy());
    }
    if let Some(JobError::Elastic(error)) = error.downcast_ref::<JobError>() {
        return Some(error.remedy().to_owned());
    }
    if let Some(error) = error.downcast_ref::<ElasticError>() {
        return Some(error.remedy().to_owned());
    }
    error.downcast_ref::<sqlx::Error>().and_then(postgres)
}
