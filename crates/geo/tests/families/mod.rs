//! The projection families that data and outputs come in, each with places where it is used and where it is odd: its
//! poles, seams and edges.

use cube_geo::{Affine, Crs, GeoBox, Shape, Transform};

/// One family.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Family {
    pub(crate) definition: &'static str,
    /// Pixel size in its unit that makes about 1 m.
    pub(crate) metre: f64,
    /// Longitudes and latitudes.
    pub(crate) places: &'static [(f64, f64)],
}

const fn metres(definition: &'static str, places: &'static [(f64, f64)]) -> Family {
    Family { definition, metre: 1.0, places }
}

/// Those of `product-definitions`, and those that outputs are asked in.
pub(crate) const FAMILIES: [Family; 17] = [
    // UTM: in its zone, beside it, at the equator, far north.
    metres("EPSG:32632", &[(9.0, 48.0), (12.3, 42.1), (5.9, 0.0), (15.0, 83.9)]),
    metres("EPSG:32736", &[(33.0, -1.2), (36.0, -79.9)]),
    // A zone that ends at the antimeridian.
    metres("EPSG:32660", &[(179.99, 66.0), (177.0, -0.01)]),
    // Longitude and latitude: the antimeridian, both poles, the turn of a world from 0 to 360.
    Family {
        definition: "EPSG:4326",
        metre: 1e-5,
        places: &[(12.0, 42.0), (180.0, 10.0), (0.01, 0.0), (33.0, 89.9), (100.0, -89.99)],
    },
    // Another datum.
    Family { definition: "EPSG:4258", metre: 1e-5, places: &[(12.0, 52.0)] },
    // Mercators; the web's ends at 85 degrees.
    metres("EPSG:3857", &[(12.0, 42.0), (180.0, -17.0), (-30.0, 84.9)]),
    metres("EPSG:3395", &[(12.0, 42.0), (179.9, 79.0)]),
    // Lambert azimuthal equal area: Europe, its rim, and around a pole.
    metres("EPSG:3035", &[(10.0, 52.0), (45.0, 70.0), (-25.0, 30.0), (100.0, 20.0)]),
    metres("EPSG:6931", &[(0.0, 89.99), (180.0, 60.0)]),
    // Albers: the United States, Australia.
    metres("EPSG:5070", &[(-96.0, 38.0), (-170.0, 60.0), (-60.0, 10.0)]),
    metres("EPSG:3577", &[(134.0, -25.0), (179.9, -40.0)]),
    // Polar stereographic, north and south.
    metres("EPSG:3413", &[(-45.0, 70.0), (0.0, 89.999), (180.0, 80.0), (135.0, 50.0)]),
    metres("EPSG:3995", &[(0.0, 90.0), (-179.99, 65.0)]),
    metres("EPSG:3031", &[(0.0, -90.0), (180.0, -70.0), (45.0, -55.0)]),
    // Sinusoidal, as MODIS has it: the rim of the map, the equator, near a pole.
    metres(
        "+proj=sinu +lon_0=0 +R=6371007.181 +units=m +no_defs",
        &[(15.0, 45.0), (179.9, 60.0), (-100.0, 89.0), (0.0, 0.0)],
    ),
    // Equal area on a cylinder: its poles are lines.
    metres("EPSG:6933", &[(12.0, 42.0), (179.99, 0.0), (60.0, 89.5)]),
    // Conformal conic.
    metres("EPSG:3034", &[(10.0, 52.0), (-30.0, 70.0)]),
];

/// A grid of `shape` pixels of about `size` metres around a place, turned by `turn`; `None` where the family does not
/// reach it.
pub(crate) fn grid(family: &Family, (lon, lat): (f64, f64), shape: Shape, size: f64, turn: f64) -> Option<GeoBox> {
    let crs = Crs::parse(family.definition).ok()?;
    let (x, y) = Transform::new(&Crs::lonlat().ok()?, &crs).ok()?.point(lon, lat)?;
    let size = size * family.metre;
    let (sin, cos) = turn.sin_cos();
    let linear = Affine::new(size * cos, size * sin, 0.0, size * sin, -size * cos, 0.0);
    #[expect(clippy::cast_precision_loss, reason = "small grids")]
    let (dx, dy) = linear.apply(shape.cols as f64 / 2.0, shape.rows as f64 / 2.0);
    GeoBox::new(shape, Affine { c: x - dx, f: y - dy, ..linear }, crs).ok()
}
