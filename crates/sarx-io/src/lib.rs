//! Readers and writers of NIfTI, NRRD and MetaImage as volumes on grids.
