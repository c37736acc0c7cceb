//! Documents as they are built, without a cluster: what the rows of a database come to by definitions.

use highwater::copies::Copies;
use highwater::definition::Definition;
use highwater::draft::Op;
use highwater::job::{apply, settings::JobSettings};
use highwater::key::Key;
use highwater::pipeline::Fleet;
use highwater::source::build::Builder;
use highwater::source::connect::connect_owner;
use highwater::source::proof::{self, Proof};
use highwater::source::{Postgres, PostgresSettings, Scope, snapshot};
use secrecy::SecretString;

use super::postgres::TestDatabase;

/// Definitions that were applied to a database.
pub struct Built {
    fleet: Fleet,
    builder: Builder,
}

impl Built {
    /// Proves their expressions and applies them; each has an index of its own.
    pub async fn of(database: &TestDatabase, definitions: &[Definition]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let settings = PostgresSettings {
            url: SecretString::from(database.url()),
            ..PostgresSettings::default()
        };
        let postgres = Postgres::new(&settings).expect("a pool");
        let mut owner = connect_owner(&settings).await.expect("an owner");
        apply::apply(&mut owner, definitions, postgres.role(), &JobSettings::default())
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let fences = snapshot::fence_pool(postgres.pool());
        let fleet = Fleet::read(&postgres).await.expect("a fleet");
        for (_, plan) in fleet.plans() {
            match proof::prove(&mut owner, &plan.expressions).await.expect("an answer") {
                Proof::Done(mistakes) => assert!(mistakes.0.is_empty(), "{mistakes}"),
                Proof::NotAllowed(why) => panic!("no proof: {why}"),
            }
        }
        Self {
            fleet,
            builder: Builder::new(&postgres, &fences, 16_000_000, 256_000_000),
        }
    }

    /// A document without its mark, as compact JSON; none where there is none.
    pub async fn document(&mut self, index: &str, key: &str) -> Option<String> {
        let (_, plan) = self
            .fleet
            .plans()
            .find(|(generation, _)| generation.index == index)
            .unwrap_or_else(|| panic!("no index {index}"));
        let keys = [Key::from_text(key)];
        let built = self
            .builder
            .build(plan, Scope::Keys(&keys, &Copies::default()), self.fleet.revision)
            .await;
        let built = built.unwrap_or_else(|error| panic!("{index} {key}: {error}"));
        assert!(built.unfit.is_empty(), "{index} {key}: {:?}", built.unfit);
        let draft = built.drafts.items.first().filter(|draft| draft.op == Op::Index)?;
        let lines = std::str::from_utf8(&built.drafts.body[draft.span.clone()]).expect("text");
        let document = lines.split_once('\n').expect("an action before it").1;
        let mark = document.rfind("\"_highwater\":{").expect("a mark");
        Some(format!("{}}}", document[..mark].trim_end_matches(',')))
    }
}
