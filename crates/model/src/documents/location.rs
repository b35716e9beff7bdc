//! Where the file of a measurement is, seen from the dataset document.

/// Where a measurement is, as something that can be opened, and the band that `#part=N` means: N counts from 0, bands
/// from 1. `None` where the path is relative and there is no location.
///
/// `path` counts as it stands where it is absolute, else beside the document at `location`; an empty one is the file at
/// `location` itself. `file:` URLs become paths; `s3://`, `http(s)://`, `zip:` and `/vsi…` stay as they are. What
/// follows `?` or `#` in a document's URL is not carried over. In a plain path both are letters of a name like any
/// other, but for `#part=N` at its end.
#[must_use]
pub fn resolve(location: Option<&str>, path: &str) -> Option<(String, Option<usize>)> {
    if path.is_empty() {
        // The document is inside the file itself, as in NetCDF files that carry their metadata.
        let (file, part) = cut_part(location?);
        return Some((as_path(file), part));
    }
    let (path, part) = cut_part(path);
    if is_absolute(path) {
        return Some((as_path(path), part));
    }
    let base = as_path(without_query(cut_part(location?).0));
    let (root, folder) = split_root(&base);
    let folder = folder.rfind('/').map_or("", |end| &folder[..=end]);
    Some((format!("{root}{}", without_dots(&format!("{folder}{path}"), !root.is_empty())), part))
}

/// The location without a fragment that says `part=N`, and the band of it.
fn cut_part(uri: &str) -> (&str, Option<usize>) {
    let cut = uri.rsplit_once('#').filter(|(_, fragment)| !fragment.contains('/'));
    let part = |fragment: &str| {
        fragment.split('&').find_map(|f| f.strip_prefix("part="))?.parse::<usize>().ok()?.checked_add(1)
    };
    match cut.and_then(|(before, fragment)| Some((before, part(fragment)?))) {
        Some((before, band)) => (before, Some(band)),
        None => (uri, None),
    }
}

/// A URL without its query and fragment; a plain path as it is.
fn without_query(uri: &str) -> &str {
    if scheme(uri).is_some() { uri.find(['?', '#']).map_or(uri, |at| &uri[..at]) } else { uri }
}

/// True for a path from the root and for a URL.
pub(crate) fn is_absolute(path: &str) -> bool {
    path.starts_with('/') || scheme(path).is_some()
}

/// `s3` of `s3://bucket/key`, `zip` of `zip:file.zip!x.tif`. One letter is a Windows drive.
fn scheme(uri: &str) -> Option<&str> {
    let (scheme, _) = uri.split_once(':')?;
    let fits = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    fits.then_some(scheme)
}

/// The path of a `file:` URL, without query and fragment, `%20` and the like decoded; anything else as it is.
fn as_path(uri: &str) -> String {
    if !uri.starts_with("file:") {
        return uri.to_owned();
    }
    let uri = without_query(uri);
    let rest = uri.strip_prefix("file:").unwrap_or(uri);
    let path = rest.strip_prefix("//").map_or(rest, |after| after.find('/').map_or(after, |at| &after[at..]));
    unescaped(path)
}

/// A path of a URL with `%20` and the like decoded; as it is where that is no text.
#[must_use]
pub fn unescaped(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digit = |i: usize| tail.get(i).and_then(|b| char::from(*b).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.extend(u8::try_from(high * 16 + low));
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| path.to_owned())
}

/// `https://host` and `/folder/file` of a URL; nothing and the whole of a path.
fn split_root(location: &str) -> (&str, &str) {
    let Some(after) = location.find("://").map(|at| at + 3) else { return ("", location) };
    let at = location[after..].find('/').map_or(location.len(), |slash| after + slash);
    location.split_at(at)
}

