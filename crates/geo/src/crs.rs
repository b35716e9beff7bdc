//! Coordinate reference systems.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::proj;

/// A coordinate reference system. Cheap to clone, `Send`, and equal to another where the authority code is
/// the same or PROJ calls both equivalent, axis order aside. A definition that PROJ recognises as an EPSG CRS (WKT of a
/// TIFF, a PROJ string) becomes that code.
#[derive(Clone)]
pub struct Crs(Arc<Inner>);

struct Inner {
    definition: String,
    description: Description,
    curved_sides: bool,
    transverse_mercator: bool,
    lambert_azimuthal: bool,
}

impl Inner {
    fn new(definition: String, description: Description) -> Self {
        let of_method = |names: &[&str]| {
            let mut methods = description.wkt.split("METHOD[\"").skip(1);
            methods.any(|rest| names.iter().any(|name| rest.starts_with(name)))
        };
        let curved_sides = of_method(&CURVED_SIDES);
        let transverse_mercator = of_method(&["Transverse Mercator"]);
        let lambert_azimuthal = of_method(&["Lambert Azimuthal Equal Area"]);
        Self { definition, description, curved_sides, transverse_mercator, lambert_azimuthal }
    }
}

/// Methods of world maps whose sides are curved.
const CURVED_SIDES: [&str; 13] = [
    "Sinusoidal",
    "Mollweide",
    "Robinson",
    "Eckert",
    "Wagner",
    "Winkel",
    "Goode",
    "Natural Earth",
    "Interrupted Goode",
    "Equal Earth",
    "Van Der Grinten",
    "Aitoff",
    "PROJ ",
];

/// What PROJ says of a CRS.
pub(crate) struct Description {
    pub(crate) epsg: Option<u32>,
    pub(crate) name: String,
    pub(crate) kind: CrsKind,
    pub(crate) unit_name: String,
    pub(crate) unit_factor: f64,
    pub(crate) wkt: String,
    pub(crate) wkt1: Option<String>,
}

/// What coordinates of a CRS are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrsKind {
    /// Longitude and latitude in degrees.
    Geographic,
    /// Easting and northing in a unit of length.
    Projected,
    /// Anything else (engineering, geocentric, compound).
    Other,
}

/// A CRS could not be understood or reached.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CrsError {
    /// PROJ does not know the definition.
    #[error("unknown CRS {definition:?}: {reason}; give an authority code such as EPSG:32633, WKT or a PROJ string")]
    Unknown {
        /// The definition as given.
        definition: String,
        /// What PROJ says.
        reason: String,
    },
    /// PROJ has no operation between two CRSs.
    #[error(
        "no transform from {from} to {to}: {reason}; take two CRSs of one body and kind, both of places on the Earth, say"
    )]
    NoTransform {
        /// The CRS coordinates come in.
        from: String,
        /// The CRS they should go out in.
        to: String,
        /// What PROJ says.
        reason: String,
    },
    /// PROJ could not start.
    #[error("PROJ could not start on this thread")]
    NoContext,
}

/// Longest definition that is looked at: a real WKT is a few kilobytes.
const LONGEST_DEFINITION: usize = 64 * 1024;

/// EPSG:4326, which everything asks for.
static LONLAT: OnceLock<Crs> = OnceLock::new();

static KNOWN: LazyLock<RwLock<HashMap<String, Crs>>> = LazyLock::new(RwLock::default);

impl Crs {
    /// The CRS of an authority code (`EPSG:32633`), WKT, PROJJSON or PROJ string.
    ///
    /// # Errors
    /// Where PROJ does not know the definition.
    pub fn parse(definition: &str) -> Result<Self, CrsError> {
        let definition = definition.trim();
        if definition.is_empty() || definition.len() > LONGEST_DEFINITION {
            return Err(CrsError::Unknown {
                definition: definition.chars().take(80).collect(),
                reason: format!("it has {} bytes", definition.len()),
            });
        }
        let key = if definition.len() > 5
            && definition.is_char_boundary(5)
            && definition[..5].eq_ignore_ascii_case("epsg:")
        {
            format!("EPSG:{}", definition[5..].trim())
        } else if definition.contains("+proj=") && !definition.contains("+type=") {
            // PROJ takes a bare string for an operation, not for a CRS.
            format!("{definition} +type=crs")
        } else {
            definition.to_owned()
        };
        if let Some(crs) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(crs.clone());
        }
        let description = proj::describe(&key)?;
        // What is an EPSG CRS, said or not, becomes that code: one spelling for one CRS.
        let crs = match description.epsg.map(|code| format!("EPSG:{code}")) {
            Some(code) if code != key => Self::parse(&code)?,
            _ => Self(Arc::new(Inner::new(key.clone(), description))),
        };
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= 4096 {
            known.clear();
        }
        Ok(known.entry(key).or_insert(crs).clone())
    }

    /// The CRS `EPSG:code`.
    ///
    /// # Errors
    /// Where there is no such code.
    pub fn epsg(code: u32) -> Result<Self, CrsError> {
        Self::parse(&format!("EPSG:{code}"))
    }

    /// Longitude and latitude on WGS 84 (EPSG:4326).
    ///
    /// # Errors
    /// Where PROJ could not start.
    pub fn lonlat() -> Result<Self, CrsError> {
        if let Some(crs) = LONLAT.get() {
            return Ok(crs.clone());
        }
        let crs = Self::epsg(4326)?;
        Ok(LONLAT.get_or_init(|| crs).clone())
    }

    /// `EPSG:n` where the CRS has that code, else the definition as it was given.
    #[must_use]
    pub fn definition(&self) -> &str {
        &self.0.definition
    }

    /// The EPSG code, where there is one.
    #[must_use]
    pub fn epsg_code(&self) -> Option<u32> {
        self.0.description.epsg
    }

    /// The name, such as `WGS 84 / UTM zone 33N`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.description.name
    }

    /// What its coordinates are.
    #[must_use]
    pub fn kind(&self) -> CrsKind {
        self.0.description.kind
    }

    /// True where coordinates are longitude and latitude.
    #[must_use]
    pub fn is_geographic(&self) -> bool {
        self.kind() == CrsKind::Geographic
    }

    /// The unit of its axes as PROJ names it: `metre`, `degree`, `US survey foot`.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.0.description.unit_name
    }

    /// How many metres (projected) or radians (geographic) one unit is.
    #[must_use]
    pub fn unit_factor(&self) -> f64 {
        self.0.description.unit_factor
    }

    /// WKT2:2019 on one line.
    #[must_use]
    pub fn wkt(&self) -> &str {
        &self.0.description.wkt
    }

    /// WKT1 as GDAL writes it, where the CRS can be said in it.
    #[must_use]
    pub fn wkt1(&self) -> Option<&str> {
        self.0.description.wkt1.as_deref()
    }

    /// True for world maps with curved sides (sinusoidal, Robinson, …): PROJ takes a point outside the map for one inside,
    /// and only the way back shows it.
    pub(crate) fn has_curved_sides(&self) -> bool {
        self.0.curved_sides
    }

    /// True for transverse Mercator: some 85° from its meridian PROJ gives positions that belong elsewhere, and only the
    /// way back shows it.
    pub(crate) fn is_transverse_mercator(&self) -> bool {
        self.0.transverse_mercator
    }

    /// True for Lambert's equal-area map around a point.
    pub(crate) fn is_lambert_azimuthal(&self) -> bool {
        self.0.lambert_azimuthal
    }

    /// Names of the (y, x) dimensions of an array in this CRS: `("latitude", "longitude")` or `("y", "x")`.
    #[must_use]
    pub fn dimension_names(&self) -> (&'static str, &'static str) {
        if self.is_geographic() { ("latitude", "longitude") } else { ("y", "x") }
    }
}

