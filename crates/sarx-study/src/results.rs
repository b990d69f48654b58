//! From the scores of all models to the tables of a study.
//!
//! [`scores`] reads and writes the one table that everything is made from, [`tables`] computes
//! what a paper prints from it, and [`mod@write`] leaves the tables as JSON, CSV and LaTeX. Nothing
//! here computes a score.

pub mod scores;
pub mod tables;
pub mod write;

#[cfg(test)]
pub(crate) mod fixture;
