//! Reads [`Catalog`] out of `pg_catalog`: a few statements over whole sets, however many tables there are, for
//! Postgres 13 and later. What the tables mean to a definition is for `crate::plan` to say.
//!
//! All statements share one snapshot, so that a migration in between cannot tear the picture. They run with
//! `search_path = pg_catalog`, as the statements planned from it do: `format_type` leaves out the schema of a type
//! only where the search path would find it. Columns that newer versions added to the catalog are read by way of
//! `to_jsonb(row)`, which gives null for them on older ones.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use sqlx::postgres::types::Oid;
use sqlx::{Connection, PgConnection, Row};

use super::types::Types;
use super::view;
use crate::catalog::{Catalog, Column, ForeignKey, Table, TableKind};

/// Everything the current role may know about the database it is connected to.
///
/// # Errors
/// Those of the connection; it must not be inside a transaction, as this opens one.
pub async fn read_catalog(connection: &mut PgConnection) -> Result<Catalog, sqlx::Error> {
    let mut transaction = connection
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let (server_version, search_path, role) = settings(&mut transaction).await?;
    sqlx::query("SET LOCAL search_path = pg_catalog")
        .execute(&mut *transaction)
        .await?;
    let mut tables = tables(&mut transaction).await?;
    let types = Types::read(&mut transaction).await?;
    columns(&mut transaction, &types, &mut tables).await?;
    leaves(&mut transaction, &mut tables).await?;
    indexes(&mut transaction, &mut tables).await?;
    foreign_keys(&mut transaction, &mut tables).await?;
    view::read(&mut transaction, &mut tables).await?;
    let whole_publications = whole_publications(&mut transaction).await?;
    transaction.rollback().await?;
    Ok(Catalog {
        role,
        search_path,
        tables: tables.into_values().collect(),
        whole_publications,
        server_version,
    })
}

/// The tables being filled in, by oid, in the order of their names.
pub type Tables = IndexMap<u32, Table>;

async fn settings(connection: &mut PgConnection) -> Result<(u32, Vec<String>, String), sqlx::Error> {
    let row = sqlx::query(
        "select pg_catalog.current_setting('server_version_num')::pg_catalog.int4, \
                pg_catalog.current_schemas(false)::pg_catalog.text[], current_user::pg_catalog.text",
    )
    .fetch_one(connection)
    .await?;
    Ok((
        u32::try_from(row.try_get::<i32, _>(0)?).unwrap_or_default(),
        row.try_get(1)?,
        row.try_get(2)?,
    ))
}

/// Names that begin with `pg_` are reserved for the system: its catalog, TOAST and temporary tables.
///
/// A build locks its tables, and `LOCK TABLE … IN ACCESS SHARE MODE` wants SELECT on the whole table: a grant of single
/// columns does not do, so it does not count as readable.
///
/// `pg_subscription_rel` belongs to this database and may be read by everyone. A subscription to a partitioned table is
/// listed there for that table alone, and its rows go to the partitions.
const TABLES: &str = concat!(
    r"
select c.oid, n.nspname::text, c.relname::text, c.relkind::text,
       c.relrowsecurity and row_security_active(c.oid),
       has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select'),
       ",
    shape!("c.oid"),
    r",
       exists (select from pg_subscription_rel s
               where s.srrelid = c.oid or s.srrelid in (select relid from pg_partition_ancestors(c.oid)))
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f')
  and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'highwater')
order by n.nspname, c.relname"
);

async fn tables(connection: &mut PgConnection) -> Result<Tables, sqlx::Error> {
    let rows = sqlx::query(TABLES).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let oid = row.try_get::<Oid, _>(0)?.0;
            let kind = match row.try_get::<&str, _>(3)? {
                "p" => TableKind::Partitioned,
                "v" => TableKind::View,
                "m" => TableKind::MaterializedView,
                "f" => TableKind::Foreign,
                _ => TableKind::Table,
            };
            let table = Table {
                oid,
                schema: row.try_get(1)?,
                name: row.try_get(2)?,
                kind,
                shape: row.try_get::<Option<String>, _>(6)?.unwrap_or_default(),
                columns: IndexMap::new(),
                primary_key: Vec::new(),
                unique: Vec::new(),
                indexes: Vec::new(),
                foreign_keys: Vec::new(),
                leaves: Vec::new(),
                parents: Vec::new(),
                inherited: false,
                view: None,
                row_security: row.try_get(4)?,
                readable: row.try_get(5)?,
                subscribed: row.try_get(7)?,
            };
            Ok((oid, table))
        })
        .collect()
}

