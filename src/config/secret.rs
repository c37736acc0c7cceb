//! Secrets, which stand in the configuration or in files of their own.

use std::fs;

use secrecy::SecretString;

use super::asked::Kind;
use super::section::{Section, Written};

impl Section<'_> {
    /// A secret, written out or in a file of its own whose last line break does not count.
    pub fn secret(&mut self, key: &'static str, file_key: &'static str) -> Option<SecretString> {
        self.ask(key, Kind::Text, None);
        self.ask(file_key, Kind::Text, None);
        let (node, file_node) = (self.take(key), self.take(file_key));
        let (mut inline, mut file) = (self.twin(key), self.twin(file_key));
        if inline.is_none() && file.is_none() {
            inline = node.and_then(|node| self.expanded(key, node));
            file = file_node.and_then(|node| self.expanded(file_key, node));
        }
        match (inline, file) {
            (None, None) => None,
            (Some(written), None) => Some(written.text.into()),
            (None, Some(file)) => self.secret_file(&file),
            (Some(_), Some(file)) => {
                self.mistakes.add(
                    &file.place,
                    format!("both `{key}` and `{file_key}`"),
                    "keep one of the two",
                );
                None
            }
        }
    }

    fn secret_file(&mut self, file: &Written) -> Option<SecretString> {
        let path = self.around.directory.join(&file.text);
        match fs::read_to_string(&path) {
            Ok(text) => {
                let secret = text
                    .strip_suffix('\n')
                    .map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
                if secret.is_empty() {
                    let found = format!("the file {} is empty", path.display());
                    self.mistakes.add(&file.place, found, "write the secret into it");
                }
                Some(secret.into())
            }
            Err(error) => {
                self.unreadable(&file.place, &path, &error);
                None
            }
        }
    }
}
