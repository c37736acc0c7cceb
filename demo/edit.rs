//! One page's change as the application makes it: read under a lock, compare, write, all in the caller's transaction.

use crate::diff::{self, Item, Name, Plan, Row};
use crate::rst::Section;
use crate::site;
use anyhow::Result;
use sqlx::PgConnection;

/// What a transaction did, for the events sent after it and for whoever waits to see it.
#[derive(Debug, Default)]
pub struct Edit {
    pub document: i64,
    /// The page's revision from now on; `None` if the page is gone.
    pub revision: Option<i64>,
    pub inserted: Vec<i64>,
    pub updated: Vec<i64>,
    pub deleted: Vec<i64>,
    /// Of those on the page that the transaction did not touch, the first: it changes only with the page.
    pub untouched: Option<i64>,
    /// Rows written in all tables.
    pub rows: usize,
}

/// When references are led to their targets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum References {
    /// With the edit, as the live site does.
    Now,
    /// Once, by `resolve_all`, after a load.
    Later,
}

/// Brings the page to the wanted text and release; `None` if it is there already.
pub async fn upgrade(
    db: &mut PgConnection,
    path: &str,
    release: i64,
    wanted: &[Section],
    references: References,
) -> Result<Option<Edit>> {
    let page = site::lock_document(db, path).await?;
    if page.as_ref().is_some_and(|page| page.release_id == release) {
        return Ok(None);
    }
    let title = &wanted[0].title;
    let (document, revision) = match &page {
        None => (insert_document(db, path, release, title).await?, 1),
        Some(page) => (page.id, update_document(db, page.id, release, title).await?),
    };
    let stored = if page.is_some() {
        site::sections(db, document).await?
    } else {
        Vec::new()
    };
    let partners = diff::partners(&stored, wanted);
    let fresh = site::new_ids(db, partners.iter().filter(|partner| partner.is_none()).count()).await?;
    let mut plan = Plan::new(&stored, wanted, &partners, fresh.into_iter());
    plan.moved_names.push(("document".to_string(), path.to_string())); // its first section may be another now
    write(db, document, &plan, references).await?;
    let ids = |rows: &[Row]| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let (inserted, updated) = (ids(&plan.inserted), ids(&plan.updated));
    let untouched = stored
        .iter()
        .map(|section| section.row.id)
        .find(|id| !updated.contains(id) && !plan.deleted.contains(id));
    Ok(Some(Edit {
        document,
        revision: Some(revision),
        rows: plan.rows() + 1,
        inserted,
        updated,
        untouched,
        deleted: plan.deleted,
    }))
}

/// Takes a page off the site, with all that hangs on it.
pub async fn remove(db: &mut PgConnection, path: &str) -> Result<Option<Edit>> {
    let Some(page) = site::lock_document(db, path).await? else {
        return Ok(None);
    };
    let stored = site::sections(db, page.id).await?;
    let names = stored
        .iter()
        .flat_map(|section| &section.items)
        .filter_map(|(_, item)| item.address());
    let names: Vec<Name> = names.chain([("document".to_string(), path.to_string())]).collect();
    sqlx::query("delete from document where id = $1")
        .bind(page.id)
        .execute(&mut *db)
        .await?;
    resolve(db, &names).await?;
    let rows = 1 + stored.iter().map(|section| 1 + section.items.len()).sum::<usize>();
    Ok(Some(Edit {
        document: page.id,
        deleted: stored.into_iter().map(|section| section.row.id).collect(),
        rows,
        ..Edit::default()
    }))
}

async fn insert_document(db: &mut PgConnection, path: &str, release: i64, title: &str) -> Result<i64> {
    let sql = "insert into document (release_id, path, title) values ($1, $2, $3) returning id";
    Ok(sqlx::query_scalar(sql)
        .bind(release)
        .bind(path)
        .bind(title)
        .fetch_one(db)
        .await?)
}

