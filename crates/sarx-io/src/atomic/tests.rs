//! Faults on the way to a finished file.

use super::*;
use std::error::Error as _;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_file_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    for text in ["first, longer", "second"] {
        write_atomic(&path, |w| w.write_all(text.as_bytes())).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(names(folder.path()), ["a.json"]);
}

#[test]
fn a_fault_while_writing_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    fs::write(&path, "old").unwrap();
    let error = write_atomic(&path, |w| {
        w.write_all(&vec![b'x'; 2 * BUFFER_BYTES])?;
        w.write_all(b"and some bytes still in the buffer")?;
        Err(io::Error::from(io::ErrorKind::StorageFull))
    })
    .unwrap_err();
    assert!(
        matches!(&error.fault, WriteFault::Io { act: "write", source } if source.kind() == io::ErrorKind::StorageFull)
    );
    assert!(error.source().is_some());
    assert!(error.to_string().ends_with("a.json\""), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names(folder.path()), ["a.json"]);
}

#[test]
fn a_missing_folder_is_a_typed_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/such/a.json");
    let error = write_atomic(&path, |_| Ok(())).unwrap_err();
    assert!(
        matches!(&error.fault, WriteFault::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    );
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_folder_or_nothing_as_target_is_a_typed_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = write_atomic(folder.path(), |_| Ok(())).unwrap_err();
    assert!(matches!(error.fault, WriteFault::Io { .. }));
    let error = write_atomic(Path::new("/"), |_| Ok(())).unwrap_err();
    assert!(matches!(error.fault, WriteFault::NoFileName));
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_a_typed_error_and_the_old_file_stays() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let result = write_atomic(&path, |w| w.write_all(b"new"));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // The superuser may write everywhere.
    let expected = if result.is_ok() { "new" } else { "old" };
    if let Err(error) = result {
        assert!(
            matches!(&error.fault, WriteFault::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
        );
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    assert_eq!(names(folder.path()), ["a.json"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_files_is_a_typed_error() {
    // Not even the superuser can create a file here.
    let error = write_atomic(Path::new("/proc/self/a.json"), |_| Ok(())).unwrap_err();
    assert!(matches!(error.fault, WriteFault::Io { .. }));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_typed_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let error = write_atomic(&path, |w| {
        w.write_all(b"some")?;
        // The device that is always full gives the real error of the operating system.
        let full = File::options().write(true).open("/dev/full")?;
        let mut writer = BufWriter::new(&full);
        writer.write_all(&[0; 100])?;
        writer.flush()
    })
    .unwrap_err();
    assert!(
        matches!(&error.fault, WriteFault::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    );
    assert!(names(folder.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn permissions_are_the_usual_ones_and_survive() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = tempfile::tempdir().unwrap();
    let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
    fs::write(&plain, "").unwrap();
    write_atomic(&ours, |_| Ok(())).unwrap();
    assert_eq!(mode(&ours), mode(&plain));
    fs::set_permissions(&ours, fs::Permissions::from_mode(0o640)).unwrap();
    write_atomic(&ours, |_| Ok(())).unwrap();
    assert_eq!(mode(&ours), 0o640);
}
