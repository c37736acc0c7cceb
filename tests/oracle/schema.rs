//! Tables as an application has them, and as it should not: keys of every kind, several ways between two tables, junctions
//! with columns of their own, references to the same table and to one of several, names that must be quoted; tables of
//! parts, and views of tables.

use super::dice::Dice;
use super::kind::{Kind, MOOD};

#[derive(Clone, Debug)]
pub struct Schema {
    pub tables: Vec<Table>,
}

#[derive(Clone, Debug)]
pub struct Table {
    /// The one that is not on the search path; none for `public`.
    pub schema: Option<String>,
    pub name: String,
    pub columns: Vec<Column>,
    pub key: Vec<String>,
    pub foreign: Vec<Foreign>,
    /// Columns that also tell rows apart.
    pub unique: Option<String>,
    pub points: Option<Points>,
    pub made: Made,
}

/// What an application sees as a table.
#[derive(Clone, Debug)]
pub enum Made {
    Plain,
    /// Of two parts, by a hash of the key.
    Parted,
    /// A view of a table with the same columns, which is where rows are written.
    View(Option<Aside>),
}

/// A column that a view takes from the table that its rows point at.
#[derive(Clone, Debug)]
pub struct Aside {
    pub column: Column,
    pub target: usize,
    pub of: String,
    /// Of the view's own table first.
    pub pairs: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub nullable: bool,
}

/// A reference: a foreign key, or columns that only mean one and may dangle.
#[derive(Clone, Debug)]
pub struct Foreign {
    pub columns: Vec<String>,
    pub target: usize,
    pub target_columns: Vec<String>,
    pub enforced: bool,
    pub actions: &'static str,
    pub indexed: bool,
}

/// A reference to one of several tables: a column says which, another holds the key's text.
#[derive(Clone, Debug)]
pub struct Points {
    pub at: String,
    pub key: String,
    pub targets: Vec<(String, usize)>,
}

const SECOND: &str = "zweites \"Schema\"";

const TABLES: [&str; 18] = [
    "book",
    "author",
    "Order",
    "select",
    "two words",
    "a\"b",
    "größe",
    "dot.ted",
    "漢字",
    "root",
    "user",
    "k",
    "s",
    "up",
    "t",
    "it's",
    "keys",
    "touched",
];

const COLUMNS: [&str; 26] = [
    "name",
    "order",
    "Mixed Case",
    "a\"b",
    "größe",
    "x.y",
    "n",
    "rank",
    "e0",
    "c1",
    "level",
    "height",
    "u0",
    "link",
    "key",
    "value",
    "title",
    "note",
    "at",
    "null",
    "yes",
    "it's",
    "k",
    "position",
    "desc",
    "a",
];

const ACTIONS: [&str; 4] = [
    "",
    " on update cascade",
    " on delete cascade",
    " on delete set null on update cascade",
];

impl Schema {
    pub fn random(dice: &mut Dice) -> Self {
        let mut schema = Self { tables: Vec::new() };
        let mut names: Vec<&str> = TABLES.to_vec();
        for _ in 0..dice.between(2, 6) {
            let name = dice.take(&mut names);
            let table = Table::random(dice, name, &schema.tables);
            schema.tables.push(table);
        }
        schema
    }

    /// The statements that make it.
    pub fn sql(&self) -> String {
        let second = format!("create schema {}", quote(SECOND));
        let mut statements = vec![MOOD.to_owned()];
        if self.tables.iter().any(|table| table.schema.is_some()) {
            statements.push(second);
        }
        for table in &self.tables {
            statements.push(table.sql(&self.tables));
            for foreign in table.foreign.iter().filter(|foreign| foreign.indexed) {
                statements.push(format!("create index on {} ({})", table.base(), list(&foreign.columns)));
            }
            if let Made::View(aside) = &table.made {
                statements.push(table.view(aside.as_ref(), &self.tables));
            }
        }
        statements.join(";\n")
    }
}

