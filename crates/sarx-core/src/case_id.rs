//! Names of cases.

use std::fmt;

/// The name of one case: what stands before `_0000.nii.gz` in a file name.
///
/// It becomes part of file names, so it may hold only characters that are safe in one:
/// no separators, no control characters, not `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaseId(String);

/// A name that cannot be a case's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} cannot be a case name: it must not be empty, start with a dot, or hold /, \\, : or control characters"
)]
pub struct CaseIdError {
    /// What was given.
    pub name: String,
}

impl CaseId {
    /// Checks and wraps a name.
    ///
    /// # Errors
    ///
    /// [`CaseIdError`] if the name could leave its folder or is not printable.
    pub fn new(name: impl Into<String>) -> Result<Self, CaseIdError> {
        let name = name.into();
        let bad = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':');
        if name.is_empty() || name.starts_with('.') || name.contains(bad) {
            return Err(CaseIdError { name });
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for CaseId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_their_folder_are_refused() {
        for bad in ["", "..", "a/b", "a\\b", ".hidden", "a\nb", "C:x"] {
            assert!(CaseId::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(CaseId::new("sts_7_001").unwrap().as_str(), "sts_7_001");
    }
}
