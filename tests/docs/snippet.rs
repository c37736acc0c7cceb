//! The examples in a Markdown text: blocks of `yaml`, each with the block of `json` that follows it, if one does.

/// One example.
#[derive(Debug)]
pub struct Snippet {
    /// Of its first line in the text.
    pub line: usize,
    /// What follows `yaml` in the fence's line: the root of fields that stand alone.
    pub root: String,
    pub text: String,
    /// What the document of its first row is said to be.
    pub json: Option<String>,
}

/// All of them, in order.
pub fn snippets(markdown: &str) -> Vec<Snippet> {
    let mut found: Vec<Snippet> = Vec::new();
    let mut lines = markdown.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let text: String = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| !line.starts_with("```"))
            .flat_map(|line| [line, "\n"])
            .collect();
        match info.split_once(' ').unwrap_or((info, "")) {
            ("yaml", root) => found.push(Snippet {
                line: number + 2,
                root: root.to_owned(),
                text,
                json: None,
            }),
            ("json", _) => {
                let above = found.last_mut().filter(|snippet| snippet.json.is_none());
                above
                    .unwrap_or_else(|| panic!("line {}: JSON of no example", number + 1))
                    .json = Some(text);
            }
            _ => {}
        }
    }
    found
}

impl Snippet {
    /// As a whole definition, of an index of its own. Fields alone are indented as they stand in one.
    pub fn definition(&self, index: &str) -> String {
        match self.text.lines().find(|line| line.starts_with("index: ")) {
            Some(line) => self.text.replacen(line, &format!("index: {index}"), 1),
            None if self.root.is_empty() => panic!(
                "line {}: neither a whole definition, nor fields of a table that is named in the fence's line",
                self.line
            ),
            None => format!("index: {index}\ntable: {}\nfields:\n{}", self.root, self.text),
        }
    }
}