/// `bytes` tells the text types whose comparison looks at nothing but the bytes: `bpchar` ignores trailing blanks.
///
/// A collation orders by bytes when it is `C` or `POSIX` of libc, or any of the builtin provider's (since Postgres 17),
/// which order by code point: in UTF-8 that is the order of bytes. `default` is the database's own collation, which is
/// always deterministic. In another encoding the bytes compared by the server are not those sent to us.
///
/// The expression of a virtual generated column depends on the columns that it reads (`pg_attrdef` in `pg_depend`).
const COLUMNS: &str = r"
with recursive base (oid, base) as (
    select oid, oid from pg_type where typtype <> 'd'
    union all
    select t.oid, base.base from pg_type t join base on t.typbasetype = base.oid where t.typtype = 'd'
), here as (
    select pg_encoding_to_char(d.encoding) in ('UTF8', 'SQL_ASCII') as utf8,
           coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') as provider, d.datcollate::text as collate
    from pg_database d where d.datname = current_database()
), computed as (
    select e.adrelid, e.adnum, array_agg(distinct b.attname::text) as names
    from pg_attrdef e
    join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = e.oid
                    and d.refclassid = 'pg_class'::regclass and d.refobjid = e.adrelid
                    and d.refobjsubid > 0 and d.refobjsubid <> e.adnum
    join pg_attribute b on b.attrelid = e.adrelid and b.attnum = d.refobjsubid
    group by e.adrelid, e.adnum
), seen as (
    select a.*, base.base, base.base in (25, 1043, 19) as bytes,
           co.collisdeterministic as deterministic,
           case co.collprovider when 'd' then here.provider else co.collprovider::text end as provider,
           case co.collprovider when 'd' then here.collate else co.collcollate::text end as collate, here.utf8
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm', 'f')
    join pg_namespace n on n.oid = c.relnamespace
                       and n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'highwater')
    join base on base.oid = a.atttypid
    left join pg_collation co on co.oid = a.attcollation
    cross join here
    where a.attnum > 0 and not a.attisdropped
)
select s.attrelid, s.attname::text, format_type(s.atttypid, s.atttypmod), s.base, s.attnotnull,
       s.attgenerated = 'v', computed.names,
       s.bytes and s.deterministic is not false
         or s.base in (16, 17, 20, 21, 23, 26, 1082, 1114, 1184, 2950),
       s.bytes and s.utf8 and (s.provider = 'b' or s.provider = 'c' and s.collate in ('C', 'POSIX')) is true,
       s.base >= 16384 and ty.typtype = 'b' and ty.typcategory <> 'A'
from seen s
join pg_type ty on ty.oid = s.base
left join computed on computed.adrelid = s.attrelid and computed.adnum = s.attnum
order by s.attrelid, s.attnum";

async fn columns(connection: &mut PgConnection, types: &Types, tables: &mut Tables) -> Result<(), sqlx::Error> {
    for row in sqlx::query(COLUMNS).fetch_all(connection).await? {
        let Some(table) = tables.get_mut(&row.try_get::<Oid, _>(0)?.0) else {
            continue;
        };
        let name: String = row.try_get(1)?;
        let type_oid = row.try_get::<Oid, _>(3)?.0;
        let is_virtual: bool = row.try_get(5)?;
        let base: Option<Vec<String>> = row.try_get(6)?;
        let column = Column {
            name: name.clone(),
            type_name: row.try_get(2)?,
            type_oid,
            wire: types.wire(type_oid),
            via: types.via(type_oid),
            not_null: row.try_get(4)?,
            virtual_base: is_virtual.then(|| base.unwrap_or_default()),
            byte_equal: row.try_get(7)?,
            collation_c: row.try_get(8)?,
            foreign: row.try_get(9)?,
        };
        table.columns.insert(name, column);
    }
    Ok(())
}

/// Only B-trees and hashes serve equality. `indkey` holds 0 for an expression: there the list of columns ends.
/// Those after `indnkeyatts` are only stored (`INCLUDE`), not looked up.
///
/// Classic inheritance shares no index with the children, which a query of the parent reads too: keys and uniqueness are
/// then a promise about some of the rows, and are not reported.
const INDEXES: &str = r"
select i.indrelid, i.indisprimary,
       i.indisunique and i.indimmediate and i.indpred is null and bool_and(k.attnum <> 0),
       am.amname in ('btree', 'hash') and i.indpred is null,
       array_agg(a.attname::text order by k.place)
