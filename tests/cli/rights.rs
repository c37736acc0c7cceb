//! A role that may not do all it would have to: told before anything is made, with the statements that help.

use std::process::Output;

use crate::support::world::World;

const SCHEMA: &str = "
create table publisher (id bigint primary key, name text);
create table book (id bigint primary key, title text, publisher_id bigint references publisher);
create index on book (publisher_id);
insert into publisher values (1, 'Harbour');
insert into book values (1, 'High Water', 1);
";

const DEFINITION: &str = "index: '{index}'\ntable: book\nfields:\n  title: text\n  \
    publisher: { one: publisher, fields: { name: keyword } }\n  again: { one: publisher, value: name, type: keyword }\n";

fn run(world: &World, verb: &[&str]) -> Output {
    world.program(verb).output().expect("the program runs")
}

/// What follows `run: ` in the remedies, as a person would paste it.
fn statements(said: &str) -> String {
    let remedies = said.lines().filter(|line| line.trim_start().starts_with("remedy: "));
    let statements = remedies.filter_map(|line| Some(line.split_once("run: ")?.1));
    statements.collect::<Vec<_>>().join(";\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_lacks_is_told_at_once_and_before_anything_is_made() {
    let world = World::new(SCHEMA, DEFINITION).await;
    let (role, boss) = (format!("role_{}", world.index), format!("boss_{}", world.index));
    world
        .database
        .run(&format!(
            "create role {role} login; create role {boss}; alter table book owner to {boss}"
        ))
        .await;
    let mut url: url::Url = world.database.url().parse().expect("a URL");
    url.set_username(&role).expect("a URL with a host");
    world.configure_for(url.as_str(), world.elastic_url(), &[DEFINITION], "");

    let said = run(&world, &["check"]);
    let unread = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said.status.code(), Some(78), "{unread}");
    let grant = format!("run: GRANT SELECT ON \"public\".\"publisher\" TO \"{role}\"");
    assert_eq!(unread.matches(&grant).count(), 1, "{unread}");
    world
        .database
        .run(&format!("grant select on book, publisher to {role}"))
        .await;

    let said = run(&world, &["check"]);
    let told = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said.status.code(), Some(78), "{told}");
    let database = world.database.name();
    for told_of in [
        format!("role \"{role}\" may not make schema highwater in database {database}"),
        format!("run: GRANT CREATE ON DATABASE {database} TO \"{role}\""),
        format!("may not make triggers on public.book: that takes their owner, \"{boss}\""),
        format!("run: GRANT \"{boss}\" TO \"{role}\""),
        "may not make triggers on public.publisher: ".to_owned(),
        format!("run: ALTER TABLE public.publisher OWNER TO \"{role}\""),
    ] {
        assert!(told.contains(&told_of), "{told_of}\n{told}");
    }
    for verb in [&["apply", "--yes"][..], &["run"]] {
        let said = run(&world, verb);
        let complained = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(78), "{complained}");
        assert!(
            complained.contains("public.book") && complained.contains("public.publisher"),
            "{complained}"
        );
        assert_eq!(
            complained.matches("GRANT CREATE ON DATABASE").count(),
            1,
            "{complained}"
        );
        world.until("to_regnamespace('highwater') is null").await;
    }

    world.database.run(&statements(&told)).await;
    let said = run(&world, &["check"]);
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stdout));
    let said = run(&world, &["apply", "--yes"]);
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
    // The ledger is there, and nobody needs to make schemas any more.
    world
        .database
        .run(&format!("revoke create on database {database} from {role}"))
        .await;
    let said = run(&world, &["apply", "--yes"]);
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
    let running = world.start().await;
    world.settled().await;
    running.stop().await;
    world
        .database
        .run(&format!(
            "drop owned by {role}, {boss} cascade; drop role {role}, {boss}"
        ))
        .await;
}
