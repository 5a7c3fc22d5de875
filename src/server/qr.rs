//! The address of the pages as a QR code, for phones in the same network.
#![forbid(unsafe_code)]

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// For a terminal, dark on light whatever its colours are. `None`: it is too long, or no phone could use it.
pub fn code(address: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(address, EcLevel::L).ok()?;
    let text = code.render::<Dense1x2>().dark_color(Dense1x2::Dark).light_color(Dense1x2::Light).build();
    Some(text.lines().map(|line| format!("\x1b[30;107m{line}\x1b[0m\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_fits_a_terminal() {
        let code = code("https://192.168.178.123:8090/").unwrap();
        let width = code.lines().next().unwrap().chars().count();
        assert!(code.lines().count() < 20 && width < 50, "{code}");
        // Black blocks on white: many scanners do not read the reverse. The quiet zone is white: nothing but the background.
        assert!(code.lines().all(|line| line.starts_with("\x1b[30;107m    ")), "{code}");
        assert!(super::code(&"x".repeat(10_000)).is_none());
    }
}
