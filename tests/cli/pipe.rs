//! A reader may leave before everything is said, as `head` does.

use std::process::Stdio;

use crate::support::world::World;

const SCHEMA: &str = "create table book (id bigint primary key, title text); insert into book values (1, 'One')";
const DEFINITION: &str = "index: '{index}'\ntable: book\nfields:\n  id: long\n  title: text\n";

#[tokio::test(flavor = "multi_thread")]
async fn verbs_end_quietly_when_nobody_reads() {
    let world = World::new(SCHEMA, DEFINITION).await;
    world.start().await.stop().await;
    let index = world.index.as_str();
    let verbs: [(&[&str], i32); 11] = [
        (&["plan"], 74),
        (&["plan", "--sql"], 74),
        (&["check"], 74),
        (&["check", "--offline"], 74),
        (&["apply", "--yes"], 74),
        (&["status"], 74),
        (&["status", "--json"], 74),
        (&["status", "--watch"], 74), // which would go on for ever
        (&["dead", "list"], 74),
        (&["show", index, "1"], 74),
        (&["verify"], 74),
    ];
    for (verb, code) in verbs {
        let mut command = world.program(verb);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        drop(child.stdout.take());
        let ended = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!((ended.status.code(), said.as_str()), (Some(code), ""), "{verb:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_weighs_more_than_a_reader_who_left() {
    let world = World::new("create table other (id int)", DEFINITION).await;
    for verb in ["check", "plan"] {
        let mut child = world
            .program(&[verb])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().expect("it ends").code(), Some(78), "{verb}");
    }
}
