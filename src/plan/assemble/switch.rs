//! A relation to one of several tables: a level for each, of which a row has at most one's linking value.

use crate::definition::Switch;
use crate::mistake::Place;
use crate::plan::Part;
use crate::plan::lookup::Given;

use super::Walk;
use super::scope::Scope;

impl<'c, 'd> Walk<'c, 'd> {
    pub fn switch(
        &mut self,
        above: &mut Scope<'c>,
        (name, dotted, drop): (&str, &str, bool),
        switch: &'d Switch,
        place: &Place,
    ) -> Option<Part> {
        let (named, column) = self.column(above, &switch.on, place)?;
        if named.place == above.own.place {
            let mut cases = Vec::new();
            for (value, relation) in &switch.cases {
                if matches!(column.type_oid, 20 | 21 | 23) && value.parse::<i64>().is_err() {
                    let found = format!("the case {value:?} of column {:?} ({})", column.name, column.type_name);
                    self.lookup
                        .mistakes
                        .add(&relation.table.place, found, "write a whole number");
                }
                let defaults = &self.definition.tables;
                let Some(mut stops) = self.lookup.stops(above.own.table, relation, defaults) else {
                    self.adrift(format!("{dotted} as {value}"), relation);
                    continue;
                };
                if let Some(first) = stops.first_mut() {
                    first.edge.given = Some(Given {
                        column: column.name.clone(),
                        value: value.clone(),
                    });
                }
                let dotted = format!("{dotted} as {value}");
                cases.extend(self.relation(above, (name, dotted, drop), relation, place, &stops));
            }
            return Some(Part::Switch(cases));
        }
        self.lookup.mistakes.add(
            place,
            format!(
                "the switch is by a column of {:?}, a table on the way",
                named.table.name
            ),
            "use a column of the row itself",
        );
        None
    }
}
