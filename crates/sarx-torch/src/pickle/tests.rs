use super::*;
use crate::{GlobalName, NumpyArray, NumpyScalar, PickleDict, PickleError, PickleValue};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Result<PickleValue, PickleError> {
    read_pickle(bytes, &[])
}

fn foreign(bytes: &[u8]) -> String {
    let error = read(bytes).unwrap_err();
    assert!(matches!(error, PickleError::ForeignCode { .. }), "{error}");
    error.to_string()
}

/// Everything that a pickle may hold, tensors apart.
fn everything() -> PickleValue {
    let mut ordered: PickleDict = [("x", 1i64), ("a", -70_000), ("again", i64::MIN)]
        .into_iter()
        .collect();
    ordered.is_ordered_dict = true;
    let mut dict = PickleDict::default();
    dict.insert("none", PickleValue::None);
    dict.insert(
        "numbers",
        vec![0i64.into(), 255i64.into(), 65_535i64.into(), 0.1.into()],
    );
    dict.insert("ordered", ordered);
    dict.insert("bytes", PickleValue::Bytes((0..=255).collect()));
    dict.insert("tuple", PickleValue::Tuple(vec![true.into(), false.into()]));
    dict.insert("empty", PickleValue::Tuple(Vec::new()));
    dict.insert("set", PickleValue::Set(vec![3i64.into(), "x".into()]));
    dict.insert("f8", NumpyScalar::F64(-0.25));
    dict.insert("i4", NumpyScalar::I32(-9));
    dict.insert("b", NumpyScalar::Bool(true));
    let array = NumpyArray::from_i64(&[2, 2], &[1, -2, 3, i64::MAX]).unwrap();
    dict.insert("array", array);
    dict.insert("umlaut", "Größe");
    dict.into()
}

#[test]
fn what_is_written_is_read() {
    let bytes = write_pickle(&everything()).unwrap();
    assert_eq!(read(&bytes).unwrap(), everything());
}

#[test]
fn numpy_numbers_are_numbers() {
    let value = PickleValue::from(NumpyScalar::F64(0.5));
    assert_eq!((value.as_f64(), value.as_i64()), (Some(0.5), None));
    let value = PickleValue::from(NumpyScalar::I64(7));
    assert_eq!((value.as_f64(), value.as_i64()), (Some(7.0), Some(7)));
    assert_eq!(
        PickleValue::from(NumpyScalar::Bool(true)).as_bool(),
        Some(true)
    );
}

