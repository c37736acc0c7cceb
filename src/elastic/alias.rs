//! The name that readers use, and the index behind it.

use elasticsearch::http::Method;
use serde_json::{Map, Value, json};

use super::client::{Elastic, Request};
use super::error::ElasticError;
use super::path::segment;

/// What stands behind a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behind {
    Nothing,
    /// The name is an alias of these indexes.
    Indexes(Vec<String>),
    /// The name is an index itself: an alias can take it only by removing it.
    Concrete,
}

/// A swap of what stands behind an alias.
#[derive(Clone, Copy, Debug)]
pub struct PointAlias<'a> {
    pub alias: &'a str,
    pub to: &'a str,
    /// Indexes that the alias leaves; `to` among them stays.
    pub from: &'a [&'a str],
    /// Deletes the concrete index that has the alias's name, documents and all. Ask before.
    pub remove_index: bool,
}

impl Elastic {
    /// Looks up what stands behind a name.
    pub async fn behind(&self, name: &str) -> Result<Behind, ElasticError> {
        let path = format!("{}/_alias", segment(name));
        let indexes: Map<String, Value> = match self.ask(&Request::get(path)).await {
            Err(ElasticError::IndexMissing { .. }) => return Ok(Behind::Nothing),
            other => other?,
        };
        Ok(match indexes.len() {
            0 => Behind::Nothing,
            _ if indexes.contains_key(name) => Behind::Concrete,
            _ => Behind::Indexes(indexes.into_iter().map(|(index, _)| index).collect()),
        })
    }

    /// Swaps, all at once: no search finds the alias missing or both indexes behind it.
    ///
    /// # Errors
    /// As every request; nothing has changed then, unless the answer was lost: look before trying again.
    pub async fn point_alias(&self, swap: PointAlias<'_>) -> Result<(), ElasticError> {
        self.send(&Request::new(Method::Post, "_aliases").json(&actions(swap))?)
            .await
            .map(drop)
    }
}

fn actions(swap: PointAlias<'_>) -> Value {
    let PointAlias {
        alias,
        to,
        from,
        remove_index,
    } = swap;
    let replaced = remove_index.then(|| json!({ "remove_index": { "index": alias } }));
    let left = from.iter().filter(|index| **index != to);
    let left = left.map(|index| json!({ "remove": { "index": index, "alias": alias } }));
    let added = json!({ "add": { "index": to, "alias": alias } });
    json!({ "actions": replaced.into_iter().chain(left).chain([added]).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_never_removes_its_own_target() {
        let swap = PointAlias {
            alias: "a",
            to: "a-2",
            from: &["a-1", "a-2"],
            remove_index: true,
        };
        let expected = json!({"actions": [
            {"remove_index": {"index": "a"}},
            {"remove": {"index": "a-1", "alias": "a"}},
            {"add": {"index": "a-2", "alias": "a"}},
        ]});
        assert_eq!(actions(swap), expected);
    }
}
