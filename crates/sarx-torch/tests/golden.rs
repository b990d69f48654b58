//! Pickles and an archive that Python wrote (`golden/make.py`), and files of nnU-Net.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sarx_torch::{
    NumpyType, PickleDict, PickleValue, TorchArchive, TorchTensor, read_pickle, write_pickle,
};
use std::io::Cursor;

fn check_properties(value: &PickleValue) {
    let dict = value.as_dict().unwrap();
    let get = |key: &str| dict.get(key).unwrap_or_else(|| panic!("{key}"));
    let numbers = |key: &str| -> Vec<f64> {
        let items = get(key).as_items().unwrap();
        items.iter().map(|item| item.as_f64().unwrap()).collect()
    };
    assert_eq!(numbers("spacing"), [5.0, 1.25, 1.25]);
    assert_eq!(numbers("shape_before_cropping"), [28.0, 128.0, 128.0]);
    let boxes = get("bbox_used_for_cropping").as_items().unwrap();
    assert_eq!(boxes[1].as_items().unwrap()[0].as_i64(), Some(3));
    assert_eq!(boxes[2].as_items().unwrap()[1].as_i64(), Some(1 << 40));
    let locations = get("class_locations").as_dict().unwrap();
    let entries: Vec<_> = locations.iter().collect();
    assert_eq!(entries[0].0.as_i64(), Some(1));
    assert_eq!(entries[1].0.as_items().map(<[_]>::len), Some(2));
    let PickleValue::Array(array) = entries[0].1 else {
        panic!("{:?}", entries[0].1)
    };
    assert_eq!(
        (array.dtype(), array.shape()),
        (NumpyType::I64, &[2, 4][..])
    );
    assert_eq!(array.to_i64().unwrap(), [0, 1, 2, 3, 0, -4, 5, 6]);
    let array = |key: &str| match get(key) {
        PickleValue::Array(array) => array.to_f64(),
        other => panic!("{other:?}"),
    };
    assert_eq!(array("fortran"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(array("big_endian"), [0.0, 1.0, 2.0]);
    assert_eq!(array("flags"), [1.0, 0.0]);
    assert_eq!(get("half").as_f64(), Some(0.5));
    assert_eq!(*get("set"), PickleValue::Set(vec![7i64.into()]));
    let ordered = get("ordered").as_dict().unwrap();
    assert!(ordered.is_ordered_dict);
    assert_eq!(ordered.get("a"), Some(&PickleValue::Bytes(vec![0, 255])));
}

#[test]
fn properties_in_every_protocol() {
    for bytes in [
        &include_bytes!("golden/properties_2.pkl")[..],
        include_bytes!("golden/properties_4.pkl"),
        include_bytes!("golden/properties_5.pkl"),
    ] {
        let value = read_pickle(bytes, &[]).unwrap();
        check_properties(&value);
        let again = read_pickle(&write_pickle(&value).unwrap(), &[]).unwrap();
        assert_eq!(again, value);
    }
}

#[test]
fn tensors_of_every_kind() {
    let bytes = include_bytes!("golden/tensors.pth");
    let mut archive = TorchArchive::open(Cursor::new(&bytes[..])).unwrap();
    let value = archive.value().unwrap();
    let dict: &PickleDict = value.as_dict().unwrap();
    let tensor = |key: &str| -> &TorchTensor { dict.get(key).unwrap().as_tensor().unwrap() };
    let mut floats = |key: &str| archive.floats(tensor(key)).unwrap();
    let all: Vec<f32> = (0..24u8).map(f32::from).collect();
    assert_eq!(floats("whole"), all);
    assert_eq!(floats("transposed")[..7], [0., 4., 8., 12., 16., 20., 1.]);
    assert_eq!(floats("part"), [16., 18., 20., 22.]);
    assert_eq!(floats("half"), [0., 1., 2., 3.]);
    assert_eq!(floats("bfloat16"), [0., 1., 2., 3.]);
    assert_eq!(floats("double"), [0., 0.25, 0.5, 0.75]);
    assert_eq!(floats("scalar"), [1.5]);
    assert_eq!(floats("empty"), [0f32; 0]);
    assert_eq!(floats("parameter"), all[..12]);
    assert_eq!(tensor("whole").storage, tensor("part").storage);
    assert_eq!(tensor("part").shape, [2, 2]);
    assert_eq!(archive.integers(tensor("long")).unwrap(), [-1, 1 << 40]);
    assert_eq!(archive.integers(tensor("bool")).unwrap(), [1, 0]);
    let PickleValue::Device(device) = dict.get("device").unwrap() else {
        panic!("no device")
    };
    assert_eq!((&device.kind[..], device.index), ("cuda", Some(1)));
    assert_eq!(
        dict.get("size").unwrap().as_items().map(<[_]>::len),
        Some(3)
    );
}

#[test]
fn properties_that_nnunet_wrote() {
    let Some(path) =
        sarx_testkit::shared("oracle/t1_axial_varied/prediction_no_mirroring/sts_31_010.pkl")
    else {
        return;
    };
    let value = read_pickle(&std::fs::read(path).unwrap(), &[]).unwrap();
    let dict = value.as_dict().unwrap();
    let spacing = dict.get("spacing").unwrap().as_items().unwrap();
    assert!(spacing.iter().all(|s| s.as_f64().is_some_and(|s| s > 0.0)));
    let geometry = dict.get("sitk_stuff").unwrap().as_dict().unwrap();
    assert_eq!(
        geometry
            .get("direction")
            .unwrap()
            .as_items()
            .map(<[_]>::len),
        Some(9)
    );
    let shape = dict
        .get("shape_before_cropping")
        .unwrap()
        .as_items()
        .unwrap();
    assert_eq!(shape.len(), 3);
}
