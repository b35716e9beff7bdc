//! EO3 documents of everything that is made.

use std::fmt::Write as _;

use jiff::civil::DateTime;
use uuid::Uuid;

use crate::climate::{Series, VARIABLES};
use crate::clouds::SwathEdge;
use crate::scene::BANDS;
use crate::tile::{PIXEL, Tile};

/// The namespace of the datasets' ids: each id is the version 5 UUID of the dataset's label in it. (Itself
/// that of `cube-sample-data` in the URL namespace.)
#[must_use]
pub(crate) fn namespace() -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, b"cube-sample-data")
}

/// The two kinds of file that a series is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    NetCdf,
    Zarr,
}

impl Format {
    /// As `odc:file_format` has it.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NetCdf => "NetCDF",
            Self::Zarr => "Zarr",
        }
    }

    /// Name of the file or group that holds `series`.
    #[must_use]
    pub(crate) fn file(self, series: &Series) -> String {
        let ending = match self {
            Self::NetCdf => "nc",
            Self::Zarr => "zarr",
        };
        format!("{}_2034.{ending}", series.product)
    }
}

/// What every EO3 document starts with.
fn head(label: &str, product: &str, crs: u32) -> String {
    format!(
        "---\n$schema: https://schemas.opendatacube.org/dataset\nid: {}\nlabel: {label}\nproduct:\n  name: {product}\n\ncrs: epsg:{crs}\n",
        Uuid::new_v5(&namespace(), label.as_bytes())
    )
}

/// `geometry` and `grids`: a closed outline in the dataset's CRS, rows and columns, and the affine (a, b, c, d, e, f).
fn place(outline: &[(f64, f64)], shape: (usize, usize), affine: [f64; 6]) -> String {
    let points: Vec<String> =
        outline.iter().chain(outline.first()).map(|(x, y)| format!("[{}, {}]", number(*x), number(*y))).collect();
    let coefficients: Vec<String> = affine.iter().map(|c| number(*c)).collect();
    format!(
        "geometry:\n  type: Polygon\n  coordinates: [[{}]]\ngrids:\n  default:\n    shape: [{}, {}]\n    transform: [{}, 0.0, 0.0, 1.0]\n\n",
        points.join(", "),
        shape.0,
        shape.1,
        coefficients.join(", ")
    )
}

/// A number that YAML reads as a float.
fn number(value: f64) -> String {
    format!("{value:?}")
}

/// What a scene's document says beside the tile.
#[derive(Debug)]
pub(crate) struct SceneFacts {
    /// When it was seen, in UTC.
    pub(crate) time: DateTime,
    /// Percent of the seen pixels that are cloud.
    pub(crate) cloud_percent: f64,
    /// Where the swath ends, if within the tile.
    pub(crate) edge: Option<SwathEdge>,
}

/// The document of one scene; the band files lie beside it.
#[must_use]
pub(crate) fn scene(tile: &Tile, facts: &SceneFacts) -> String {
    let label = format!("s2_l2a_bracciano_{}_{}", facts.time.date(), tile.name);
    let mut text = head(&label, "s2_l2a_bracciano", tile.epsg);
    text += &place(&outline(tile, facts.edge), tile.shape, [PIXEL, 0.0, tile.left, 0.0, -PIXEL, tile.top]);
    // `write!` into a String cannot fail.
    let _ = write!(
        text,
        "properties:\n  datetime: {}Z\n  eo:cloud_cover: {:.2}\n  eo:gsd: 20.0\n  eo:instrument: MSI\n  \
         eo:platform: sentinel-2c\n  dea:dataset_maturity: final\n  odc:file_format: GeoTIFF\n  \
         odc:processing_datetime: {}T16:00:00Z\n  odc:product_family: sr\n  odc:region_code: {}\n  \
         s2:processing_baseline: \"05.11\"\n\nmeasurements:\n",
        facts.time,
        facts.cloud_percent,
        facts.time.date(),
        tile.name
    );
    for (measurement, band) in BANDS {
        let _ =
            write!(text, "  {measurement}:\n    path: {band}.tif\n    scale_factor: 0.0001\n    add_offset: -0.1\n");
    }
    text += "  scl:\n    path: SCL.tif\n\nlineage: {}\n";
    text
}

