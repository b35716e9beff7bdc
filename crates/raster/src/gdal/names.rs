//! The names that libgdal has.

/// Names the only library that is tried: a path, or a name that the dynamic linker looks for.
pub(super) const VARIABLE: &str = "CUBE_GDAL_LIBRARY";

/// Minor versions of GDAL 3 whose library is looked for by its number, the newest first.
const MINORS: std::ops::RangeInclusive<u32> = 4..=12;

/// What is tried, in this order. A library that was `chosen` is used or nothing is: another one in its place would
/// be a surprise.
pub(super) fn candidates(chosen: Option<String>) -> Vec<String> {
    if let Some(chosen) = chosen.filter(|name| !name.is_empty()) {
        return vec![chosen];
    }
    if cfg!(target_os = "macos") {
        // The linker knows none of the folders of Homebrew (Arm, Intel) and MacPorts by itself.
        return ["", "/opt/homebrew/lib/", "/usr/local/lib/", "/opt/local/lib/"]
            .map(|folder| format!("{folder}libgdal.dylib"))
            .to_vec();
    }
    if cfg!(windows) {
        return vec!["gdal.dll".to_owned()];
    }
    // The plain name comes with the headers; a system without them has the name with the number alone, which is
    // 26 more than the minor version: 3.4 is libgdal.so.30.
    let numbered = MINORS.rev().map(|minor| format!("libgdal.so.{}", minor + 26));
    std::iter::once("libgdal.so".to_owned()).chain(numbered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_was_chosen_is_the_only_one() {
        assert_eq!(candidates(Some("/opt/gdal/libgdal.so.36".to_owned())), ["/opt/gdal/libgdal.so.36"]);
        assert_eq!(candidates(Some(String::new())), candidates(None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_newest_is_tried_first() {
        let names = candidates(None);
        assert_eq!(names[..2], ["libgdal.so", "libgdal.so.38"]);
        assert_eq!(names.last().unwrap(), "libgdal.so.30");
    }
}
