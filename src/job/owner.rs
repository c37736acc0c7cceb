//! Whose index stands behind an alias. Two databases must not feed one name: searches would find the rows of whichever
//! moved the alias last.

use crate::elastic::{Behind, Elastic, ElasticError};

/// An index that another database keeps in step.
#[derive(Clone, Debug)]
pub struct Foreign {
    pub index: String,
    /// The other ledger's name towards the cluster.
    pub source: String,
}

/// The index behind `alias` that another database keeps. `own` is this ledger's name, empty where there is no ledger yet.
///
/// Only while the cluster has a note of the other: one that was taken out of its database, or given up for this one, keeps
/// nothing.
///
/// # Errors
/// Those of the cluster.
pub async fn foreign(elastic: &Elastic, alias: &str, own: &str) -> Result<Option<Foreign>, ElasticError> {
    let Behind::Indexes(indexes) = elastic.behind(alias).await? else {
        return Ok(None);
    };
    for index in indexes {
        let origin = elastic.origin(&index).await?;
        let Some(source) = origin.source.filter(|source| source != own) else {
            continue;
        };
        if elastic.get_nonce(&source).await?.is_some() {
            return Ok(Some(Foreign { index, source }));
        }
    }
    Ok(None)
}