from pg_index i
join pg_class x on x.oid = i.indexrelid
join pg_am am on am.oid = x.relam
cross join lateral unnest(i.indkey::int2[]) with ordinality k (attnum, place)
left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum and k.attnum > 0
where i.indisvalid and i.indislive and k.place <= i.indnkeyatts
group by i.indexrelid, i.indrelid, i.indisprimary, i.indisunique, i.indimmediate, i.indpred is null, am.amname
order by i.indrelid, i.indisprimary desc, i.indexrelid";

async fn indexes(connection: &mut PgConnection, tables: &mut Tables) -> Result<(), sqlx::Error> {
    for row in sqlx::query(INDEXES).fetch_all(connection).await? {
        let Some(table) = tables.get_mut(&row.try_get::<Oid, _>(0)?.0) else {
            continue;
        };
        let (primary, unique, serves): (bool, bool, bool) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        let leading: Vec<String> = row
            .try_get::<Vec<Option<String>>, _>(4)?
            .into_iter()
            .map_while(|name| name)
            .collect();
        if leading.is_empty() {
            continue;
        }
        if primary && !table.inherited {
            table.primary_key.clone_from(&leading);
        }
        if unique && !table.inherited {
            table.unique.push(leading.clone());
        }
        if serves {
            table.indexes.push(leading);
        }
    }
    Ok(())
}

/// A partition's copy of its parent's constraint, and the copies for each partition of a partitioned target, name the
/// original in `conparentid`: only originals count. A temporal key (`PERIOD`, since Postgres 18) joins by containment,
/// not by equality.
const FOREIGN_KEYS: &str = r"
select f.conrelid, f.confrelid,
       array_agg(a.attname::text order by k.place), array_agg(b.attname::text order by k.place)
from pg_constraint f
cross join lateral unnest(f.conkey, f.confkey) with ordinality k (attnum, target, place)
join pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.attnum
join pg_attribute b on b.attrelid = f.confrelid and b.attnum = k.target
where f.contype = 'f' and f.conparentid = 0 and (to_jsonb(f) ->> 'conperiod')::bool is not true
group by f.oid, f.conrelid, f.confrelid, f.conname
order by f.conrelid, f.conname";

async fn foreign_keys(connection: &mut PgConnection, tables: &mut Tables) -> Result<(), sqlx::Error> {
    for row in sqlx::query(FOREIGN_KEYS).fetch_all(connection).await? {
        let Some(table) = tables.get_mut(&row.try_get::<Oid, _>(0)?.0) else {
            continue;
        };
        table.foreign_keys.push(ForeignKey {
            target: row.try_get::<Oid, _>(1)?.0,
            columns: row.try_get(2)?,
            target_columns: row.try_get(3)?,
        });
    }
    Ok(())
}

/// Only direct inheritance is asked for: `descend` finds the depth, as one query a level would not.
const INHERITANCE: &str = "
select h.inhparent, h.inhrelid, c.relkind in ('r', 'f'), not c.relispartition
from pg_inherits h
join pg_class c on c.oid = h.inhrelid
where c.relkind in ('r', 'p', 'f')
order by h.inhrelid";

async fn leaves(connection: &mut PgConnection, tables: &mut Tables) -> Result<(), sqlx::Error> {
    let mut children: HashMap<u32, Vec<(u32, bool)>> = HashMap::new();
    for row in sqlx::query(INHERITANCE).fetch_all(connection).await? {
        let (parent, child) = (row.try_get::<Oid, _>(0)?.0, row.try_get::<Oid, _>(1)?.0);
        children.entry(parent).or_default().push((child, row.try_get(2)?));
        if let Some(table) = tables.get_mut(&parent) {
            table.inherited |= row.try_get::<bool, _>(3)?;
        }
        if let Some(table) = tables.get_mut(&child) {
            table.parents.push(parent);
        }
    }
    let subscribed: HashSet<u32> = tables
        .values()
        .filter_map(|table| table.subscribed.then_some(table.oid))
        .collect();
    for table in tables.values_mut() {
        descend(table.oid, &children, &mut table.leaves);
        table.leaves.sort_unstable();
        table.leaves.dedup(); // a child may inherit from several tables
        table.subscribed |= table.leaves.iter().any(|leaf| subscribed.contains(leaf));
    }
    Ok(())
}

fn descend(parent: u32, children: &HashMap<u32, Vec<(u32, bool)>>, leaves: &mut Vec<u32>) {
    for &(child, holds_rows) in children.get(&parent).into_iter().flatten() {
        if holds_rows {
            leaves.push(child);
        }
        descend(child, children, leaves);
    }
}

async fn whole_publications(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query("select pubname::text from pg_publication where puballtables order by pubname")
        .fetch_all(connection)
        .await?
        .iter()
        .map(|row| row.try_get(0))
        .collect()
}