/// The path with `.` and `..` followed, never above its root.
fn without_dots(path: &str, in_url: bool) -> String {
    let absolute = path.starts_with('/') || in_url;
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|p| !p.is_empty() && *p != ".") {
        match parts.last() {
            Some(last) if part == ".." && *last != ".." => drop(parts.pop()),
            None if part == ".." && absolute => {}
            _ => parts.push(part),
        }
    }
    format!("{}{}", if absolute { "/" } else { "" }, parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(location: &str, path: &str) -> (String, Option<usize>) {
        resolve(Some(location), path).unwrap()
    }

    #[test]
    fn paths_start_beside_the_document() {
        for (location, path, resolved) in [
            ("/data/scene/doc.yaml", "B02.tif", "/data/scene/B02.tif"),
            ("/data/scene/doc.yaml", "../other/./B02.tif", "/data/other/B02.tif"),
            ("file:///data/a%20b/doc.yaml", "B02.tif", "/data/a b/B02.tif"),
            ("file://localhost/data/doc.yaml", "B02.tif", "/data/B02.tif"),
            ("s3://bucket/scene/doc.yaml", "B02.tif", "s3://bucket/scene/B02.tif"),
            ("https://host/a/doc.yaml?token=x", "sub/B02.tif", "https://host/a/sub/B02.tif"),
            ("https://host/doc.yaml", "../../B02.tif", "https://host/B02.tif"),
            ("s3://bucket/scene/doc.yaml", "/vsis3/other/B02.tif", "/vsis3/other/B02.tif"),
            ("s3://bucket/scene/doc.yaml", "https://host/B02.tif", "https://host/B02.tif"),
            ("/data/doc.yaml", "zip:/a.zip!B02.tif", "zip:/a.zip!B02.tif"),
            ("/data/doc.yaml", "file:///b/B02.tif", "/b/B02.tif"),
            ("scene/doc.yaml", "B02.tif", "scene/B02.tif"),
            ("doc.yaml", "../B02.tif", "../B02.tif"),
            ("/data/all.nc#part=3", "", "/data/all.nc"),
            ("/data/all.nc#part=3", "x.nc", "/data/x.nc"),
        ] {
            assert_eq!(at(location, path).0, resolved, "{location} {path}");
        }
        assert_eq!(resolve(None, "/x/B02.tif"), Some(("/x/B02.tif".to_owned(), None)));
    }

    #[test]
    fn relative_path_without_location_is_nowhere() {
        assert_eq!(resolve(None, "B02.tif"), None);
        assert_eq!(resolve(None, ""), None);
    }

    #[test]
    fn marks_in_names_of_folders_are_no_query() {
        assert_eq!(at("/data/run#2/scene.yaml", "B02.tif").0, "/data/run#2/B02.tif");
        assert_eq!(at("/data/what?/scene.yaml", "B02.tif").0, "/data/what?/B02.tif");
        assert_eq!(at("/data/scene.yaml", "tile#1.tif"), ("/data/tile#1.tif".to_owned(), None));
        assert_eq!(at("/data/run#2/all.nc#part=0", ""), ("/data/run#2/all.nc".to_owned(), Some(1)));
        assert_eq!(at("/data/run#part=2/scene.yaml", "B02.tif"), ("/data/run#part=2/B02.tif".to_owned(), None));
        assert_eq!(at("file:///data/run%232/scene.yaml#x", "B02.tif").0, "/data/run#2/B02.tif");
        assert_eq!(at("/data/scene.yaml", "https://host/B02.tif?token=x#y").0, "https://host/B02.tif?token=x#y");
    }

    #[test]
    fn parts_count_from_zero_and_bands_from_one() {
        assert_eq!(at("file:///a.nc#part=3", ""), ("/a.nc".to_owned(), Some(4)));
        assert_eq!(at("file:///a.nc", ""), ("/a.nc".to_owned(), None));
        assert_eq!(at("file:///a.nc#x=1&part=0", "").1, Some(1));
        assert_eq!(at("/data/scene.yaml", "stack.nc#part=2"), ("/data/stack.nc".to_owned(), Some(3)));
        // The part of the document's own location is not that of another file.
        assert_eq!(at("/data/all.nc#part=3", "x.nc").1, None);
    }
}
