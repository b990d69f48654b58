//! dataset.json, cases, integrity, splits, fingerprint, planner and plans.json as nnU-Net.