impl PartialEq for Crs {
    fn eq(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.0, &other.0) || self.0.definition == other.0.definition {
            return true;
        }
        match (self.epsg_code(), other.epsg_code()) {
            (Some(a), Some(b)) => a == b,
            _ if self.kind() != other.kind() => false,
            _ => proj::equivalent(self.definition(), other.definition()),
        }
    }
}

impl Eq for Crs {}

// Equal CRSs may have unlike definitions, so the hash holds only what equality cannot change.
impl Hash for Crs {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.kind() as u8).hash(state);
    }
}

impl std::fmt::Display for Crs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.epsg_code() {
            Some(code) => write!(f, "EPSG:{code}"),
            None if self.name().is_empty() || self.name() == "unknown" => f.write_str(self.definition()),
            None => f.write_str(self.name()),
        }
    }
}

impl std::fmt::Debug for Crs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Crs({self})")
    }
}

impl std::str::FromStr for Crs {
    type Err = CrsError;

    fn from_str(s: &str) -> Result<Self, CrsError> {
        Self::parse(s)
    }
}

impl Serialize for Crs {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.definition())
    }
}

impl<'de> Deserialize<'de> for Crs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let definition = String::deserialize(deserializer)?;
        Self::parse(&definition).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// UTM zone 55N as GDAL writes it into a TIFF that lost its code.
    const WKT1: &str = r#"PROJCS["WGS 84 / UTM zone 55N",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",147],PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]"#;

    #[test]
    fn wkt_with_a_datum_shift_is_what_stands_inside() {
        let wkt = "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS84\",6378137,298.257223563],TOWGS84[0,0,0,0,0,0,0],\
                   AUTHORITY[\"EPSG\",\"6326\"]],PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433],\
                   AUTHORITY[\"EPSG\",\"4326\"]]";
        let crs = Crs::parse(wkt).unwrap();
        assert_eq!((crs.epsg_code(), crs.is_geographic()), (Some(4326), true));
    }

    #[test]
    fn wkt_without_code_is_recognised() {
        let crs = Crs::parse(WKT1).unwrap();
        assert_eq!(crs.to_string(), "EPSG:32655");
        assert_eq!(crs, Crs::epsg(32655).unwrap());
        assert_ne!(crs, Crs::epsg(32755).unwrap());
    }

    #[test]
    fn proj_string_of_an_epsg_crs_is_that_code() {
        for (definition, code) in [
            ("+proj=utm +zone=33 +datum=WGS84 +units=m +no_defs", 32633),
            ("+proj=longlat +datum=WGS84 +no_defs", 4326),
            ("OGC:CRS84", 4326),
            ("epsg:3035", 3035),
        ] {
            assert_eq!(Crs::parse(definition).unwrap().epsg_code(), Some(code), "{definition}");
        }
    }

    #[test]
    fn crs_without_code_equals_itself_in_other_words() {
        let sinusoidal = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs";
        let modis = Crs::parse(sinusoidal).unwrap();
        assert_eq!(modis.epsg_code(), None);
        assert_eq!(Crs::parse(modis.wkt()).unwrap(), modis);
        let other = Crs::parse(&sinusoidal.replace("lon_0=0", "lon_0=10")).unwrap();
        assert_ne!(other, modis);
        let written = serde_json::to_string(&modis).unwrap();
        assert_eq!(serde_json::from_str::<Crs>(&written).unwrap(), modis);
    }
}
