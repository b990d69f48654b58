//! JSON documents inside a pickle, and back.

use sarx_torch::{PickleDict, PickleValue};
use serde_json::{Map, Number, Value};

/// A JSON value as Python's `json.load` would give it.
pub(super) fn to_pickle(value: &Value) -> PickleValue {
    match value {
        Value::Null => PickleValue::None,
        Value::Bool(value) => PickleValue::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => PickleValue::Int(number),
            None => PickleValue::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => PickleValue::String(text.clone()),
        Value::Array(items) => PickleValue::List(items.iter().map(to_pickle).collect()),
        Value::Object(map) => PickleValue::Dict(dict(map)),
    }
}

/// A JSON object as a dictionary, keys in their order.
pub(super) fn dict(map: &Map<String, Value>) -> PickleDict {
    map.iter()
        .map(|(key, value)| (key.clone(), to_pickle(value)))
        .collect()
}

/// Numbers and lists of a pickle as JSON; a number that is not finite becomes `null`. `None` if
/// it holds anything else.
pub(super) fn from_pickle(value: &PickleValue) -> Option<Value> {
    if let Some(items) = value.as_items() {
        let items: Option<Vec<Value>> = items.iter().map(from_pickle).collect();
        return items.map(Value::Array);
    }
    if let Some(number) = value.as_i64() {
        return Some(Value::from(number));
    }
    let number = value.as_f64()?;
    Some(Number::from_f64(number).map_or(Value::Null, Value::Number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_keep_order_and_kinds() {
        let document = json!({"z": [1, 2.5, null, true], "a": {"name": "T1"}, "big": 1e300});
        let pickle = to_pickle(&document);
        let keys: Vec<&str> = pickle
            .as_dict()
            .unwrap()
            .iter()
            .filter_map(|(key, _)| key.as_str())
            .collect();
        assert_eq!(keys, ["z", "a", "big"]);
        let list = pickle.as_dict().unwrap().get("z").unwrap();
        assert_eq!(list.as_items().unwrap()[0], PickleValue::Int(1));
        assert_eq!(list.as_items().unwrap()[1], PickleValue::Float(2.5));
    }

    #[test]
    fn numbers_come_back_and_nan_is_null() {
        let list = PickleValue::List(vec![1.5.into(), f64::NAN.into(), 3i64.into()]);
        assert_eq!(from_pickle(&list), Some(json!([1.5, null, 3])));
        assert_eq!(from_pickle(&"text".into()), None);
    }
}
