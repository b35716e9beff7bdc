//! Documents made from raster files: every time step that a file holds becomes a dataset.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cube_geo::Crs;
use cube_model::documents::{ProductMatcher, RawDocument};
use cube_model::{Dataset, Product};
use cube_raster::{Plane, RasterHeader};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::Error;
use crate::error::why;

/// The namespace of the ids of datasets that we make: `UUIDv5` of it and `product`, location, layer and band.
const NAMESPACE: Uuid = Uuid::from_u128(0x8f1c_2d0a_6a57_5e0e_9b1d_3c54_7a2e_61f0);

/// One dataset a time step of a raster file, with all measurements of the product. A plane belongs to the measurement
/// whose name or alias is that of its layer (or of what the file calls it); the case does not matter.
///
/// # Errors
/// Where the file cannot be read, says no times, lacks a measurement of the product at some time, or says no grid.
pub(super) fn documents_of(path: &Path, product: &Arc<Product>) -> Result<Vec<Dataset>, Error> {
    let absolute =
        super::sources::absolute(path).map_err(|e| Error::Unreadable { path: path.to_owned(), reason: why(&e) })?;
    let location = absolute.to_string_lossy().into_owned();
    let planes = cube_raster::planes(&location, None)?;
    let file = RasterFile { path: absolute, location, product };
    let matcher = ProductMatcher::new([product.clone()]);
    let steps = file.steps(&planes)?;
    steps.iter().map(|(time, planes)| file.dataset(*time, planes, &matcher)).collect()
}

struct RasterFile<'a> {
    path: PathBuf,
    location: String,
    product: &'a Product,
}

/// The planes of one time, by measurement name.
type Step<'a> = BTreeMap<&'a str, &'a Plane>;

impl<'a> RasterFile<'a> {
    fn mismatch(&self, reason: String) -> Error {
        Error::RasterMismatch { path: self.path.clone(), reason }
    }

    /// The planes of each time that belong to the product.
    fn steps(&self, planes: &'a [Plane]) -> Result<BTreeMap<Timestamp, Step<'a>>, Error> {
        let mut steps: BTreeMap<Timestamp, Step<'a>> = BTreeMap::new();
        let mut foreign = Vec::new();
        // Days of a model's calendar that ours lacks, and times that are missing.
        let mut dateless = 0;
        let mut strides = BTreeMap::new();
        for plane in planes {
            let Some(measurement) = self.measurement_of(plane, planes) else {
                foreign.push(
                    plane
                        .layer
                        .clone()
                        .or_else(|| plane.name.clone())
                        .unwrap_or_else(|| format!("band {}", plane.band)),
                );
                continue;
            };
            let Some(time) = plane.time else {
                if planes.iter().any(|other| other.layer == plane.layer && other.time.is_some()) {
                    dateless += 1;
                    continue;
                }
                return Err(self.mismatch(format!(
                    "the plane for {measurement} says no time; write an EO3 document for it and index that"
                )));
            };
            let layer = (measurement, plane.layer.as_deref());
            let together = if let Some(together) = strides.get(&layer) {
                *together
            } else {
                let together = self.planes_together(measurement, plane)?;
                strides.insert(layer, together);
                together
            };
            // The first plane stands for all along the extra dimension.
            if !(plane.band - 1).is_multiple_of(together) {
                continue;
            }
            if let Some(other) = steps.entry(time).or_default().insert(measurement, plane) {
                let reason = format!(
                    "two planes hold {measurement} at {time} (bands {} and {}); write EO3 documents that tell them apart, or \
                     declare their dimension as the extra dimension of a product",
                    other.band, plane.band
                );
                return Err(self.mismatch(reason));
            }
        }
        if dateless > 0 {
            tracing::warn!(
                "{}: {dateless} of {} planes have no date in the Gregorian calendar (a 30 February of a model's calendar, or \
                 a missing value) and are left out",
                self.path.display(),
                planes.len()
            );
        }
        if steps.is_empty() {
            foreign.sort();
            foreign.dedup();
            let wanted = self.product.measurements.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(self.mismatch(format!(
                "none of its planes ({}) is a measurement of product {} ({wanted})",
                foreign.join(", "),
                self.product.name
            )));
        }
        Ok(steps)
    }

    /// How many planes of a layer belong to one dataset: as many as the measurement's extra dimension has values. They must
    /// be those of the file, in its order, and follow each other.
    fn planes_together(&self, measurement: &str, plane: &Plane) -> Result<usize, Error> {
        let found = self.product.measurements.iter().find(|m| m.name == measurement);
        let Some(name) = found.and_then(|m| m.extra_dim.as_deref()) else { return Ok(1) };
        let declared = self.product.extra_dimensions.iter().find(|d| d.name == name);
        let declared = declared.map(|d| d.values.as_slice()).unwrap_or_default();
        let dimensions = cube_raster::dimensions(&self.location, plane.layer.as_deref())?;
        let last = dimensions.last();
        let values = last.filter(|d| d.name.eq_ignore_ascii_case(name)).and_then(|d| d.values.as_deref());
        if let Some(values) = values
            && values.len() == declared.len()
            && values.iter().zip(declared).all(|(a, b)| same_number(*a, *b))
            && !values.is_empty()
        {
            return Ok(values.len());
        }
        let there = dimensions.iter().map(|d| match &d.values {
            Some(values) => format!("{} ({})", d.name, listed(values)),
            None => format!("{} ({} without values)", d.name, d.length),
        });
        let there = there.collect::<Vec<_>>();
        Err(self.mismatch(format!(
            "product {} declares {name} ({}) as the extra dimension of {measurement}, and the layer's dimensions before rows \
             and columns are {}: the last of them must be that one, with the same values in the same order",
            self.product.name,
            listed(declared),
            if there.is_empty() { "none".to_owned() } else { there.join(", ") }
        )))
    }

    /// The name of the measurement that a plane holds. A file whose planes are all called the same belongs to a product
    /// with one measurement, whatever it calls them.
    fn measurement_of(&self, plane: &Plane, all: &[Plane]) -> Option<&'a str> {
        let named = self.product.measurements.iter().find(|m| {
            let mut names = std::iter::once(&m.name).chain(&m.aliases);
            names.any(|name| is_called(plane, name))
        });
        if let Some(measurement) = named {
            return Some(&measurement.name);
        }
        let same = |other: &Plane| other.layer == plane.layer && other.name == plane.name;
        match self.product.measurements.as_slice() {
            [only] if all.iter().all(same) => Some(&only.name),
            _ => None,
        }
    }

