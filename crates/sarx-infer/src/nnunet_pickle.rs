//! The two pickles that nnU-Net's own tools ask for after a prediction.
//!
//! `CASE.pkl` lies beside probabilities and is needed by `nnUNetv2_ensemble`; `postprocessing.pkl`
//! holds clean-up rules for `nnUNetv2_apply_postprocessing`. sarx writes both and reads neither.
//!
//! Source: nnU-Net v2 `inference/export_prediction.py` and
//! `postprocessing/remove_connected_components.py`.

use crate::NnunetProperties;
use crate::postprocess::{KeepLargest, PostprocessingRules};
use sarx_metrics::LabelOrRegion;
use sarx_torch::{GlobalName, PickleDict, PickleError, PickleValue, write_pickle};
use std::io::Write;
use std::path::Path;

/// A pickle that was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NnunetPickleError {
    /// A number is larger than a pickle of ours may hold.
    #[error("cannot be written as a pickle")]
    Encode(#[from] PickleError),
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
}

impl NnunetProperties {
    /// Writes `CASE.pkl`.
    ///
    /// # Errors
    ///
    /// [`NnunetPickleError`] if the file cannot be written.
    pub fn write_pickle(&self, path: &Path) -> Result<(), NnunetPickleError> {
        write(path, &self.to_value())
    }

    fn to_value(&self) -> PickleValue {
        let geometry = PickleDict::from_iter([
            ("spacing", tuple(self.sitk_spacing)),
            ("origin", tuple(self.sitk_origin)),
            ("direction", tuple(self.sitk_direction)),
        ]);
        let sizes = |size: [usize; 3]| tuple(size.map(|n| n as i64));
        let bounds = |range: [usize; 2]| list(range.map(|n| n as i64));
        let after_crop = self.shape_after_cropping_and_before_resampling;
        PickleValue::Dict(PickleDict::from_iter([
            ("sitk_stuff", PickleValue::Dict(geometry)),
            ("spacing", list(self.spacing)),
            ("shape_before_cropping", sizes(self.shape_before_cropping)),
            (
                "bbox_used_for_cropping",
                list(self.bbox_used_for_cropping.map(bounds)),
            ),
            (
                "shape_after_cropping_and_before_resampling",
                sizes(after_crop),
            ),
        ]))
    }
}

impl PostprocessingRules {
    /// Writes `postprocessing.pkl`: `([functions], [arguments])`.
    ///
    /// # Errors
    ///
    /// [`NnunetPickleError`] if the file cannot be written.
    pub fn write_pickle(&self, path: &Path) -> Result<(), NnunetPickleError> {
        let function = PickleValue::Global(Box::new(GlobalName {
            module: "nnunetv2.postprocessing.remove_connected_components".to_owned(),
            name: "remove_all_but_largest_component_from_segmentation".to_owned(),
        }));
        let arguments = |step: &KeepLargest| {
            PickleValue::Dict(PickleDict::from_iter([("labels_or_regions", of(step))]))
        };
        let functions = vec![function; self.steps.len()];
        let arguments: Vec<PickleValue> = self.steps.iter().map(arguments).collect();
        write(path, &tuple([functions, arguments]))
    }
}

/// One label or region stands for itself, several are a list, as nnU-Net's function takes them.
fn of(step: &KeepLargest) -> PickleValue {
    let number = |&label: &sarx_core::Label| PickleValue::Int(i64::from(label));
    let one = |what: &LabelOrRegion| match what {
        LabelOrRegion::Label(label) => number(label),
        LabelOrRegion::Region(labels) => PickleValue::Tuple(labels.iter().map(number).collect()),
    };
    match step.of.as_slice() {
        [what] => one(what),
        several => PickleValue::List(several.iter().map(one).collect()),
    }
}

fn tuple<T: Into<PickleValue>, const N: usize>(values: [T; N]) -> PickleValue {
    PickleValue::Tuple(values.map(Into::into).into())
}

fn list<T: Into<PickleValue>, const N: usize>(values: [T; N]) -> PickleValue {
    PickleValue::List(values.map(Into::into).into())
}

fn write(path: &Path, value: &PickleValue) -> Result<(), NnunetPickleError> {
    let bytes = write_pickle(value)?;
    Ok(sarx_io::write_atomic(path, |out| out.write_all(&bytes))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sarx_torch::read_pickle;

    #[test]
    fn properties_have_the_keys_and_orders_of_nnunet() {
        let properties = NnunetProperties {
            sitk_spacing: [0.5, 0.75, 5.0],
            sitk_origin: [-1.0, -2.0, 3.0],
            sitk_direction: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            spacing: [5.0, 0.75, 0.5],
            shape_before_cropping: [4, 5, 6],
            bbox_used_for_cropping: [[0, 4], [1, 5], [2, 4]],
            shape_after_cropping_and_before_resampling: [4, 4, 2],
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case.pkl");
        properties.write_pickle(&path).unwrap();
        let found = read_pickle(&std::fs::read(&path).unwrap(), &[]).unwrap();
        let found = found.as_dict().unwrap();
        let numbers = |value: &PickleValue| {
            let items = value.as_items().unwrap().iter();
            items
                .map(|item| item.as_f64().unwrap())
                .collect::<Vec<f64>>()
        };
        let geometry = found.get("sitk_stuff").unwrap().as_dict().unwrap();
        assert_eq!(numbers(geometry.get("spacing").unwrap()), [0.5, 0.75, 5.0]);
        assert_eq!(numbers(geometry.get("origin").unwrap()), [-1.0, -2.0, 3.0]);
        assert_eq!(numbers(found.get("spacing").unwrap()), [5.0, 0.75, 0.5]);
        let boxes = found.get("bbox_used_for_cropping").unwrap();
        assert_eq!(numbers(&boxes.as_items().unwrap()[2]), [2.0, 4.0]);
    }

    #[test]
    fn rules_name_nnunets_function_once_per_step() {
        let rules = PostprocessingRules {
            steps: vec![
                KeepLargest {
                    of: vec![LabelOrRegion::Label(1), LabelOrRegion::Region(vec![2, 3])],
                },
                KeepLargest {
                    of: vec![LabelOrRegion::Label(2)],
                },
            ],
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("postprocessing.pkl");
        rules.write_pickle(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let function = GlobalName {
            module: "nnunetv2.postprocessing.remove_connected_components".to_owned(),
            name: "remove_all_but_largest_component_from_segmentation".to_owned(),
        };
        assert!(read_pickle(&bytes, &[]).is_err());
        let found = read_pickle(&bytes, std::slice::from_ref(&function)).unwrap();
        let [functions, arguments] = found.as_items().unwrap() else {
            panic!("a pair");
        };
        let function = PickleValue::Global(Box::new(function));
        assert_eq!(functions.as_items().unwrap(), [function.clone(), function]);
        let argument = |i: usize| {
            let step = arguments.as_items().unwrap()[i].as_dict().unwrap();
            step.get("labels_or_regions").unwrap().clone()
        };
        let region = PickleValue::Tuple(vec![PickleValue::Int(2), PickleValue::Int(3)]);
        assert_eq!(
            argument(0),
            PickleValue::List(vec![PickleValue::Int(1), region])
        );
        assert_eq!(argument(1), PickleValue::Int(2));
    }
}
