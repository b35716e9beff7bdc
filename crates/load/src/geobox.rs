//! The pixel grid that a load lands on.

use cube_geo::{Anchor, BoundingBox, Crs, Footprint, GeoBox, LonLatExtent, Resolution, Transform};
use cube_model::{Dataset, LoadHints, Product};

use crate::plan::measurement_in;
use crate::{LoadError, LoadSpec};

/// Two grids whose pixel edges differ by less than this (in pixels) are one grid.
const SAME_GRID: f64 = 1e-3;

/// The output grid: the one to load `like`; else CRS and resolution as given, else from the products' load hints, else
/// the grid that all datasets share (ODC stops there with an error), over the area, else over all datasets.
///
/// The bounds are those of the area's vertices in the output CRS, snapped outwards to the grid, as odc-geo's
/// `GeoBox.from_geopolygon` has them; an edge less than 1 % of a pixel past a pixel's edge adds no pixel. Hints for the
/// resolution and alignment count only in the hint's own CRS.
///
/// `area` is the area of the search; the spec's own wins.
///
/// # Errors
/// Where nothing says which CRS and resolution, `like` comes with other terms, the area has no image in the CRS, or
/// the grid would be absurdly large.
pub fn output_geobox(
    spec: &LoadSpec,
    products: &[Product],
    area: Option<&Footprint>,
    datasets: &[Dataset],
) -> Result<GeoBox, LoadError> {
    if let Some(like) = &spec.like {
        return check_like(spec).map(|()| like.clone());
    }
    let (crs, resolution, anchor) = grid_rule(spec, products, datasets)?;
    let bbox = match spec.area.as_ref().or(area) {
        Some(area) => bounds(area, &crs).map_err(|source| LoadError::Area { source: Box::new(source) })?,
        None => bounds_of(datasets, &crs)?,
    };
    Ok(GeoBox::from_bbox(bbox, crs, resolution, anchor)?)
}

fn check_like(spec: &LoadSpec) -> Result<(), LoadError> {
    let others = [
        ("a CRS", spec.crs.is_some()),
        ("a resolution", spec.resolution.is_some()),
        ("an alignment", spec.align.is_some() || spec.anchor.is_some()),
        ("an area", spec.area.is_some()),
    ];
    match others.into_iter().find(|(_, given)| *given) {
        Some((other, _)) => Err(LoadError::LikeExcludes { other }),
        None => Ok(()),
    }
}

/// CRS, resolution and anchor.
fn grid_rule(
    spec: &LoadSpec,
    products: &[Product],
    datasets: &[Dataset],
) -> Result<(Crs, Resolution, Anchor), LoadError> {
    let own_anchor = own_anchor(spec)?;
    if let (Some(crs), Some(resolution)) = (&spec.crs, spec.resolution) {
        let anchor = own_anchor.map(|own| own.anchor(resolution));
        let hinted = || hints(products).filter(|h| h.crs == *crs).and_then(|h| h.align);
        let anchor = anchor.or_else(|| hinted().map(|align| align_anchor(align, resolution)));
        return Ok((crs.clone(), resolution, anchor.unwrap_or_default()));
    }
    let hints = hints(products).filter(|h| spec.crs.as_ref().is_none_or(|crs| *crs == h.crs));
    if let Some(LoadHints { crs, resolution, align }) = hints {
        let resolution = spec.resolution.unwrap_or(*resolution);
        let anchor = own_anchor.map(|own| own.anchor(resolution));
        let anchor = anchor.or_else(|| align.map(|align| align_anchor(align, resolution)));
        return Ok((crs.clone(), resolution, anchor.unwrap_or_default()));
    }
    let native = native_grid(spec, products, datasets)?;
    if let Some(crs) = spec.crs.as_ref().filter(|crs| **crs != native.crs) {
        let reason = format!("{crs} is given without a resolution, and the datasets are in {}", native.crs);
        return Err(LoadError::NoGrid { reason });
    }
    let resolution = spec.resolution.unwrap_or_else(|| native.resolution());
    let anchor = match own_anchor {
        Some(own) => own.anchor(resolution),
        None if spec.resolution.is_none() => phase(&native),
        None => Anchor::Edge,
    };
    Ok((native.crs, resolution, anchor))
}

/// The alignment that the spec itself gives.
enum OwnAnchor {
    Align((f64, f64)),
    Anchor(Anchor),
}

impl OwnAnchor {
    fn anchor(self, resolution: Resolution) -> Anchor {
        match self {
            Self::Align(align) => align_anchor(align, resolution),
            Self::Anchor(anchor) => anchor,
        }
    }
}

