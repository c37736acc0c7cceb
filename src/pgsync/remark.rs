//! What a person has to know: told with its place in PGSync's file, and kept as a comment in ours.

use crate::mistake::{Mistake, Mistakes, Place};
use crate::yaml::Node;

/// Remarks of one document.
#[derive(Default)]
pub struct Remarks(Mistakes);

impl Remarks {
    /// Notes one, and gives the comment that says the same.
    pub fn add(&mut self, remark: Mistake) -> String {
        let comment = comment(&remark);
        self.0.0.push(remark);
        comment
    }

    pub fn say(&mut self, place: &Place, found: impl Into<String>, remedy: impl Into<String>) -> String {
        self.add(Mistake {
            place: place.clone(),
            found: found.into(),
            remedy: remedy.into(),
        })
    }

    pub fn in_file_order(self) -> Mistakes {
        self.0.in_file_order()
    }
}

fn comment(Mistake { place, found, remedy }: &Mistake) -> String {
    format!("{}: {found}; {remedy}", place.path)
}

/// A value as it stands in the file, on one line.
pub fn json(node: &Node) -> String {
    node.to_value(&mut Mistakes::default()).to_string()
}
