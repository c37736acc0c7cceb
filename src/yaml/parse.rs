//! From the events of the YAML parser to the tree. No recursion: the open collections are a stack of our own.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};

use super::{Key, MAX_DEPTH, Node, NodeKind};
use crate::mistake::{Mistakes, Place};

/// The tree of `text`, or nothing where it cannot be trusted.
pub(super) fn read(file: &str, text: &str, mistakes: &mut Mistakes) -> Option<Node> {
    let file: Arc<str> = file.into();
    let mut tree = Tree {
        file: Arc::clone(&file),
        open: Vec::new(),
        root: None,
        documents: 0,
        sound: true,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => tree.take(event, span.start, mistakes),
            Err(error) => {
                broken(&tree.place(*error.marker(), String::new()), &error, mistakes);
                return None;
            }
        }
        if tree.documents > 1 || tree.open.len() > MAX_DEPTH {
            return None;
        }
    }
    let empty = || Node {
        place: Place {
            file,
            ..Place::default()
        },
        kind: NodeKind::Mapping(Vec::new()),
    };
    let root = tree.root.take().filter(|root| !root.is_null()).unwrap_or_else(empty);
    tree.sound.then_some(root)
}

/// A collection whose end has not come yet.
enum Open {
    Sequence {
        place: Place,
        items: Vec<Node>,
    },
    Mapping {
        place: Place,
        entries: Vec<(Key, Node)>,
        seen: HashMap<String, usize>,
        key: Option<Key>,
    },
}

struct Tree {
    file: Arc<str>,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    /// False once something was left out that the rest may depend on.
    sound: bool,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, at: Marker, mistakes: &mut Mistakes) {
        let place = self.place(at, self.path());
        match event {
            Event::DocumentStart(_) => self.document(&place, mistakes),
            Event::Alias(_) => {
                self.sound = false;
                mistakes.add(&place, "an alias (`*name`)", "write the value out where it is used");
                self.put(
                    Node {
                        place,
                        kind: NodeKind::Sequence(Vec::new()),
                    },
                    mistakes,
                );
            }
            Event::Scalar(text, style, anchor, tag) => {
                plain(&place, anchor, tag.is_some(), mistakes);
                let quoted = style != ScalarStyle::Plain;
                self.put(
                    Node {
                        place,
                        kind: NodeKind::Scalar {
                            text: text.into_owned(),
                            quoted,
                        },
                    },
                    mistakes,
                );
            }
            Event::SequenceStart(anchor, tag) => {
                plain(&place, anchor, tag.is_some(), mistakes);
                self.begin(
                    Open::Sequence {
                        place,
                        items: Vec::new(),
                    },
                    mistakes,
                );
            }
            Event::MappingStart(anchor, tag) => {
                plain(&place, anchor, tag.is_some(), mistakes);
                self.begin(
                    Open::Mapping {
                        place,
                        entries: Vec::new(),
                        seen: HashMap::new(),
                        key: None,
                    },
                    mistakes,
                );
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(mistakes),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }

    /// The innermost collection is whole.
    fn end(&mut self, mistakes: &mut Mistakes) {
        let (place, kind) = match self.open.pop() {
            Some(Open::Sequence { place, items }) => (place, NodeKind::Sequence(items)),
            Some(Open::Mapping { place, entries, .. }) => (place, NodeKind::Mapping(entries)),
            None => {
                self.sound = false;
                return;
            }
        };
        self.put(Node { place, kind }, mistakes);
    }

    fn document(&mut self, place: &Place, mistakes: &mut Mistakes) {
        self.documents += 1;
        if self.documents > 1 {
            mistakes.add(
                place,
                "a second document (`---`) in one file",
                "move it into a file of its own",
            );
        }
    }

    fn begin(&mut self, collection: Open, mistakes: &mut Mistakes) {
        let (Open::Sequence { place, .. } | Open::Mapping { place, .. }) = &collection;
        if self.open.len() == MAX_DEPTH {
            mistakes.add(
                place,
                format!("more than {MAX_DEPTH} levels of nesting"),
                "write a flatter file",
            );
        }
        self.open.push(collection);
    }

    /// A finished node goes into the innermost open collection, as a key where a mapping waits for one.
    fn put(&mut self, mut node: Node, mistakes: &mut Mistakes) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping {
                place,
                entries,
                seen,
                key,
            }) => match key.take() {
                None => *key = Some(as_key(node, &place.path, &mut self.sound, mistakes)),
                Some(key) => {
                    if node.is_null() {
                        node.place = key.place.clone();
                    }
                    if let Some(line) = seen.get(&key.text) {
                        let found = format!("`{}` a second time (first on line {line})", super::excerpt(&key.text));
                        mistakes.add(&key.place, found, "keep one of the two");
                    } else {
                        seen.insert(key.text.clone(), key.place.line);
                        entries.push((key, node));
                    }
                }
            },
        }
    }

    /// The path of the node that comes next.
    fn path(&self) -> String {
        match self.open.last() {
            Some(Open::Sequence { place, items }) => format!("{}[{}]", place.path, items.len()),
            Some(Open::Mapping { key: Some(key), .. }) => key.place.path.clone(),
            Some(Open::Mapping { place, key: None, .. }) => place.path.clone(),
            None => String::new(),
        }
    }

    /// The parser counts lines from 1 and columns from 0.
    fn place(&self, at: Marker, path: String) -> Place {
        Place {
            file: Arc::clone(&self.file),
            line: at.line().max(1),
            column: at.col() + 1,
            path,
        }
    }
}

fn as_key(node: Node, parent: &str, sound: &mut bool, mistakes: &mut Mistakes) -> Key {
    let Node { mut place, kind } = node;
    let text = if let NodeKind::Scalar { text, .. } = kind {
        text
    } else {
        *sound = false;
        mistakes.add(
            &place,
            "a key that is a list or a mapping",
            "write a word as the key, quoted if it begins with `{`, `[` or `*`",
        );
        String::new()
    };
    place.path = if parent.is_empty() {
        text.clone()
    } else {
        format!("{parent}.{text}")
    };
    Key { text, place }
}

/// Notes what we take from no file: anchors and tags.
fn plain(place: &Place, anchor: usize, tagged: bool, mistakes: &mut Mistakes) {
    if anchor > 0 {
        mistakes.add(place, "an anchor (`&name`)", "write the value out where it is used");
    }
    if tagged {
        mistakes.add(
            place,
            "a tag (`!name`)",
            "leave it out; quote a value that has to be text",
        );
    }
}

fn broken(place: &Place, error: &ScanError, mistakes: &mut Mistakes) {
    let info = error.info();
    let remedy = if info.contains("tab") {
        "indent with spaces"
    } else if info.contains("mapping values are not allowed") {
        "quote a value that holds `: `, or check how far this line is indented"
    } else {
        "check indentation, quotes and brackets here and on the line above"
    };
    mistakes.add(place, format!("the text is no YAML: {info}"), remedy);
}
