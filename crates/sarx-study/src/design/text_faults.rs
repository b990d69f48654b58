//! Every fault of a study file's text at once, though a deserializer stops at the first.
//!
//! What it stops at is noted and taken out of the document, and the rest is tried again until nothing is
//! wrong with it. A key that is missing because it was taken out is not told as missing.

use super::fault::{Fault, FaultKind};
use super::file::StudyFile;
use super::place::line_at;
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// Keys that every study file has.
const REQUIRED: [&str; 7] = [
    "version", "name", "cohort", "strata", "series", "common", "models",
];

/// More faults than anybody reads; ends the search for certain.
const MOST: usize = 200;

/// All faults, in the order of their lines; none for a sound text.
pub(super) fn text_faults(text: &str) -> Vec<Fault> {
    let fault = |offset: usize, what: &str| {
        let what = what.trim().to_owned();
        Fault::in_study(line_at(text, offset), FaultKind::Toml { what })
    };
    let (mut root, errors) = DeTable::parse_recoverable(text);
    let start = |span: Option<Range<usize>>| span.map_or(0, |span| span.start);
    // What a text that is no TOML seems to say is not worth a complaint.
    let mut faults: Vec<Fault> = errors
        .iter()
        .map(|error| fault(start(error.span()), error.message()))
        .collect();
    if !faults.is_empty() {
        faults.sort_by_key(|fault| fault.line);
        return faults;
    }
    let mut taken: Vec<Taken> = Vec::new();
    while faults.len() < MOST {
        let value = Spanned::new(root.span(), DeValue::Table(root.get_ref().clone()));
        let Err(error) = StudyFile::deserialize(ValueDeserializer::from(value)) else {
            break;
        };
        let (message, missing) = (error.message().trim(), missing_key(error.message()));
        let span = error.span();
        let out = span.and_then(|span| take(root.get_mut(), "", &span, missing.is_some()));
        let is_consequence = |out: &Taken| {
            let gone = |taken: &Taken| taken.above == out.path() && Some(&*taken.key) == missing;
            taken.iter().any(gone)
        };
        match out {
            Some(out) => {
                if !is_consequence(&out) {
                    // An unknown key is named by the message.
                    let what = match message.starts_with("unknown field") {
                        true => message.to_owned(),
                        false => format!("`{}`: {message}", out.path()),
                    };
                    faults.push(fault(start(error.span()), &what));
                }
                taken.push(out);
            }
            None => {
                faults.extend(missing_at_root(&root, &taken));
                break;
            }
        }
    }
    faults.sort_by_key(|fault| fault.line);
    faults
}

/// The key that a message says is missing.
fn missing_key(message: &str) -> Option<&str> {
    let rest = message.trim().strip_prefix("missing field `")?;
    rest.strip_suffix('`')
}

fn missing_at_root(root: &Spanned<DeTable<'_>>, taken: &[Taken]) -> Vec<Fault> {
    let is_gone = |key: &str| taken.iter().any(|t| t.above.is_empty() && t.key == key);
    let missing = REQUIRED
        .into_iter()
        .filter(|key| !root.get_ref().contains_key(*key) && !is_gone(key));
    let fault = |key: &str| {
        let what = format!("missing field `{key}`");
        Fault::in_study(1, FaultKind::Toml { what })
    };
    missing.map(fault).collect()
}

/// An entry that was taken out of the document.
struct Taken {
    /// Path of its table; empty for the whole file.
    above: String,
    key: String,
}

impl Taken {
    fn path(&self) -> String {
        match self.above.as_str() {
            "" => self.key.clone(),
            above => format!("{above}.{}", self.key),
        }
    }
}

