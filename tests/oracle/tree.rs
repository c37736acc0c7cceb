//! A definition as the generator knows it: what is meant, apart from how it is written as YAML (`yaml`) and what it comes
//! to in SQL (`truth`). Neither of these knows the other, nor anything of the planner's.

use super::kind::Kind;

#[derive(Clone, Debug)]
pub struct Tree {
    pub table: usize,
    /// The column that identifies a document, if not the primary key.
    pub key: Option<String>,
    pub filter: Option<Expression>,
    /// Of all fields, unless they say otherwise.
    pub drop: bool,
    /// Filters that hold at every use of a table below the root.
    pub defaults: Vec<(usize, Expression)>,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub missing: Option<Missing>,
    pub form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    Keep,
    Drop,
}

#[derive(Clone, Debug)]
pub enum Form {
    Value(Value),
    Constant(serde_json::Value),
    Group(Vec<Field>),
    /// One value of Elasticsearch's; with `whole`, null as soon as a member is.
    Single {
        kind: &'static str,
        whole: bool,
        members: Vec<(&'static str, Column)>,
    },
    Relation(Relation),
    Aggregate(Aggregate),
    Switch(Switch),
}

#[derive(Clone, Debug)]
pub enum Value {
    Column { column: Column, path: Vec<String> },
    Sql(Expression),
}

/// A column of the own row, or of a junction on the way to it.
#[derive(Clone, Debug)]
pub struct Column {
    pub junction: Option<usize>,
    pub name: String,
    pub kind: Kind,
}

/// SQL with columns in it.
#[derive(Clone, Debug)]
pub struct Expression(pub Vec<Part>);

#[derive(Clone, Debug)]
pub enum Part {
    Text(String),
    Column(Column),
}

#[derive(Clone, Debug)]
pub struct Relation {
    pub shape: Shape,
    /// The tables on the way, the related one last.
    pub stops: Vec<Stop>,
    pub order: Vec<Order>,
    pub limit: Option<usize>,
    pub distinct: bool,
    pub by: Option<By>,
    pub required: bool,
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    One,
    Many,
    /// The rows above in the tree; `own` leads from one to the next, and the stop to the first.
    Ancestors {
        depth: Option<usize>,
        own: Pairs,
        own_written: bool,
    },
}

/// Columns that must be equal, of the nearer table first.
pub type Pairs = Vec<(String, String)>;

#[derive(Clone, Debug)]
pub struct Stop {
    pub table: usize,
    pub pairs: Pairs,
    /// Compared as text.
    pub as_text: bool,
    /// The join is written out.
    pub written: bool,
    pub filter: Option<Expression>,
}

#[derive(Clone, Debug)]
pub struct Order {
    pub column: Column,
    pub descending: bool,
    pub nulls_first: Option<bool>,
}

#[derive(Clone, Debug)]
pub enum By {
    Own(Column),
    /// A column of the table that the related row points at.
    Aside {
        table: usize,
        pairs: Pairs,
        column: String,
    },
}

#[derive(Clone, Debug)]
pub enum Content {
    Fields(Vec<Field>),
    Value(Value),
}

#[derive(Clone, Debug)]
pub struct Aggregate {
    pub function: Function,
    pub column: Option<Column>,
    pub stops: Vec<Stop>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Count,
    CountDistinct,
    Sum,
    Avg,
    Min,
    Max,
}

#[derive(Clone, Debug)]
pub struct Switch {
    pub on: String,
    pub cases: Vec<(String, Relation)>,
}

impl Field {
    /// Whether there is no object around it where something is missing.
    pub fn requires(&self) -> bool {
        match &self.form {
            Form::Relation(relation) => relation.required,
            Form::Group(fields) => fields.iter().any(Self::requires),
            _ => false,
        }
    }
}

impl Expression {
    /// As SQL, each column written in some way.
    pub fn sql(&self, column: impl Fn(&Column) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Column(named) => column(named),
        };
        self.0.iter().map(part).collect()
    }
}
