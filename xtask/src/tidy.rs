//! Small rooms, kept small: the rules of style that a compiler does not hold.

use std::path::{Path, PathBuf};

/// Longest file without a reason, in lines.
const MOST_LINES: usize = 600;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = [
    "utils.rs",
    "util.rs",
    "helpers.rs",
    "common.rs",
    "misc.rs",
    "base.rs",
    "manager.rs",
];

/// Returns every fault as one line of text.
pub(crate) fn check(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for folder in ["crates", "src", "xtask", "tests"] {
        collect(&root.join(folder), &mut files);
    }
    let mut faults = Vec::new();
    for file in files {
        let name = file
            .strip_prefix(root)
            .unwrap_or(&file)
            .display()
            .to_string();
        match std::fs::read_to_string(&file) {
            Ok(text) => faults.extend(faults_of(&name, &text)),
            Err(e) => faults.push(format!("{name}: {e}")),
        }
    }
    faults
}

fn faults_of(name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let n_lines = text.lines().count();
    if n_lines > MOST_LINES {
        faults.push(format!(
            "{name}: {n_lines} lines; split it (at most {MOST_LINES})"
        ));
    }
    if EMPTY_NAMES
        .iter()
        .any(|empty| name.ends_with(&format!("/{empty}")))
    {
        faults.push(format!(
            "{name}: a name that says nothing; name the concept"
        ));
    }
    let is_test = name.ends_with("tests.rs") || name.contains("/tests/");
    if !text.starts_with("//!") && !is_test {
        faults.push(format!("{name}: does not open with module documentation"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_end() != line {
            faults.push(format!("{name}:{number}: trailing white space"));
        }
        // The words are split so that this file does not find itself.
        if line.contains(concat!("TO", "DO")) || line.contains(concat!("FIX", "ME")) {
            faults.push(format!(
                "{name}:{number}: unfinished; finish it or file an issue"
            ));
        }
    }
    faults
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        let faults = check(&crate::root());
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn every_rule_bites() {
        assert_eq!(faults_of("crates/a/src/utils.rs", "//! x\n").len(), 1);
        assert_eq!(faults_of("crates/a/src/b.rs", "fn f() {}\n").len(), 1);
        assert_eq!(faults_of("crates/a/src/b.rs", "//! x \n").len(), 1);
        assert_eq!(
            faults_of("crates/a/src/b.rs", &"//! x\n".repeat(601)).len(),
            1
        );
        assert_eq!(
            faults_of("crates/a/src/b.rs", concat!("//! TO", "DO\n")).len(),
            1
        );
        assert!(faults_of("crates/a/src/b.rs", "//! x\n").is_empty());
    }
}
