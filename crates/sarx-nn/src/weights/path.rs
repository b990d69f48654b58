//! The name of the parameter that a walk through the network has reached.

/// Field names and indices from the root, joined by dots.
#[derive(Debug, Default)]
pub(crate) struct ParameterPath {
    parts: Vec<Option<String>>,
}

impl ParameterPath {
    /// Enters a field, an index or the variant of an enum. A variant is Burn's addition: nnU-Net
    /// has no such level, so it leaves no trace in the name.
    pub(crate) fn enter(&mut self, name: &str, container_type: &str) {
        let visible = !container_type.starts_with("Enum:");
        self.parts.push(visible.then(|| name.to_owned()));
    }

    pub(crate) fn exit(&mut self) {
        self.parts.pop();
    }

    /// For example `encoder.stages.0.0.convs.0.conv.weight`.
    pub(crate) fn name(&self) -> String {
        self.parts
            .iter()
            .flatten()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(".")
    }
}
