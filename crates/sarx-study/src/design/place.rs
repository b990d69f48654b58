//! Where things stand in a study file, so that faults found later can name the line.

use std::collections::BTreeMap;

/// Lines of tables and keys, from 1, by their path: `models.t1_axial`, `strata.pelvis`.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines(BTreeMap<String, u64>);

impl Lines {
    /// Finds the line of every header and key. A key in a table is called `table.key`; inline
    /// tables are one line.
    pub(super) fn of(text: &str) -> Self {
        let mut lines = BTreeMap::new();
        let mut table = String::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if let Some(header) = line.strip_prefix('[') {
                if let Some((name, _)) = header.trim_start_matches('[').split_once(']') {
                    table = unquoted(name);
                    lines.entry(table.clone()).or_insert(number);
                }
            } else if let Some((key, _)) = line.split_once('=') {
                let key = unquoted(key);
                let path = if table.is_empty() {
                    key
                } else {
                    format!("{table}.{key}")
                };
                lines.entry(path).or_insert(number);
            }
        }
        Self(lines)
    }

    /// The line of a path, else of the nearest table above it, else the first.
    pub(super) fn line(&self, path: &str) -> u64 {
        let mut path = path;
        loop {
            if let Some(&line) = self.0.get(path) {
                return line;
            }
            match path.rsplit_once('.') {
                Some((above, _)) => path = above,
                None => return 1,
            }
        }
    }
}

fn unquoted(key: &str) -> String {
    let parts = key.trim().split('.');
    let parts: Vec<&str> = parts
        .map(|part| part.trim().trim_matches(['"', '\'']))
        .collect();
    parts.join(".")
}

/// The line of a byte of a text, from 1.
pub(super) fn line_at(text: &str, offset: usize) -> u64 {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|&&byte| byte == b'\n').count() as u64
}
