//! The lines of an NRRD header, and the values in them.

use crate::source::Source;
use crate::{Format, ReadFault, VoxelType};

/// Lines "field: value" of a header, names in lower case, in the order of the file.
#[derive(Debug, Clone)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads up to the blank line that ends an attached header, or to the end of the file.
    pub(crate) fn read(source: &mut Source, format: Format) -> Result<Self, ReadFault> {
        let mut magic = [0; 8];
        let n = source.fill_up_to(&mut magic)?;
        if n == 0 {
            return Err(ReadFault::Truncated {
                part: "header",
                expected: 8,
                found: 0,
            });
        }
        if !magic.starts_with(b"NRRD000") {
            return Err(ReadFault::NotThisFormat {
                format,
                reason: "it does not begin with NRRD",
            });
        }
        source.line()?;
        let mut fields = Vec::new();
        while let Some(line) = source.line()? {
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            // "key:=value" lines are free text, "#" begins a comment.
            if !line.starts_with('#') && !value.starts_with('=') {
                fields.push((name.trim().to_lowercase(), value.trim().to_owned()));
            }
        }
        Ok(Self(fields))
    }

    /// The value of a field under any of its names.
    pub(crate) fn get(&self, names: &[&str]) -> Option<&str> {
        let named = |(name, _): &&(String, String)| names.contains(&name.as_str());
        self.0.iter().find(named).map(|(_, value)| value.as_str())
    }

    pub(crate) fn require(&self, field: &'static str) -> Result<&str, ReadFault> {
        self.get(&[field]).ok_or(ReadFault::MissingField { field })
    }

    /// The items of a per-axis field: vectors in parentheses, texts in quotes, or words.
    pub(crate) fn per_axis(
        &self,
        field: &'static str,
        names: &[&str],
        n_axes: usize,
    ) -> Result<Option<Vec<String>>, ReadFault> {
        let Some(value) = self.get(names) else {
            return Ok(None);
        };
        let items = items(value);
        if items.len() != n_axes {
            return Err(ReadFault::bad_field(
                field,
                value,
                "one item for every axis",
            ));
        }
        Ok(Some(items))
    }
}

/// Splits at blanks that are not inside parentheses or quotes.
fn items(value: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let (mut in_vector, mut in_quotes) = (false, false);
    for c in value.chars() {
        match c {
            '(' => in_vector = true,
            ')' => in_vector = false,
            '"' => in_quotes = !in_quotes,
            _ => {}
        }
        if c.is_whitespace() && !in_vector && !in_quotes {
            items.push(String::new());
        } else if let Some(item) = items.last_mut() {
            item.push(c);
        }
    }
    items.retain(|item| !item.is_empty());
    items
}

/// One number.
pub(crate) fn number(field: &'static str, text: &str) -> Result<f64, ReadFault> {
    text.trim()
        .parse()
        .map_err(|_| ReadFault::bad_field(field, text, "a number"))
}

/// A vector "(x,y,z)"; `None` for the word "none".
pub(crate) fn vector(field: &'static str, text: &str) -> Result<Option<Vec<f64>>, ReadFault> {
    if text == "none" {
        return Ok(None);
    }
    text.strip_prefix('(')
        .and_then(|t| t.strip_suffix(')'))
        .ok_or_else(|| ReadFault::bad_field(field, text, "vectors in parentheses"))?
        .split(',')
        .map(|part| number(field, part))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// The type of the voxels by any of the names that teem knows.
pub(crate) fn voxel_type(name: &str) -> Result<VoxelType, ReadFault> {
    Ok(
        match name
            .to_lowercase()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .as_str()
        {
            "signed char" | "int8" | "int8_t" => VoxelType::I8,
            "uchar" | "unsigned char" | "uint8" | "uint8_t" => VoxelType::U8,
            "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => {
                VoxelType::I16
            }
            "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => {
                VoxelType::U16
            }
            "int" | "signed int" | "int32" | "int32_t" => VoxelType::I32,
            "uint" | "unsigned int" | "uint32" | "uint32_t" => VoxelType::U32,
            "longlong"
            | "long long"
            | "long long int"
            | "signed long long"
            | "signed long long int"
            | "int64"
            | "int64_t" => VoxelType::I64,
            "ulonglong"
            | "unsigned long long"
            | "unsigned long long int"
            | "uint64"
            | "uint64_t" => VoxelType::U64,
            "float" => VoxelType::F32,
            "double" => VoxelType::F64,
            "block" => {
                return Err(ReadFault::Unsupported {
                    what: "NRRD type \"block\"".into(),
                });
            }
            _ => return Err(ReadFault::bad_field("type", name, "a number type of NRRD")),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_may_hold_blanks_inside_brackets() {
        assert_eq!(
            items("none (1, 0,0)  (0,1,0) "),
            ["none", "(1, 0,0)", "(0,1,0)"]
        );
        assert_eq!(items("\"m m\" \"\""), ["\"m m\"", "\"\""]);
        assert!(items("").is_empty());
    }

    #[test]
    fn vectors_are_read_or_refused() {
        assert_eq!(
            vector("f", "(1, -2.5,3e2)").unwrap(),
            Some(vec![1.0, -2.5, 300.0])
        );
        assert_eq!(vector("f", "none").unwrap(), None);
        for bad in ["1,2,3", "(1,2,x)", "()", "(1,2"] {
            assert!(vector("f", bad).is_err(), "{bad}");
        }
    }
}
