//! Sizes in bytes, as people write them.

/// `8MB` (powers of 1000), `64MiB` (powers of 1024), `512B`; a bare number is refused, as it leaves one guessing.
pub(super) fn bytes(text: &str) -> Option<usize> {
    let text = text.trim();
    let (digits, unit) = text.split_at(text.find(|char: char| !char.is_ascii_digit())?);
    let factor = match unit.trim_start() {
        "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes() {
        assert_eq!(bytes("8MB"), Some(8_000_000));
        assert_eq!(bytes("64 MiB"), Some(64 << 20));
        assert_eq!(bytes("512B"), Some(512));
        for wrong in [
            "",
            "8",
            "MB",
            "-1MB",
            "1.5GB",
            "8mb",
            "99999999999999999999B",
            "18446744073709551615GB",
        ] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
