//! Where the file of a measurement is, seen from the dataset document.

/// The path or URL of a measurement as something that can be opened: `path` as it stands where it is absolute, else
/// beside the document at `location`. `file://` URLs become paths; `s3://`, `http(s)://`, `zip:` and `/vsi…` stay as
/// they are, and a query (`?…`) of the document's URL is not carried over.
#[must_use]
pub fn resolve(location: Option<&str>, path: &str) -> String {
    let Some(location) = location.filter(|_| !is_absolute(path)) else { return as_path(path) };
    if path.is_empty() {
        // The document is inside the file itself, as in NetCDF files that carry their metadata.
        return without_fragment(&as_path(location)).to_owned();
    }
    let base = without_query(location);
    let base = as_path(base);
    let (root, folder) = split_root(&base);
    let folder = folder.rfind('/').map_or("", |end| &folder[..=end]);
    format!("{root}{}", without_dots(&format!("{folder}{path}"), !root.is_empty()))
}

/// The band of `#part=N` in a URI, where there is one: N counts from 0, bands from 1.
#[must_use]
pub fn part_of(uri: &str) -> Option<usize> {
    let (_, fragment) = uri.rsplit_once('#')?;
    fragment.split('&').find_map(|f| f.strip_prefix("part="))?.parse::<usize>().ok()?.checked_add(1)
}

/// The URI without `#…`.
#[must_use]
pub fn without_fragment(uri: &str) -> &str {
    uri.split_once('#').map_or(uri, |(before, _)| before)
}

fn without_query(uri: &str) -> &str {
    let uri = without_fragment(uri);
    if scheme(uri).is_some() { uri.split_once('?').map_or(uri, |(before, _)| before) } else { uri }
}

fn is_absolute(path: &str) -> bool {
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

/// The path of a `file:` URL, with `%20` and the like decoded; anything else as it is.
fn as_path(uri: &str) -> String {
    let Some(rest) = uri.strip_prefix("file:") else { return uri.to_owned() };
    let path = rest.strip_prefix("//").map_or(rest, |after| after.find('/').map_or(after, |at| &after[at..]));
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
            assert_eq!(resolve(Some(location), path), resolved, "{location} {path}");
        }
        assert_eq!(resolve(None, "B02.tif"), "B02.tif");
    }

    #[test]
    fn parts_count_from_zero_and_bands_from_one() {
        assert_eq!(part_of("file:///a.nc#part=3"), Some(4));
        assert_eq!(part_of("file:///a.nc"), None);
        assert_eq!(part_of("file:///a.nc#x=1&part=0"), Some(1));
    }
}
