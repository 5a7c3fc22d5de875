pub mod bell;
pub mod life;
pub mod ring;
