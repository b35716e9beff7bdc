//! Where UTM needs no way back to be believed.

use crate::crs::Crs;

/// Positions in a UTM zone that are right whatever came in: within 1,500 km of its meridian, and short of the poles.
///
/// On a sphere all that is more than 90° from the meridian has a northing beyond the pole's (10,002 km), and so has what
/// lies across the pole. PROJ's exact formulas add some kilometres to the sphere's answer where eastings are so small. So
/// what lies here is from the zone's own half of the Earth, where they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NearMeridian {
    /// Northings are counted from 10,000 km south of the equator.
    south: bool,
}

/// Metres from the meridian, and from the equator.
const WIDTH: f64 = 1.5e6;
const HEIGHT: f64 = 9.9e6;

impl NearMeridian {
    /// For a way into a UTM zone (of WGS 84 or ETRS89) from coordinates of which no two are one place, whole turns aside:
    /// those of world maps go round the Earth once more without an end.
    pub(crate) fn of(from: &Crs, to: &Crs) -> Option<Self> {
        let south = match to.epsg_code()? {
            32601..=32660 | 25828..=25838 => false,
            32701..=32760 => true,
            _ => return None,
        };
        (from.is_geographic() || from.is_lambert_azimuthal()).then_some(Self { south })
    }

    pub(crate) fn holds(self, x: f64, y: f64) -> bool {
        let equator = if self.south { 1e7 } else { 0.0 };
        (x - 5e5).abs() < WIDTH && (y - equator).abs() < HEIGHT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Transform;

    /// The way back from what is believed leads to where it came from, all over the Earth and beyond the map.
    #[test]
    fn what_is_believed_comes_back() {
        let lonlat: Vec<(f64, f64)> = (-400..=400)
            .flat_map(|lon| (-200..=200).map(move |lat| (f64::from(lon) * 0.973, f64::from(lat) * 0.4501)))
            .collect();
        let plane: Vec<(f64, f64)> = (-120..=120)
            .flat_map(|i| {
                (-120..=120).map(move |j| (4_321_000.0 + f64::from(i) * 2e5, 3_210_000.0 + f64::from(j) * 2e5))
            })
            .collect();
        let mut seen = 0;
        for (from, points) in [("EPSG:4326", &lonlat), ("EPSG:3035", &plane)] {
            let from = Crs::parse(from).unwrap();
            for to in [32601, 32632, 32660, 32732, 25832].map(|code| Crs::epsg(code).unwrap()) {
                let believed = NearMeridian::of(&from, &to).unwrap();
                let (transform, back) = (Transform::new(&from, &to).unwrap(), Transform::new(&to, &from).unwrap());
                for &(x, y) in points {
                    let Some((e, n)) = transform.point(x, y).filter(|(e, n)| believed.holds(*e, *n)) else { continue };
                    let (again_x, again_y) = back.point(e, n).unwrap();
                    let (mut dx, dy) = (again_x - x, again_y - y);
                    let near = if from.is_geographic() {
                        dx -= (dx / 360.0).round() * 360.0;
                        1e-5
                    } else {
                        1.0
                    };
                    assert!(
                        (dx * y.to_radians().cos()).abs().min(dx.abs()) + dy.abs() < near,
                        "{from} {x} {y}, {to} {e} {n}"
                    );
                    seen += 1;
                }
            }
        }
        assert!(seen > 50_000, "{seen}");
    }

    #[test]
    fn maps_that_go_on_are_not_believed() {
        let to = Crs::epsg(32632).unwrap();
        for from in ["EPSG:3857", "EPSG:32633", "EPSG:6933"] {
            assert_eq!(NearMeridian::of(&Crs::parse(from).unwrap(), &to), None, "{from}");
        }
        assert_eq!(NearMeridian::of(&Crs::lonlat().unwrap(), &Crs::epsg(3857).unwrap()), None);
    }
}
