//! `init` for the tables of a public application, made by its own migrations: a shop of some ninety tables.

use std::path::Path;
use std::process::Command;

use super::init::{assert_runs, written};
use crate::support::world::World;

/// A few rows, as the shop would write them.
const ROWS: &str = "
insert into catalogue_productclass (name, slug, requires_shipping, track_stock) values ('Coat', 'coat', true, true);
insert into catalogue_product (structure, title, slug, description, date_created, date_updated, is_discountable, is_public, priority, product_class_id)
    select 'standalone', 'Coat ' || g, 'coat-' || g, '', now(), now(), true, true, g, 1 from generate_series(1, 8) g;
insert into catalogue_category (path, depth, numchild, name, description, slug, ancestors_are_public, is_public) values ('0001', 1, 0, 'Coats', '', 'coats', true, true);
insert into catalogue_productcategory (category_id, product_id) select 1, id from catalogue_product;
insert into catalogue_productattribute (name, code, type, required, product_class_id) values ('Colour', 'colour', 'text', false, 1);
insert into catalogue_productattributevalue (attribute_id, product_id, value_text) select 1, id, 'yellow' from catalogue_product;
insert into partner_partner (code, name) values ('north', 'North');
insert into partner_stockrecord (partner_sku, price_currency, price, date_created, date_updated, partner_id, product_id, num_in_stock)
    select 'N-' || id, 'EUR', id * 1.50, now(), now(), 1, id, 3 from catalogue_product;
";

/// An empty site, migrated.
async fn site() -> World {
    let world = World::new("", "").await;
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let url = world.database.url();
    let migrated = tokio::task::spawn_blocking(move || {
        let install = Command::new(top.join("tests/cli/public/install")).output();
        let install = install.expect("bash runs");
        assert!(install.status.success(), "{}", String::from_utf8_lossy(&install.stderr));
        let path = std::env::join_paths([top.join("target/public/site"), top.join("tests/cli/public")]);
        Command::new("python3")
            .args([
                "-m",
                "django",
                "migrate",
                "--settings",
                "settings",
                "--skip-checks",
                "-v",
                "0",
            ])
            .env("PYTHONPATH", path.expect("a path"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("DATABASE_URL", url)
            .output()
            .expect("python3 runs")
    })
    .await
    .expect("no panic");
    assert!(
        migrated.status.success(),
        "{}",
        String::from_utf8_lossy(&migrated.stderr)
    );
    world
}

/// One test: the packages are fetched once, and nobody else takes them away meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_public_shop() {
    let world = site().await;
    world.run(ROWS).await;
    assert_runs(&world, &written(&world, &["catalogue_product"]), 8).await;
    let world = site().await;
    // What its models bring along: four permissions each.
    let permissions: i64 = sqlx::query_scalar("select count(*) from auth_permission")
        .fetch_one(&world.pool)
        .await
        .expect("a number");
    assert!(permissions > 300, "{permissions}");
    let permissions = u32::try_from(permissions).expect("few");
    assert_runs(&world, &written(&world, &["auth_permission"]), permissions).await;
}
