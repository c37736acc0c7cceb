//! Grows relations: ways over some tables, and what is shown of the rows at their end.

use super::expression;
use super::grow::{Grower, own_columns};
use super::kind::Kind;
use super::link::{self, Link, Wanted};
use super::tree::{Aggregate, By, Content, Field, Form, Function, Order, Relation, Shape, Stop, Switch, Value};

impl Grower<'_> {
    /// A table further on; none where there is no way.
    fn link(&mut self, from: usize, fits: impl Fn(&Link) -> bool) -> Option<Link> {
        if self.dice.chance(12) {
            return link::loose(self.dice, self.schema, from).filter(fits);
        }
        let links: Vec<Link> = link::all(self.schema, from).into_iter().filter(fits).collect();
        self.dice.any(&links).cloned()
    }

    /// Ways over some tables.
    fn stops(&mut self, own: usize, wanted: Wanted) -> Option<Vec<Stop>> {
        let mut stops: Vec<Stop> = Vec::new();
        let most = *self.dice.pick(&[1, 1, 1, 2, 2, 3]);
        for at in 0..most {
            let from = stops.last().map_or(own, |stop| stop.table);
            let wanted = match at {
                0 if most > 1 && wanted != Wanted::One => Wanted::Many,
                0 => wanted,
                _ => Wanted::Beyond,
            };
            let Some(link) = self.link(from, |_| true) else { break };
            let mut stop = link::stop(self.dice, self.schema, from, &link, wanted);
            stop.as_text = stop.written && self.dice.chance(8);
            stops.push(stop);
        }
        // How many tables there are was not known when the first join was inferred.
        if let [only] = stops.as_mut_slice() {
            only.written |= most > 1;
        }
        for stop in &mut stops {
            if self.dice.chance(15) {
                let known = own_columns(&self.schema.tables[stop.table]);
                stop.filter = Some(expression::condition(self.dice, &known));
            }
        }
        let way: Vec<usize> = stops.iter().map(|stop| stop.table).collect();
        let last = stops.last_mut()?;
        if self.dice.chance(20) {
            let known = self.known(&way);
            last.filter = Some(expression::condition(self.dice, &known));
        }
        Some(stops)
    }

    pub fn one(&mut self, own: usize, depth: usize) -> Option<Relation> {
        self.left -= 1;
        let (stops, order) = if self.dice.chance(60) {
            let link = self.link(own, |link| link.single)?;
            let mut stop = link::stop(self.dice, self.schema, own, &link, Wanted::One);
            if self.dice.chance(15) {
                let known = own_columns(&self.schema.tables[stop.table]);
                stop.filter = Some(expression::condition(self.dice, &known));
            }
            (vec![stop], Vec::new())
        } else {
            let stops = self.stops(own, Wanted::First)?;
            let order = self.order(&stops, usize::from(self.strict));
            (stops, order)
        };
        // Without an order, other joins are inferred.
        let mut stops = stops;
        if order.is_empty() || stops.len() > 1 {
            let wanted = if stops.len() > 1 { Wanted::Many } else { Wanted::One };
            self.write_unless_sure(own, &mut stops, wanted);
        }
        let required = self.strict && self.dice.chance(20);
        Some(self.relation(Shape::One, stops, order, required, depth))
    }

    fn write_unless_sure(&self, own: usize, stops: &mut [Stop], wanted: Wanted) {
        let found = link::inferred(self.schema, own, stops[0].table, wanted);
        stops[0].written |= found.as_slice() != std::slice::from_ref(&stops[0].pairs);
    }

    pub fn many(&mut self, own: usize, depth: usize) -> Option<Relation> {
        self.left -= 1;
        let stops = self.stops(own, Wanted::Many)?;
        let order = self.order(&stops, 0);
        let mut relation = self.relation(Shape::Many, stops, order, false, depth);
        let way: Vec<usize> = relation.stops.iter().map(|stop| stop.table).collect();
        if self.dice.chance(15) {
            relation.by = self.by(&way, relation.order.is_empty());
        }
        if relation.by.is_none() {
            relation.limit = self.dice.chance(30).then(|| self.dice.between(1, 3));
            let orderly = match &relation.content {
                Content::Value(Value::Column { column, .. }) => !column.kind.is_json(),
                Content::Value(Value::Sql(_)) => true,
                Content::Fields(_) => false,
            };
            relation.distinct = orderly && self.dice.chance(50);
        }
        Some(relation)
    }

    fn by(&mut self, way: &[usize], unordered: bool) -> Option<By> {
        // Without an order, a key that repeats is a dead letter.
        if unordered && self.strict {
            return None;
        }
        let own = *way.last()?;
        if self.dice.chance(30) {
            let mut targets: Vec<Link> = link::all(self.schema, own);
            targets.retain(|link| {
                let name = &self.schema.tables[link.table].name;
                let beside = way.iter().any(|at| self.schema.tables[*at].name == *name);
                let found = link::inferred(self.schema, own, link.table, Wanted::One);
                !beside
                    && self.schema.tables[link.table].schema.is_none()
                    && found.as_slice() == std::slice::from_ref(&link.pairs)
            });
            let link = self.dice.any(&targets)?.clone();
            let column = self.dice.pick(&self.schema.tables[link.table].columns).name.clone();
            return Some(By::Aside {
                table: link.table,
                pairs: link.pairs,
                column,
            });
        }
        let known = self.known(way);
        Some(By::Own(self.dice.pick(&known).clone()))
    }

    fn order(&mut self, stops: &[Stop], least: usize) -> Vec<Order> {
        let way: Vec<usize> = stops.iter().map(|stop| stop.table).collect();
        let mut known = self.known(&way);
        known.retain(|column| column.kind.has_order());
        let terms = self.dice.below(3).max(least);
        let mut order: Vec<Order> = Vec::new();
        for _ in 0..terms {
            order.push(Order {
                column: self.dice.pick(&known).clone(),
                descending: self.dice.chance(40),
                nulls_first: self.dice.chance(30).then(|| self.dice.chance(50)),
            });
        }
        order
    }

    fn relation(
        &mut self,
        shape: Shape,
        stops: Vec<Stop>,
        order: Vec<Order>,
        required: bool,
        depth: usize,
    ) -> Relation {
        let way: Vec<usize> = stops.iter().map(|stop| stop.table).collect();
        let content = if self.dice.chance(40) {
            Content::Value(self.bare(&way))
        } else {
            Content::Fields(self.fields(&way, depth + 1))
        };
        Relation {
            shape,
            stops,
            order,
            limit: None,
            distinct: false,
            by: None,
            required,
            content,
        }
    }

    pub fn ancestors(&mut self, own: usize, depth: usize) -> Option<Relation> {
        self.left -= 1;
        let trees = |at: &usize| {
            let table = &self.schema.tables[*at];
            !table.is_view() && table.foreign.iter().any(|foreign| foreign.target == *at)
        };
        let trees: Vec<usize> = (0..self.schema.tables.len()).filter(trees).collect();
        let tree = *self.dice.any(&trees)?;
        let up: Vec<Link> = link::all(self.schema, tree)
            .into_iter()
            .filter(|link| link.table == tree && link.single)
            .collect();
        let up = up.first()?.clone();
        let own_step = link::stop(self.dice, self.schema, tree, &up, Wanted::One);
        let first = if own == tree {
            up.pairs.clone()
        } else {
            let found = link::inferred(self.schema, own, tree, Wanted::One);
            let [pairs] = found.as_slice() else { return None };
            let ends = |pairs: &[(String, String)]| pairs.iter().map(|(_, below)| below.clone()).collect::<Vec<_>>();
            if ends(pairs) != ends(&up.pairs) {
                return None;
            }
            pairs.clone()
        };
        let known = own_columns(&self.schema.tables[tree]);
        let stop = Stop {
            table: tree,
            pairs: first,
            as_text: false,
            written: false,
            filter: self.dice.chance(25).then(|| expression::condition(self.dice, &known)),
        };
        let shape = Shape::Ancestors {
            depth: if self.dice.chance(60) {
                Some(self.dice.between(1, 5))
            } else {
                Some(8)
            },
            own: up.pairs,
            own_written: own_step.written,
        };
        Some(self.relation(shape, vec![stop], Vec::new(), false, depth))
    }

    pub fn aggregate(&mut self, own: usize) -> Option<Aggregate> {
        let stops = self.stops(own, Wanted::Many)?;
        let functions = [
            Function::Count,
            Function::CountDistinct,
            Function::Sum,
            Function::Avg,
            Function::Min,
            Function::Max,
        ];
        let function = *self.dice.pick(&functions);
        let mut known = own_columns(&self.schema.tables[stops.last()?.table]);
        known.retain(|column| match function {
            Function::Count => false,
            Function::CountDistinct => column.kind.has_order(),
            Function::Sum | Function::Avg => column.kind.is_number(),
            Function::Min | Function::Max => column.kind.has_order() && !column.kind.is_array(),
        });
        let column = self.dice.any(&known).cloned();
        (column.is_some() || function == Function::Count).then_some(Aggregate {
            function,
            column,
            stops,
        })
    }

    pub fn switch(&mut self, own: usize, depth: usize) -> Option<Switch> {
        self.left -= 1;
        let points = self.schema.tables[own].points.as_ref()?;
        let mut cases = Vec::new();
        for (value, target) in &points.targets {
            let table = &self.schema.tables[*target];
            let known = own_columns(table);
            let stop = Stop {
                table: *target,
                pairs: vec![(points.key.clone(), table.key[0].clone())],
                as_text: true,
                written: true,
                filter: self.dice.chance(15).then(|| expression::condition(self.dice, &known)),
            };
            let mut relation = self.relation(Shape::One, vec![stop], Vec::new(), false, depth);
            // Cases share one field: of one type, where they share a name.
            let column = known
                .iter()
                .find(|column| column.kind == Kind::Int)
                .unwrap_or(&known[0])
                .clone();
            relation.content = Content::Fields(vec![Field {
                name: format!("of {value}"),
                missing: None,
                form: Form::Value(Value::Column {
                    column,
                    path: Vec::new(),
                }),
            }]);
            cases.push((value.clone(), relation));
        }
        Some(Switch {
            on: points.at.clone(),
            cases,
        })
    }
}