    fn dataset(&self, time: Timestamp, step: &Step<'a>, matcher: &ProductMatcher) -> Result<Dataset, Error> {
        let absent =
            self.product.measurements.iter().filter(|m| !step.contains_key(m.name.as_str())).map(|m| m.name.as_str());
        let absent = absent.collect::<Vec<_>>();
        let Some(first) = step.values().next().filter(|_| absent.is_empty()) else {
            return Err(self.mismatch(format!("at {time} there is no plane for {}", absent.join(", "))));
        };
        let layer = if step.len() == 1 { first.layer.clone().unwrap_or_default() } else { String::new() };
        let id = Uuid::new_v5(
            &NAMESPACE,
            format!("{}\n{}\n{layer}\n{}", self.product.name, self.location, first.band).as_bytes(),
        );
        let mut document = json!({
            "$schema": "https://schemas.opendatacube.org/dataset",
            "id": id.to_string(),
            "label": format!("{}_{}", self.product.name, time.strftime("%Y%m%dT%H%M%SZ")),
            "product": { "name": self.product.name },
            "properties": { "datetime": time.to_string(), "odc:file_format": first.header.driver },
            "lineage": {},
        });
        merge(&mut document, &self.product.metadata);
        self.add_grids(&mut document, step)?;
        let raw = RawDocument::from_value(document, self.location.clone());
        Ok(Dataset::from_document(&raw, Some(&self.location), matcher)?)
    }

    /// Adds `crs`, `grids` and `measurements`: measurements that share a grid share its entry.
    fn add_grids(&self, document: &mut Value, step: &Step<'a>) -> Result<(), Error> {
        let name = self.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let mut grids: Vec<(String, Value)> = Vec::new();
        let mut measurements = Map::new();
        let mut crs: Option<Crs> = None;
        for (measurement, plane) in step {
            let (grid, its_crs) = self.grid(measurement, &plane.header)?;
            if crs.get_or_insert_with(|| its_crs.clone()) != &its_crs {
                return Err(
                    self.mismatch(format!("{measurement} is in {its_crs}, the others are not; a dataset has one CRS"))
                );
            }
            let known = grids.iter().find(|(_, g)| *g == grid).map(|(n, _)| n.clone());
            let grid_name = known.unwrap_or_else(|| {
                let new = if grids.is_empty() { "default".to_owned() } else { format!("grid{}", grids.len()) };
                grids.push((new.clone(), grid));
                new
            });
            let mut entry = json!({ "path": name, "band": plane.band });
            if let Some(layer) = &plane.layer {
                entry["layer"] = json!(layer);
            }
            if let Some((scale, offset)) = self.own_scale(measurement, &plane.header) {
                entry["scale_factor"] = json!(scale);
                entry["add_offset"] = json!(offset);
            }
            if grid_name != "default" {
                entry["grid"] = json!(grid_name);
            }
            measurements.insert((*measurement).to_owned(), entry);
        }
        document["crs"] = json!(crs.map(|c| c.definition().to_owned()));
        document["grids"] = Value::Object(grids.into_iter().collect());
        document["measurements"] = Value::Object(measurements);
        Ok(())
    }

