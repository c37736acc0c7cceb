//! What must not be written in a tracked file, and what the README must tell.

use std::path::Path;
use std::process::Command;

/// Folders of the machine somebody happened to work on. Split, so that this file does not find itself.
const MACHINE: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/ho", "me/"),
];

#[test]
fn no_path_of_one_machine_is_written_down() {
    let found = lines(|line| MACHINE.iter().any(|path| line.contains(path)));
    assert!(found.is_empty(), "paths of one machine:\n{}", found.join("\n"));
}

#[test]
fn no_merge_is_left_half_done() {
    let found = lines(|line| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> "));
    assert!(found.is_empty(), "markers of a merge:\n{}", found.join("\n"));
}

#[test]
fn the_readme_tells_the_two_commands() {
    let readme = super::read("README.md");
    let makefile = super::read("Makefile");
    for target in ["demo", "test"] {
        assert!(
            readme.contains(&format!("make {target}")),
            "README.md does not tell of make {target}"
        );
        assert!(
            makefile.contains(&format!("\n{target}:")),
            "the Makefile has no target {target}"
        );
    }
}

/// Each line of a tracked file that is so, with its place.
fn lines(is_so: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for file in tracked() {
        let Ok(text) = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file)) else {
            continue; // deleted, or no text
        };
        let so = text.lines().enumerate().filter(|(_, line)| is_so(line));
        found.extend(so.map(|(number, line)| format!("{file}:{}: {}", number + 1, line.trim())));
    }
    found
}

/// By git where this is a clone; a source package without it has nothing to check.
fn tracked() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let Ok(output) = output else { return Vec::new() };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split('\0')
        .filter(|file| !file.is_empty())
        .map(str::to_owned)
        .collect()
}
