//! The fields of a level: values and groups of them become what a row writes by itself; relations are noted, with the
//! groups that they stand in, and walked once all fields are read.

use crate::definition::{FieldKind, Fields, Group, Missing, Relation, Switch};
use crate::mistake::Place;
use crate::plan::{Output, Part, Source};

use super::Walk;
use super::scope::{Scope, below, prefix};

/// What hangs on a level, in the order of the definition.
pub enum Hanging<'d> {
    Relation {
        name: &'d str,
        dotted: String,
        relation: &'d Relation,
        place: &'d Place,
        drop: bool,
    },
    Switch {
        name: &'d str,
        dotted: String,
        switch: &'d Switch,
        place: &'d Place,
        drop: bool,
    },
    /// A group that relations stand in, and its own fields' segment.
    Group {
        name: &'d str,
        segment: usize,
        hanging: Vec<Hanging<'d>>,
    },
}

impl<'c, 'd> Walk<'c, 'd> {
    /// A level's own fields; what hangs on it is still to be walked.
    pub fn own_fields(&mut self, scope: &mut Scope<'c>, fields: &'d Fields) -> Vec<Hanging<'d>> {
        let above = scope.dotted.clone();
        let (outputs, hanging) = self.fields(scope, fields, &above);
        scope.segments[0] = outputs;
        hanging
    }

    fn fields(&mut self, scope: &mut Scope<'c>, fields: &'d Fields, above: &str) -> (Vec<Output>, Vec<Hanging<'d>>) {
        let (mut outputs, mut hanging) = (Vec::new(), Vec::new());
        for (name, field) in fields {
            let (dotted, drop) = (below(above, name), field.missing == Missing::Drop);
            let is_marred = field.is_marred(self.known);
            match &field.kind {
                FieldKind::Relation(relation) if is_marred => self.unjoined(dotted, relation),
                FieldKind::Switch(_) | FieldKind::Column { .. } if is_marred => {} // its names may be slips
                FieldKind::Relation(relation) => hanging.push(Hanging::Relation {
                    name,
                    dotted,
                    relation,
                    place: &field.place,
                    drop,
                }),
                FieldKind::Switch(switch) => hanging.push(Hanging::Switch {
                    name,
                    dotted,
                    switch,
                    place: &field.place,
                    drop,
                }),
                FieldKind::Group(group) if group.holds_relations() => {
                    let segment = scope.segments.len();
                    scope.segments.push(Vec::new());
                    let (own, inside) = self.fields(scope, &group.fields, &dotted);
                    scope.segments[segment] = own;
                    hanging.push(Hanging::Group {
                        name,
                        segment,
                        hanging: inside,
                    });
                }
                FieldKind::Group(group) => {
                    let source = self.group(scope, group, &dotted);
                    outputs.push(Output {
                        prefix: prefix(name),
                        source,
                        drop,
                        path: dotted,
                        origin: format!("a group of {}", scope.own.table.name),
                    });
                }
                FieldKind::Column { .. }
                | FieldKind::Sql { .. }
                | FieldKind::Constant { .. }
                | FieldKind::Filled { .. } => {
                    outputs.extend(self.output(scope, field, prefix(name), dotted));
                }
            }
        }
        (outputs, hanging)
    }

    fn group(&mut self, scope: &mut Scope<'c>, group: &'d Group, dotted: &str) -> Source {
        let (members, _) = self.fields(scope, &group.fields, dotted);
        if group.single {
            // Half a point is none, and refused.
            let whole = matches!(group.kind(), "geo_point" | "point");
            Source::Single { members, whole }
        } else {
            Source::Object(members)
        }
    }

    /// Walks what hangs on a level whose fields are read.
    pub fn parts(&mut self, above: &mut Scope<'c>, hanging: Vec<Hanging<'d>>) -> Vec<Part> {
        let mut parts = Vec::new();
        for hanging in hanging {
            match hanging {
                Hanging::Relation {
                    name,
                    dotted,
                    relation,
                    place,
                    drop,
                } => {
                    let defaults = &self.definition.tables;
                    match self.lookup.stops(above.own.table, relation, defaults) {
                        Some(stops) => {
                            let child = self.relation(above, (name, dotted, drop), relation, place, &stops);
                            parts.extend(child.map(Part::Level));
                        }
                        None => self.adrift(dotted, relation),
                    }
                }
                Hanging::Switch {
                    name,
                    dotted,
                    switch,
                    place,
                    drop,
                } => parts.extend(self.switch(above, (name, &dotted, drop), switch, place)),
                Hanging::Group { name, segment, hanging } => parts.push(Part::Group {
                    prefix: prefix(name),
                    segment,
                    parts: self.parts(above, hanging),
                }),
            }
        }
        parts
    }
}
