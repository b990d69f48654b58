//! One case of a store, whose arrays stay on disk.

use super::StoreError;
use super::mapped_npy::MappedNpy;
use super::paths::CasePaths;
use super::schema::{CaseSchema, LocationsSchema, read_document};
use crate::{ClassLocations, Properties};
use ndarray::{ArrayView3, ArrayView4, Ix2, Ix3, Ix4};
use std::sync::Arc;

/// A case whose arrays are memory maps; clones share them.
#[derive(Debug, Clone)]
pub struct MappedCase {
    image: Arc<MappedNpy>,
    labels: Option<Arc<MappedNpy>>,
    class_locations: Option<Arc<ClassLocations>>,
    properties: Arc<Properties>,
}

impl MappedCase {
    /// Maps the files of a case and checks them against each other.
    pub(super) fn open(paths: &CasePaths) -> Result<Self, StoreError> {
        let document: CaseSchema = read_document(&paths.document)?;
        let properties = document.properties(&paths.document)?;
        let [z, y, x] = properties.size_after_resample;
        let image = MappedNpy::open(&paths.image)?;
        image.view_of_shape::<f32, Ix4>(&[document.n_channels, z, y, x])?;
        let labels = match document.has_labels {
            true => {
                let labels = MappedNpy::open(&paths.labels)?;
                labels.view_of_shape::<i16, Ix3>(&[z, y, x])?;
                Some(Arc::new(labels))
            }
            false => None,
        };
        let class_locations = match document.class_locations {
            Some(schema) => {
                let rows = MappedNpy::open(&paths.locations)?;
                Some(Arc::new(read_locations(schema, &rows, [z, y, x])?))
            }
            None => None,
        };
        Ok(Self {
            image: Arc::new(image),
            labels,
            class_locations,
            properties: Arc::new(properties),
        })
    }

    /// Normalized intensities on the target grid, `[c, z, y, x]`, C order.
    ///
    /// # Panics
    ///
    /// Never for a file that stays as it was when the case was opened.
    #[must_use]
    pub fn image(&self) -> ArrayView4<'_, f32> {
        self.image
            .view::<f32, Ix4>()
            .expect("the image was checked when the case was opened")
    }

    /// Labels on the target grid, `[z, y, x]`, C order, -1 for background outside the body; `None`
    /// for a case without labels.
    ///
    /// # Panics
    ///
    /// Never for a file that stays as it was when the case was opened.
    #[must_use]
    pub fn labels(&self) -> Option<ArrayView3<'_, i16>> {
        let labels = self.labels.as_ref()?;
        Some(
            labels
                .view::<i16, Ix3>()
                .expect("the labels were checked when the case was opened"),
        )
    }

    /// Where foreground sampling may aim; `None` for a case without labels.
    #[must_use]
    pub fn class_locations(&self) -> Option<&ClassLocations> {
        self.class_locations.as_deref()
    }

    /// How to go back to the native grid.
    #[must_use]
    pub fn properties(&self) -> &Properties {
        &self.properties
    }
}

fn read_locations(
    schema: LocationsSchema,
    rows: &MappedNpy,
    size: [usize; 3],
) -> Result<ClassLocations, StoreError> {
    let view = rows.view_of_shape::<u32, Ix2>(&[schema.n_rows(), 3])?;
    let outside = |row: &[u32; 3]| row.iter().zip(&size).any(|(at, n)| *at as usize >= *n);
    let voxels = || view.rows().into_iter().map(|row| [row[0], row[1], row[2]]);
    if voxels().any(|row| outside(&row)) {
        return Err(StoreError::Location {
            path: rows.path().to_owned(),
        });
    }
    Ok(schema.share_out(voxels()))
}
