//! Files beside a TIFF or JP2 that change what it says.

use std::path::{Path, PathBuf};

/// What a file is: the endings of its world file depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tiff,
    Jp2,
}

/// Elements of a `.aux.xml` that only describe pixels: statistics and histograms.
const HARMLESS: [&str; 14] = [
    "PAMDataset",
    "PAMRasterBand",
    "Metadata",
    "MDI",
    "Histograms",
    "HistItem",
    "HistMin",
    "HistMax",
    "BucketCount",
    "IncludeOutOfRange",
    "Approximate",
    "HistCounts",
    "Description",
    "GDALRasterAttributeTable",
];

/// The name of a file beside `path` that only GDAL can bring together with it.
pub(crate) fn matters(kind: Kind, path: &Path, has_affine: bool) -> Option<String> {
    let with = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    for ending in [".ovr", ".msk"] {
        if with(ending).exists() {
            return Some(format!("it has a {ending} file beside it"));
        }
    }
    let aux = with(".aux.xml");
    if aux.exists() && !is_harmless(&aux) {
        return Some("it has an .aux.xml file beside it that says more than statistics".to_owned());
    }
    if has_affine {
        return None;
    }
    let worlds: &[&str] = match kind {
        Kind::Tiff => &["tfw", "TFW", "tifw", "tiffw", "wld", "WLD", "tab", "TAB"],
        Kind::Jp2 => &["j2w", "J2W", "jp2w", "jpw", "wld", "WLD", "tab", "TAB"],
    };
    let world = worlds.iter().find(|ending| path.with_extension(ending).exists());
    world.map(|ending| format!("its affine is in a .{ending} file beside it"))
}

fn is_harmless(aux: &Path) -> bool {
    const LONGEST: u64 = 4 << 20;
    if !aux.metadata().is_ok_and(|m| m.len() <= LONGEST) {
        return false;
    }
    let Ok(text) = std::fs::read_to_string(aux) else { return false };
    let Ok(document) = roxmltree::Document::parse(&text) else { return false };
    document.descendants().filter(roxmltree::Node::is_element).all(|element| {
        let name = element.tag_name().name();
        HARMLESS.contains(&name)
            && (name != "MDI" || element.attribute("key").is_some_and(|key| key.starts_with("STATISTICS_")))
    })
}
