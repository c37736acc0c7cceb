//! Golden files: whole schemas, the definitions they become, and what is said beside them.

use std::fmt::Write as _;

use super::{catalog, translated};

#[tokio::test(flavor = "multi_thread")]
async fn schemas() {
    let catalog = catalog().await;
    for (name, text) in [
        ("bookshop", include_str!("schemas/bookshop.json")),
        ("rooms", include_str!("schemas/rooms.json")),
        ("people", include_str!("schemas/people.json")),
        ("devices", include_str!("schemas/devices.json")),
        ("transforms", include_str!("schemas/transforms.json")),
        ("views", include_str!("schemas/views.json")),
    ] {
        let translated = translated(&catalog, text);
        let mut written = String::new();
        for definition in translated {
            written.push_str(&definition.text);
            written.push_str("---\n");
            for remark in &definition.remarks.0 {
                writeln!(written, "note: {remark}").expect("text");
            }
        }
        insta::assert_snapshot!(name, written);
    }
}

/// Nothing is told that the file does not keep, whatever it is about.
#[tokio::test(flavor = "multi_thread")]
async fn every_remark_is_a_comment() {
    let catalog = catalog().await;
    let schemas = [
        include_str!("schemas/people.json"),
        include_str!("schemas/devices.json"),
        include_str!("schemas/transforms.json"),
        include_str!("schemas/views.json"),
    ];
    for definition in schemas.iter().flat_map(|text| translated(&catalog, text)) {
        let comments: Vec<&str> = definition
            .text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("# "))
            .collect();
        for remark in &definition.remarks.0 {
            let kept = comments.iter().any(|comment| comment.ends_with(&remark.remedy));
            assert!(kept, "{remark}\n{}", definition.text);
        }
    }
}