impl Table {
    fn random(dice: &mut Dice, name: &str, before: &[Self]) -> Self {
        let mut table = Self {
            schema: dice.chance(20).then(|| SECOND.to_owned()),
            name: name.to_owned(),
            columns: Vec::new(),
            key: Vec::new(),
            foreign: Vec::new(),
            unique: None,
            points: None,
            made: Made::Plain,
        };
        let mut names: Vec<&str> = COLUMNS.to_vec();
        // Keys of junctions of junctions would grow without end.
        let targets: Vec<usize> = (0..before.len()).filter(|at| before[*at].key.len() <= 2).collect();
        if before.len() >= 2 && dice.chance(35) {
            // A junction: its key is made of references.
            for _ in 0..2 {
                let target = *dice.pick(&targets);
                let columns = table.refer(dice, &mut names, before, target, false);
                table.key.extend(columns);
            }
        } else {
            for _ in 0..if dice.chance(25) { 2 } else { 1 } {
                let name = if table.key.is_empty() && dice.chance(60) {
                    "id"
                } else {
                    dice.take(&mut names)
                };
                table.key.push(name.to_owned());
                table.add(name, Kind::of_key(dice), false);
            }
        }
        for _ in 0..dice.below(3).min(before.len()) {
            let target = *dice.pick(&targets);
            let nullable = dice.chance(70);
            table.refer(dice, &mut names, before, target, nullable);
        }
        if dice.chance(25) {
            let own = [before, std::slice::from_ref(&table)].concat();
            table.refer(dice, &mut names, &own, before.len(), true);
        }
        for _ in 0..dice.between(1, 4) {
            let (name, nullable) = (dice.take(&mut names), dice.chance(70));
            table.add(name, Kind::random(dice), nullable);
        }
        if dice.chance(20) {
            let name = dice.take(&mut names);
            table.add(name, *dice.pick(&[Kind::Int, Kind::Plain, Kind::Varchar]), false);
            table.unique = Some(name.to_owned());
        }
        if dice.chance(20) {
            table.point(dice, &mut names, before);
        }
        table.made = match dice.below(10) {
            0 if table.unique.is_none() => Made::Parted,
            1 | 2 => Made::View(table.aside(dice, &mut names, before)),
            _ => Made::Plain,
        };
        table
    }

    /// Something of a row that the table points at.
    fn aside(&self, dice: &mut Dice, names: &mut Vec<&str>, before: &[Self]) -> Option<Aside> {
        let others: Vec<&Foreign> = self
            .foreign
            .iter()
            .filter(|foreign| foreign.target < before.len())
            .collect();
        let foreign = *dice.any(&others)?;
        let of = dice.pick(&before[foreign.target].columns).clone();
        let pairs = foreign
            .columns
            .iter()
            .cloned()
            .zip(foreign.target_columns.iter().cloned());
        dice.chance(60).then(|| Aside {
            column: Column {
                name: dice.take(names).to_owned(),
                kind: of.kind,
                nullable: true,
            },
            target: foreign.target,
            of: of.name,
            pairs: pairs.collect(),
        })
    }

    fn add(&mut self, name: &str, kind: Kind, nullable: bool) {
        self.columns.push(Column {
            name: name.to_owned(),
            kind,
            nullable,
        });
    }

    /// Adds a reference, and the columns that it needs.
    fn refer(
        &mut self,
        dice: &mut Dice,
        names: &mut Vec<&str>,
        tables: &[Self],
        target: usize,
        nullable: bool,
    ) -> Vec<String> {
        let target_columns = tables[target].key.clone();
        let mut columns = Vec::new();
        for column in &target_columns {
            let kind = tables[target].column(column).kind.pointing(dice);
            let name = dice.take(names);
            self.add(name, kind, nullable);
            columns.push(name.to_owned());
        }
        self.foreign.push(Foreign {
            columns: columns.clone(),
            target,
            target_columns,
            enforced: dice.chance(75),
            actions: ACTIONS[dice.below(if nullable { 4 } else { 3 })],
            indexed: dice.chance(60),
        });
        columns
    }