fn own_anchor(spec: &LoadSpec) -> Result<Option<OwnAnchor>, LoadError> {
    match (spec.align, spec.anchor) {
        (Some(_), Some(_)) => Err(LoadError::AlignAndAnchor),
        (Some(align), None) => Ok(Some(OwnAnchor::Align(align))),
        (None, anchor) => Ok(anchor.map(OwnAnchor::Anchor)),
    }
}

/// An offset in CRS units as a fraction of a pixel.
fn align_anchor((x, y): (f64, f64), resolution: Resolution) -> Anchor {
    if x == 0.0 && y == 0.0 {
        return Anchor::Edge;
    }
    Anchor::Fraction { x: x / resolution.x.abs(), y: y / resolution.y.abs() }
}

/// The hints of the products, where all that have any agree.
fn hints(products: &[Product]) -> Option<&LoadHints> {
    let mut all = products.iter().map(|p| p.load_hints.as_ref());
    let first = all.next()??;
    all.all(|h| h == Some(first)).then_some(first)
}

/// A grid of the datasets, where all measurements asked for lie on grids of one CRS, pixel size and phase.
fn native_grid(spec: &LoadSpec, products: &[Product], datasets: &[Dataset]) -> Result<GeoBox, LoadError> {
    let no_grid = |reason: String| LoadError::NoGrid { reason };
    let mut first: Option<GeoBox> = None;
    for dataset in datasets {
        let product = products
            .iter()
            .find(|p| p.name == dataset.product)
            .ok_or_else(|| LoadError::UnknownProduct { dataset: dataset.id, product: dataset.product.clone() })?;
        let all = || product.measurements.iter().map(|m| m.name.clone()).collect();
        for name in &spec.measurements.clone().unwrap_or_else(all) {
            let (_, path) = measurement_in(product, dataset, name)?;
            let Some(grid) = dataset.grids.get(&path.grid) else { continue };
            let grid = GeoBox { shape: grid.shape, affine: grid.affine, crs: dataset.crs.clone() };
            match &first {
                None => first = Some(grid),
                Some(one) => same_rule(one, &grid).map_err(no_grid)?,
            }
        }
    }
    let grid = first.ok_or_else(|| no_grid("the product has no load hints, and there is no dataset".to_owned()))?;
    if grid.affine.is_rectilinear() {
        Ok(grid)
    } else {
        Err(no_grid("the product has no load hints, and the datasets' own grid is rotated".to_owned()))
    }
}

fn same_rule(a: &GeoBox, b: &GeoBox) -> Result<(), String> {
    let none = "the product has no load hints, and the datasets";
    if a.crs != b.crs {
        return Err(format!("{none} are in {} and {}", a.crs, b.crs));
    }
    let (ra, rb) = (a.resolution(), b.resolution());
    let near = |p: f64, q: f64| (p - q).abs() <= SAME_GRID * 1e-3 * p.abs();
    if !near(ra.x, rb.x) || !near(ra.y, rb.y) {
        return Err(format!("{none} have pixels of {} x {} and {} x {}", ra.x, ra.y, rb.x, rb.y));
    }
    let off = |p: f64, q: f64, size: f64| {
        let pixels = (p - q) / size;
        (pixels - pixels.round()).abs() > SAME_GRID
    };
    if off(a.affine.c, b.affine.c, ra.x) || off(a.affine.f, b.affine.f, ra.y) {
        return Err(format!("{none} lie on grids that are shifted by part of a pixel"));
    }
    Ok(())
}

/// Where the pixel edges of a grid lie between multiples of its resolution.
fn phase(grid: &GeoBox) -> Anchor {
    let fraction = |start: f64, size: f64| {
        let pixels = start / size.abs();
        let part = pixels - pixels.floor();
        if (1e-6..=1.0 - 1e-6).contains(&part) { part } else { 0.0 }
    };
    let (x, y) = (fraction(grid.affine.c, grid.affine.a), fraction(grid.affine.f, grid.affine.e));
    if x == 0.0 && y == 0.0 { Anchor::Edge } else { Anchor::Fraction { x, y } }
}

/// The box around the vertices of a footprint in a CRS. In longitude and latitude it stays in one piece over the
/// antimeridian: its right edge is then greater than 180.
fn bounds(area: &Footprint, crs: &Crs) -> Result<BoundingBox, cube_geo::FootprintError> {
    let vertices = area.polygons().0.iter().flat_map(|p| p.exterior().0.iter().map(|c| (c.x, c.y)));
    if *area.crs() == *crs && !crs.is_geographic() {
        return Ok(area.bounding_box());
    }
    if crs.is_geographic() {
        let LonLatExtent { west, south, east, north } = area.lonlat_extent()?;
        if area.crs() != crs || east > 180.0 {
            return Ok(BoundingBox::new(west, south, east, north));
        }
        return Ok(area.bounding_box());
    }
    let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = vertices.unzip();
    Transform::new(area.crs(), crs)?.apply(&mut xs, &mut ys);
    match BoundingBox::around(xs.into_iter().zip(ys)) {
        Some(bbox) => Ok(bbox),
        None => Ok(area.to_crs(crs)?.bounding_box()),
    }
}

