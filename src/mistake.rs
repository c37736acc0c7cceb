//! Mistakes in what a person wrote, gathered so that one round of editing mends them all.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// A place in a file a person wrote: `config/indexes/books.yaml:7:3 fields.authors.through`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// Empty where no file is at hand.
    pub file: Arc<str>,
    /// From 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Dotted keys from the top of the file.
    pub path: String,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if self.line > 0 {
            write!(formatter, ":{}:{}", self.line, self.column)?;
        }
        let gap = if self.file.is_empty() || self.path.is_empty() {
            ""
        } else {
            " "
        };
        write!(formatter, "{gap}{}", self.path)
    }
}

/// One mistake: where, what was found, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub place: Place,
    /// What is wrong, as a sentence without a full stop.
    pub found: String,
    /// What to write or run instead, likewise.
    pub remedy: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}\n  remedy: {}", self.place, self.found, self.remedy)
    }
}

/// Every mistake of one reading, in the order found. As an error it lists them all.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistakes {
    /// Notes one more.
    pub fn add(&mut self, place: &Place, found: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Mistake {
            place: place.clone(),
            found: found.into(),
            remedy: remedy.into(),
        });
    }

    /// In the order in which a person reads the files, whatever the order in which they were found.
    #[must_use]
    pub fn in_file_order(mut self) -> Self {
        self.0.sort_by(|one, other| {
            let place = |mistake: &Mistake| {
                (
                    Arc::clone(&mistake.place.file),
                    mistake.place.line,
                    mistake.place.column,
                )
            };
            place(one).cmp(&place(other))
        });
        self
    }

    /// Those that know of no file are put into this one.
    #[must_use]
    pub fn at(mut self, file: &Arc<str>) -> Self {
        let nowhere = self.0.iter_mut().filter(|mistake| mistake.place.file.is_empty());
        nowhere.for_each(|mistake| mistake.place.file = Arc::clone(file));
        self
    }

    /// Those in one file.
    #[must_use]
    pub fn in_file(&self, file: &str) -> Self {
        let here = self.0.iter().filter(|mistake| &*mistake.place.file == file);
        Self(here.cloned().collect())
    }

    /// Notes those of `others` that are not noted yet. What a statement mends is one thing to do, however many places it
    /// was met at: it is noted at the first.
    pub fn merge(&mut self, others: Self) {
        for mistake in others.0 {
            let noted = |one: &Mistake| {
                let same = (&one.found, &one.remedy) == (&mistake.found, &mistake.remedy);
                same && (mistake.remedy.starts_with("run: ") || one.place == mistake.place)
            };
            if !self.0.iter().any(noted) {
                self.0.push(mistake);
            }
        }
    }

    /// How many there are, and in how many files: `8 mistakes in 2 files`.
    #[must_use]
    pub fn counted(&self) -> String {
        let files = self.0.iter().map(|mistake| &*mistake.place.file);
        let files: HashSet<&str> = files.filter(|file| !file.is_empty()).collect();
        let mistakes = counted(self.0.len(), "mistake");
        match files.len() {
            0 => mistakes,
            files => format!("{mistakes} in {}", counted(files, "file")),
        }
    }

    /// All of them in one line, for a status or a log.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        let one = |mistake: &Mistake| format!("{}: {} (remedy: {})", mistake.place, mistake.found, mistake.remedy);
        self.0.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    /// `value` when nothing was noted.
    ///
    /// # Errors
    /// The mistakes themselves, when there are any.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, mistake) in self.0.iter().enumerate() {
            if position > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{mistake}")?;
        }
        Ok(())
    }
}

/// `1 mistake`, `2 mistakes`.
#[must_use]
pub fn counted(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}
