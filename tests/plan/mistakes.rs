//! What is wrong with a definition is said with its place, what was found, and what to write instead.

use highwater::definition::Definition;
use highwater::plan::Plan;
use highwater::source::catalog::read_catalog;

use super::golden::catalog;
use crate::support::postgres::TestDatabase;

/// The mistakes of a definition over the golden files' schema, as `place: found / remedy`.
async fn mistakes(text: &str) -> Vec<String> {
    let definition = Definition::parse("book.yaml", text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let mistakes = Plan::new(&definition, &catalog().await).expect_err("mistakes");
    let said = mistakes.in_file_order().0.into_iter();
    said.map(|mistake| format!("{}: {} / {}", mistake.place, mistake.found, mistake.remedy))
        .collect()
}

#[tokio::test]
async fn names_that_do_not_resolve_are_named_with_their_neighbours() {
    let found = mistakes(
        "index: b\ntable: book\nfields:\n  titel: text\n  name: { column: nothing_like_it, type: text }\n  \
         p: { one: publischer, value: name, type: keyword }\n  e: { many: edition, order: jear, value: label, type: keyword }\n  \
         q: { one: publisher, join: { publisher: id }, value: name, type: keyword }\n",
    )
    .await;
    assert_eq!(
        found,
        [
            "book.yaml:4:3 fields.titel: table \"book\" has no column \"titel\" / did you mean \"title\"?",
            "book.yaml:5:3 fields.name: table \"book\" has no column \"nothing_like_it\" / it has: id, title, subtitle, price_cents, \
             published_on, added, deleted_at, isbn, rating, cover, extra, mood, publisher_id, category_id, sequel_to, unused",
            "book.yaml:6:13 fields.p.one: there is no table \"publischer\" / did you mean \"publisher\"? Names are taken literally, case included",
            "book.yaml:7:30 fields.e.order: table \"edition\" has no column \"jear\" / did you mean \"year\"?",
            "book.yaml:8:30 fields.q.join: table \"book\" has no column \"publisher\" / did you mean \"publisher_id\"?",
        ]
    );
}

#[tokio::test]
async fn what_routes_and_what_comes_due_are_columns_fit_for_it() {
    let found = mistakes(
        "index: b\ntable: book\nrouting: added\ndue: [title, nowhere]\nfields:\n  id: long\n  \
         e: { many: edition, due: year, value: label, type: keyword }\n",
    )
    .await;
    let wanted = [
        "column \"added\" of \"book\" is of type timestamp with time zone, whose text depends on settings",
        "column \"title\" of \"book\" is of type text, which holds no moment",
        "table \"book\" has no column \"nowhere\"",
        "column \"year\" of \"edition\" is of type smallint, which holds no moment",
    ];
    assert_eq!(found.len(), wanted.len(), "{found:?}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(found.contains(wanted), "{found}");
    }
}

#[tokio::test]
async fn an_ambiguous_join_lists_the_choices_and_a_missing_one_says_how() {
    let found = mistakes(
        "index: l\ntable: letter\nfields:\n  by: { one: author, value: name, type: keyword }\n  c: { many: country, value: name, type: keyword }\n",
    )
    .await;
    assert_eq!(
        found,
        [
            "book.yaml:4:14 fields.by.one: 2 foreign keys join \"letter\" and \"author\" / choose one: join: { receiver: id }  or  join: { sender: id }",
            "book.yaml:5:14 fields.c.many: no foreign key joins \"letter\" and \"country\" / say how: join: { column of letter: column of country }",
        ]
    );
}

#[tokio::test]
async fn keys_and_joins_that_cannot_work_are_refused() {
    assert_eq!(
        mistakes("index: r\ntable: remark\nfields:\n  said: text\n").await,
        [
            "book.yaml:2:8 table: table \"remark\" has no primary key / add one, or name unique columns with: key: [column, …]"
        ]
    );
    assert_eq!(
        mistakes("index: r\ntable: book\nkey: [title]\nfields:\n  title: text\n").await,
        [
            "book.yaml:2:8 table: the key is not unique / name the columns of a primary key or unique index",
            "book.yaml:2:8 table: the key column \"title\" may be null, and a row without a key has no document / \
             run: ALTER TABLE \"public\".\"book\" ALTER COLUMN \"title\" SET NOT NULL, or choose other columns"
        ]
    );
    assert_eq!(
        mistakes(
            "index: r\ntable: book\nfields:\n  p: { one: publisher, join: { title: id }, value: name, type: keyword }\n"
        )
        .await,
        [
            "book.yaml:4:30 fields.p.join: column \"title\" of \"book\" (text) and column \"id\" of \"publisher\" (integer) cannot be compared / \
          join columns of one type, or compare their texts with cast: text"
        ]
    );
}

#[tokio::test]
async fn aggregates_need_a_path_and_a_column_of_numbers_or_with_an_order() {
    let found = mistakes(
        "index: b\ntable: book\nfields:\n  a: { sum: edition.label, type: long }\n  b: { count: edition.printing.rum, distinct: true, type: long }\n  \
         c: { min: book_author.book.extra, type: long }\n  d: { count: edition.label, type: long }\n  \
         e: { max: public.edition.lable, type: keyword }\n  f: { count: country, type: long }\n",
    )
    .await;
    assert_eq!(
        found,
        [
            "book.yaml:4:8 fields.a.sum: `sum` of column \"label\" of \"edition\" (text) / use a column of numbers, or a generated one",
            "book.yaml:5:8 fields.b.count: table \"printing\" has no column \"rum\" / did you mean \"run\"?",
            "book.yaml:6:8 fields.c.min: `min` of column \"extra\" of \"book\" (json) / \
             values of this type have no order; use another column, such as a generated one",
            "book.yaml:7:8 fields.d.count: \"label\" is a column of \"edition\", and a count is of rows / \
             leave it out; to count rows that have it, add where: label is not null; to count different values, distinct: true",
            "book.yaml:8:8 fields.e.max: table \"edition\" has no column \"lable\" / did you mean \"label\"?",
            "book.yaml:9:8 fields.f.count: no foreign key joins \"book\" and \"country\" / say how: join: { column of book: column of country }",
        ]
    );
}

#[tokio::test]
async fn the_column_of_a_key_is_looked_for_where_it_may_be() {
    let found = mistakes(
        "index: b\ntable: author\nfields:\n  a: { many: book_author, by: rol, value: position, type: short }\n  \
         b: { many: book_author, by: bok.title, value: position, type: short }\n  \
         c: { many: book_author, by: book.titel, value: position, type: short }\n  \
         d: { many: book_author, by: tag.name, value: position, type: short }\n",
    )
    .await;
    assert_eq!(
        found,
        [
            "book.yaml:4:31 fields.a.by: table \"book_author\" has no column \"rol\" / did you mean \"role\"?",
            "book.yaml:5:31 fields.b.by: there is no table \"bok\" / did you mean \"book\"? Names are taken literally, case included",
            "book.yaml:6:31 fields.c.by: table \"book\" has no column \"titel\" / did you mean \"title\"?",
            "book.yaml:7:31 fields.d.by: no foreign key joins \"book_author\" and \"tag\" / say how: join: { column of book_author: column of tag }",
        ]
    );
}

#[tokio::test]
async fn a_path_leads_into_json_alone() {
    assert_eq!(
        mistakes("index: b\ntable: book\nfields:\n  a: { column: title, path: a.b, type: keyword }\n").await,
        [
            "book.yaml:4:3 fields.a: `path` into column \"title\" of \"book\" (text) / \
             a path leads into json or jsonb; for other types use sql:"
        ]
    );
}

#[tokio::test]
async fn a_switch_says_which_of_its_columns_does_not_fit() {
    let found = mistakes(
        "index: n\ntable: note\nfields:\n  a: { switch: kin, join: { about_id: id }, cases: { Tag: { one: tag, value: name, type: keyword } } }\n  \
         b: { switch: kind, join: { about_id: id }, cases: { Tag: { one: tag, value: name, type: keyword } } }\n  \
         c: { switch: kind, cases: { Tag: { one: tag, value: name, type: keyword } } }\n  \
         d: { switch: number, join: { number: id }, cases: { Tag: { one: tag, value: name, type: keyword } } }\n",
    )
    .await;
    assert_eq!(
        found,
        [
            "book.yaml:4:3 fields.a: table \"note\" has no column \"kin\" / did you mean \"kind\"?",
            "book.yaml:5:28 fields.b.join: column \"about_id\" of \"note\" (character varying(40)) and column \"id\" of \"tag\" (integer) \
             cannot be compared / join columns of one type, or compare their texts with cast: text",
            "book.yaml:6:43 fields.c.cases.Tag.one: no foreign key joins \"note\" and \"tag\" / say how: join: { column of note: column of tag }",
            "book.yaml:7:67 fields.d.cases.Tag.one: the case \"Tag\" of column \"number\" (integer) / write a whole number",
        ]
    );
}

#[tokio::test]
async fn rows_are_not_found_by_an_extension_s_type() {
    use crate::support::postgres::TestDatabase;
    let database = TestDatabase::create().await;
    database
        .run("create extension citext; create table person (email citext primary key); create table visit (id int primary key, email citext references person)")
        .await;
    let catalog = read_catalog(&mut database.connect().await).await.expect("a catalog");
    let text =
        "index: p\ntable: person\nfields:\n  email: keyword\n  visits: { many: visit, value: id, type: integer }\n";
    let definition = Definition::parse("person.yaml", text).expect("sound");
    let said = Plan::new(&definition, &catalog).expect_err("mistakes").to_string();
    assert!(
        said.contains("person.yaml:2:8 table: column \"email\" of \"person\" is of an extension's type"),
        "{said}"
    );
    assert!(
        said.contains("fields.visits.many: column \"email\" of \"person\""),
        "{said}"
    );
}

/// The statements put columns of their own beside those of the tables.
#[tokio::test]
async fn a_column_with_a_name_of_the_statements_is_refused() {
    let database = TestDatabase::create().await;
    database
        .run("create table book (id int primary key, title text, \"highwater 1\" text)")
        .await;
    let catalog = read_catalog(&mut database.connect().await).await.expect("a catalog");
    let text = "index: b\ntable: book\nfields:\n  id: long\n  loud: { sql: upper(title), type: keyword }\n";
    let definition = Definition::parse("book.yaml", text).expect("a definition");
    let mistakes = Plan::new(&definition, &catalog).expect_err("a mistake");
    let said: Vec<String> = mistakes.in_file_order().0.iter().map(ToString::to_string).collect();
    assert!(
        matches!(&said[..], [said] if said.starts_with("book.yaml:2:8 table: column \"highwater 1\" of \"book\"") && said.contains("rename it")),
        "{said:?}"
    );
}