/// The box around all datasets. In longitude and latitude, boxes on both sides of the antimeridian are brought next to
/// the first one where that makes the box around them narrower.
fn bounds_of(datasets: &[Dataset], crs: &Crs) -> Result<BoundingBox, LoadError> {
    let mut first: Option<BoundingBox> = None;
    let mut all: Option<(BoundingBox, BoundingBox)> = None;
    for dataset in datasets {
        let bbox = bounds(&dataset.footprint, crs)
            .map_err(|source| LoadError::DatasetFootprint { dataset: dataset.id, source: Box::new(source) })?;
        let beside = beside(bbox, *first.get_or_insert(bbox));
        all = Some(all.map_or((bbox, beside), |(plain, unwrapped)| (plain.union(bbox), unwrapped.union(beside))));
    }
    let (plain, unwrapped) = all.ok_or(LoadError::NoDatasets)?;
    if !crs.is_geographic() || unwrapped.width() >= plain.width() {
        return Ok(plain);
    }
    // Its left edge in -180..180, as an area over the antimeridian has it.
    let turns = ((unwrapped.left + 180.0) / 360.0).floor();
    Ok(moved(unwrapped, -turns * 360.0))
}

/// The box moved by whole turns to where its middle is within half a turn of that of `other`.
fn beside(bbox: BoundingBox, other: BoundingBox) -> BoundingBox {
    let middle = |b: BoundingBox| f64::midpoint(b.left, b.right);
    moved(bbox, ((middle(other) - middle(bbox)) / 360.0).round() * 360.0)
}

fn moved(bbox: BoundingBox, east: f64) -> BoundingBox {
    BoundingBox::new(bbox.left + east, bbox.bottom, bbox.right + east, bbox.top)
}

#[cfg(test)]
mod tests {
    use cube_geo::Shape;
    use cube_model::DataType;

    use super::*;
    use crate::testing::{dataset_on, product, utm};

    const DAY: &str = "2024-06-01T10:00:00Z";

    fn red() -> Vec<Product> {
        vec![product(&[("red", DataType::UInt16, Some(0.0))])]
    }

    fn area(left: f64, bottom: f64, right: f64, top: f64) -> Footprint {
        Footprint::from_bbox(BoundingBox::new(left, bottom, right, top), Crs::epsg(32633).unwrap()).unwrap()
    }

    fn hinted(align: Option<(f64, f64)>) -> Vec<Product> {
        let crs = Crs::epsg(32633).unwrap();
        let hints = LoadHints { crs, resolution: Resolution::square(20.0), align };
        red().into_iter().map(|p| Product { load_hints: Some(hints.clone()), ..p }).collect()
    }

    #[test]
    fn crs_and_resolution_snap_the_area_outwards() {
        let spec = LoadSpec::new(Crs::epsg(32633).unwrap(), 10.0);
        let got =
            output_geobox(&spec, &red(), Some(&area(500_003.0, 4_599_998.0, 500_025.0, 4_600_020.0)), &[]).unwrap();
        assert_eq!(got.bounding_box(), BoundingBox::new(500_000.0, 4_599_990.0, 500_030.0, 4_600_020.0));
        assert_eq!(got.shape, Shape::new(3, 3));
    }

    #[test]
    fn align_moves_the_edges_in_crs_units() {
        // odc.md: a 20 x 20 grid of 10 m, aligned to (5, 5), becomes 21 x 21.
        let area = area(500_000.0, 4_599_800.0, 500_200.0, 4_600_000.0);
        let spec = LoadSpec::new(Crs::epsg(32633).unwrap(), 10.0).align((5.0, 5.0));
        let got = output_geobox(&spec, &red(), Some(&area), &[]).unwrap();
        assert_eq!((got.shape, got.affine.c, got.affine.f), (Shape::new(21, 21), 499_995.0, 4_600_005.0));
    }

    #[test]
    fn hints_fill_in_what_is_left_out() {
        let area = area(500_000.0, 4_599_800.0, 500_200.0, 4_600_000.0);
        let got = output_geobox(&LoadSpec::default(), &hinted(Some((10.0, 0.0))), Some(&area), &[]).unwrap();
        assert_eq!((got.resolution(), got.affine.c), (Resolution::square(20.0), 499_990.0));
        let finer = output_geobox(&LoadSpec::default().resolution(10.0), &hinted(None), Some(&area), &[]).unwrap();
        assert_eq!(finer.shape, Shape::new(20, 20));
    }

