//! Making the plan: pure, from metadata alone.

use std::collections::{BTreeMap, HashMap};

use cube_geo::{GeoBox, Healpix, Resampling, Shape};
use cube_model::documents::resolve;
use cube_model::{DataType, Dataset, ExtraDimension, Measurement, MeasurementPath, Product, parse_instant};
use jiff::Timestamp;

use super::{LoadPlan, PlannedDataset, PlannedMeasurement, PlannedSource, TimePlane};
use crate::{DatasetGroup, Fuse, LoadError, LoadSpec};

/// Pieces of this many pixels on a side: small enough that what is full is soon left alone and two threads share the
/// work, large enough that few blocks of a file are cut.
const CHUNK: usize = 512;

/// What will be read and where it goes. Touches no file.
///
/// The measurements of the spec (all of the first product's, where it names none) become arrays under the names asked
/// for. Types are the products' (half precision becomes single); nodata is the spec's fill value, else the product's.
/// With [`LoadSpec::scale`], measurements with a scale factor or offset become `float32` (`float64` from 32-bit integers
/// on) with NaN as nodata. Where all datasets agree on an own scale and offset, the arrays say them; where they do not,
/// the plan warns.
///
/// # Errors
/// Where a product or dataset lacks a measurement, products disagree on what it is, or the spec asks for what cannot be:
/// a fill value that does not fit, a mode that is not there, resampling for a measurement that is not loaded.
pub fn plan(
    products: &[Product],
    groups: &[DatasetGroup],
    geobox: GeoBox,
    spec: &LoadSpec,
) -> Result<LoadPlan, LoadError> {
    let first = groups.iter().find_map(|g| g.datasets.first()).ok_or(LoadError::NoDatasets)?;
    let names = match &spec.measurements {
        Some(names) => names.clone(),
        None => product_of(products, first)?.measurements.iter().map(|m| m.name.clone()).collect(),
    };
    check_names(&names, spec, product_of(products, first)?)?;
    let mut measurements = Vec::with_capacity(names.len());
    let mut extra = None;
    let mut warnings = Vec::new();
    for name in &names {
        let found = one_meaning(name, products, groups)?;
        take_extra(name, &found.measurement, &found.extras, &mut extra)?;
        let planned = planned(name, found, spec)?;
        if let Some(warning) = planned.1 {
            warnings.push(warning);
        }
        measurements.push(planned.0);
    }
    warnings.extend(one_coarse_pixel(&geobox, spec, groups));
    let mut sources = Sources::default();
    for group in groups {
        for dataset in &group.datasets {
            sources.add(product_of(products, dataset)?, dataset, &measurements)?;
        }
    }
    let mut plan = LoadPlan {
        geobox,
        chunk: spec.chunk.unwrap_or(Shape::new(CHUNK, CHUNK)),
        fuse: spec.fuse,
        provenance: spec.provenance,
        skip_broken: spec.skip_broken,
        memory_limit: spec.memory_limit,
        measurements,
        extra,
        grids: sources.grids,
        healpix: sources.healpix,
        prefix: String::new(),
        layouts: Vec::new(),
        planes: groups.iter().map(|g| TimePlane { time: g.time, datasets: g.datasets.len() }).collect(),
        datasets: Vec::with_capacity(sources.datasets.len()),
        warnings,
    };
    lay_out(&mut plan, sources.datasets, groups);
    check_fuse(&plan)?;
    plan.check()?;
    Ok(plan)
}

/// A warning where the output is a single pixel of degrees on end, far coarser than the datasets: metres, most likely,
/// that were meant for another CRS.
fn one_coarse_pixel(geobox: &GeoBox, spec: &LoadSpec, groups: &[DatasetGroup]) -> Option<String> {
    const LEAST_DEGREES: f64 = 1.0;
    let size = spec.resolution?.x.abs();
    if geobox.shape != Shape::new(1, 1) || !geobox.crs.is_geographic() || size < LEAST_DEGREES {
        return None;
    }
    let mut grids = groups.iter().flat_map(|g| &g.datasets).flat_map(|d| d.grids.values().map(|g| (&d.crs, g)));
    let as_coarse = grids.any(|(crs, grid)| crs.is_geographic() && grid.affine.a.abs() >= size / 2.0);
    (!as_coarse).then(|| {
        format!("one pixel of {size} degree covers the whole area: is the resolution in units of {}?", geobox.crs)
    })
}

fn product_of<'a>(products: &'a [Product], dataset: &Dataset) -> Result<&'a Product, LoadError> {
    let unknown = || LoadError::UnknownProduct { dataset: dataset.id, product: dataset.product.clone() };
    products.iter().find(|p| p.name == dataset.product).ok_or_else(unknown)
}

