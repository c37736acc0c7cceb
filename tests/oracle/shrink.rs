//! A failing case made smaller: everything that can be taken away is, as long as it fails in the same manner.

use super::case::Case;
use super::schema::Made;
use super::tree::{Content, Field, Form, Relation, Stop, Value};

/// Every case with one thing less, what takes most away first.
pub fn smaller(case: &Case) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut with = |change: &dyn Fn(&mut Case)| {
        let mut other = case.clone();
        change(&mut other);
        cases.push(other);
    };
    with(&|case| case.changes.clear());
    for at in 0..case.changes.len() {
        with(&|case| drop(case.changes.remove(at)));
    }
    for fields in fewer(&case.tree.fields) {
        with(&|case| case.tree.fields.clone_from(&fields));
    }
    for share in [2, 4, 8] {
        let length = case.rows.len().div_ceil(share);
        for start in (0..case.rows.len()).step_by(length.max(1)) {
            let end = (start + length).min(case.rows.len());
            with(&|case| drop(case.rows.drain(start..end)));
        }
    }
    for (transaction, statements) in case.changes.iter().enumerate() {
        for at in 0..statements.len() {
            with(&|case| drop(case.changes[transaction].remove(at)));
        }
    }
    for at in 0..case.tree.defaults.len() {
        with(&|case| drop(case.tree.defaults.remove(at)));
    }
    with(&|case| case.tree.filter = None);
    with(&|case| case.tree.drop = false);
    with(&|case| case.tree.key = None);
    for at in 0..case.rows.len() {
        with(&|case| drop(case.rows.remove(at)));
    }
    for (at, table) in case.schema.tables.iter().enumerate() {
        for foreign in 0..table.foreign.len() {
            with(&|case| drop(case.schema.tables[at].foreign.remove(foreign)));
        }
        if let Made::View(Some(_)) = table.made {
            with(&|case| case.schema.tables[at].made = Made::View(None));
        }
        if !matches!(table.made, Made::Plain) {
            with(&|case| plain(case, at));
        }
        for column in &table.columns {
            with(&|case| without_column(case, at, &column.name));
        }
    }
    if let Some(last) = case.schema.tables.len().checked_sub(1) {
        with(&|case| {
            case.schema.tables.pop();
            case.rows.retain(|row| row.table < last);
        });
    }
    // A table that the tree still names is none that can go.
    let script = case.script();
    cases.retain(|case| {
        stands(case) && case.script() != script && case.changes.iter().all(|statements| !statements.is_empty())
    });
    cases
}

/// Makes it a table of one piece, whose rows are written where they are read.
fn plain(case: &mut Case, at: usize) {
    let table = &mut case.schema.tables[at];
    let base = table.base();
    table.made = Made::Plain;
    for statement in case.changes.iter_mut().flatten() {
        *statement = statement.replace(&base, &table.full());
    }
}

fn without_column(case: &mut Case, at: usize, name: &str) {
    case.schema.tables[at].columns.retain(|column| column.name != name);
    for row in case.rows.iter_mut().filter(|row| row.table == at) {
        row.values.retain(|(column, _)| column != name);
    }
}

/// Whether the definition names only what is there.
fn stands(case: &Case) -> bool {
    let text = format!("{:?}", case.tree);
    let tables = case.schema.tables.len();
    let named = |at: usize| text.contains(&format!("table: {at},")) || text.contains(&format!("table: {at} "));
    let keys = case.schema.tables.iter().all(|table| {
        let known = |name: &String| table.columns.iter().any(|column| column.name == *name);
        let foreign = |foreign: &super::schema::Foreign| foreign.target < tables && foreign.columns.iter().all(known);
        let points = |points: &super::schema::Points| {
            known(&points.at) && known(&points.key) && points.targets.iter().all(|(_, at)| *at < tables)
        };
        let aside = match &table.made {
            Made::View(Some(aside)) => {
                let of = case.schema.tables.get(aside.target);
                let there = of.is_some_and(|of| of.columns.iter().any(|column| column.name == aside.of));
                there && aside.pairs.iter().all(|(own, _)| known(own))
            }
            _ => true,
        };
        aside
            && table.key.iter().all(known)
            && table.unique.iter().all(known)
            && table.foreign.iter().all(foreign)
            && table.points.iter().all(points)
    });
    let unique = case
        .schema
        .tables
        .get(case.tree.table)
        .and_then(|root| root.unique.as_ref());
    let identified = case.tree.key.is_none() || case.tree.key.as_ref() == unique;
    keys && identified && !(tables..tables + 8).any(named) && case.tree.defaults.iter().all(|(at, _)| *at < tables)
}

