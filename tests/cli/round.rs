//! One round of editing mends it all: whatever can be known is told in one run, whoever tells it.

use std::process::Output;

use crate::support::world::World;

const SCHEMA: &str = "
create table publisher (id int primary key, name text);
create table book (id int primary key, title text not null, pages int, publisher_id int references publisher,
    translated_by int, edited_by int, deleted_at timestamptz);
create table person (id int primary key, name text, born date);
alter table book add foreign key (translated_by) references person, add foreign key (edited_by) references person;
create table review (id int primary key, book_id int references book, stars int, body text);
create index on review (book_id);
";

const WRONG: &str = "index: '{index}'
table: book
where: deleted_at is null or deleted_at > now()
fields:
  id: { typ: long }
  title: { type: text, analyzer: englisch }
  blurb:
  pages: strng
  subtitle: text
  shop: { one: shop, fields: { name: keyword } }
  editor: { one: person, fields: { nam: keyword, born: { sql: 'age(born)::text', type: keyword } } }
  publisher: { one: publisher, requierd: true, fields: { name: keyword, town: text } }
  reviews: { many: review, order: [staars desc], fields: { stars: byte, body: { type: text, analyzer: anlayser } } }
";

const OTHER: &str = "index: My Books
table: bok
fields:
  id: long
  reviews: { many: review, fields: { stars: byte, bdy: text } }
";

fn run(world: &World, verb: &[&str]) -> Output {
    world.program(verb).output().expect("the program runs")
}

