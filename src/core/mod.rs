
pub mod jsep;