/// A measurement of a product by name or alias, and where a dataset has it.
pub(crate) fn measurement_in<'a>(
    product: &'a Product,
    dataset: &'a Dataset,
    name: &str,
) -> Result<(&'a Measurement, &'a MeasurementPath), LoadError> {
    let measurement = product.measurement(name).ok_or_else(|| LoadError::NoMeasurement {
        product: product.name.clone(),
        measurement: name.to_owned(),
        has: product.measurements.iter().map(|m| m.name.clone()).collect(),
    })?;
    let path = dataset
        .measurements
        .get(&measurement.name)
        .or_else(|| measurement.aliases.iter().find_map(|alias| dataset.measurements.get(alias)));
    let path = path.ok_or_else(|| LoadError::NotInDataset {
        dataset: dataset.id,
        measurement: measurement.name.clone(),
        has: dataset.measurements.keys().cloned().collect(),
    })?;
    Ok((measurement, path))
}

fn check_names(names: &[String], spec: &LoadSpec, product: &Product) -> Result<(), LoadError> {
    if names.is_empty() {
        return Err(LoadError::NoMeasurements);
    }
    if let Some((_, twice)) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        return Err(LoadError::TwiceMeasurement { measurement: twice.clone() });
    }
    for (name, _) in &spec.resampling_for {
        let means = product.measurement(name).map(|m| &m.name);
        let same = |n: &String| n == name || (means.is_some() && product.measurement(n).map(|m| &m.name) == means);
        if !names.iter().any(same) {
            return Err(LoadError::ResamplingForNothing { measurement: name.clone(), loaded: names.to_vec() });
        }
    }
    Ok(())
}

/// What one name means in all products of a load.
struct Meaning {
    measurement: Measurement,
    extras: Vec<ExtraDimension>,
    /// Scale factor and offset of each dataset, its own or the product's.
    scales: Vec<(Option<f64>, Option<f64>)>,
}

fn one_meaning(name: &str, products: &[Product], groups: &[DatasetGroup]) -> Result<Meaning, LoadError> {
    let mut one: Option<(&Product, &Measurement)> = None;
    let mut scales: Vec<(Option<f64>, Option<f64>)> = Vec::new();
    for dataset in groups.iter().flat_map(|g| &g.datasets) {
        let product = product_of(products, dataset)?;
        let (measurement, path) = measurement_in(product, dataset, name)?;
        let (a_product, a) = *one.get_or_insert((product, measurement));
        if a.dtype != measurement.dtype
            || !same_nodata(a.nodata, measurement.nodata)
            || a.extra_dim != measurement.extra_dim
        {
            return Err(LoadError::UnlikeMeasurements {
                measurement: name.to_owned(),
                a_product: a_product.name.clone(),
                a: a.dtype,
                a_nodata: a.nodata,
                b_product: product.name.clone(),
                b: measurement.dtype,
                b_nodata: measurement.nodata,
            });
        }
        let scale = own_scale(measurement, path);
        if !scales.contains(&scale) {
            scales.push(scale);
        }
    }
    let (product, measurement) = one.ok_or(LoadError::NoDatasets)?;
    Ok(Meaning { measurement: measurement.clone(), extras: product.extra_dimensions.clone(), scales })
}

fn own_scale(measurement: &Measurement, path: &MeasurementPath) -> (Option<f64>, Option<f64>) {
    (path.scale_factor.or(measurement.scale_factor), path.add_offset.or(measurement.add_offset))
}