fn text(bytes: &[u8], world: &World) -> String {
    let folder = world.config_file().parent().expect("a folder").display().to_string();
    let text = String::from_utf8_lossy(bytes).replace(&format!("{folder}/"), "");
    text.replace(&world.index, "INDEX")
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_of_every_kind_are_told_in_one_run() {
    let world = World::with(SCHEMA, &[WRONG, OTHER], "log: { level: laud }\n").await;
    let said = run(&world, &["check"]);
    assert_eq!(said.status.code(), Some(78));
    assert_eq!(text(&said.stderr, &world), "", "all has been said");
    let said = text(&said.stdout, &world);
    // Servers differ in the words of this one.
    let told = said
        .lines()
        .filter(|line| !line.starts_with("ok: "))
        .collect::<Vec<_>>()
        .join("\n");
    insta::assert_snapshot!(told);
    // Whoever needs a sound configuration tells the same.
    let mistakes: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("mistake: ")).collect();
    for verb in [&["plan"][..], &["apply", "--yes"]] {
        let other = run(&world, verb);
        assert_eq!(other.status.code(), Some(78), "{verb:?}");
        let complained = text(&other.stderr, &world);
        for mistake in &mistakes {
            assert!(
                complained.contains(mistake),
                "{verb:?} does not tell {mistake}\n{complained}"
            );
        }
        assert!(complained.ends_with("mistakes in 3 files\n"), "{verb:?}: {complained}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_types_and_the_number_of_fields_are_known() {
    let field = |at| format!("  f{at}: {{ column: id, type: long }}\n");
    let many = (0..995).map(field).collect::<Vec<_>>().concat();
    let wide = format!("index: '{{index}}'\ntable: book\nfields:\n{many}");
    let world = World::new(SCHEMA, &wide).await;
    let said = text(&run(&world, &["check", "--offline"]).stdout, &world);
    assert!(
        said.contains("the index would have 1001 fields, and may have 1000"),
        "{said}"
    );
    world.configure(
        &["index: '{index}'\ntable: book\nfields:\n  title: { type: text, fields: { raw: keywrd } }\n"],
        "",
    );
    let said = run(&world, &["check", "--offline"]);
    assert_eq!(said.status.code(), Some(78));
    assert!(
        text(&said.stdout, &world)
            .contains("`keywrd` is no type of Elasticsearch's\n  remedy: did you mean `keyword`?")
    );
    world.configure(
        &["index: '{index}'\ntable: book\nfields:\n  title: { mapping: { type: of_a_plugin } }\n"],
        "",
    );
    assert_eq!(run(&world, &["check", "--offline"]).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_held_against_the_types_of_their_fields() {
    let definition = "index: '{index}'\ntable: book\nfields:\n  title: integer\n  deleted_at: boolean\n  pages: byte\n  id: keyword\n  \
        publisher: { one: publisher, fields: { name: keyword, id: { type: ip } } }\n  \
        editor: { one: person, join: { edited_by: id }, fields: { name: { type: keyword, ignore_above: 500 }, born: { type: long, ignore_malformed: true } } }\n";
    let world = World::new(SCHEMA, definition).await;
    let said = run(&world, &["check"]);
    assert_eq!(said.status.code(), Some(78));
    let told = text(&said.stdout, &world);
    let told: Vec<&str> = told.lines().filter(|line| !line.starts_with("ok: ")).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_is_not_there_is_told() {
    let definition = "index: '{index}'\ntable: book\npipeline: nobody_made_this\nfields:\n  title: text\n";
    let world = World::new(SCHEMA, definition).await;
    let said = run(&world, &["check"]);
    let told = text(&said.stdout, &world);
    assert_eq!(said.status.code(), Some(0), "{told}");
    assert!(
        told.contains("warning: indexes/0.yaml pipeline: there is no ingest pipeline \"nobody_made_this\""),
        "{told}"
    );
    let made = serde_json::json!({ "processors": [] });
    let path = format!("/_ingest/pipeline/{}", world.index);
    let (status, answer) = world.ask(elasticsearch::http::Method::Put, &path, Some(made)).await;
    assert_eq!(status, 200, "{answer}");
    world.configure(&[&definition.replace("nobody_made_this", "{index}")], "");
    let told = text(&run(&world, &["check"]).stdout, &world);
    world.ask(elasticsearch::http::Method::Delete, &path, None).await;
    assert!(told.contains("0 mistakes, 0 warnings"), "{told}");
}

/// The number of fields is counted as the cluster counts it.
#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_fields_is_the_cluster_s_own() {
    let definition = |limit: u32| {
        format!(
            "index: '{{index}}'\ntable: book\nsettings: {{ index: {{ mapping.total_fields.limit: {limit} }} }}\nfields:\n  id: long\n  \
             title: {{ type: text, fields: {{ raw: keyword, all: {{ type: text }} }} }}\n  \
             reviews: {{ many: review, type: nested, fields: {{ stars: byte, body: text }} }}\n"
        )
    };
    let world = World::new(SCHEMA, &definition(12)).await;
    let counted = text(&run(&world, &["check", "--offline"]).stdout, &world);
    assert!(counted.contains("would have 13 fields"), "{counted}");
    let tried = text(&run(&world, &["check"]).stdout, &world);
    assert!(
        tried.contains("Elasticsearch refuses the index") && tried.contains("Limit of total fields [12]"),
        "{tried}"
    );
    world.configure(&[&definition(13)], "");
    let well = run(&world, &["check"]);
    assert_eq!(well.status.code(), Some(0), "{}", text(&well.stdout, &world));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_the_cluster_refuses_is_not_applied() {
    let refused = "index: '{index}'\ntable: book\nfields:\n  title: { type: text, analyzer: englisch }\n  pages: { type: integer, fromat: x }\n";
    let world = World::new(SCHEMA, refused).await;
    let said = run(&world, &["apply", "--yes"]);
    let complained = text(&said.stderr, &world);
    assert_eq!(said.status.code(), Some(78), "{complained}");
    assert!(
        complained.contains("0.yaml:4:3 fields.title: Elasticsearch refuses the index: ")
            && complained.contains("[englisch]"),
        "{complained}"
    );
    assert!(
        complained.contains("0.yaml:5:3 fields.pages: Elasticsearch refuses the index: "),
        "{complained}"
    );
    assert!(complained.ends_with("2 mistakes in 1 file\n"), "{complained}");
    let ended = world.start_with(world.config()).outcome().await;
    assert!(
        ended.is_err_and(|error| error.to_string().contains("[englisch]")),
        "`run` applies no more than `apply`"
    );
    world.until("to_regnamespace('highwater') is null").await;

    // A log of JSON holds nothing else, and the remedy is a field of its own.
    let said = run(&world, &["run"]);
    assert_eq!(said.status.code(), Some(78));
    let lines: Vec<serde_json::Value> = text(&said.stderr, &world)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let last = &lines.last().expect("a line")["fields"];
    assert!(
        last["place"]
            .as_str()
            .is_some_and(|place| place.contains("fields.pages"))
            && last["remedy"].is_string(),
        "{lines:?}"
    );

    // Nor one that nobody can try.
    let sound = "index: '{index}'\ntable: book\nfields:\n  title: text\n";
    world.configure_for(&world.database.url(), "http://127.0.0.1:1", &[sound], "");
    let said = run(&world, &["apply", "--yes"]);
    let complained = text(&said.stderr, &world);
    assert_eq!(said.status.code(), Some(69), "{complained}");
    assert!(
        complained.contains("nothing was applied, as Elasticsearch could not be asked"),
        "{complained}"
    );
    world.until("to_regnamespace('highwater') is null").await;

    world.configure(&[sound], "");
    let asked = run(&world, &["apply"]);
    let complained = text(&asked.stderr, &world);
    assert_eq!(asked.status.code(), Some(64), "{complained}");
    assert!(
        complained.contains("build index INDEX") && complained.contains("remedy: say --yes"),
        "{complained}"
    );
    assert_eq!(run(&world, &["apply", "--yes"]).status.code(), Some(0));
    let again = run(&world, &["apply"]);
    assert_eq!(
        (again.status.code(), text(&again.stdout, &world).as_str()),
        (Some(0), "nothing to do: everything is in place\n")
    );
}
