use super::*;
use crate::{PickleDict, PickleValue, TorchError, TorchTensor};
use std::io::Cursor;

fn open(bytes: &[u8]) -> Result<TorchArchive<Cursor<Vec<u8>>>, TorchError> {
    TorchArchive::open(Cursor::new(bytes.to_vec()))
}

/// Two tensors, the second under two names.
fn archive() -> Vec<u8> {
    let mut writer = TorchArchiveWriter::new();
    let a = writer
        .tensor(&[2, 3], vec![1., 2., 3., 4., 5., 6.])
        .unwrap();
    let b = writer.tensor(&[1], vec![f32::NAN]).unwrap();
    let mut weights: PickleDict = [("a", a), ("b", b.clone()), ("alias", b)]
        .into_iter()
        .collect();
    weights.is_ordered_dict = true;
    let mut value = PickleDict::default();
    value.insert("network_weights", weights);
    value.insert("epoch", 7i64);
    write(&writer, &value.into())
}

fn write(writer: &TorchArchiveWriter, value: &PickleValue) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    writer.write("checkpoint", value, &mut out).unwrap();
    out.into_inner()
}

fn tensor(value: &PickleValue, name: &str) -> TorchTensor {
    let weights = value.as_dict().unwrap().get("network_weights").unwrap();
    let tensor = weights.as_dict().unwrap().get(name).unwrap();
    tensor.as_tensor().unwrap().clone()
}

#[test]
fn an_archive_comes_back_and_its_bytes_are_fixed() {
    let bytes = archive();
    assert_eq!(bytes, archive());
    let mut archive = open(&bytes).unwrap();
    let value = archive.value().unwrap();
    assert_eq!(value.as_dict().unwrap().get("epoch"), Some(&7i64.into()));
    let a = tensor(&value, "a");
    assert_eq!((&a.shape[..], &a.strides[..]), (&[2, 3][..], &[3, 1][..]));
    assert_eq!(archive.floats(&a).unwrap(), [1., 2., 3., 4., 5., 6.]);
    assert_eq!(tensor(&value, "b"), tensor(&value, "alias"));
    assert!(archive.floats(&tensor(&value, "b")).unwrap()[0].is_nan());
}

#[test]
fn storages_begin_at_multiples_of_64() {
    let bytes = archive();
    let mut zip = zip::ZipArchive::new(Cursor::new(&bytes[..])).unwrap();
    for index in 0..zip.len() {
        let entry = zip.by_index(index).unwrap();
        assert_eq!(entry.data_start() % 64, 0, "{}", entry.name());
    }
}

#[test]
fn other_files_are_told_apart() {
    assert!(matches!(open(b"no zip at all"), Err(TorchError::Zip(_))));
    assert!(matches!(open(b""), Err(TorchError::Zip(_))));
    assert!(matches!(
        open(b"\x80\x02}q\x00."),
        Err(TorchError::BarePickle)
    ));
    let mut plain = zip::ZipWriter::new(Cursor::new(Vec::new()));
    plain
        .start_file("a/weights.bin", zip::write::SimpleFileOptions::default())
        .unwrap();
    let plain = plain.finish().unwrap().into_inner();
    assert!(matches!(open(&plain), Err(TorchError::NoPickle)));
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = archive();
    for length in (0..bytes.len()).step_by(7).chain([bytes.len() - 1]) {
        assert!(
            open(&bytes[..length]).is_err(),
            "{length} of {}",
            bytes.len()
        );
    }
}

#[test]
fn a_storage_shorter_than_the_shape_is_named() {
    let mut writer = TorchArchiveWriter::new();
    let short = writer.tensor(&[3], vec![1., 2., 3.]).unwrap();
    let mut long = short.clone();
    long.storage.count = 100;
    long.shape = vec![100];
    let mut missing = short.clone();
    missing.storage.key = "9".into();
    let mut outside = short.clone();
    outside.offset = 1;
    let weights: PickleDict = [("long", long), ("missing", missing), ("outside", outside)]
        .into_iter()
        .collect();
    let value: PickleDict = [("network_weights", weights)].into_iter().collect();
    let bytes = write(&writer, &value.into());
    let mut archive = open(&bytes).unwrap();
    let value = archive.value().unwrap();
    let mut read = |name| {
        archive
            .floats(&tensor(&value, name))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        read("long"),
        "storage \"0\" holds 12 bytes, but the pickle says 400 (100 of 32-bit floats)"
    );
    assert!(read("missing").contains("checkpoint/data/9"));
    assert!(read("outside").contains("storage \"0\" of 3 numbers"));
    let short_error = archive.integers(&short).unwrap_err();
    assert!(matches!(short_error, TorchError::TensorType { .. }));
}