/// Takes out the entry that a span means; `None` if it means the whole file.
///
/// - `is_table`: the span is that of a table in which something is missing. Else it lies in a key or a
///   value, and the innermost entry around it is meant.
fn take(
    table: &mut DeTable<'_>,
    above: &str,
    span: &Range<usize>,
    is_table: bool,
) -> Option<Taken> {
    let holds = |outer: Range<usize>| outer.start <= span.start && span.end <= outer.end;
    let mut found = None;
    for (key, value) in table.iter_mut() {
        let name = key.get_ref().to_string();
        let is_here = if is_table {
            value.span() == *span && value.get_ref().is_table()
        } else {
            !span.is_empty() && (holds(key.span()) || holds(value.span()))
        };
        if let DeValue::Table(inner) = value.get_mut() {
            let path = match above {
                "" => name.clone(),
                _ => format!("{above}.{name}"),
            };
            // The span of a table is its header; what stands under it lies outside.
            if let Some(taken) = take(inner, &path, span, is_table) {
                return Some(taken);
            }
        }
        if is_here {
            found = Some(name);
        }
    }
    let key = found?;
    table.remove(key.as_str())?;
    Some(Taken {
        above: above.to_owned(),
        key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"version = 1
name = "A"
cohort = "c.csv"
[strata]
limb = ["thigh"]
[split]
folds = 2
external = { column = "set", value = "test" }
[series.t1]
image = "t1"
sequence = "T1"
plane = "axial"
[common]
series = ["t1"]
[models.t1]
kind = "single"
series = ["t1"]
[models.t1.training]
epochs = 3
"#;

    fn told(text: &str) -> String {
        let faults = text_faults(text);
        assert!(!faults.is_empty());
        let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
        lines.join("\n")
    }

    fn with(changes: &[(&str, &str)]) -> String {
        let mut text = SOUND.to_owned();
        for (from, to) in changes {
            assert!(text.contains(from), "{from:?}");
            text = text.replacen(from, to, 1);
        }
        told(&text)
    }

    #[test]
    fn a_sound_text_has_none() {
        assert!(text_faults(SOUND).is_empty());
        assert!(StudyFile::parse(SOUND).is_ok());
    }

    #[test]
    fn what_is_no_toml_is_told_everywhere() {
        insta::assert_snapshot!(told("version = 1\nname = \ncohort = c.csv\n[strata\n"), @r#"
    study file, line 2: string values must be quoted, expected literal string
    study file, line 3: string values must be quoted, expected literal string
    study file, line 4: unclosed table, expected `]`
    "#);
    }

    #[test]
    fn unknown_keys_and_wrong_values_are_told_everywhere() {
        insta::assert_snapshot!(with(&[
            ("name =", "titel = 3\nname ="),
            ("folds = 2", "folds = \"two\""),
            ("column = \"set\"", "colum = \"set\", column = \"set\""),
            ("plane = \"axial\"", "planes = \"axial\""),
            ("kind = \"single\"", "kind = \"singel\""),
            ("epochs = 3", "epoch = 3\nfolds = 1.5"),
            ("limb = [\"thigh\"]", "limb = [\"thigh\", 3]"),
        ]), @r#"
    study file, line 2: unknown field `titel`, expected one of `version`, `name`, `cohort`, `out`, `columns`, `strata`, `histology`, `split`, `labels`, `series`, `common`, `alignment`, `training`, `models`
    study file, line 6: `strata.limb`: invalid type: integer `3`, expected a string
    study file, line 8: `split.folds`: invalid type: string "two", expected usize
    study file, line 9: unknown field `colum`, expected `column` or `value`
    study file, line 10: `series.t1`: missing field `plane`
    study file, line 13: unknown field `planes`, expected one of `image`, `label`, `sequence`, `plane`
    study file, line 17: `models.t1.kind`: unknown variant `singel`, expected one of `single`, `channels`, `early`, `pooled`, `late`
    study file, line 20: unknown field `epoch`, expected one of `preset`, `configuration`, `epochs`, `iterations`, `val_iterations`, `initial_lr`, `target_spacing_mm`, `folds`, `seed`
    study file, line 21: `models.t1.training.folds`: folds are "all" or a list of numbers such as [0]
    "#);
    }

    #[test]
    fn missing_keys_are_told_but_not_those_that_were_wrong() {
        insta::assert_snapshot!(told("name = \"A\"\nversion = \"1\"\n[models.m]\nseries = [\"a\"]\n"), @r#"
    study file, line 1: missing field `cohort`
    study file, line 1: missing field `strata`
    study file, line 1: missing field `series`
    study file, line 1: missing field `common`
    study file, line 2: `version`: invalid type: string "1", expected u32
    study file, line 3: `models.m`: missing field `kind`
    "#);
        insta::assert_snapshot!(told(""), @r#"
    study file, line 1: missing field `version`
    study file, line 1: missing field `name`
    study file, line 1: missing field `cohort`
    study file, line 1: missing field `strata`
    study file, line 1: missing field `series`
    study file, line 1: missing field `common`
    study file, line 1: missing field `models`
    "#);
    }
}
