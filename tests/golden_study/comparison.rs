//! Documents against golden ones, number by number.
//!
//! Floats may differ by the relative [`TOLERANCE`], which is what other processors and mathematical libraries
//! can do to them; integers, words, infinities (which are words in our documents), missing values, names and
//! lengths must be equal.

use serde_json::{Map, Number, Value, json};

/// How far apart two floats may be, by the larger of them.
pub(crate) const TOLERANCE: f64 = 1e-9;
/// Below this a float is what is left of a difference of equal numbers. No score, p-value or effect of the tables
/// is told with more digits.
const REMNANT: f64 = 1e-12;
/// Digits of floats in golden files: more than the tolerance can see, fewer than the files would need else.
const DIGITS: usize = 11;

/// The first difference, by its place in the document.
pub(crate) fn difference(place: &str, golden: &Value, found: &Value) -> Option<String> {
    match (golden, found) {
        (Value::Object(golden), Value::Object(found)) => {
            let names = |map: &Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
            if names(golden) != names(found) {
                let (golden, found) = (names(golden), names(found));
                return Some(format!("{place}: names {found:?}, expected {golden:?}"));
            }
            let mut fields = golden.iter().zip(found.values());
            fields.find_map(|((name, golden), found)| {
                difference(&format!("{place}.{name}"), golden, found)
            })
        }
        (Value::Array(golden), Value::Array(found)) => {
            if golden.len() != found.len() {
                let (golden, found) = (golden.len(), found.len());
                return Some(format!("{place}: {found} entries, expected {golden}"));
            }
            let mut entries = golden.iter().zip(found).enumerate();
            entries.find_map(|(at, (golden, found))| {
                difference(&format!("{place}[{at}]{}", title(golden)), golden, found)
            })
        }
        (Value::Number(a), Value::Number(b)) if are_near(a, b) => None,
        _ if golden == found => None,
        _ => Some(format!("{place}: {found}, expected {golden}")),
    }
}

/// What an entry calls itself, to find it in a long list.
fn title(entry: &Value) -> String {
    let names = [
        "set",
        "grid",
        "population",
        "by",
        "value",
        "model",
        "case",
        "metric",
        "stratum",
    ];
    let found = names
        .iter()
        .filter_map(|name| entry.get(name)?.as_str())
        .collect::<Vec<_>>()
        .join(" ");
    if found.is_empty() {
        found
    } else {
        format!("({found})")
    }
}

fn are_near(a: &Number, b: &Number) -> bool {
    if a.is_f64() || b.is_f64() {
        let [Some(a), Some(b)] = [a, b].map(Number::as_f64) else {
            return false;
        };
        (a - b).abs() <= (TOLERANCE * a.abs().max(b.abs())).max(REMNANT)
    } else {
        a == b
    }
}

