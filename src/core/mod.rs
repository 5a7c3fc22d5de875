pub mod jsep;
