//! Sliding-window prediction and the way back to the native grid.