/// The same fields with one thing less.
fn fewer(fields: &[Field]) -> Vec<Vec<Field>> {
    let mut all = Vec::new();
    for at in 0..fields.len() {
        if fields.len() > 1 {
            let mut others = fields.to_vec();
            others.remove(at);
            all.push(others);
        }
    }
    for (at, field) in fields.iter().enumerate() {
        let mut with = |field: Field| {
            let mut others = fields.to_vec();
            others[at] = field;
            all.push(others);
        };
        for form in simpler(&field.form) {
            with(Field { form, ..field.clone() });
        }
        if field.missing.is_some() {
            with(Field {
                missing: None,
                ..field.clone()
            });
        }
        if let Form::Group(inside) = &field.form
            && let [only] = inside.as_slice()
        {
            with(Field {
                name: field.name.clone(),
                ..only.clone()
            });
        }
    }
    all
}

fn simpler(form: &Form) -> Vec<Form> {
    match form {
        Form::Group(fields) => fewer(fields).into_iter().map(Form::Group).collect(),
        Form::Relation(relation) => relations(relation).into_iter().map(Form::Relation).collect(),
        Form::Aggregate(aggregate) => {
            let with = |stops| {
                Form::Aggregate(super::tree::Aggregate {
                    stops,
                    ..aggregate.clone()
                })
            };
            unfiltered(&aggregate.stops).into_iter().map(with).collect()
        }
        Form::Switch(switch) => {
            let mut forms = Vec::new();
            for at in 0..switch.cases.len() {
                let mut other = switch.clone();
                other.cases.remove(at);
                if !other.cases.is_empty() {
                    forms.push(Form::Switch(other));
                }
                for relation in relations(&switch.cases[at].1) {
                    let mut other = switch.clone();
                    other.cases[at].1 = relation;
                    forms.push(Form::Switch(other));
                }
            }
            forms
        }
        Form::Value(_) | Form::Constant(_) | Form::Single { .. } => Vec::new(),
    }
}

fn relations(relation: &Relation) -> Vec<Relation> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Relation)| {
        let mut other = relation.clone();
        change(&mut other);
        all.push(other);
    };
    if let Content::Fields(fields) = &relation.content {
        for fields in fewer(fields) {
            with(&|relation| relation.content = Content::Fields(fields.clone()));
        }
        if let [only] = fields.as_slice()
            && let Form::Value(value @ Value::Column { .. }) = &only.form
        {
            with(&|relation| relation.content = Content::Value(value.clone()));
        }
    }
    for at in 0..relation.order.len() {
        with(&|relation| drop(relation.order.remove(at)));
    }
    if relation.limit.is_some() {
        with(&|relation| relation.limit = None);
    }
    if relation.by.is_some() {
        with(&|relation| relation.by = None);
    }
    if relation.distinct {
        with(&|relation| relation.distinct = false);
    }
    if relation.required {
        with(&|relation| relation.required = false);
    }
    for stops in unfiltered(&relation.stops) {
        with(&|relation| relation.stops.clone_from(&stops));
    }
    all
}

fn unfiltered(stops: &[Stop]) -> Vec<Vec<Stop>> {
    let mut all = Vec::new();
    for (at, stop) in stops.iter().enumerate() {
        if stop.filter.is_some() {
            let mut others = stops.to_vec();
            others[at].filter = None;
            all.push(others);
        }
    }
    all
}
