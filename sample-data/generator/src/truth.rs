//! What is true of the lake on each date.

use std::fmt::Write as _;

use cube_geo::{Crs, Transform};

use crate::error::Result;
use crate::lake::{Lake, Shore, from_plane, to_plane};
use crate::scene::{DATES, Date};
use crate::tile::{PIXEL, TILES};

/// Metres between the points that are asked whether they were seen.
const SPACING: f64 = 40.0;

/// The lake on one date.
#[derive(Debug)]
pub(crate) struct Truth {
    /// Year-month-day.
    pub(crate) date: String,
    /// Geodesic area of the date's outline in km².
    pub(crate) area_km2: f64,
    /// Percent of the lake that at least one tile sees without cloud or shadow.
    pub(crate) clear_percent: f64,
}

impl Truth {
    /// The truth of each of [`DATES`], in order.
    pub(crate) fn all(lake: &Lake) -> Result<Vec<Self>> {
        let transforms = TILES
            .iter()
            .map(|tile| Ok(Transform::new(&Crs::lonlat()?, &Crs::epsg(tile.epsg)?)?))
            .collect::<Result<Vec<_>>>()?;
        Ok(DATES
            .iter()
            .map(|date| {
                let outline = lake.scaled(date.factor);
                let (year, month, day) = date.day;
                Self {
                    date: format!("{year:04}-{month:02}-{day:02}"),
                    area_km2: outline.area_km2(),
                    clear_percent: clear_percent(date, &outline, &transforms),
                }
            })
            .collect())
    }

    /// True where the whole lake is seen: neither cloud nor shadow nor the end of a swath hides any of it.
    #[must_use]
    pub(crate) fn cloud_free(&self) -> bool {
        self.clear_percent >= 100.0
    }
}

/// Percent of the points within `outline` that are seen.
fn clear_percent(date: &Date, outline: &Lake, to_utm: &[Transform]) -> f64 {
    let shore = Shore::new(outline);
    let reach = outline
        .vertices()
        .iter()
        .map(|&(lon, lat)| to_plane(lon, lat))
        .fold(0.0_f64, |reach, (east, north)| reach.max(east.abs()).max(north.abs()));
    let steps = (reach / SPACING).ceil() as i32;
    let (mut within, mut clear) = (0_u32, 0_u32);
    for j in -steps..=steps {
        for i in -steps..=steps {
            let (east, north) = (f64::from(i) * SPACING, f64::from(j) * SPACING);
            if shore.distance(east, north) >= 0.0 {
                continue;
            }
            within += 1;
            let sky = date.sky.at(east, north);
            clear += u32::from(sky.cloud == 0.0 && sky.shadow == 0.0 && seen(date, from_plane(east, north), to_utm));
        }
    }
    100.0 * f64::from(clear) / f64::from(within.max(1))
}

/// True where a tile has a pixel for the point on this date.
fn seen(date: &Date, (lon, lat): (f64, f64), to_utm: &[Transform]) -> bool {
    TILES.iter().zip(to_utm).any(|(tile, transform)| {
        let Some((x, y)) = transform.point(lon, lat) else { return false };
        let (column, row) = (((x - tile.left) / PIXEL).floor(), ((tile.top - y) / PIXEL).floor());
        let (rows, columns) = tile.shape;
        let inside = column >= 0.0 && row >= 0.0 && column < columns as f64 && row < rows as f64;
        let edge = date.edge.filter(|(name, _)| *name == tile.name);
        inside && edge.is_none_or(|(_, edge)| edge.sees(row as usize, column as usize, rows))
    })
}

/// The truth as CSV text.
#[must_use]
pub(crate) fn csv(truths: &[Truth]) -> String {
    let mut text = "date,cloud_free,area_km2,clear_percent\n".to_owned();
    for truth in truths {
        // `writeln!` into a String cannot fail.
        let _ =
            writeln!(text, "{},{},{:.4},{:.1}", truth.date, truth.cloud_free(), truth.area_km2, truth.clear_percent);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lake_falls_and_is_wholly_seen_on_at_least_three_dates() {
        let truths = Truth::all(&Lake::full()).expect("PROJ knows UTM");
        assert!((truths[0].area_km2 - 57.0).abs() < 1e-6);
        assert!(truths.windows(2).all(|pair| pair[1].area_km2 < pair[0].area_km2));
        assert!(truths.iter().filter(|t| t.cloud_free()).count() >= 3);
        assert!(truths.iter().any(|t| !t.cloud_free() && t.clear_percent > 20.0));
    }

    #[test]
    fn the_second_tile_fills_a_part_of_the_gap() {
        let truths = Truth::all(&Lake::full()).expect("PROJ knows UTM");
        let gap = &truths[3];
        assert!((80.0..99.5).contains(&gap.clear_percent), "{}", gap.clear_percent);
    }
}
