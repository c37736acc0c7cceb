//! The documents as one plain statement: a correlated subquery a relation, JSON made by Postgres. Slow, and hard to get
//! wrong; written from the documentation of the language alone.

use std::cell::Cell;

use super::kind::Kind;
use super::schema::{Schema, literal, quote};
use super::tree::{
    Aggregate, By, Column, Content, Expression, Field, Form, Function, Missing, Order, Pairs, Relation, Shape, Stop,
    Switch, Tree, Value,
};

/// Stands in a document that cannot be built.
pub const DEAD: &str = "<several rows>";

/// One statement over all documents: the text of the key, and the document.
pub fn sql(schema: &Schema, tree: &Tree) -> String {
    let writer = Writer {
        schema,
        tree,
        names: Cell::new(0),
    };
    let table = &schema.tables[tree.table];
    let at = Place {
        aliases: vec!["root".to_owned()],
        drop: tree.drop,
    };
    let key = |column: &String| format!("root.{}::text", quote(column));
    let columns = tree.key.as_ref().map_or(table.key.as_slice(), std::slice::from_ref);
    let key = match columns {
        [single] => key(single),
        several => {
            let escaped = |column| format!("replace(replace({}, '\\', '\\\\'), ',', '\\,')", key(column));
            several.iter().map(escaped).collect::<Vec<_>>().join(" || ',' || ")
        }
    };
    let filter = tree
        .filter
        .as_ref()
        .map(|filter| format!(" where {}", at.expression(filter)));
    format!(
        "select key, document from (select {key} as key, {} as document from {} as root{}) as documents where document is not null",
        writer.object(&tree.fields, &at),
        table.full(),
        filter.unwrap_or_default()
    )
}

struct Writer<'a> {
    schema: &'a Schema,
    tree: &'a Tree,
    names: Cell<usize>,
}

/// A row that fields are read from: what its table and those on the way to it are called, its own last.
#[derive(Clone)]
struct Place {
    aliases: Vec<String>,
    drop: bool,
}

impl Place {
    fn own(&self) -> &str {
        self.aliases.last().expect("a table")
    }

    fn column(&self, column: &Column) -> String {
        let alias = column.junction.map_or(self.own(), |at| self.aliases[at].as_str());
        format!("{alias}.{}", quote(&column.name))
    }

    fn expression(&self, expression: &Expression) -> String {
        format!("({}\n)", expression.sql(|column| self.column(column)))
    }

    fn term(&self, order: &Order) -> String {
        let direction = if order.descending { "desc" } else { "asc" };
        let nulls = match order.nulls_first {
            None => "",
            Some(true) => " nulls first",
            Some(false) => " nulls last",
        };
        format!("{} {direction}{nulls}", self.column(&order.column))
    }
}

