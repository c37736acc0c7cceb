//! Where a row stands among those of its parent: its key in an object, and what it sorts by.

use sqlx::postgres::PgRow;

use crate::plan::{Level, Rank};

use super::arena::count;
use super::encode;
use super::error::SourceError;
use super::fetch::{malformed, raw};

/// Appends the key that a row has in its object, a comma before it, if rows of the level have one; false where it is null.
pub fn push_key(level: &Level, row: &PgRow, out: &mut Vec<u8>) -> Result<bool, SourceError> {
    let Some(at) = level.key else { return Ok(true) };
    let Some(bytes) = raw(row, at)? else {
        return Ok(false);
    };
    out.push(b',');
    encode::encode(level.select.wires[at], bytes, out).map_err(malformed)?;
    out.push(b':');
    Ok(true)
}

/// Appends what the row sorts by: rows of one key stand together; then for each column a byte for null, then bytes that compare as the values do.
pub fn push_rank(level: &Level, row: &PgRow, out: &mut Vec<u8>) -> Result<(u32, u32), SourceError> {
    let start = out.len();
    if let Some(at) = level.key {
        encode::push_sort_key(level.select.wires[at], raw(row, at)?.unwrap_or_default(), out);
    }
    if let Rank::Worker(columns) = &level.order {
        for column in columns {
            let value = raw(row, column.at)?;
            out.push(u8::from(value.is_none() != column.nulls_first));
            if let Some(bytes) = value {
                let from = out.len();
                encode::push_sort_key(level.select.wires[column.at], bytes, out);
                if column.descending {
                    out[from..].iter_mut().for_each(|byte| *byte = !*byte);
                }
            }
        }
    }
    Ok((count(start), count(out.len())))
}
