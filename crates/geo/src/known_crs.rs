//! CRSs that most data is in, as PROJ describes them.
//!
//! To look the first CRS up, PROJ reads the schema of its database, which takes as long as reading a small window of a
//! file. `known_crs.tsv` holds what it says of the UTM zones of WGS 84 and ETRS89 and of the usual maps of Europe, the
//! poles and the world, one CRS a line. A test holds each line against PROJ, and writes the file anew when it is told to:
//! after another PROJ is taken.

use crate::crs::{CrsKind, Description};

const TABLE: &str = include_str!("known_crs.tsv");

/// One line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct KnownCrs<'t> {
    code: u32,
    name: &'t str,
    geographic: bool,
    unit_name: &'t str,
    unit_factor: f64,
    wkt: &'t str,
    wkt1: &'t str,
    /// PROJ string of the operation to longitude and latitude in degrees, on its own datum, which is WGS 84 or ETRS89.
    pub(crate) down: &'t str,
    /// The way back.
    pub(crate) up: &'t str,
}

impl<'t> KnownCrs<'t> {
    fn of(line: &'t str) -> Option<Self> {
        let mut fields = line.split('\t');
        Some(Self {
            code: fields.next()?.strip_prefix("EPSG:")?.parse().ok()?,
            name: fields.next()?,
            geographic: fields.next()? == "geographic",
            unit_name: fields.next()?,
            unit_factor: fields.next()?.parse().ok()?,
            down: fields.next()?,
            up: fields.next()?,
            wkt: fields.next()?,
            wkt1: fields.next()?,
        })
    }

    pub(crate) fn description(&self) -> Description {
        Description {
            epsg: Some(self.code),
            name: self.name.to_owned(),
            kind: if self.geographic { CrsKind::Geographic } else { CrsKind::Projected },
            unit_name: self.unit_name.to_owned(),
            unit_factor: self.unit_factor,
            wkt: self.wkt.to_owned(),
            wkt1: (!self.wkt1.is_empty()).then(|| self.wkt1.to_owned()),
        }
    }
}

/// The CRS of a definition such as `EPSG:32632`, where it is one of them.
pub(crate) fn known_crs(definition: &str) -> Option<KnownCrs<'static>> {
    let line = TABLE.lines().find(|line| line.strip_prefix(definition).is_some_and(|rest| rest.starts_with('\t')))?;
    KnownCrs::of(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proj;

    /// WGS 84 and its UTM zones, ETRS89 and its; LAEA and LCC of Europe, Mercator and equal area of the world, the poles.
    fn codes() -> impl Iterator<Item = u32> {
        let zones = (32601..=32660).chain(32701..=32760).chain(25828..=25838);
        [4326, 4258, 3857, 3034, 3035, 3031, 3413, 3995, 6933].into_iter().chain(zones)
    }

    fn line(code: u32) -> String {
        let definition = format!("EPSG:{code}");
        let said = proj::looked_up(&definition).unwrap();
        let (down, up) = proj::to_base_and_back(&definition).unwrap();
        assert_eq!(said.epsg, Some(code));
        let kind = if said.kind == CrsKind::Geographic { "geographic" } else { "projected" };
        let factor = said.unit_factor.to_string();
        let wkt1 = said.wkt1.unwrap_or_default();
        [&definition, &said.name, kind, &said.unit_name, &factor, &down, &up, &said.wkt, &wkt1].join("\t")
    }

    #[test]
    fn the_table_is_what_proj_says() {
        let table: String = codes().map(|code| line(code) + "\n").collect();
        if std::env::var_os("CUBE_WRITE_KNOWN_CRSS").is_some() {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/known_crs.tsv");
            std::fs::write(path, &table).unwrap();
            return;
        }
        for (ours, theirs) in TABLE.lines().zip(table.lines()) {
            assert_eq!(ours, theirs, "run this test with CUBE_WRITE_KNOWN_CRSS=1 to write the table anew");
        }
        assert_eq!(TABLE.len(), table.len());
    }

    #[test]
    fn a_known_crs_is_found_by_its_whole_code() {
        let crs = known_crs("EPSG:32632").unwrap();
        assert_eq!((crs.code, crs.name), (32632, "WGS 84 / UTM zone 32N"));
        assert_eq!(known_crs("EPSG:3263"), None);
        assert_eq!(known_crs("EPSG:2154"), None);
        assert_eq!(known_crs(""), None);
        assert!(codes().all(|code| known_crs(&format!("EPSG:{code}")).is_some()));
    }
}
