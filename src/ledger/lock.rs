//! Work that one daemon at a time may do: an advisory lock that a transaction holds, so that a crash frees it.

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{Postgres, Row, Transaction};

use super::error::LedgerError;

/// The transaction, if `question` comes out true in it: it asks for a lock, which is held until the transaction ends.
pub(super) async fn held(
    mut transaction: Transaction<'static, Postgres>,
    question: Query<'_, Postgres, PgArguments>,
) -> Result<Option<Transaction<'static, Postgres>>, LedgerError> {
    if question.fetch_one(&mut *transaction).await?.try_get(0)? {
        return Ok(Some(transaction));
    }
    transaction.rollback().await?;
    Ok(None)
}