    /// Scale and offset that the file says, where the product says others.
    fn own_scale(&self, measurement: &str, header: &RasterHeader) -> Option<(f64, f64)> {
        let said = header.scale_offset?;
        let of_product = self.product.measurements.iter().find(|m| m.name == measurement);
        let of_product =
            of_product.map_or((1.0, 0.0), |m| (m.scale_factor.unwrap_or(1.0), m.add_offset.unwrap_or(0.0)));
        (!same_number(said.0, of_product.0) || !same_number(said.1, of_product.1)).then_some(said)
    }

    fn grid(&self, measurement: &str, header: &RasterHeader) -> Result<(Value, Crs), Error> {
        if let Some(cells) = header.healpix {
            let (shape, a) = cells.around();
            let grid = json!({
                "shape": [shape.rows, shape.cols],
                "transform": [a.a, a.b, a.c, a.d, a.e, a.f, 0, 0, 1],
                "healpix": { "nside": cells.nside(), "order": cells.order().name() },
            });
            return Ok((grid, Crs::lonlat()?));
        }
        let affine =
            header.affine.ok_or_else(|| self.mismatch(format!("the plane for {measurement} says no pixel grid")))?;
        let crs = match &header.crs {
            Some(crs) if is_derived(crs) => {
                return Err(self.mismatch(format!(
                    "the plane for {measurement} is in degrees around a turned pole ({}), not in longitude and latitude; \
                     warp it to EPSG:4326 and index that",
                    crs.name()
                )));
            }
            // A sphere's or an unnamed ellipsoid's degrees are taken for WGS 84, as everybody does with GRIB.
            Some(crs) if crs.is_geographic() && crs.epsg_code().is_none() => Crs::lonlat()?,
            Some(crs) => crs.clone(),
            None => match &self.product.load_hints {
                Some(hints) => hints.crs.clone(),
                None => {
                    return Err(self.mismatch(format!(
                        "the plane for {measurement} says no CRS, and product {} has none to fall back on",
                        self.product.name
                    )));
                }
            },
        };
        let a = affine;
        let grid = json!({ "shape": [header.shape.rows, header.shape.cols], "transform": [a.a, a.b, a.c, a.d, a.e, a.f, 0, 0, 1] });
        Ok((grid, crs))
    }
}

/// True where a name or alias of a measurement means a plane: its layer or what the file calls it; of GRIB also its `param`.
/// After an `@` stand keys that must be the plane's too: `t@typeOfLevel=isobaricInhPa,level=850`.
fn is_called(plane: &Plane, name: &str) -> bool {
    let (name, keys) = name.split_once('@').unwrap_or((name, ""));
    let called = [plane.layer.as_deref(), plane.name.as_deref(), plane.keys.get("param").map(String::as_str)];
    let mut keys = keys.split(',').filter(|key| !key.is_empty());
    called.iter().flatten().any(|c| c.eq_ignore_ascii_case(name))
        && keys.all(|key| {
            let Some((key, value)) = key.split_once('=') else { return false };
            plane.keys.get(key.trim()).is_some_and(|own| same_text(own, value.trim()))
        })
}

/// True for equal texts, and for numbers of one value.
fn same_text(a: &str, b: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    a == b || number(a).zip(number(b)).is_some_and(|(a, b)| same_number(a, b))
}

/// True for degrees that are not longitude and latitude, such as those of a rotated pole.
fn is_derived(crs: &Crs) -> bool {
    crs.is_geographic() && crs.wkt().contains("DERIVINGCONVERSION")
}

/// The first of some numbers, as text.
fn listed(values: &[f64]) -> String {
    const SHOWN: usize = 6;
    let text = values.iter().take(SHOWN).map(f64::to_string).collect::<Vec<_>>().join(", ");
    if values.len() > SHOWN { format!("{text}, … {} in all", values.len()) } else { text }
}

/// True where two numbers are the same to the seven digits that a file may keep of them.
fn same_number(a: f64, b: f64) -> bool {
    (a - b).abs() <= a.abs().max(b.abs()) * f64::from(f32::EPSILON)
}

/// Puts what `from` has and `into` lacks into `into`, deeply.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) if into.is_null() => *into = from.clone(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_pole_is_not_longitude_and_latitude() {
        let rotated = "+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=39.25 +lon_0=18 +R=6371229 +no_defs";
        assert!(is_derived(&Crs::parse(rotated).unwrap()));
        assert!(!is_derived(&Crs::parse("+proj=longlat +R=6371229 +no_defs").unwrap()));
    }

    #[test]
    fn merging_keeps_what_is_there() {
        let mut document = json!({ "product": { "name": "a" } });
        merge(&mut document, &json!({ "product": { "name": "b", "href": "x" }, "other": 1 }));
        assert_eq!(document, json!({ "product": { "name": "a", "href": "x" }, "other": 1 }));
    }
}
