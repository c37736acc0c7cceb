//! What views are made of, out of their parse trees: `pg_depend` does not know the system's own tables and functions, and
//! the text form of the tree names everything by oid.

use std::collections::HashMap;

use sqlx::postgres::types::Oid;
use sqlx::{PgConnection, Row};

use super::catalog::Tables;
use super::proof::{OFFENDING_CASTS, OFFENDING_FUNCTIONS, PINNED};
use crate::catalog::View;

/// In the text form, a space within a name stands behind a backslash, so that no name looks like what is sought. A cast by
/// way of text is the only node with these three fields in a row. Until Postgres 15, a view's own name is in its tree.
const VIEWS: &str = r"
select r.ev_class,
       array(select found[1]::oid from regexp_matches(t.tree, ':rtekind 0 :relid (\d+)', 'g') as found
             where found[1]::oid <> r.ev_class),
       array(select found[1]::oid from regexp_matches(t.tree, ':(?:funcid|opfuncid) (\d+)', 'g') as found),
       array(select found[1]::oid from regexp_matches(t.tree, ':resulttype (\d+) :resultcollid \d+ :coerceformat', 'g') as found),
       case when t.tree like '%{SQLVALUEFUNCTION %' then 'the clock or the session''s user (current_date, current_user and their kin)'
            when t.tree like '%{NEXTVALUEEXPR %' then 'a sequence'
            when t.tree like '%{TABLESAMPLECLAUSE %' then 'a sample (TABLESAMPLE)'
            when t.tree like '%:varattno -%' then 'a system column' end
from pg_rewrite r
join pg_class c on c.oid = r.ev_class and c.relkind = 'v'
join pg_namespace n on n.oid = c.relnamespace
                   and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'highwater')
cross join lateral (select r.ev_action::text as tree) t
where r.ev_type = '1'";

/// Fills in what each view is made of.
pub async fn read(connection: &mut PgConnection, tables: &mut Tables) -> Result<(), sqlx::Error> {
    let rows = sqlx::query(VIEWS).fetch_all(&mut *connection).await?;
    let all = |at: usize| -> Result<Vec<Oid>, sqlx::Error> {
        let lists: Vec<Vec<Oid>> = rows.iter().map(|row| row.try_get(at)).collect::<Result<_, _>>()?;
        Ok(lists.concat())
    };
    let functions = functions(connection, &all(2)?).await?;
    let casts = casts(connection, &all(3)?).await?;
    for row in &rows {
        let first = |at: usize, of: &HashMap<u32, String>| -> Result<Option<String>, sqlx::Error> {
            let oids: Vec<Oid> = row.try_get(at)?;
            Ok(oids.iter().find_map(|oid| of.get(&oid.0).cloned()))
        };
        let unsteady = match (first(2, &functions)?, first(3, &casts)?) {
            (Some(function), _) => Some(function),
            (None, Some(cast)) => Some(cast),
            (None, None) => row.try_get(4)?,
        };
        let reads: Vec<Oid> = row.try_get(1)?;
        if let Some(table) = tables.get_mut(&row.try_get::<Oid, _>(0)?.0) {
            table.view = Some(View {
                reads: reads.into_iter().map(|oid| oid.0).collect(),
                unsteady,
            });
        }
    }
    Ok(())
}

/// Those that may give another result although nothing they are given has changed.
async fn functions(connection: &mut PgConnection, of: &[Oid]) -> Result<HashMap<u32, String>, sqlx::Error> {
    let rows = sqlx::query(OFFENDING_FUNCTIONS)
        .bind(of)
        .bind(PINNED.as_slice())
        .bind(false) // highwater.clock() neither: a view has no `due`
        .fetch_all(connection)
        .await?;
    let named = |row: &sqlx::postgres::PgRow| Ok((row.try_get::<Oid, _>(2)?.0, row.try_get(0)?));
    rows.iter().map(named).collect()
}

/// Types that texts are cast to, and cannot be without looking at the clock or at settings.
async fn casts(connection: &mut PgConnection, of: &[Oid]) -> Result<HashMap<u32, String>, sqlx::Error> {
    let rows = sqlx::query(OFFENDING_CASTS).bind(of).fetch_all(connection).await?;
    let named = |row: &sqlx::postgres::PgRow| {
        let cast = format!("a cast of text to {}", row.try_get::<&str, _>(0)?);
        Ok((row.try_get::<Oid, _>(1)?.0, cast))
    };
    rows.iter().map(named).collect()
}
