//! What cannot be read as one of PGSync's schemas: every mistake in one run, each with its place.

use highwater::pgsync::read;

fn told(text: &str) -> String {
    let env = |name: &str| (name == "SHOP").then(|| "shop".to_owned());
    match read("schema.json", text, &env) {
        Ok(documents) => format!("{} documents", documents.len()),
        Err(mistakes) => mistakes.to_string(),
    }
}

const WRONG: &str = r#"[
  {
    "index": "$PLACE-books",
    "pipeline": 7,
    "setting": [],
    "mapping": "text",
    "plugins": "Hero",
    "nodes": {
      "schema": "",
      "columns": ["id", 5, "doc->>a->b", "doc#>a", "->x", "doc->"],
      "transform": {
        "rename": { "id": 5 },
        "replace": { "id": "x" },
        "concat": [{ "columns": ["id"] }, { "destination": "x", "delimiter": 1 }],
        "mapping": { "id": { "analyzer": "english" }, "title": "text" }
      },
      "children": [
        { "table": "a" },
        { "table": "b", "relationship": { "variant": "objekt", "type": "many" } },
        { "table": "c", "relationship": { "variant": "object" } },
        { "table": "d", "relationship": { "variant": "object", "type": "one_to_one", "through_tables": ["e", "f"] } },
        { "table": "g", "relationship": { "variant": "object", "type": "one_to_one", "foreign_key": { "child": ["a"] } } },
        { "table": "h", "relationship": { "variant": "object", "type": "one_to_one",
          "foreign_key": { "child": ["a", "b"], "parent": ["a"] } } },
        "i"
      ],
      "children": []
    }
  },
  { "database": "old", "nodes": [{ "table": "book" }] },
  { "database": "none" },
  7
]"#;

#[test]
fn many_at_once() {
    let told = told(WRONG);
    insta::assert_snapshot!(told);
}

#[test]
fn no_schema_at_all() {
    for (text, said) in [
        ("", "the text is no JSON: EOF while parsing a value"),
        ("index: books\n", "the text is no JSON: expected value"),
        ("[1,]", "schema.json:1:4: the text is no JSON: expected value"),
        ("{}", "schema.json:1:1: a list is expected, found a mapping"),
        ("[]", "a schema without documents"),
        (
            "[{ \"database\": \"a\", \"database\": \"b\", \"nodes\": { \"table\": \"t\" } }]",
            "`database` a second time",
        ),
    ] {
        assert!(told(text).contains(said), "{text}: {}", told(text));
    }
}

/// What JSON may be written like and YAML not.
#[test]
fn json_of_every_make() {
    for text in [
        "[\t{\t\"database\":\"a\",\n\t\t\"nodes\":\t{\"table\"\t:\"t\"}\t}\n]",
        "[\n{\n\"database\": \"a\",\n\"nodes\": {\n\"table\": \"t\",\n\"columns\": [\n\"a\"\n,\"b\"\n]\n}\n}\n]\n",
        "[{\"database\":\"a\",\"setting\":{\"filter\":\"\\ud83d\\ude00 => \\/ \\\\ \\t \\u00e9 \\\"\"},\"nodes\":{\"table\":\"t\"}}]",
        "\u{feff}[{\"database\":\"a\",\"index\":null,\"nodes\":{\"table\":\"t\",\"columns\":null,\"label\":null}}]",
    ] {
        assert_eq!(told(text), "1 documents", "{text}");
    }
    let text = r#"[{"database":"a","setting":{"x":"\ud83d\ude00\\ud83d\/"},"nodes":{"table":"t"}}]"#;
    let documents = read("schema.json", text, &|_| None).expect("a schema");
    assert_eq!(documents[0].setting["x"], "\u{1f600}\\ud83d/");
}

/// As PGSync has them: in the texts of a document itself.
#[test]
fn variables() {
    let index = |text: &str| {
        let text = format!("[{{ \"database\": \"d\", \"index\": \"{text}\", \"nodes\": {{ \"table\": \"$t\" }} }}]");
        let documents = read("schema.json", &text, &|name| {
            (name == "SHOP").then(|| "shop".to_owned())
        });
        documents.map(|documents| documents[0].index.text.clone())
    };
    for (written, meant) in [
        ("$SHOP", "shop"),
        ("${SHOP}_1", "shop_1"),
        ("a$SHOP-b", "ashop-b"),
        ("$$SHOP", "$SHOP"),
        ("5$", "5$"),
        ("$5", "$5"),
    ] {
        assert_eq!(index(written).as_deref(), Ok(meant), "{written}");
    }
    let told = index("$NOWHERE").expect_err("a mistake").to_string();
    assert!(
        told.contains("[0].index: `$NOWHERE` is not set in the environment"),
        "{told}"
    );
}