fn same_nodata(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq() || (a.is_nan() && b.is_nan()),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// A load has one extra dimension at most.
fn take_extra(
    name: &str,
    measurement: &Measurement,
    extras: &[ExtraDimension],
    extra: &mut Option<ExtraDimension>,
) -> Result<(), LoadError> {
    let Some(dimension) = &measurement.extra_dim else { return Ok(()) };
    let bad = |reason: String| LoadError::ExtraDimension {
        measurement: name.to_owned(),
        dimension: dimension.clone(),
        reason,
    };
    let found = extras.iter().find(|e| e.name == *dimension);
    let found = found.ok_or_else(|| bad("its product does not declare it".to_owned()))?;
    if found.values.is_empty() {
        return Err(bad("it has no values".to_owned()));
    }
    match extra {
        Some(other) if *other != *found => {
            Err(bad(format!("another measurement has {:?}; load the two one by one", other.name)))
        }
        _ => {
            *extra = Some(found.clone());
            Ok(())
        }
    }
}

/// One array of the result, and a warning where datasets differ in what their pixels mean.
fn planned(name: &str, meaning: Meaning, spec: &LoadSpec) -> Result<(PlannedMeasurement, Option<String>), LoadError> {
    let Meaning { mut measurement, scales, .. } = meaning;
    let stored = match measurement.dtype {
        DataType::Float16 => DataType::Float32,
        dtype if dtype.is_complex() => {
            return Err(LoadError::TypeNotLoadable { measurement: name.to_owned(), dtype });
        }
        dtype => dtype,
    };
    let resampling = spec
        .resampling_for
        .iter()
        .rev()
        .find(|(n, _)| n == name || measurement.answers_to(n))
        .map_or(spec.resampling, |(_, r)| *r);
    let source_nodata = measurement.nodata;
    let scaled = spec.scale && scales.iter().any(|s| s.0.is_some() || s.1.is_some());
    let mut warning = None;
    let (dtype, nodata) = if scaled {
        measurement.scale_factor = None;
        measurement.add_offset = None;
        let wide = matches!(stored.bytes(), 4 | 8) && stored != DataType::Float32;
        (if wide { DataType::Float64 } else { DataType::Float32 }, Some(spec.fill_value.unwrap_or(f64::NAN)))
    } else {
        if let [(scale, offset)] = scales[..] {
            (measurement.scale_factor, measurement.add_offset) = (scale, offset);
        } else {
            // No one pair is true of all pixels.
            (measurement.scale_factor, measurement.add_offset) = (None, None);
            warning = Some(format!(
                "measurement {name:?}: the datasets have {} unlike pairs of scale factor and offset, so equal pixels mean unlike values: load with --scale",
                scales.len()
            ));
        }
        if resampling == Resampling::Sum && measurement.add_offset.is_some_and(|offset| offset != 0.0) {
            // The offset of a sum is that of each pixel in it: no one number.
            (measurement.scale_factor, measurement.add_offset) = (None, None);
            warning = Some(format!(
                "measurement {name:?}: its offset is not that of a sum of pixels, so the array says no scale: load with --scale"
            ));
        }
        (stored, spec.fill_value.or(measurement.nodata))
    };
    if resampling == Resampling::Sum && stored.bytes() < 4 && !scaled {
        warning.get_or_insert_with(|| {
            format!("measurement {name:?}: sums that {stored} cannot hold become its largest value: load with --scale")
        });
    }
    let source_dtype = dtype;
    let (dtype, nodata) = match spec.fuse {
        fuse if fuse.keeps_pixels() => (dtype, nodata),
        Fuse::Count => {
            // A number of datasets is no reflectance.
            measurement.flags.clear();
            "1".clone_into(&mut measurement.units);
            (measurement.scale_factor, measurement.add_offset) = (None, None);
            (DataType::UInt16, Some(spec.fill_value.unwrap_or(0.0)))
        }
        _ => {
            measurement.flags.clear();
            (DataType::Float32, Some(spec.fill_value.unwrap_or(f64::NAN)))
        }
    };
    if let Some(value) = nodata.filter(|v| !dtype.holds(*v)) {
        return Err(LoadError::BadFillValue { measurement: name.to_owned(), dtype, value });
    }
    measurement.dtype = dtype;
    let name = name.to_owned();
    let planned =
        PlannedMeasurement { name, measurement, dtype, source_dtype, nodata, source_nodata, resampling, scaled };
    Ok((planned, warning))
}

/// What the fuse rule cannot give.
fn check_fuse(plan: &LoadPlan) -> Result<(), LoadError> {
    if plan.provenance {
        if !plan.fuse.keeps_pixels() {
            return Err(LoadError::ProvenanceOfMany { fuse: plan.fuse });
        }
        let names: Vec<String> = plan.measurements.iter().map(|m| plan.provenance_name(&m.name)).collect();
        if let Some(taken) = plan.measurements.iter().find(|m| names.contains(&m.name)) {
            return Err(LoadError::ProvenanceName { measurement: taken.name.clone() });
        }
    }
    let most = plan.planes.iter().map(|p| p.datasets).max().unwrap_or(0);
    if plan.fuse == Fuse::Count && most > usize::from(u16::MAX) {
        return Err(LoadError::TooManyToCount { datasets: most });
    }
    Ok(())
}

/// Sources with whole URLs, before common parts are taken out.
#[derive(Default)]
struct Sources {
    grids: Vec<GeoBox>,
    healpix: BTreeMap<usize, Healpix>,
    datasets: Vec<(Vec<PlannedSource>, Option<Timestamp>)>,
}

impl Sources {
    fn add(
        &mut self,
        product: &Product,
        dataset: &Dataset,
        measurements: &[PlannedMeasurement],
    ) -> Result<(), LoadError> {
        let mut sources = Vec::with_capacity(measurements.len());
        for planned in measurements {
            let (measurement, path) = measurement_in(product, dataset, &planned.name)?;
            let no_location = || LoadError::NoLocation {
                dataset: dataset.id,
                measurement: planned.name.clone(),
                path: path.path.clone(),
            };
            let (name, part) = resolve(dataset.location.as_deref(), &path.path).ok_or_else(no_location)?;
            let grid = dataset.grids.get(&path.grid).ok_or_else(|| LoadError::NoSourceGrid {
                dataset: dataset.id,
                measurement: planned.name.clone(),
                grid: path.grid.clone(),
            })?;
            check_mode(planned, grid.healpix)?;
            let geobox = GeoBox { shape: grid.shape, affine: grid.affine, crs: dataset.crs.clone() };
            let grid = self.grid(geobox, grid.healpix);
            let (scale, offset) = own_scale(measurement, path);
            let says = scale.is_some() || offset.is_some();
            let scale = says.then(|| (scale.unwrap_or(1.0), offset.unwrap_or(0.0)));
            sources.push(PlannedSource {
                name,
                layer: path.layer.clone(),
                band: part.unwrap_or(path.band.max(1)),
                grid,
                scale,
            });
        }
        self.datasets.push((sources, datetime(dataset)));
        Ok(())
    }

    fn grid(&mut self, grid: GeoBox, healpix: Option<Healpix>) -> usize {
        let cells_of = |i: usize| self.healpix.get(&i).copied();
        if let Some((i, _)) = self.grids.iter().enumerate().rev().find(|(i, g)| **g == grid && cells_of(*i) == healpix)
        {
            return i;
        }
        if let Some(cells) = healpix {
            self.healpix.insert(self.grids.len(), cells);
        }
        self.grids.push(grid);
        self.grids.len() - 1
    }
}

/// Refuses modes that are not there for cells.
fn check_mode(planned: &PlannedMeasurement, healpix: Option<Healpix>) -> Result<(), LoadError> {
    match (healpix, planned.resampling) {
        (None, _) | (_, Resampling::Nearest | Resampling::Bilinear | Resampling::Average) => Ok(()),
        (Some(_), resampling) => {
            Err(LoadError::NoModeForCells { measurement: planned.name.clone(), resampling: resampling.name() })
        }
    }
}

/// `properties.datetime`; a time without a zone is UTC.
fn datetime(dataset: &Dataset) -> Option<Timestamp> {
    parse_instant(dataset.properties.get("datetime")?.as_str()?).ok()
}

/// Takes what URLs have in common out of them, and layouts that datasets share out of the datasets.
fn lay_out(plan: &mut LoadPlan, datasets: Vec<(Vec<PlannedSource>, Option<Timestamp>)>, groups: &[DatasetGroup]) {
    let common_of = |sources: &[PlannedSource]| common_prefix(sources.iter().map(|s| s.name.as_str())).to_owned();
    let bases: Vec<String> = datasets.iter().map(|(sources, _)| common_of(sources)).collect();
    common_prefix(bases.iter().map(String::as_str)).clone_into(&mut plan.prefix);
    let ids = groups.iter().flat_map(|g| g.datasets.iter().map(|d| d.id));
    let mut known: HashMap<String, Vec<usize>> = HashMap::new();
    for (((mut sources, time), base), id) in datasets.into_iter().zip(bases).zip(ids) {
        for source in &mut sources {
            source.name.drain(..base.len());
        }
        let key = sources.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join("\n");
        let alike = known.entry(key).or_default();
        let same = alike.iter().copied().find(|&i| plan.layouts[i] == sources);
        let layout = same.unwrap_or_else(|| {
            alike.push(plan.layouts.len());
            plan.layouts.push(sources);
            plan.layouts.len() - 1
        });
        let base = base[plan.prefix.len()..].to_owned();
        plan.datasets.push(PlannedDataset { id, time, base, layout });
    }
}

fn common_prefix<'a>(mut texts: impl Iterator<Item = &'a str>) -> &'a str {
    let Some(mut common) = texts.next() else { return "" };
    for text in texts {
        let same = common.char_indices().zip(text.chars()).find(|((_, a), b)| a != b).map(|((at, _), _)| at);
        common = &common[..same.unwrap_or(common.len().min(text.len()))];
    }
    common
}

#[cfg(test)]
mod tests;
