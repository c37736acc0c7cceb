//! How a verb ends when not with success: codes as sysexits has them, and what is said.

use super::say::{complain, is_unread};
use crate::daemon::DaemonError;
use crate::elastic::ElasticError;
use crate::error::{message, remedy_of};
use crate::job::JobError;
use crate::job::apply::ApplyError;
use crate::ledger::LedgerError;
use crate::mistake::{Mistake, Mistakes};
use crate::pipeline::fleet::FleetError;

/// Why the program ends without success. As an error it says nothing: the verb has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{self:?}")]
pub enum Exit {
    /// A wrong call.
    Usage = 64,
    /// Data differs.
    Data = 65,
    /// There is no such document.
    Absent = 66,
    /// A server does not answer.
    Unavailable = 69,
    /// A bug.
    Bug = 70,
    /// Nobody reads what is said.
    Unread = 74,
    /// Configuration or definitions are wrong.
    Config = 78,
}

/// A verb's own reason to end.
#[derive(Debug, thiserror::Error)]
#[error("{found}")]
pub struct Failure {
    pub exit: Exit,
    /// As a sentence without a full stop.
    pub found: String,
    /// What to do, likewise.
    pub remedy: String,
}

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
        if let Some(failure) = error.downcast_ref::<Failure>() {
            return failure.exit;
        }
        if is_unread(error) {
            return Self::Unread;
        }
        if error.is::<Mistakes>() {
            return Self::Config;
        }
        if let Some(error) = error.downcast_ref::<DaemonError>() {
            return of_daemon(error);
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

fn of_daemon(error: &DaemonError) -> Exit {
    match error {
        DaemonError::Apply(error) => of_apply(error),
        DaemonError::Fleet(FleetError::Ledger(LedgerError::Absent))
        | DaemonError::NotApplied(_)
        | DaemonError::Http(_)
        | DaemonError::Connections { .. } => Exit::Config,
        DaemonError::Fleet(_) | DaemonError::Elastic(_) | DaemonError::Postgres(_) => Exit::Unavailable,
        DaemonError::Fatal(_) => Exit::Data,
        DaemonError::Ended(_) | DaemonError::Metrics(_) => Exit::Bug,
    }
}

fn of_apply(error: &ApplyError) -> Exit {
    match error {
        ApplyError::Mistakes(_) => Exit::Config,
        ApplyError::Ledger(_) | ApplyError::Postgres(_) | ApplyError::Locked(_) => Exit::Unavailable,
    }
}

/// Says on stderr why a verb failed, and what to do, unless that has been said or nobody reads.
pub fn say(error: &anyhow::Error) {
    if error.is::<Exit>() || is_unread(error) {
        return;
    }
    if let Some(mistakes) = mistakes(error) {
        complain!("{mistakes}\n{}", mistakes.counted());
        return;
    }
    match error.downcast_ref::<sqlx::Error>() {
        Some(error) => complain!("highwater: Postgres: {}", message(error)),
        None => complain!("highwater: {error}"),
    }
    if let Some(remedy) = remedy(error) {
        complain!("  remedy: {remedy}");
    }
}

/// The same in the log, a line each: what reads a log of JSON reads no other text.
pub fn log(error: &anyhow::Error) {
    let Some(mistakes) = mistakes(error) else {
        tracing::error!(remedy = remedy(error), "{error}");
        return;
    };
    for Mistake { place, found, remedy } in &mistakes.0 {
        tracing::error!(place = %place, remedy, "{found}");
    }
}

fn mistakes(error: &anyhow::Error) -> Option<&Mistakes> {
    let applying = match error.downcast_ref::<DaemonError>() {
        Some(DaemonError::Apply(error)) => Some(error),
        _ => error.downcast_ref::<ApplyError>(),
    };
    match applying {
        Some(ApplyError::Mistakes(mistakes)) => Some(mistakes),
        _ => error.downcast_ref::<Mistakes>(),
    }
}

fn remedy(error: &anyhow::Error) -> Option<String> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return Some(failure.remedy.clone());
    }
    if let Some(error) = error.downcast_ref::<DaemonError>() {
        return remedy_of_daemon(error);
    }
    if let Some(error) = error.downcast_ref::<ApplyError>() {
        return remedy_of_apply(error);
    }
    if let Some(error) = error.downcast_ref::<LedgerError>() {
        return Some(error.remedy());
    }
    if let Some(error) = error.downcast_ref::<FleetError>() {
        return Some(remedy_of_fleet(error));
    }
    if let Some(error) = error.downcast_ref::<JobError>() {
        return error.remedy();
    }
    if let Some(error) = error.downcast_ref::<ElasticError>() {
        return Some(error.remedy().to_owned());
    }
    error.downcast_ref::<sqlx::Error>().map(remedy_of)
}

fn remedy_of_daemon(error: &DaemonError) -> Option<String> {
    match error {
        DaemonError::Apply(error) => remedy_of_apply(error),
        DaemonError::Fleet(error) => Some(remedy_of_fleet(error)),
        DaemonError::Postgres(error) => Some(remedy_of(error)),
        DaemonError::Elastic(error) => Some(error.remedy().to_owned()),
        DaemonError::Http(error) => Some(error.remedy().to_owned()),
        DaemonError::Fatal(_)
        | DaemonError::Connections { .. }
        | DaemonError::NotApplied(_)
        | DaemonError::Ended(_)
        | DaemonError::Metrics(_) => None,
    }
}

fn remedy_of_fleet(error: &FleetError) -> String {
    match error {
        FleetError::Ledger(error) => error.remedy(),
        FleetError::Catalog(error) => remedy_of(error),
    }
}

fn remedy_of_apply(error: &ApplyError) -> Option<String> {
    match error {
        ApplyError::Ledger(error) => Some(error.remedy()),
        ApplyError::Postgres(error) => Some(remedy_of(error)),
        ApplyError::Mistakes(_) => None,
        ApplyError::Locked(_) => {
            Some("run it again when the table is less busy; see pg_locks for who holds it".to_owned())
        }
    }
}
