//! Attributes as the numbers and texts that sarx uses.
//!
//! Numbers are read from their text, whatever the value representation, because files carry
//! spaces, NULs and the wrong representation more often than the standard allows.

use crate::header::Object;
use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// The first value as text without padding; `None` if it is missing or empty.
pub(crate) fn text(object: &Object, tag: Tag) -> Option<String> {
    texts(object, tag)
        .into_iter()
        .next()
        .filter(|t| !t.is_empty())
}

/// All values as texts without padding.
pub(crate) fn texts(object: &Object, tag: Tag) -> Vec<String> {
    let Some(element) = object.get(tag) else {
        return Vec::new();
    };
    let Ok(values) = element.value().to_multi_str() else {
        return Vec::new();
    };
    let trim = |text: &String| {
        text.trim_matches(|c: char| c == '\0' || c.is_whitespace())
            .to_owned()
    };
    let values: Vec<String> = values.iter().map(trim).collect();
    if values.iter().all(String::is_empty) {
        return Vec::new();
    }
    values
}

/// All values as finite numbers; `None` if any is not one or there is none.
pub(crate) fn numbers(object: &Object, tag: Tag) -> Option<Vec<f64>> {
    let values: Option<Vec<f64>> = texts(object, tag)
        .iter()
        .map(|t| t.parse().ok().filter(|v: &f64| v.is_finite()))
        .collect();
    values.filter(|v| !v.is_empty())
}

/// The first value as a finite number.
pub(crate) fn number(object: &Object, tag: Tag) -> Option<f64> {
    text(object, tag)?
        .parse()
        .ok()
        .filter(|v: &f64| v.is_finite())
}

/// The first value as a whole number.
pub(crate) fn integer(object: &Object, tag: Tag) -> Option<i64> {
    let text = text(object, tag)?;
    text.parse().ok().or_else(|| {
        let value: f64 = text.parse().ok()?;
        (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64)
    })
}

/// Exactly `N` finite numbers.
pub(crate) fn vector<const N: usize>(object: &Object, tag: Tag) -> Option<[f64; N]> {
    numbers(object, tag)?.try_into().ok()
}

/// The items of a sequence; none if it is missing.
pub(crate) fn items(object: &Object, tag: Tag) -> &[Object] {
    object
        .get(tag)
        .and_then(|element| element.value().items())
        .unwrap_or(&[])
}

/// Where an attribute of one frame stands: in the frame's own functional groups, in the shared
/// ones, or at the top (PS3.3 C.7.6.16).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    top: &'a Object,
    shared: Option<&'a Object>,
    frame: Option<&'a Object>,
}

impl<'a> Scope<'a> {
    /// The scope of a classic image.
    pub(crate) fn classic(top: &'a Object) -> Self {
        Self {
            top,
            shared: None,
            frame: None,
        }
    }

    /// The scopes of all frames of a multi-frame image.
    pub(crate) fn frames(top: &'a Object) -> Vec<Self> {
        let shared = items(top, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
        items(top, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)
            .iter()
            .map(|frame| Self {
                top,
                shared,
                frame: Some(frame),
            })
            .collect()
    }

    /// The scope of what all frames share.
    pub(crate) fn shared(top: &'a Object) -> Self {
        Self {
            top,
            shared: items(top, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first(),
            frame: items(top, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).first(),
        }
    }

    /// The object in which the attribute stands.
    pub(crate) fn holder(&self, tag: Tag) -> Option<&'a Object> {
        [self.frame, self.shared]
            .into_iter()
            .flatten()
            .find_map(|group| in_group(group, tag))
            .or_else(|| self.top.get(tag).map(|_| self.top))
    }

    /// The first item of a functional group's own sequence.
    pub(crate) fn group(&self, tag: Tag) -> Option<&'a Object> {
        [self.frame, self.shared]
            .into_iter()
            .flatten()
            .find_map(|group| items(group, tag).first())
    }

    pub(crate) fn text(&self, tag: Tag) -> Option<String> {
        text(self.holder(tag)?, tag)
    }

    pub(crate) fn texts(&self, tag: Tag) -> Vec<String> {
        self.holder(tag).map_or_else(Vec::new, |o| texts(o, tag))
    }

    pub(crate) fn number(&self, tag: Tag) -> Option<f64> {
        number(self.holder(tag)?, tag)
    }

    pub(crate) fn integer(&self, tag: Tag) -> Option<i64> {
        integer(self.holder(tag)?, tag)
    }

    pub(crate) fn vector<const N: usize>(&self, tag: Tag) -> Option<[f64; N]> {
        vector(self.holder(tag)?, tag)
    }
}

/// The attribute's holder among the functional groups of `group`: one sequence down, or two where
/// the group's item holds a sequence of its own (diffusion directions).
fn in_group(group: &Object, tag: Tag) -> Option<&Object> {
    group.iter().find_map(|element| {
        let item = element.value().items()?.first()?;
        if item.get(tag).is_some() {
            return Some(item);
        }
        item.iter().find_map(|inner| {
            let inner = inner.value().items()?.first()?;
            inner.get(tag).map(|_| inner)
        })
    })
}
