//! `due`: columns whose moments, when they pass, make a document anew.

use super::{Scope, column};
use crate::definition::Due;
use crate::mistake::Mistakes;
use crate::yaml::Reader;

/// The columns named beside a node of which this is the scope.
pub(super) fn due(reader: &mut Reader<'_>, scope: &Scope<'_>, mistakes: &mut Mistakes) -> Vec<Due> {
    let written = reader.strings("due", mistakes).unwrap_or_default();
    let name = |(text, place)| {
        let column = column::column(text, place, scope, mistakes)?;
        Some(Due {
            column,
            place: place.clone(),
        })
    };
    written
        .iter()
        .map(|(text, place)| (text.as_str(), *place))
        .filter_map(name)
        .collect()
}
