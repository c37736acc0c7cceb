//! The value of an aggregate, in SQL. Equal rows must give equal bytes whatever order they are read in, so what depends on
//! that order is given one.

use crate::catalog::{Column, Wire, quote};
use crate::definition::{Aggregate, ColumnName, Function};
use crate::mistake::Place;
use crate::plan::{Output, Source};

use super::Walk;
use super::scope::Scope;

impl<'c> Walk<'c, '_> {
    pub fn aggregate(&mut self, scope: &mut Scope<'c>, aggregate: &Aggregate, place: &Place) -> Option<Output> {
        let (expression, wire) = match &aggregate.column {
            None => ("count(*)".to_owned(), Wire::Int8),
            Some(name) => {
                let name = ColumnName {
                    table: None,
                    column: name.clone(),
                };
                let (named, column) = self.column(scope, &name, place)?;
                match over(aggregate.function, &named.alias, column) {
                    Ok(found) => found,
                    Err(remedy) => {
                        let found = format!(
                            "`{}` cannot be made of column {:?} of {:?}, which is {}",
                            aggregate.function.key(),
                            column.name,
                            named.table.name,
                            column.type_name
                        );
                        self.lookup.mistakes.add(place, found, remedy);
                        return None;
                    }
                }
            }
        };
        let at = scope.list.add(expression, wire);
        Some(Output {
            prefix: String::new(),
            source: Source::Selected(at),
            drop: false,
            path: scope.dotted.clone(),
            origin: format!("`{}` over {}", aggregate.function.key(), scope.own.table.name),
        })
    }
}

/// What stands where there are no rows.
pub fn absent(function: Function) -> &'static str {
    match function {
        Function::Count | Function::CountDistinct => "0",
        Function::Sum | Function::Avg | Function::Min | Function::Max => "null",
    }
}

/// The expression and the form in which it comes; what to do where the column's type has none.
fn over(function: Function, alias: &str, column: &Column) -> Result<(String, Wire), &'static str> {
    let value = format!("{}.{}", quote(alias), quote(&column.name));
    let has_order = column.has_order();
    match function {
        Function::Count => Ok(("count(*)".to_owned(), Wire::Int8)),
        Function::CountDistinct if has_order => Ok((format!("count(DISTINCT {value})"), Wire::Int8)),
        Function::Sum | Function::Avg => total(function, &value, column),
        Function::Min | Function::Max if column.type_name.ends_with("[]") => {
            Err("its arrays have no order of their own; use a column with one value")
        }
        Function::Min | Function::Max if has_order => Ok(extreme(function, &value, column)),
        Function::CountDistinct | Function::Min | Function::Max => {
            Err("values of this type have no order; use another column, such as a generated one")
        }
    }
}

fn total(function: Function, value: &str, column: &Column) -> Result<(String, Wire), &'static str> {
    let (is_sum, name) = (function == Function::Sum, function.key());
    let plain = |wire| Ok((format!("{name}({value})"), wire));
    match column.type_oid {
        21 | 23 if is_sum => plain(Wire::Int8),
        20 | 21 | 23 | 1700 => plain(Wire::Numeric),
        // Sums of floats depend on the order of their terms.
        700 if is_sum => Ok((format!("{name}({value} ORDER BY {value})"), Wire::Float4)),
        700 | 701 => Ok((format!("{name}({value} ORDER BY {value})"), Wire::Float8)),
        790 if is_sum => Ok((format!("to_json({name}({value}))"), Wire::ToJson)),
        1186 => Ok((format!("to_json({name}({value}))"), Wire::ToJson)),
        _ => Err("use a column of numbers, or a generated one"),
    }
}

/// The first by its order. Where equal values may be written in different ways, such as 1.5 and 1.50, the first of these
/// by its text.
fn extreme(function: Function, value: &str, column: &Column) -> (String, Wire) {
    let has_aggregate = matches!(
        column.type_oid,
        20 | 21 | 23 | 25 | 26 | 1043 | 1082 | 1083 | 1114 | 1184
    );
    let is_written_one_way = column.byte_equal || column.type_oid == 1700 && column.type_name.starts_with("numeric(");
    let first = if is_written_one_way && (has_aggregate || column.type_oid == 1700) {
        format!("{}({value})", function.key())
    } else {
        let direction = if function == Function::Max { " DESC" } else { "" };
        format!(
            "(array_agg({value} ORDER BY {value}{direction}, {value}::text COLLATE \"C\") FILTER (WHERE {value} IS NOT NULL))[1]"
        )
    };
    match column.wire {
        Wire::ToJson => (format!("to_json({first})"), Wire::ToJson),
        wire => (first, wire),
    }
}
