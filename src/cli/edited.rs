//! Definitions that were edited and not applied: whatever is said of their indexes is by the ones before.

use super::say;
use crate::config::Config;
use crate::definition::Definition;
use crate::pipeline::Fleet;
use crate::plan::fingerprint;

/// A definition's file, and the index that it is of.
#[derive(Debug, serde::Serialize)]
pub struct Edited {
    pub index: String,
    pub file: String,
}

impl Edited {
    /// Those whose index was last made from something else, or from nothing yet.
    pub fn of(config: &Config, fleet: &Fleet) -> Vec<Self> {
        let is_applied = |definition: &&Definition| {
            let mut newest_first = fleet.generations.values().rev();
            newest_first
                .find(|generation| generation.index == definition.index)
                .is_some_and(|generation| generation.hash == fingerprint(definition))
        };
        let edited = config.definitions.iter().filter(|definition| !is_applied(definition));
        let named = |definition: &Definition| Self {
            index: definition.index.clone(),
            file: definition.place.file.to_string(),
        };
        edited.map(named).collect()
    }
}

impl std::fmt::Display for Edited {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "the definition in {} was not applied; run `highwater apply`",
            self.file
        )
    }
}

/// Says so on stderr, a line each; of one index alone where one is named.
pub fn warn(config: &Config, fleet: &Fleet, index: Option<&str>) {
    let mut edited = Edited::of(config, fleet);
    edited.retain(|edited| index.is_none_or(|index| edited.index == index));
    for edited in edited {
        say::complain!("{edited}");
    }
}
