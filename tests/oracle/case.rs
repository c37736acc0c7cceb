//! One case: as the generator made it, and as the text of what is run, which can be kept.

use std::path::Path;

use super::change;
use super::dice::Dice;
use super::grow;
use super::rows::{self, Row};
use super::schema::Schema;
use super::tree::Tree;
use super::{truth, yaml};

#[derive(Clone, Debug)]
pub struct Case {
    pub schema: Schema,
    pub rows: Vec<Row>,
    pub tree: Tree,
    /// Transactions, each of some statements.
    pub changes: Vec<Vec<String>>,
}

impl Case {
    pub fn random(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let schema = Schema::random(dice);
        let rows = rows::random(dice, &schema);
        let tree = grow::random(dice, &schema);
        let changes = change::random(dice, &schema, &rows);
        Self {
            schema,
            rows,
            tree,
            changes,
        }
    }

    pub fn script(&self) -> Script {
        let rows: Vec<String> = self.rows.iter().map(|row| row.sql(&self.schema)).collect();
        Script {
            schema: self.schema.sql(),
            rows: rows.join(";\n"),
            definition: yaml::text(&self.schema, &self.tree),
            truth: truth::sql(&self.schema, &self.tree),
            changes: self.changes.clone(),
        }
    }
}

/// What is run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    pub schema: String,
    pub rows: String,
    /// With `{index}` for the index's name.
    pub definition: String,
    pub truth: String,
    pub changes: Vec<Vec<String>>,
}

/// Between two statements of one transaction.
const THEN: &str = "\n;;\n";

impl Script {
    /// Each part below a line that names it.
    pub fn text(&self) -> String {
        let Self {
            schema,
            rows,
            definition,
            truth,
            changes,
        } = self;
        let mut text =
            format!("==== schema\n{schema}\n==== rows\n{rows}\n==== definition\n{definition}\n==== truth\n{truth}\n");
        for transaction in changes {
            text.push_str(&format!("==== change\n{}\n", transaction.join(THEN)));
        }
        text
    }

    /// One that was kept.
    pub fn kept(file: &Path) -> Self {
        Self::parse(&std::fs::read_to_string(file).expect("a case"))
    }

    fn parse(text: &str) -> Self {
        let mut script = Self::default();
        for part in format!("\n{text}").split("\n==== ").skip(1) {
            let (name, content) = part.split_once('\n').unwrap_or((part, ""));
            let content = content.strip_suffix('\n').unwrap_or(content).to_owned();
            match name {
                "schema" => script.schema = content,
                "rows" => script.rows = content,
                "definition" => script.definition = content,
                "truth" => script.truth = content,
                "change" => script.changes.push(content.split(THEN).map(str::to_owned).collect()),
                other => panic!("no part of a case: {other}"),
            }
        }
        script
    }
}

#[test]
fn a_case_is_read_as_it_was_written() {
    for seed in 0..200 {
        let script = Case::random(seed).script();
        let again = Script::parse(&script.text());
        assert_eq!(again.definition.trim_end(), script.definition.trim_end(), "seed {seed}");
        assert_eq!(
            (again.rows, again.changes),
            (script.rows, script.changes),
            "seed {seed}"
        );
    }
}
