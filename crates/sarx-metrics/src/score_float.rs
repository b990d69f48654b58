//! Scores in JSON, which has no infinity and no NaN.

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A score as a document holds it: a number, `null` for NaN, `"inf"` or `"-inf"`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct ScoreFloat(pub f64);

impl Serialize for ScoreFloat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_nan() => serializer.serialize_none(),
            f64::INFINITY => serializer.serialize_str("inf"),
            f64::NEG_INFINITY => serializer.serialize_str("-inf"),
            value => serializer.serialize_f64(value),
        }
    }
}

impl<'de> Deserialize<'de> for ScoreFloat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScoreVisitor)
    }
}

struct ScoreVisitor;

impl Visitor<'_> for ScoreVisitor {
    type Value = ScoreFloat;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, null, \"inf\" or \"-inf\"")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<ScoreFloat, E> {
        Ok(ScoreFloat(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<ScoreFloat, E> {
        Ok(ScoreFloat(value as f64))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<ScoreFloat, E> {
        Ok(ScoreFloat(value as f64))
    }

    fn visit_unit<E: Error>(self) -> Result<ScoreFloat, E> {
        Ok(ScoreFloat(f64::NAN))
    }

    fn visit_none<E: Error>(self) -> Result<ScoreFloat, E> {
        Ok(ScoreFloat(f64::NAN))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ScoreFloat, E> {
        match text {
            "inf" => Ok(ScoreFloat(f64::INFINITY)),
            "-inf" => Ok(ScoreFloat(f64::NEG_INFINITY)),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_cannot_hold_is_spelled_and_read_back() {
        for (value, text) in [
            (0.1, "0.1"),
            (2007.0, "2007.0"),
            (f64::INFINITY, "\"inf\""),
            (f64::NEG_INFINITY, "\"-inf\""),
        ] {
            assert_eq!(serde_json::to_string(&ScoreFloat(value)).unwrap(), text);
            assert_eq!(serde_json::from_str::<ScoreFloat>(text).unwrap().0, value);
        }
        assert_eq!(
            serde_json::to_string(&ScoreFloat(f64::NAN)).unwrap(),
            "null"
        );
        assert!(
            serde_json::from_str::<ScoreFloat>("null")
                .unwrap()
                .0
                .is_nan()
        );
        assert_eq!(serde_json::from_str::<ScoreFloat>("-3").unwrap().0, -3.0);
        assert!(serde_json::from_str::<ScoreFloat>("\"infinite\"").is_err());
    }
}