#[test]
fn a_damaged_storage_fails_its_checksum() {
    let mut bytes = archive();
    let needle = 6f32.to_le_bytes();
    let place = bytes.windows(4).position(|part| part == needle).unwrap();
    bytes[place] ^= 1;
    let mut archive = open(&bytes).unwrap();
    let value = archive.value().unwrap();
    let error = archive.floats(&tensor(&value, "a")).unwrap_err();
    assert!(matches!(error, TorchError::Entry { .. }), "{error}");
}

#[test]
fn compressed_entries_and_unknown_forms_are_refused() {
    let bytes = archive();
    // The method of compression stands in the directory and before each entry.
    let mut compressed = bytes.clone();
    for place in 0..bytes.len() - 12 {
        if bytes[place..].starts_with(b"PK\x01\x02") {
            compressed[place + 10] = 8;
        } else if bytes[place..].starts_with(b"PK\x03\x04") {
            compressed[place + 8] = 8;
        }
    }
    assert!(matches!(
        open(&compressed),
        Err(TorchError::NotStored { .. })
    ));
}

/// A small generator: the same mutations on every machine.
struct Mutations(u64);

impl Mutations {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let n = bytes.len();
        if n == 0 {
            return;
        }
        let at = self.below(n);
        match self.below(5) {
            0 => bytes[at] ^= 1 << self.below(8),
            1 => bytes[at] = [0, 0xff, 0x80, b'.', b'(', b'R'][self.below(6)],
            2 => bytes.truncate(at.max(1)),
            3 => {
                let end = (at + self.below(16)).min(n);
                bytes.drain(at..end);
            }
            _ => {
                let end = (at + self.below(64)).min(n);
                let copy = bytes[at..end].to_vec();
                let to = self.below(n);
                bytes.splice(to..to, copy);
            }
        }
    }
}

/// Reads everything there is; the result does not matter, only that there is one.
fn read_all(bytes: &[u8]) {
    let Ok(mut archive) = open(bytes) else { return };
    let Ok(value) = archive.value() else { return };
    let mut waiting = vec![&value];
    while let Some(value) = waiting.pop() {
        if let Some(tensor) = value.as_tensor() {
            drop(archive.floats(tensor));
            drop(archive.integers(tensor));
        }
        waiting.extend(value.as_items().unwrap_or_default());
        waiting.extend(
            value
                .as_dict()
                .into_iter()
                .flat_map(|d| d.iter().map(|(_, v)| v)),
        );
    }
}

#[test]
fn a_thousand_mutated_archives_never_panic() {
    let original = archive();
    let mut mutations = Mutations(1);
    for _ in 0..1000 {
        let mut bytes = original.clone();
        for _ in 0..=mutations.below(3) {
            mutations.mutate(&mut bytes);
        }
        read_all(&bytes);
    }
}

#[test]
fn a_thousand_archives_with_mutated_pickles_never_panic() {
    // A wrong checksum would stop most damage at the door: here the pickle alone is damaged.
    let mut original = open(&archive()).unwrap();
    let pickle = crate::pickle::write_in_archive(&original.value().unwrap()).unwrap();
    let mut mutations = Mutations(2);
    for _ in 0..1000 {
        let mut bytes = pickle.clone();
        for _ in 0..=mutations.below(3) {
            mutations.mutate(&mut bytes);
        }
        if let Ok(value) = crate::pickle::read_in_archive(&bytes) {
            let mut writer = TorchArchiveWriter::new();
            writer.tensor(&[6], vec![0.0; 6]).unwrap();
            writer.tensor(&[1], vec![0.0]).unwrap();
            let mut out = Cursor::new(Vec::new());
            if writer.write("checkpoint", &value, &mut out).is_ok() {
                read_all(&out.into_inner());
            }
        }
    }
}
