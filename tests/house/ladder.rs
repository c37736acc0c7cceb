//! Modules import strictly downward. The ladder is written once, in the documentation of `src/lib.rs`, as one code line
//! with arrows: `top → next → left, right → … → leaf leaf leaf`. On a rung, words after a comma do not import each
//! other. The last rung, words with spaces between, are leaves: they may import each other and nothing else.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn modules_import_strictly_downward() {
    let ladder = Ladder::parse(&super::read("src/lib.rs"));
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut breaches = Vec::new();
    for file in rust_files(&top) {
        let path = file.strip_prefix(&top).expect("below src");
        let Some(module) = module_of(path) else { continue };
        let text = fs::read_to_string(&file).expect("a source file is text");
        for (line, imported) in imports(&text) {
            if let Err(why) = ladder.allows(&module, &imported) {
                breaches.push(format!("src/{}:{line}: {why}", path.display()));
            }
        }
    }
    assert!(
        breaches.is_empty(),
        "imports against the ladder of src/lib.rs:\n{}",
        breaches.join("\n")
    );
}

#[test]
fn the_ladder_refuses_what_it_should() {
    let ladder = Ladder::parse("//! `main → cli → job, feed → key touch`");
    for (module, imported) in [
        ("main", "cli"),
        ("cli", "key"),
        ("job", "touch"),
        ("key", "touch"),
        ("touch", "key"),
        ("job", "job"),
    ] {
        assert_eq!(ladder.allows(module, imported), Ok(()), "{module} → {imported}");
    }
    for (module, imported) in [
        ("cli", "main"),
        ("key", "job"),
        ("job", "feed"),
        ("feed", "job"),
        ("job", "unheard_of"),
        ("unheard_of", "key"),
    ] {
        assert!(ladder.allows(module, imported).is_err(), "{module} → {imported}");
    }
}

#[test]
fn every_way_to_import_is_seen() {
    let text = "use crate::a::B;\nuse crate::{\n    b::C,\n    c::{D, e::F},\n    d,\n};\npub(crate) use crate::e;\n\
                fn f() -> crate::f::G { highwater::g::h() }\n// crate::h::I\n/// [`crate::i::J`]\nlet s = \"\"; crate::k!();\n";
    let found: Vec<String> = imports(text)
        .into_iter()
        .map(|(line, module)| format!("{line}{module}"))
        .collect();
    assert_eq!(found, ["1a", "2b", "2c", "2d", "7e", "8f", "8g"]);
}

/// Each module's rung, counted from the top, and the word's place on it.
struct Ladder {
    rungs: HashMap<String, usize>,
    leaves: usize,
}

impl Ladder {
    fn parse(text: &str) -> Self {
        let line = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("//!"))
            .find(|line| line.contains('→'))
            .expect("src/lib.rs tells the ladder in a line with arrows");
        let mut rungs = HashMap::new();
        let written: Vec<&str> = line.trim().trim_matches('`').split('→').collect();
        for (rung, modules) in written.iter().enumerate() {
            for module in modules.split([',', ' ']).filter(|module| !module.is_empty()) {
                assert!(
                    rungs.insert(module.to_owned(), rung).is_none(),
                    "{module} stands on the ladder twice"
                );
            }
        }
        Self {
            rungs,
            leaves: written.len() - 1,
        }
    }

    fn allows(&self, module: &str, imported: &str) -> Result<(), String> {
        let rung = |name: &str| {
            self.rungs
                .get(name)
                .copied()
                .ok_or(format!("{name} does not stand on the ladder"))
        };
        let (from, to) = (rung(module)?, rung(imported)?);
        if module == imported || from < to || (from == to && to == self.leaves) {
            return Ok(());
        }
        let how = if from == to { "beside" } else { "above" };
        Err(format!("{module} imports {imported}, which stands {how} it"))
    }
}

/// The module at the top of the crate that a file belongs to; none for the crate's own root.
fn module_of(path: &Path) -> Option<String> {
    let first = path.components().next()?.as_os_str().to_str()?;
    let module = first.trim_end_matches(".rs");
    (module != "lib").then(|| module.to_owned())
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Line and module of each path that begins in this crate: `crate::x`, each branch of `crate::{…}`, and `highwater::x`
/// in the binary. Comments are skipped: documentation may point upward. Macros of the crate are no modules.
fn imports(text: &str) -> Vec<(usize, String)> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or("").to_owned() + "\n")
        .collect();
    let mut found = Vec::new();
    for root in ["crate::", "highwater::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|before| before.is_alphanumeric() || before == '_' || before == ':' || before == '$')
            {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            let rest = &code[at + root.len()..];
            found.extend(branches(rest).into_iter().map(|module| (line, module)));
        }
    }
    found.sort();
    found
}

/// `a::B` gives a; `{a::B, c::{D, E}, f}` gives a, c, f.
fn branches(rest: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let Some(inside) = rest.strip_prefix('{') else {
        let module = word(rest);
        return if rest[module.len()..].starts_with('!') {
            Vec::new()
        } else {
            vec![module]
        };
    };
    let mut modules = vec![word(inside)];
    let mut depth = 1;
    for (at, character) in inside.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => modules.push(word(&inside[at + 1..])),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    modules.retain(|module| !module.is_empty() && module != "self");
    modules
}