async fn update_document(db: &mut PgConnection, id: i64, release: i64, title: &str) -> Result<i64> {
    let sql = "update document set release_id = $2, title = $3, revision = revision + 1, changed_at = clock_timestamp()
                where id = $1 returning revision";
    Ok(sqlx::query_scalar(sql)
        .bind(id)
        .bind(release)
        .bind(title)
        .fetch_one(db)
        .await?)
}

/// The order matters: sections that stay leave a parent before it goes, and names are all in place before references follow them.
async fn write(db: &mut PgConnection, document: i64, plan: &Plan, references: References) -> Result<()> {
    write_sections(
        db,
        document,
        "insert into section (id, document_id, parent_id, position, level, title, anchor, body)
        select id, $1, parent_id, position, level, title, anchor, body
          from unnest($2::bigint[], $3::bigint[], $4::int[], $5::smallint[], $6::text[], $7::text[], $8::text[])
            as new (id, parent_id, position, level, title, anchor, body)",
        &plan.inserted,
    )
    .await?;
    write_sections(
        db,
        document,
        "update section set parent_id = new.parent_id, position = new.position, level = new.level,
            title = new.title, anchor = new.anchor, body = new.body, changed_at = clock_timestamp()
          from unnest($2::bigint[], $3::bigint[], $4::int[], $5::smallint[], $6::text[], $7::text[], $8::text[])
            as new (id, parent_id, position, level, title, anchor, body)
         where section.id = new.id and section.document_id = $1",
        &plan.updated,
    )
    .await?;
    delete_items(db, &plan.removed).await?;
    if !plan.deleted.is_empty() {
        sqlx::query("delete from section where id = any($1)")
            .bind(&plan.deleted)
            .execute(&mut *db)
            .await?;
    }
    insert_items(db, &plan.added).await?;
    if references == References::Now {
        insert_xrefs(db, &plan.added).await?;
        resolve(db, &plan.moved_names).await?;
    } else {
        insert_unresolved_xrefs(db, &plan.added).await?;
    }
    Ok(())
}

async fn write_sections(db: &mut PgConnection, document: i64, sql: &'static str, rows: &[Row]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(sql)
        .bind(document)
        .bind(column(rows, |row| row.id))
        .bind(column(rows, |row| row.parent_id))
        .bind(column(rows, |row| row.position))
        .bind(column(rows, |row| row.level))
        .bind(column(rows, |row| row.title.clone()))
        .bind(column(rows, |row| row.anchor.clone()))
        .bind(column(rows, |row| row.body.clone()));
    query.execute(db).await?;
    Ok(())
}

async fn delete_items(db: &mut PgConnection, removed: &[(i64, Item)]) -> Result<()> {
    let ids = |wanted: fn(&Item) -> bool| {
        removed
            .iter()
            .filter(|(_, item)| wanted(item))
            .map(|(id, _)| *id)
            .collect::<Vec<_>>()
    };
    for (sql, ids) in [
        (
            "delete from label where id = any($1)",
            ids(|item| matches!(item, Item::Label { .. })),
        ),
        (
            "delete from object where id = any($1)",
            ids(|item| matches!(item, Item::Object { .. })),
        ),
        (
            "delete from version_note where id = any($1)",
            ids(|item| matches!(item, Item::Note { .. })),
        ),
        (
            "delete from xref where id = any($1)",
            ids(|item| matches!(item, Item::Xref { .. })),
        ),
    ] {
        if !ids.is_empty() {
            sqlx::query(sql).bind(ids).execute(&mut *db).await?;
        }
    }
    Ok(())
}

async fn insert_items(db: &mut PgConnection, added: &[(i64, Item)]) -> Result<()> {
    // A label that another page still holds has moved here.
    let labels: Rows<1> = rows(added, |item| {
        if let Item::Label { name } = item {
            Some([name])
        } else {
            None
        }
    });
    insert(
        db,
        "insert into label (section_id, name) select * from unnest($1::bigint[], $2::text[])
                on conflict (name) do update set section_id = excluded.section_id",
        labels,
    )
    .await?;
    let objects: Rows<3> = rows(added, |item| {
        if let Item::Object { domain, kind, name } = item {
            Some([domain, kind, name])
        } else {
            None
        }
    });
    insert(
        db,
        "insert into object (section_id, domain, kind, name)
                select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[])",
        objects,
    )
    .await?;
    let notes: Rows<2> = rows(added, |item| {
        if let Item::Note { kind, version } = item {
            Some([kind, version])
        } else {
            None
        }
    });
    insert(
        db,
        "insert into version_note (section_id, kind, version)
                select * from unnest($1::bigint[], $2::text[], $3::text[])",
        notes,
    )
    .await
}