    fn point(&mut self, dice: &mut Dice, names: &mut Vec<&str>, before: &[Self]) {
        let single = |at: &usize| before[*at].key.len() == 1;
        let targets: Vec<usize> = (0..before.len()).filter(single).take(3).collect();
        if targets.is_empty() {
            return;
        }
        let (at, key) = (dice.take(names), dice.take(names));
        let kinds = ["Post", "1", "it's"];
        self.add(at, *dice.pick(&[Kind::Plain, Kind::Varchar, Kind::Text]), true);
        self.add(key, Kind::Text, true);
        self.points = Some(Points {
            at: at.to_owned(),
            key: key.to_owned(),
            targets: kinds.into_iter().map(str::to_owned).zip(targets).collect(),
        });
    }

    pub fn column(&self, name: &str) -> &Column {
        let found = self.shown().find(|column| column.name == name);
        found.expect("a column of the table")
    }

    /// The columns that can be read.
    pub fn shown(&self) -> impl Iterator<Item = &Column> {
        let aside = match &self.made {
            Made::View(Some(aside)) => Some(&aside.column),
            _ => None,
        };
        self.columns.iter().chain(aside)
    }

    pub fn is_view(&self) -> bool {
        matches!(self.made, Made::View(_))
    }

    /// Quoted, with its schema.
    pub fn full(&self) -> String {
        self.within(&self.name)
    }

    /// Where its rows are written.
    pub fn base(&self) -> String {
        self.within(&self.base_name())
    }

    pub fn base_name(&self) -> String {
        if self.is_view() {
            format!("{} base", self.name)
        } else {
            self.name.clone()
        }
    }

    fn within(&self, name: &str) -> String {
        let schema = self.schema.as_deref().unwrap_or("public");
        format!("{}.{}", quote(schema), quote(name))
    }

    /// Whether at most one row can have given values there.
    pub fn is_unique(&self, columns: &[String]) -> bool {
        let covered = |key: &[String]| key.iter().all(|column| columns.contains(column));
        let unique = self.unique.as_ref().filter(|_| !self.is_view()); // of a view only the key is known
        covered(&self.key) || unique.is_some_and(|unique| columns.contains(unique))
    }

    fn sql(&self, tables: &[Self]) -> String {
        let mut parts: Vec<String> = Vec::new();
        for Column { name, kind, nullable } in &self.columns {
            let null = if *nullable { "" } else { " not null" };
            parts.push(format!("{} {}{null}", quote(name), kind.sql()));
        }
        parts.push(format!("primary key ({})", list(&self.key)));
        parts.extend(self.unique.iter().map(|unique| format!("unique ({})", quote(unique))));
        for foreign in self.foreign.iter().filter(|foreign| foreign.enforced) {
            let target = tables.get(foreign.target).unwrap_or(self);
            parts.push(format!(
                "foreign key ({}) references {} ({}){}",
                list(&foreign.columns),
                target.base(),
                list(&foreign.target_columns),
                foreign.actions
            ));
        }
        let base = self.base();
        let table = format!("create table {base} ({})", parts.join(", "));
        if !matches!(self.made, Made::Parted) {
            return table;
        }
        let part = |at: u8| {
            let name = self.within(&format!("{} part {at}", self.name));
            format!("create table {name} partition of {base} for values with (modulus 2, remainder {at})")
        };
        format!(
            "{table} partition by hash ({});\n{};\n{}",
            quote(&self.key[0]),
            part(0),
            part(1)
        )
    }

    fn view(&self, aside: Option<&Aside>, tables: &[Self]) -> String {
        let mut columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("b.{}", quote(&column.name)))
            .collect();
        let mut from = format!("{} as b", self.base());
        if let Some(aside) = aside {
            columns.push(format!("o.{} as {}", quote(&aside.of), quote(&aside.column.name)));
            let pairs = aside
                .pairs
                .iter()
                .map(|(own, other)| format!("b.{} = o.{}", quote(own), quote(other)));
            let condition = pairs.collect::<Vec<_>>().join(" and ");
            from = format!("{from} left join {} as o on {condition}", tables[aside.target].base());
        }
        format!(
            "create view {} as select {} from {from}",
            self.full(),
            columns.join(", ")
        )
    }
}

/// An SQL identifier.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// An SQL value.
pub fn literal(value: Option<&str>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| format!("'{}'", value.replace('\'', "''")))
}

/// Quoted, with commas between.
pub fn list(names: &[String]) -> String {
    names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ")
}
