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

/// The shortest form of a size that reads back the same.
pub(super) fn written(bytes: usize) -> String {
    let units = [
        (1_000_000_000, "GB"),
        (1 << 30, "GiB"),
        (1_000_000, "MB"),
        (1 << 20, "MiB"),
        (1000, "kB"),
        (1 << 10, "KiB"),
    ];
    let whole = units
        .iter()
        .find(|(factor, _)| bytes > 0 && bytes.is_multiple_of(*factor));
    whole.map_or_else(
        || format!("{bytes}B"),
        |(factor, unit)| format!("{}{unit}", bytes / factor),
    )
}

#[cfg(test)]
mod tests {
    use super::{bytes, written};

    #[test]
    fn sizes_read_back() {
        for size in [1, 512, 1000, 1024, 8_000_000, 64 << 20, 1 << 30] {
            assert_eq!(bytes(&written(size)), Some(size));
        }
        assert_eq!(written(8_000_000), "8MB");
    }

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
