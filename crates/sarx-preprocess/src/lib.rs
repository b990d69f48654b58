//! Crop, normalize, resample and their exact inverses; the case store; augmentation.
