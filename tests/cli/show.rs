//! `show`: what a document would be now, what is held, and in words why.

use crate::support::world::World;

const SCHEMA: &str = "
create table company (id int primary key, name text, active boolean not null default true);
create table job (id int primary key, company_id int references company, title text, pay numeric, closed boolean not null default false, places text[]);
create index on job (company_id);
create table note (id int primary key, job_id int references job, said text);
create index on note (job_id);
insert into company values (1, 'Acme', true), (2, 'Gone', false);
insert into job values (1, 1, 'Smith', 10.50, false, '{Bonn}'), (2, 2, 'Clerk', 1, false, null), (3, 1, 'Baker', 1, true, null), (4, 1, 'Judge', 'NaN', false, null), (5, null, 'Poet', 0, false, null);
insert into note values (1, 1, 'first'), (2, 1, 'second');
";

const DEFINITION: &str = "
index: '{index}'
table: job
where: |
  not closed
fields:
  title: text
  pay: double
  places: keyword
  company: { one: company, where: active, required: true, fields: { name: keyword } }
  notes: { many: note, order: id, value: said, type: text }
";

/// What is said of a document that is there.
fn shown(world: &World, arguments: &[&str]) -> String {
    said(world, arguments, 0)
}

fn said(world: &World, arguments: &[&str], code: i32) -> String {
    let output = world
        .program(&[&["show", &world.index], arguments].concat())
        .output()
        .expect("the program runs");
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!((output.status.code(), &*complained), (Some(code), ""), "{said}");
    said.into_owned()
}

fn assert_told(text: &str, told: &[&str]) {
    for told in told {
        assert!(text.contains(told), "`{told}` is missing in:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_says_why_it_is_as_it_is() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world.settled().await;
    assert_told(
        &shown(&world, &["1"]),
        &[
            "\"title\": \"Smith\"",
            "\"pay\": 10.50",
            "-000001 (live) holds the same, built at version ",
        ],
    );
    // Another way to write the same number.
    assert_told(&shown(&world, &["01"]), &["\"title\": \"Smith\"", "holds the same"]);
    for (key, told) in [
        ("2", "no document: the required relation company has no row"),
        ("5", "no document: the required relation company has no row"),
        (
            "3",
            "no document: the row is there, and `where: not closed` leaves it out",
        ),
        ("9", "no document: \"public\".\"job\" has no row with this key"),
        (
            "4",
            "no document: it cannot be built: field pay (column pay of job): the value is NaN",
        ),
    ] {
        assert_told(&said(&world, &[key], 66), &[told, "does not hold it either"]);
    }
    let output = world
        .program(&["show", &world.index, "x"])
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "the key \"x\" is no integer\n");
    let same = shown(&world, &["1", "--diff"]);
    assert!(
        same.contains(" (live): no difference, built at version ") && !same.contains("Smith"),
        "{same}"
    );
    assert_told(
        &said(&world, &["4"], 66),
        &[
            "  it is a dead letter since ",
            "tried ",
            ": field pay (column pay of job)",
        ],
    );
    running.stop().await;

    // Nobody writes: what changes now waits.
    world
        .run("update note set said = 'changed' where id = 2; update job set title = 'Joiner', places = null, pay = 10.5 where id = 1")
        .await;
    let text = shown(&world, &["1", "--diff"]);
    assert_told(
        &text,
        &[
            "holds another, built at version ",
            "  - title: \"Smith\"\n  + title: \"Joiner\"\n",
            "  - places: [\"Bonn\"]\n  + places: null\n",
            "  - notes[1]: \"second\"\n  + notes[1]: \"changed\"\n",
            "  a change of ",
            " waits to be built",
        ],
    );
    assert_told(
        &shown(&world, &["1"]),
        &["\"title\": \"Smith\"", "\"title\": \"Joiner\""],
    );
    assert!(!said(&world, &["9"], 66).contains("waits to be built"));
    world
        .run("delete from note where job_id = 1; delete from job where id = 1")
        .await;
    assert_told(
        &said(&world, &["1"], 66),
        &["has no row with this key", "still holds one", "waits to be built"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_come_with_their_parameters_and_every_generation_is_asked() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let running = world.start().await;
    world.settled().await;
    running.stop().await;
    let text = shown(&world, &["1", "--sql"]);
    assert_told(
        &text,
        &[
            "-- the documents' rows\nSELECT ",
            "--   $1 = [\"1\"]",
            "-- company\nSELECT ",
            "-- notes\nSELECT ",
        ],
    );
    assert_told(
        &said(&world, &["5", "--sql"], 66),
        &["--   not sent: no row leads there"],
    );

    let other = DEFINITION.replace("  pay: double\n", "  pay: keyword\n  id: integer\n");
    world.configure(&[&other], "");
    let applied = world.program(&["apply", "--yes"]).output().expect("the program runs");
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let text = shown(&world, &["1"]);
    assert_told(
        &text,
        &[
            "\"id\": 1",
            "-000002 (being built) cannot be asked",
            "-000001 (live) holds the same",
        ],
    );
}