impl Writer<'_> {
    fn name(&self, letter: &str) -> String {
        self.names.set(self.names.get() + 1);
        format!("{letter}{}", self.names.get())
    }

    /// Null where something that is required is missing. Of each field: name, value, whether it is left out where it is
    /// null, and whether the object needs it.
    fn object(&self, fields: &[Field], at: &Place) -> String {
        let row = |field: &Field| {
            let drop = field.missing.map_or(at.drop, |missing| missing == Missing::Drop);
            let inside = Place { drop, ..at.clone() };
            let value = self.form(&field.form, &inside);
            let name = literal(Some(&field.name));
            let lacks = self.lacks(field, at);
            let required = field.requires() && lacks.is_none();
            let lacks = lacks.unwrap_or_else(|| "false".to_owned());
            format!("({name}, ({value})::json, {drop}, {required}, {lacks})")
        };
        let rows: Vec<String> = fields.iter().map(row).collect();
        let f = self.name("f");
        format!(
            "(select case when bool_and(not ({f}.required and {f}.v is null) and not {f}.lacks) then \
             coalesce(json_object_agg({f}.k, {f}.v) filter (where not ({f}.left_out and ({f}.v is null or {f}.v::text = 'null'))), '{{}}') end \
             from (values {}) as {f}(k, v, left_out, required, lacks))",
            rows.join(", ")
        )
    }

    /// Whether a required row is missing, where its value does not tell.
    fn lacks(&self, field: &Field, at: &Place) -> Option<String> {
        match &field.form {
            Form::Relation(relation) if relation.required && matches!(relation.content, Content::Value(_)) => {
                let (from, _) = self.rows(&relation.stops, at);
                Some(format!("not exists (select {from})"))
            }
            _ => None,
        }
    }

    fn form(&self, form: &Form, at: &Place) -> String {
        match form {
            Form::Value(value) => shown(value, at),
            Form::Constant(value) => format!("{}::json", literal(Some(&value.to_string()))),
            Form::Group(fields) => self.object(fields, at),
            Form::Single { whole, members, .. } => {
                let pairs = members
                    .iter()
                    .map(|(name, column)| format!("'{name}', {}", at.column(column)));
                let values = members
                    .iter()
                    .map(|(_, column)| format!("{} is null", at.column(column)));
                let (pairs, absent): (Vec<_>, Vec<_>) = (pairs.collect(), values.collect());
                let absent = absent.join(if *whole { " or " } else { " and " });
                format!(
                    "case when {absent} then null else json_strip_nulls(json_build_object({})) end",
                    pairs.join(", ")
                )
            }
            Form::Relation(relation) => self.relation(relation, at),
            Form::Aggregate(aggregate) => self.aggregate(aggregate, at),
            Form::Switch(switch) => self.switch(switch, at),
        }
    }

    /// `from … where …`, and the row that it gives.
    fn rows(&self, stops: &[Stop], above: &Place) -> (String, Place) {
        let mut aliases: Vec<String> = Vec::new();
        let (mut from, mut conditions) = (Vec::new(), Vec::new());
        for stop in stops {
            let alias = self.name("t");
            let upper = aliases.last().map_or(above.own(), String::as_str);
            conditions.push(on(&stop.pairs, upper, &alias, stop.as_text));
            from.push(format!("{} as {alias}", self.schema.tables[stop.table].full()));
            aliases.push(alias);
            let alone = Place {
                aliases: aliases.clone(),
                drop: above.drop,
            };
            conditions.extend(stop.filter.iter().map(|filter| alone.expression(filter)));
            conditions.extend(self.default(stop.table).map(|filter| alone.expression(filter)));
        }
        let place = Place {
            aliases,
            drop: above.drop,
        };
        (
            format!("from {} where {}", from.join(", "), conditions.join(" and ")),
            place,
        )
    }

    fn default(&self, table: usize) -> Option<&Expression> {
        let found = self.tree.defaults.iter().find(|(of, _)| *of == table)?;
        Some(&found.1)
    }

    fn content(&self, content: &Content, at: &Place) -> String {
        match content {
            Content::Fields(fields) => self.object(fields, at),
            Content::Value(value) => shown(value, at),
        }
    }

    fn relation(&self, relation: &Relation, above: &Place) -> String {
        if let Shape::Ancestors { depth, own, .. } = &relation.shape {
            return self.ancestors(relation, own, depth.unwrap_or(32), above);
        }
        let (from, place) = self.rows(&relation.stops, above);
        let content = self.content(&relation.content, &place);
        let terms = self.terms(relation, &place);
        if relation.shape == Shape::One {
            return if relation.order.is_empty() {
                let s = self.name("s");
                format!(
                    "(select case when count(*) > 1 then '\"{DEAD}\"' else (array_agg({s}.v))[1] end from (select {content} as v {from}) as {s})"
                )
            } else {
                format!("(select {content} {from} order by {terms} limit 1)")
            };
        }
        let bare = matches!(relation.content, Content::Value(_));
        let kept = if bare { "true" } else { "v is not null" };
        let most = relation.limit.unwrap_or(usize::MAX >> 1);
        if let Some(by) = &relation.by {
            return self.keyed(relation, by, &content, &from, &place, kept);
        }
        let rows = format!("select {content} as v, row_number() over (order by {terms}) as n {from}");
        if relation.distinct {
            return format!(
                "(select coalesce(json_agg(v order by n), '[]') from (select (array_agg(v order by n))[1] as v, min(n) as n from ({rows}) as s \
                 group by coalesce(v::text, 'null') order by min(n) limit {most}) as s)"
            );
        }
        format!(
            "(select coalesce(json_agg(v order by n) filter (where {kept}), '[]') from ({rows}) as s where n <= {most})"
        )
    }

    /// The order as written, a value of which each is written once, and the keys of all tables.
    fn terms(&self, relation: &Relation, place: &Place) -> String {
        let mut terms: Vec<String> = relation.order.iter().map(|order| place.term(order)).collect();
        if relation.distinct
            && let Content::Value(value) = &relation.content
        {
            terms.push(match value {
                Value::Column { column, path } if path.is_empty() => place.column(column),
                other => format!("({})::text collate \"C\"", shown(other, place)),
            });
        }
        for (stop, alias) in relation.stops.iter().zip(&place.aliases).rev() {
            let key = self.schema.tables[stop.table].key.iter();
            terms.extend(key.map(|column| format!("{alias}.{}", quote(column))));
        }
        terms.join(", ")
    }

    fn keyed(&self, relation: &Relation, by: &By, content: &str, from: &str, place: &Place, kept: &str) -> String {
        let key = match by {
            By::Own(column) => format!("{}::text", place.column(column)),
            By::Aside { table, pairs, column } => {
                let alias = self.name("b");
                let alone = Place {
                    aliases: vec![alias.clone()],
                    drop: false,
                };
                let filter = self
                    .default(*table)
                    .map(|filter| format!(" and {}", alone.expression(filter)));
                format!(
                    "(select {alias}.{}::text from {} as {alias} where {}{})",
                    quote(column),
                    self.schema.tables[*table].full(),
                    on(pairs, place.own(), &alias, false),
                    filter.unwrap_or_default()
                )
            }
        };
        let terms = self.terms(relation, place);
        let rows = format!("select {key} as k, {content} as v, row_number() over (order by {terms}) as n {from}");
        let object = format!("coalesce(json_object_agg(k, v) filter (where {kept} and first), '{{}}')");
        let object = if relation.order.is_empty() {
            format!("case when count(*) > count(distinct k) then '\"{DEAD}\"' else {object} end")
        } else {
            object
        };
        format!(
            "(select {object} from (select *, row_number() over (partition by k order by n) = 1 as first from ({rows}) as s where k is not null) as s)"
        )
    }

    fn ancestors(&self, relation: &Relation, own: &Pairs, depth: usize, above: &Place) -> String {
        let stop = &relation.stops[0];
        let table = self.schema.tables[stop.table].full();
        let (up, alias) = (self.name("u"), self.name("t"));
        let place = Place {
            aliases: vec![alias.clone()],
            drop: above.drop,
        };
        let mut conditions: Vec<String> = stop.filter.iter().map(|filter| place.expression(filter)).collect();
        conditions.extend(self.default(stop.table).map(|filter| place.expression(filter)));
        conditions.push("true".to_owned());
        let content = self.content(&relation.content, &place);
        let kept = if matches!(relation.content, Content::Value(_)) {
            "true"
        } else {
            "v is not null"
        };
        format!(
            "(with recursive {up}(r, h) as (select x, 1 from {table} as x where {first} \
             union all select x, h + 1 from {up} join {table} as x on {next} where h < {depth}) \
             select coalesce(json_agg(v order by h desc) filter (where {kept}), '[]') from (select {content} as v, h \
             from {up} cross join lateral (select (r).*) as {alias} where {conditions}) as s)",
            first = on(&stop.pairs, above.own(), "x", false),
            next = on(own, "(r)", "x", false),
            conditions = conditions.join(" and ")
        )
    }

    fn aggregate(&self, aggregate: &Aggregate, above: &Place) -> String {
        let (from, place) = self.rows(&aggregate.stops, above);
        let column = aggregate
            .column
            .as_ref()
            .map(|column| place.column(column))
            .unwrap_or_default();
        let extreme = |direction: &str| {
            format!(
                "(array_agg({column} order by {column} {direction}, {column}::text collate \"C\") filter (where {column} is not null))[1]"
            )
        };
        let value = match aggregate.function {
            Function::Count => "count(*)".to_owned(),
            Function::CountDistinct => format!("count(distinct {column})"),
            Function::Sum => format!("sum({column} order by {column})"),
            Function::Avg => format!("avg({column} order by {column})"),
            Function::Min => extreme("asc"),
            Function::Max => extreme("desc"),
        };
        let value = match (&aggregate.column, aggregate.function) {
            (Some(column), Function::Min | Function::Max) => json(column.kind, &value),
            _ => format!("to_json({value})"),
        };
        format!("(select {value} {from})")
    }

    fn switch(&self, switch: &Switch, at: &Place) -> String {
        let cases = switch.cases.iter().map(|(value, relation)| {
            let value = literal(Some(value));
            format!(
                "when {}.{} = {value} then {}",
                at.own(),
                quote(&switch.on),
                self.relation(relation, at)
            )
        });
        format!("case {} end", cases.collect::<Vec<_>>().join(" "))
    }
}

fn shown(value: &Value, at: &Place) -> String {
    match value {
        Value::Sql(expression) => format!("to_json({})", at.expression(expression)),
        Value::Column { column, path } if path.is_empty() => json(column.kind, &at.column(column)),
        Value::Column { column, path } => {
            let keys: Vec<String> = path.iter().map(|key| literal(Some(key))).collect();
            format!("({} #> array[{}])::json", at.column(column), keys.join(", "))
        }
    }
}

/// A value as it stands in documents.
fn json(kind: Kind, value: &str) -> String {
    match kind {
        Kind::Bytes => format!("to_json(translate(encode({value}, 'base64'), E'\\n', ''))"),
        _ => format!("to_json({value})"),
    }
}

/// The condition of a join.
fn on(pairs: &Pairs, above: &str, below: &str, as_text: bool) -> String {
    let cast = if as_text { "::text" } else { "" };
    let same =
        |(upper, lower): &(String, String)| format!("{below}.{}{cast} = {above}.{}{cast}", quote(lower), quote(upper));
    pairs.iter().map(same).collect::<Vec<_>>().join(" and ")
}