async fn insert_xrefs(db: &mut PgConnection, added: &[(i64, Item)]) -> Result<()> {
    insert(
        db,
        "insert into xref (section_id, domain, target, target_section_id)
                select section_id, domain, target, (select address.section_id from address
                       where address.domain = new.domain and address.name = new.target order by address.id limit 1)
                  from unnest($1::bigint[], $2::text[], $3::text[]) as new (section_id, domain, target)",
        xrefs(added),
    )
    .await
}

async fn insert_unresolved_xrefs(db: &mut PgConnection, added: &[(i64, Item)]) -> Result<()> {
    insert(
        db,
        "insert into xref (section_id, domain, target) select * from unnest($1::bigint[], $2::text[], $3::text[])",
        xrefs(added),
    )
    .await
}

fn xrefs(added: &[(i64, Item)]) -> Rows<2> {
    rows(added, |item| {
        if let Item::Xref { domain, target } = item {
            Some([domain, target])
        } else {
            None
        }
    })
}

/// Rows to insert below sections: the section's id, and the other columns side by side.
struct Rows<const N: usize> {
    sections: Vec<i64>,
    columns: [Vec<String>; N],
}

fn rows<const N: usize>(
    added: &[(i64, Item)],
    values: impl for<'a> Fn(&'a Item) -> Option<[&'a String; N]>,
) -> Rows<N> {
    let mut rows = Rows {
        sections: Vec::new(),
        columns: std::array::from_fn(|_| Vec::new()),
    };
    for (section, item) in added {
        if let Some(values) = values(item) {
            rows.sections.push(*section);
            for (column, value) in rows.columns.iter_mut().zip(values) {
                column.push(value.clone());
            }
        }
    }
    rows
}

async fn insert<const N: usize>(db: &mut PgConnection, sql: &'static str, rows: Rows<N>) -> Result<()> {
    if rows.sections.is_empty() {
        return Ok(());
    }
    let query = rows
        .columns
        .into_iter()
        .fold(sqlx::query(sql).bind(rows.sections), sqlx::query::Query::bind);
    query.execute(db).await?;
    Ok(())
}

fn column<T>(rows: &[Row], value: impl Fn(&Row) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// Leads all references by these names, wherever they stand, to where the names lead now.
async fn resolve(db: &mut PgConnection, names: &[Name]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let (domains, targets): (Vec<&str>, Vec<&str>) = names
        .iter()
        .map(|(domain, name)| (domain.as_str(), name.as_str()))
        .unzip();
    let sql = "update xref set target_section_id = led.section_id
                 from (select distinct domain, name from unnest($1::text[], $2::text[]) as moved (domain, name)) moved
                 left join lateral (select section_id from address
                        where address.domain = moved.domain and address.name = moved.name order by address.id limit 1) led on true
                where xref.domain = moved.domain and xref.target = moved.name and xref.target_section_id is distinct from led.section_id";
    sqlx::query(sql).bind(domains).bind(targets).execute(db).await?;
    Ok(())
}

/// Leads every reference of the site to its target.
pub async fn resolve_all(db: &mut PgConnection) -> Result<u64> {
    let sql = "with led as (select distinct on (domain, name) domain, name, section_id from address order by domain, name, id)
               update xref set target_section_id = led.section_id
                 from xref as old left join led on led.domain = old.domain and led.name = old.target
                where xref.id = old.id and old.target_section_id is distinct from led.section_id";
    Ok(sqlx::query(sql).execute(db).await?.rows_affected())
}
