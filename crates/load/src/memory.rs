//! How much memory there is, and bytes in words.

/// Bytes that the machine could give out now; `None` where the system does not say (it does on Linux).
pub(crate) fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// A number of bytes, shown as people read it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes(pub(crate) u64);

impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
        if self.0 < 1000 {
            return f.pad(&format!("{} B", self.0));
        }
        let (mut tenths, mut unit) = (self.0 / 100, 0);
        while tenths >= 10_000 && unit + 1 < UNITS.len() {
            tenths /= 1000;
            unit += 1;
        }
        f.pad(&format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_with_one_decimal() {
        assert_eq!(Bytes(999).to_string(), "999 B");
        assert_eq!(Bytes(1000).to_string(), "1.0 kB");
        assert_eq!(Bytes(100_663_296).to_string(), "100.6 MB");
        assert_eq!(Bytes(1_250_000_000_000).to_string(), "1.2 TB");
    }
}
