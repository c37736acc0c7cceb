//! PGSync's schemas and what becomes of them.

mod golden;
mod import;
mod keys;
mod mistakes;

use highwater::catalog::Catalog;
use highwater::pgsync::{Translated, read, translate};
use highwater::source::catalog::read_catalog;

use crate::support::postgres::TestDatabase;

pub const TABLES: &str = include_str!("tables.sql");

async fn catalog() -> Catalog {
    let database = TestDatabase::create().await;
    database.run(TABLES).await;
    read_catalog(&mut database.connect().await).await.expect("a catalog")
}

fn translated(catalog: &Catalog, text: &str) -> Vec<Translated> {
    let documents = read("schema.json", text, &|_| None).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let translated = documents.iter().map(|document| translate(document, catalog));
    translated
        .collect::<Result<_, _>>()
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}
