//! Evaluation of folders, tables by stratum, figures and the report.
