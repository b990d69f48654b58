//! Overlap and surface scores of segmentations, and the document that holds them.
