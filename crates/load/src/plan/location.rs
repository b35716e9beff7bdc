//! From a dataset's location and a measurement's path to a file.

/// The URL of `path`, taken from the folder of `location`, and the part of it that is meant (`#part=N`: band N + 1).
/// `None` where the path is relative and there is no location.
pub(super) fn resolve(location: Option<&str>, path: &str) -> Option<(String, Option<usize>)> {
    // A stacked file's dataset names no path: its location is the file.
    let joined = if path.is_empty() {
        location?.to_owned()
    } else if path.starts_with('/') || has_scheme(path) {
        path.to_owned()
    } else {
        let folder = location?.split(['?', '#']).next().unwrap_or_default();
        let folder = folder.rfind('/').map_or("", |slash| &folder[..=slash]);
        format!("{folder}{}", path.strip_prefix("./").unwrap_or(path))
    };
    let (url, part) = cut_part(&joined);
    Some((url.to_owned(), part))
}

fn has_scheme(path: &str) -> bool {
    path.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.len() > 1
            && !rest.is_empty()
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
    })
}

fn cut_part(url: &str) -> (&str, Option<usize>) {
    match url.rsplit_once("#part=").and_then(|(before, n)| Some((before, n.parse::<usize>().ok()?))) {
        Some((before, n)) => (before, n.checked_add(1)),
        None => (url, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_start_in_the_folder_of_the_document() {
        let at = |location, path| resolve(Some(location), path).unwrap();
        assert_eq!(at("/data/s2/scene.yaml", "B02.tif"), ("/data/s2/B02.tif".to_owned(), None));
        assert_eq!(at("file:///data/s2/scene.yaml", "./B02.tif"), ("file:///data/s2/B02.tif".to_owned(), None));
        assert_eq!(at("s3://bucket/a/doc.json?x=1", "b/B02.tif"), ("s3://bucket/a/b/B02.tif".to_owned(), None));
        assert_eq!(at("/data/scene.yaml", "https://host/B02.tif"), ("https://host/B02.tif".to_owned(), None));
        assert_eq!(at("/data/scene.yaml", "/other/B02.tif"), ("/other/B02.tif".to_owned(), None));
    }

    #[test]
    fn part_of_a_stacked_file_is_its_band() {
        assert_eq!(resolve(Some("file:///x/stack.nc#part=3"), ""), Some(("file:///x/stack.nc".to_owned(), Some(4))));
        assert_eq!(resolve(None, "/x/stack.nc#part=0"), Some(("/x/stack.nc".to_owned(), Some(1))));
    }

    #[test]
    fn relative_path_without_location_is_nowhere() {
        assert_eq!(resolve(None, "B02.tif"), None);
    }
}
