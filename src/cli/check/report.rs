//! What `check` found, and how it is said.

use std::fmt;

use crate::mistake::{Mistakes, counted};

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// To be mended in a file, or on a server by who owns it; until then the daemon cannot do its work.
    pub mistakes: Mistakes,
    /// It would work, but perhaps not as wished.
    pub warnings: Mistakes,
    /// Servers that did not answer: what belongs to them was not looked at. Place, reason and remedy.
    pub unavailable: Mistakes,
    /// What was found well, a line each.
    pub well: Vec<String>,
    /// What could not be looked at for the mistakes that there are, likewise.
    pub left: Vec<String>,
}

impl Report {
    /// 78 (configuration) before 69 (a server is unavailable) before 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.mistakes.0.is_empty(), self.unavailable.0.is_empty()) {
            (false, _) => 78,
            (true, false) => 69,
            (true, true) => 0,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.well
            .iter()
            .try_for_each(|line| writeln!(formatter, "ok: {line}"))?;
        self.left
            .iter()
            .try_for_each(|line| writeln!(formatter, "not looked at: {line}"))?;
        for (word, list) in [
            ("warning", &self.warnings),
            ("unavailable", &self.unavailable),
            ("mistake", &self.mistakes),
        ] {
            list.0.iter().try_for_each(|one| writeln!(formatter, "{word}: {one}"))?;
        }
        let warnings = counted(self.warnings.0.len(), "warning");
        write!(formatter, "{}, {warnings}", self.mistakes.counted())?;
        match self.unavailable.0.len() {
            0 => Ok(()),
            servers => write!(formatter, ", {} unavailable", counted(servers, "server")),
        }
    }
}
