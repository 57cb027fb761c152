//! shoppers