/// The outline of a tile's valid pixels in its CRS, clockwise from the upper left. It follows the end of the swath one
/// pixel outside, so that the corners of every valid pixel lie within.
fn outline(tile: &Tile, edge: Option<SwathEdge>) -> Vec<(f64, f64)> {
    let (rows, columns) = (tile.shape.0 as f64, tile.shape.1 as f64);
    let (top, bottom) = edge.map_or((columns, columns), |e| (e.top + 1.0, e.bottom + 1.0));
    let mut corners = vec![(0.0, 0.0), (top.min(columns), 0.0)];
    if (top < columns) != (bottom < columns) && edge.is_some() {
        // The end of the swath leaves the tile through its right side.
        corners.push((columns, (columns - top) / (bottom - top) * rows));
    }
    corners.extend([(bottom.min(columns), rows), (0.0, rows)]);
    corners.iter().map(|(column, row)| (tile.left + column * PIXEL, tile.top - row * PIXEL)).collect()
}

/// Label of one step of a series as found in a file of `format`.
fn step_label(series: &Series, time: DateTime, format: Format) -> String {
    format!("{}_{}_{}", series.product, time.date(), format.name().to_lowercase())
}

/// The document of step `index` (from 0) of a series; `directory` leads from the document to the file, empty or ending
/// in a slash.
#[must_use]
pub(crate) fn step(series: &Series, index: usize, time: DateTime, format: Format, directory: &str) -> String {
    let (west, south, east, north) = series.edges();
    let mut text = head(&step_label(series, time, format), series.product, 4326);
    let outline = [(west, north), (east, north), (east, south), (west, south)];
    text += &place(&outline, series.shape, [series.resolution, 0.0, west, 0.0, -series.resolution, north]);
    let _ = write!(
        text,
        "properties:\n  datetime: {time}Z\n  dea:dataset_maturity: final\n  eo:instrument: model\n  eo:platform: climate-dt\n  \
         odc:file_format: {}\n  odc:processing_datetime: 2034-12-31T00:00:00Z\n  odc:product_family: climate\n  \
         odc:region_code: {}\n\nmeasurements:\n",
        format.name(),
        series.region
    );
    for layer in VARIABLES {
        let (file, band) = (format.file(series), index + 1);
        let _ = write!(text, "  {layer}:\n    path: {directory}{file}\n    layer: {layer}\n    band: {band}\n");
    }
    text += "\nlineage: {}\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::climate::SERIES;
    use crate::tile::TILES;

    #[test]
    fn the_outline_holds_every_valid_pixel_and_follows_the_edge() {
        let edge = SwathEdge { top: 70.0, bottom: 350.0 };
        let tile = &TILES[0];
        let ring = outline(tile, Some(edge));
        let (rows, columns) = tile.shape;
        for row in 0..rows {
            // The easternmost valid pixel of the row: its right corners must lie west of the outline's slanted side.
            let last =
                (0..columns).rev().find(|c| edge.sees(row, *c, rows)).expect("the edge leaves every row some pixels");
            for corner in [row, row + 1] {
                let limit = ring[1].0 + (ring[2].0 - ring[1].0) * corner as f64 / rows as f64;
                let right = tile.left + (last + 1) as f64 * PIXEL;
                assert!(right <= limit && limit - right < 3.0 * PIXEL, "row {row}: {right} {limit}");
            }
        }
    }

    #[test]
    fn an_edge_that_leaves_through_the_side_gets_a_corner_there() {
        let tile = &TILES[0];
        let (columns, right) = (tile.shape.1 as f64, tile.left + tile.shape.1 as f64 * PIXEL);
        let ring = outline(tile, Some(SwathEdge { top: columns - 101.0, bottom: columns + 99.0 }));
        let middle = tile.top - tile.shape.0 as f64 / 2.0 * PIXEL;
        assert_eq!(ring.len(), 5);
        assert!((ring[2].0 - right).abs() < 1e-9 && (ring[2].1 - middle).abs() < 1e-9, "{ring:?}");
    }

    #[test]
    fn both_formats_of_a_step_have_ids_of_their_own() {
        let time = SERIES[0].times()[0];
        let netcdf = step(&SERIES[0], 0, time, Format::NetCdf, "");
        let zarr = step(&SERIES[0], 0, time, Format::Zarr, "../");
        let id = |text: &str| text.lines().find(|l| l.starts_with("id: ")).map(str::to_owned);
        assert_ne!(id(&netcdf), id(&zarr));
        assert!(zarr.contains("path: ../climatedt_2t_prec_2034.zarr\n    layer: 2t\n    band: 1\n"), "{zarr}");
    }

    #[test]
    fn transforms_are_those_of_pixel_edges() {
        let text = step(&SERIES[1], 0, SERIES[1].times()[0], Format::Zarr, "");
        assert!(text.contains("transform: [0.25, 0.0, 5.875, 0.0, -0.25, 47.625, 0.0, 0.0, 1.0]"), "{text}");
    }
}
