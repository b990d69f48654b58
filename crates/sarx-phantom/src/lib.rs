//! A seeded phantom cohort of soft-tissue sarcomas.
