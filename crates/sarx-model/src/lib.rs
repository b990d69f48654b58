//! The model folder: plans, weights and manifest, and how plans become a network and a preprocessor.
