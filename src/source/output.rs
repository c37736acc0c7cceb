//! What a row writes by itself: its values, and groups of them.
//!
//! A comma stands before every field and every item, also the first one: what opens their brackets writes over it.

use sqlx::postgres::PgRow;

use crate::catalog::Wire;
use crate::plan::{Output, Source};

use super::encode;
use super::error::SourceError;
use super::fetch::raw;

/// Appends the fields; the reason where one of them cannot be encoded.
pub fn encode_outputs(
    outputs: &[Output],
    wires: &[Wire],
    row: &PgRow,
    out: &mut Vec<u8>,
) -> Result<Option<String>, SourceError> {
    for output in outputs {
        let before = out.len();
        out.extend_from_slice(output.prefix.as_bytes());
        let value = out.len();
        let unfit = match &output.source {
            Source::Selected(at) => selected(output, *at, wires, row, out)?,
            Source::Constant(json) => {
                out.extend_from_slice(json.as_bytes());
                None
            }
            Source::Object(fields) => {
                let unfit = encode_outputs(fields, wires, row, out)?;
                enclose([b'{', b'}'], value, out);
                unfit
            }
            Source::Single { members, whole } => single(members, *whole, wires, row, out)?,
        };
        if unfit.is_some() {
            return Ok(unfit);
        }
        if output.drop && &out[value..] == b"null" {
            out.truncate(before);
        }
    }
    Ok(None)
}

fn selected(
    output: &Output,
    at: usize,
    wires: &[Wire],
    row: &PgRow,
    out: &mut Vec<u8>,
) -> Result<Option<String>, SourceError> {
    let Some(bytes) = raw(row, at)? else {
        out.extend_from_slice(b"null");
        return Ok(None);
    };
    let encoded = encode::encode(wires[at], bytes, out);
    Ok(encoded
        .err()
        .map(|unfit| format!("field {} ({}): {unfit}", output.path, output.origin)))
}

/// An object of the members that are not null, or `null`.
fn single(
    members: &[Output],
    whole: bool,
    wires: &[Wire],
    row: &PgRow,
    out: &mut Vec<u8>,
) -> Result<Option<String>, SourceError> {
    let start = out.len();
    let mut written = 0;
    for member in members {
        let before = out.len();
        let unfit = encode_outputs(std::slice::from_ref(member), wires, row, out)?;
        if unfit.is_some() {
            return Ok(unfit);
        }
        written += usize::from(out.len() > before);
    }
    if written == 0 || whole && written < members.len() {
        out.truncate(start);
        out.extend_from_slice(b"null");
    } else {
        enclose([b'{', b'}'], start, out);
    }
    Ok(None)
}

/// Puts what was appended from `start` on between brackets, the first of them in the place of its comma.
pub fn enclose([open, close]: [u8; 2], start: usize, out: &mut Vec<u8>) {
    match out.get_mut(start) {
        Some(comma) => *comma = open,
        None => out.push(open),
    }
    out.push(close);
}
