//! Where things stand in a study file, so that faults found later can name the line.
//!
//! The parser tells where every key and value is, so a list over several lines, a key in an inline table
//! and a text with a bracket in it all have their own line.

use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Lines of tables, keys and elements of lists, from 1, by their path: `models.t1_axial`, `strata.pelvis`,
/// `models.late.members.1`.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines(BTreeMap<String, u64>);

impl Lines {
    /// Finds the line of every key, and of every element of a list.
    pub(super) fn of(text: &str) -> Self {
        let (root, _) = DeTable::parse_recoverable(text);
        let mut lines = Self::default();
        lines.add_table(text, "", root.get_ref());
        lines
    }

    fn add_table(&mut self, text: &str, above: &str, table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            let path = match above {
                "" => key.get_ref().to_string(),
                _ => format!("{above}.{}", key.get_ref()),
            };
            self.0.insert(path.clone(), line_at(text, key.span().start));
            self.add_value(text, &path, value);
        }
    }

    fn add_value(&mut self, text: &str, path: &str, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => self.add_table(text, path, table),
            DeValue::Array(array) => {
                for (at, element) in array.iter().enumerate() {
                    let path = format!("{path}.{at}");
                    self.0
                        .insert(path.clone(), line_at(text, element.span().start));
                    self.add_value(text, &path, element);
                }
            }
            _ => {}
        }
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

/// The line of a byte of a text, from 1.
pub(super) fn line_at(text: &str, offset: usize) -> u64 {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|&&byte| byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_and_element_has_its_own_line() {
        let text = "name = \"a = b\" # no = key\n[models.\"x y\"]\nseries = [\n  \"a\",\n  \"[b]\",\n]\n\
                    [split]\nexternal = { column = \"c\", value = \"v\" }\n";
        let lines = Lines::of(text);
        assert_eq!(lines.line("name"), 1);
        assert_eq!(lines.line("models.x y"), 2);
        assert_eq!(lines.line("models.x y.series"), 3);
        assert_eq!(lines.line("models.x y.series.1"), 5);
        assert_eq!(lines.line("models.x y.series.7"), 3, "the list");
        assert_eq!(lines.line("split.external.value"), 8);
        assert_eq!(lines.line("gone.at.all"), 1);
    }
}