/// The same with floats of [`DIGITS`] digits.
pub(crate) fn rounded(document: &Value) -> Value {
    match document {
        Value::Number(number) if number.is_f64() => {
            let exact = number.as_f64().unwrap();
            let short: f64 = format!("{exact:.*e}", DIGITS - 1).parse().unwrap();
            Value::from(short)
        }
        Value::Array(entries) => entries.iter().map(rounded).collect(),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), rounded(value)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

/// A list of objects of the same names holds the number of these names in the list that ends the file:
/// `{"names": 3, "rows": [[..], ..]}`.
const NAMES: &str = "names";
const ROWS: &str = "rows";

/// The text of a golden file: one line per row of the lists of the document, names said once.
pub(crate) fn text(document: &Value) -> String {
    let mut names = Vec::new();
    let fields = document.as_object().unwrap().iter();
    let mut fields: Vec<String> = fields
        .map(|(name, value)| {
            format!(
                "{}: {}",
                Value::from(name.as_str()),
                lines(packed(value, &mut names))
            )
        })
        .collect();
    let names = names.into_iter().map(Value::from).collect();
    fields.push(format!("\"{NAMES}\": {}", lines(names)));
    format!("{{\n{}\n}}\n", fields.join(",\n"))
}

/// The rows of a list in lines of their own.
fn lines(packed: Value) -> String {
    let list = |rows: &[Value]| {
        let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
        format!("[\n{}\n]", rows.join(",\n"))
    };
    match (&packed, packed.get(ROWS).and_then(Value::as_array)) {
        (_, Some(rows)) => format!(
            "{{\"{NAMES}\": {}, \"{ROWS}\": {}}}",
            packed[NAMES],
            list(rows)
        ),
        (Value::Array(rows), _) => list(rows),
        _ => packed.to_string(),
    }
}

/// The document of a golden file.
pub(crate) fn parsed(text: &str) -> Value {
    let mut document: Value = serde_json::from_str(text).unwrap();
    let names = document.as_object_mut().unwrap().remove(NAMES).unwrap();
    unpacked(
        &document,
        &serde_json::from_value::<Vec<Vec<String>>>(names).unwrap(),
    )
}

fn packed(value: &Value, known: &mut Vec<Vec<String>>) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter();
            Value::Object(
                fields
                    .map(|(name, value)| (name.clone(), packed(value, known)))
                    .collect(),
            )
        }
        Value::Array(entries) => {
            let objects: Vec<_> = entries.iter().filter_map(Value::as_object).collect();
            let are_alike = |pair: &[&Map<String, Value>]| pair[0].keys().eq(pair[1].keys());
            if objects.len() < 2
                || objects.len() < entries.len()
                || !objects.windows(2).all(are_alike)
            {
                return entries.iter().map(|entry| packed(entry, known)).collect();
            }
            let names: Vec<String> = objects[0].keys().cloned().collect();
            let number = known
                .iter()
                .position(|other| *other == names)
                .unwrap_or_else(|| {
                    known.push(names);
                    known.len() - 1
                });
            let mut row = |fields: &&Map<String, Value>| -> Value {
                fields.values().map(|value| packed(value, known)).collect()
            };
            let rows: Vec<Value> = objects.iter().map(&mut row).collect();
            json!({NAMES: number, ROWS: rows})
        }
        other => other.clone(),
    }
}

fn unpacked(value: &Value, known: &[Vec<String>]) -> Value {
    match value {
        Value::Object(fields) if fields.keys().eq([NAMES, ROWS]) => {
            let names = &known[fields[NAMES].as_u64().unwrap() as usize];
            let row = |row: &Value| {
                let values = row.as_array().unwrap();
                assert_eq!(values.len(), names.len(), "{row}");
                let values = values.iter().map(|value| unpacked(value, known));
                Value::Object(names.iter().cloned().zip(values).collect())
            };
            fields[ROWS].as_array().unwrap().iter().map(row).collect()
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            Value::Object(
                fields
                    .map(|(name, value)| (name.clone(), unpacked(value, known)))
                    .collect(),
            )
        }
        Value::Array(entries) => entries.iter().map(|entry| unpacked(entry, known)).collect(),
        other => other.clone(),
    }
}

/// A table as a list of objects under [`ROWS`]; fields that are finite numbers become numbers.
pub(crate) fn table_document(csv_text: &str) -> Value {
    let mut reader = csv::Reader::from_reader(csv_text.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let value = |field: &str| {
        let whole = field.parse::<u64>().map(Value::from);
        let float = || field.parse::<f64>().ok().filter(|value| value.is_finite());
        whole.unwrap_or_else(|_| float().map_or_else(|| Value::from(field), Value::from))
    };
    let row = |record: csv::StringRecord| {
        let fields = columns.iter().zip(record.iter());
        let fields = fields.map(|(name, field)| (name.to_owned(), value(field)));
        Value::Object(fields.collect())
    };
    let rows = reader.records().map(|record| row(record.unwrap()));
    json!({ROWS: rows.collect::<Value>()})
}

/// The text of such a list.
pub(crate) fn table_text(document: &Value) -> String {
    let mut table = csv::Writer::from_writer(Vec::new());
    let rows = document[ROWS].as_array().unwrap();
    let columns = rows.first().and_then(Value::as_object).unwrap().keys();
    table.write_record(columns).unwrap();
    for row in rows {
        let fields = row.as_object().unwrap().values();
        let field = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        table.write_record(fields.map(field)).unwrap();
    }
    String::from_utf8(table.into_inner().unwrap()).unwrap()
}

/// The places of all numbers of a document, as JSON pointers.
pub(crate) fn numbers(document: &Value) -> Vec<String> {
    fn gather(place: &str, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Number(_) => found.push(place.to_owned()),
            Value::Array(entries) => {
                for (at, entry) in entries.iter().enumerate() {
                    gather(&format!("{place}/{at}"), entry, found);
                }
            }
            Value::Object(fields) => {
                for (name, entry) in fields {
                    gather(&format!("{place}/{name}"), entry, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    gather("", document, &mut found);
    found
}