#[test]
fn integers_of_every_width() {
    for (bytes, expected) in [
        (&b"\x8a\x00."[..], Some(0)),
        (b"\x8a\x01\xff.", Some(-1)),
        (b"\x8a\x02\x00\x80.", Some(-32768)),
        (
            b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\x00.",
            Some(i64::MAX),
        ),
        (b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.", Some(i64::MIN)),
        // 2^63 and -2^63 - 1
        (b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.", None),
        (b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\xff.", None),
    ] {
        match expected {
            Some(number) => assert_eq!(read(bytes), Ok(PickleValue::Int(number))),
            None => assert!(matches!(
                read(bytes),
                Err(PickleError::IntegerRange { offset: 0 })
            )),
        }
    }
}

#[test]
fn keys_keep_their_place_and_take_the_last_value() {
    // {"a": 1, "b": 2} with "a" set again to 3; True, 1 and 1.0 are one key.
    let bytes = b"}(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00bK\x02X\x01\x00\x00\x00aK\x03u.";
    let expected: PickleDict = [("a", 3i64), ("b", 2)].into_iter().collect();
    assert_eq!(read(bytes), Ok(expected.into()));
    let one = read(b"}(\x88K\x01K\x01K\x02G\x3f\xf0\x00\x00\x00\x00\x00\x00K\x03u.").unwrap();
    assert_eq!(one.as_dict().unwrap().len(), 1);
    assert!(matches!(
        read(b"}]K\x01s."),
        Err(PickleError::Key { kind: "a list" })
    ));
}

#[test]
fn foreign_code_is_refused_by_name() {
    // os.system("ls") by GLOBAL, by STACK_GLOBAL, and by INST.
    let text = foreign(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.");
    assert!(text.contains("refused to run foreign code") && text.contains("\"os.system\""));
    assert!(
        foreign(b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02ls\x85R.")
            .contains("posix.system")
    );
    assert!(foreign(b"(X\x02\x00\x00\x00lsios\nsystem\n.").contains("os.system"));
    // Naming is enough, also under a trusted module or in a class that is only made.
    assert!(foreign(b"c__builtin__\neval\n.").contains("eval"));
    assert!(foreign(b"\x80\x02csubprocess\nPopen\n)\x81.").contains("subprocess.Popen"));
    assert!(foreign(b"ctorch\nload\n.").contains("torch.load"));
    assert!(foreign(b"ctorch._utils\n_rebuild_tensor\n.").contains("_rebuild_tensor"));
    // Protocol 4 may hide attributes behind a known name.
    assert!(foreign(b"\x80\x04\x8c\x08builtins\x8c\x0dlist.__init__\x93.").contains("__init__"));
}

#[test]
fn expected_names_come_back_and_are_never_called() {
    let name = GlobalName {
        module: "nnunetv2.postprocessing.remove_connected_components".into(),
        name: "remove_all_but_largest_component_from_segmentation".into(),
    };
    let value = PickleValue::Tuple(vec![
        PickleValue::List(vec![PickleValue::Global(Box::new(name.clone()))]),
        PickleValue::List(vec![PickleDict::default().into()]),
    ]);
    let bytes = write_pickle(&value).unwrap();
    assert!(foreign(&bytes).contains("remove_all_but_largest"));
    let expected = std::slice::from_ref(&name);
    assert_eq!(read_pickle(&bytes, expected), Ok(value));
    let called = [
        &write_pickle(&PickleValue::Global(Box::new(name.clone()))).unwrap()[..],
        b")R.",
    ];
    let called: Vec<u8> = called.concat().into_iter().collect();
    // The first full stop ends the pickle: take it out.
    let stop = called.len() - 4;
    let called = [&called[..stop], &called[stop + 1..]].concat();
    assert!(matches!(
        read_pickle(&called, expected),
        Err(PickleError::ForeignCode { .. })
    ));
}

#[test]
fn references_to_storages_belong_into_archives() {
    let bytes = b"\x80\x02(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ.";
    assert!(matches!(read(bytes), Err(PickleError::Missing { .. })));
    assert!(matches!(
        read_in_archive(bytes),
        Err(PickleError::Arguments { .. })
    ));
}

#[test]
fn bombs_are_defused() {
    // Nested without end.
    let deep = [&b"]".repeat(1000)[..], &b"a".repeat(999), b"."].concat();
    assert!(matches!(
        read(&deep),
        Err(PickleError::TooDeep { limit: MAX_DEPTH })
    ));
    let fits = [
        &b"]".repeat(MAX_DEPTH)[..],
        &b"a".repeat(MAX_DEPTH - 1),
        b".",
    ]
    .concat();
    assert!(read(&fits).is_ok());
    // A list that contains itself.
    assert!(matches!(
        read(b"]q\x00h\x00a."),
        Err(PickleError::TooDeep { .. })
    ));
    // Twice the one before, forty times.
    let mut laughs = b"]q\x00".to_vec();
    for level in 1..=40u8 {
        laughs.extend([
            b']',
            b'(',
            b'h',
            level - 1,
            b'h',
            level - 1,
            b'e',
            b'q',
            level,
        ]);
    }
    laughs.push(b'.');
    assert!(matches!(read(&laughs), Err(PickleError::TooLarge { .. })));
    // A long list copied again and again.
    let mut copies = b"c__builtin__\ntuple\nq\x00]q\x01(".to_vec();
    copies.extend(b"N".repeat(50_000));
    copies.push(b'e');
    for _ in 0..50_000 {
        copies.extend(b"h\x00h\x01\x85R");
    }
    copies.push(b'.');
    assert!(matches!(read(&copies), Err(PickleError::TooLarge { .. })));
    // Lengths and counts beyond the file.
    for huge in [
        &b"X\xff\xff\xff\xff."[..],
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x8b\xff\xff\xff\xff.",
        b"\x95\xff",
    ] {
        assert!(matches!(read(huge), Err(PickleError::Truncated { .. })));
    }
    let array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01\x8a\x05\xff\xff\xff\xff\x7f\x85cnumpy\ndtype\nX\x02\x00\x00\x00f8\x89\x88\x87R\x89C\x00tb.";
    assert!(matches!(read(array), Err(PickleError::Arguments { .. })));
}

#[test]
fn damage_is_named() {
    assert!(matches!(
        read(b""),
        Err(PickleError::Truncated { length: 0, .. })
    ));
    assert!(matches!(read(b"."), Err(PickleError::Missing { .. })));
    assert!(matches!(
        read(b"\x80\x09N."),
        Err(PickleError::Protocol { found: 9 })
    ));
    assert!(matches!(
        read(b"\xffN."),
        Err(PickleError::Operation {
            code: 0xff,
            offset: 0
        })
    ));
    assert!(matches!(read(b"h\x05."), Err(PickleError::Missing { .. })));
    assert!(matches!(
        read(b"NK\x01a."),
        Err(PickleError::Missing { what: "a list", .. })
    ));
    assert!(matches!(
        read(b"t."),
        Err(PickleError::Missing { what: "a mark", .. })
    ));
    // What lies under a mark is out of reach.
    assert!(matches!(read(b"N(R."), Err(PickleError::Missing { .. })));
    assert!(matches!(
        read(b"X\x01\x00\x00\x00\xff."),
        Err(PickleError::Text { .. })
    ));
    assert!(matches!(read(b"NNR."), Err(PickleError::Arguments { .. })));
    assert!(matches!(read(b"}NK\x01."), Ok(PickleValue::Int(1))));
    assert!(matches!(read(b"}(Nu."), Err(PickleError::Missing { .. })));
    assert!(matches!(read(b"N)b."), Err(PickleError::Arguments { .. })));
    let complex = b"cnumpy\ndtype\nX\x03\x00\x00\x00c16\x89\x88\x87R.";
    assert!(matches!(read(complex), Err(PickleError::NumpyType { .. })));
}

#[test]
fn deep_values_and_tensors_are_not_written() {
    let deep = (0..MAX_DEPTH).fold(PickleValue::None, |inner, _| vec![inner].into());
    assert!(matches!(
        write_pickle(&deep),
        Err(PickleError::TooDeep { .. })
    ));
}

proptest! {
    #[test]
    fn damaged_pickles_never_panic(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = write_pickle(&everything()).unwrap();
        for (place, byte) in &places {
            let place = place.index(bytes.len());
            bytes[place] = *byte;
        }
        drop(read(&bytes));
        bytes.truncate(length.index(bytes.len()));
        drop(read(&bytes));
    }

    #[test]
    fn arbitrary_operations_never_panic(
        bytes in prop::collection::vec(prop::sample::select(
            &b"(.012]}NK\x01\x02\x03tleasudqhrjRb\x81\x85\x86\x87\x88\x8f\x90\x91\x93\x94XC\x00Q)"[..]
        ), 0..60),
    ) {
        drop(read(&bytes));
    }
}