    #[test]
    fn hinted_resolution_is_not_used_in_another_crs() {
        let spec = LoadSpec::default().crs(Crs::lonlat().unwrap());
        let grid = utm(10, 10, 500_000.0, 4_600_000.0);
        let datasets = [dataset_on(1, DAY, &grid, &[("red", "red.tif")])];
        let error = output_geobox(&spec, &hinted(None), None, &datasets).unwrap_err().to_string();
        assert!(error.contains("EPSG:4326 is given without a resolution"), "{error}");
    }

    #[test]
    fn without_hints_the_datasets_common_grid_is_taken() {
        let (a, b) = (utm(10, 10, 500_005.0, 4_600_000.0), utm(10, 10, 500_055.0, 4_600_050.0));
        let datasets = [dataset_on(1, DAY, &a, &[("red", "a.tif")]), dataset_on(2, DAY, &b, &[("red", "b.tif")])];
        let got = output_geobox(&LoadSpec::default(), &red(), None, &datasets).unwrap();
        assert_eq!((got.shape, got.affine.c, got.affine.f), (Shape::new(15, 15), 500_005.0, 4_600_050.0));
    }

    #[test]
    fn unlike_grids_need_a_crs_and_resolution() {
        let a = utm(10, 10, 500_000.0, 4_600_000.0);
        let shifted = utm(10, 10, 500_003.0, 4_600_000.0);
        let zone = GeoBox { crs: Crs::epsg(32632).unwrap(), ..a.clone() };
        let of = |other: &GeoBox| {
            let datasets =
                [dataset_on(1, DAY, &a, &[("red", "a.tif")]), dataset_on(2, DAY, other, &[("red", "b.tif")])];
            output_geobox(&LoadSpec::default(), &red(), None, &datasets).unwrap_err().to_string()
        };
        assert!(of(&shifted).contains("shifted by part of a pixel; give --crs and --resolution"));
        assert!(of(&zone).contains("are in EPSG:32633 and EPSG:32632"));
    }

    #[test]
    fn like_excludes_other_terms() {
        let grid = utm(3, 4, 500_000.0, 4_600_000.0);
        assert_eq!(output_geobox(&LoadSpec::like(grid.clone()), &red(), None, &[]).unwrap(), grid);
        let error = output_geobox(&LoadSpec::like(grid).resolution(10.0), &red(), None, &[]).unwrap_err().to_string();
        assert_eq!(error, "a grid to load like excludes a resolution: leave one of the two out");
    }

    #[test]
    fn absurdly_large_grid_is_refused() {
        let spec = LoadSpec::new(Crs::epsg(32633).unwrap(), 1e-6);
        let error = output_geobox(&spec, &red(), Some(&area(0.0, 0.0, 1e6, 1e6)), &[]).unwrap_err().to_string();
        assert!(error.contains("pixels are too many"), "{error}");
    }

    #[test]
    fn area_over_the_antimeridian_stays_in_one_piece() {
        let area = Footprint::from_lonlat_bbox(BoundingBox::new(179.0, -1.0, -179.0, 1.0)).unwrap();
        let spec = LoadSpec::new(Crs::lonlat().unwrap(), 0.5);
        let got = output_geobox(&spec, &red(), Some(&area), &[]).unwrap();
        assert_eq!(got.bounding_box(), BoundingBox::new(179.0, -1.0, 181.0, 1.0));
    }

    #[test]
    fn datasets_on_both_sides_of_the_antimeridian_make_a_narrow_grid() {
        use crate::testing::dataset_at;
        let spec = LoadSpec::new(Crs::lonlat().unwrap(), 0.5);
        let of = |boxes: &[(f64, f64)]| {
            let datasets: Vec<Dataset> = boxes.iter().map(|(w, e)| dataset_at(1, DAY, *w, *e)).collect();
            output_geobox(&spec, &red(), None, &datasets).unwrap().bounding_box()
        };
        let want = BoundingBox::new(179.0, -1.0, 182.0, 1.0);
        assert_eq!(of(&[(179.0, 181.0), (-179.0, -178.0)]), want);
        assert_eq!(of(&[(-179.0, -178.0), (179.0, 181.0)]), want);
        assert_eq!(of(&[(-170.0, -160.0), (20.0, 30.0)]), BoundingBox::new(20.0, -1.0, 200.0, 1.0));
        assert_eq!(of(&[(-10.0, 0.0), (20.0, 30.0)]), BoundingBox::new(-10.0, -1.0, 30.0, 1.0));
    }
}
