//! Operations between CRSs: looked up in PROJ's database once a process, and built by each thread.

use std::collections::HashMap;
use std::ffi::CString;
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use super::{Context, KEPT, Pj, Way, text};
use crate::crs::{Crs, CrsError};
use crate::known_crs::known_crs;

/// An operation between two CRSs.
#[derive(Clone)]
pub(super) struct Operation {
    pub(super) pj: Rc<Pj>,
    /// PROJ has several, one a region, and picks one for each point: the way back may be by another than the way there.
    pub(super) several: bool,
}

/// How an operation is built again.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Recipe {
    /// From this PROJ string.
    Text(Arc<str>),
    /// By looking it up: PROJ has several, one a region.
    Several,
}

/// By definition of the source, then of the target.
pub(super) type ByEnds<T> = HashMap<String, HashMap<String, T>>;

/// Recipes of the operations looked up so far.
static RECIPES: LazyLock<RwLock<ByEnds<Recipe>>> = LazyLock::new(RwLock::default);

impl Context {
    /// The operation between two CRSs, and which way it leads from `from` to `to`. One serves both ways. Which of the two is
    /// its source does not depend on who asked first, so that all threads compute the same bits.
    pub(super) fn transform(&mut self, from: &Crs, to: &Crs) -> Result<(Operation, Way), CrsError> {
        let way = if from.definition() <= to.definition() { Way::Forward } else { Way::Inverse };
        let (first, second) = if way == Way::Forward { (from, to) } else { (to, from) };
        let (first, second) = (first.definition(), second.definition());
        let known = self.transforms.get(first).and_then(|targets| targets.get(second));
        if let Some(operation) = known {
            return Ok((operation.clone(), way));
        }
        let none = |reason: String| CrsError::NoTransform { from: from.to_string(), to: to.to_string(), reason };
        let operation = self.operation(first, second)?.ok_or_else(|| none(self.last_error()))?;
        if self.transforms.values().map(HashMap::len).sum::<usize>() >= KEPT {
            self.transforms.clear();
        }
        self.transforms.entry(first.to_owned()).or_default().insert(second.to_owned(), operation.clone());
        Ok((operation, way))
    }

    /// Builds the operation between two CRSs by its PROJ string where it has one, so that all threads have the same.
    fn operation(&mut self, source: &str, target: &str) -> Result<Option<Operation>, CrsError> {
        let recipe = if let Some(known) = known_recipe(source, target) {
            known
        } else {
            let text = self.recipe(source, target)?;
            let recipe = text.map_or(Recipe::Several, |text| Recipe::Text(text.into()));
            let mut recipes = RECIPES.write().unwrap_or_else(PoisonError::into_inner);
            if recipes.values().map(HashMap::len).sum::<usize>() >= KEPT {
                recipes.clear();
            }
            recipes.entry(source.to_owned()).or_default().entry(target.to_owned()).or_insert(recipe).clone()
        };
        let several = recipe == Recipe::Several;
        let built = match &recipe {
            Recipe::Text(text) => CString::new(&**text).ok().and_then(|c| {
                // SAFETY: the context is alive and the string NUL-terminated.
                NonNull::new(unsafe { proj_sys::proj_create(self.raw.0.as_ptr(), c.as_ptr()) }).map(Pj)
            }),
            Recipe::Several => None,
        };
        // A string that PROJ itself does not take is that of a CRS at odds with itself.
        let pj = if built.is_some() { built } else { self.look_up(source, target)? };
        Ok(pj.map(|pj| Operation { pj: Rc::new(pj), several }))
    }

    /// The PROJ string of the operation between two CRSs, `None` where PROJ has several, one a region.
    ///
    /// WGS 84 and ETRS89 are one datum here as they are for PROJ, whose operations between them leave longitude and
    /// latitude as they are, within Europe by the register and outside for want of another. It takes PROJ 15 ms
    /// to find them; to go through longitude and latitude it has nothing to find.
    fn recipe(&mut self, source: &str, target: &str) -> Result<Option<String>, CrsError> {
        if let (Some(from), Some(to)) = (known_crs(source), known_crs(target)) {
            return Ok(Some(joined(from.down, to.up)));
        }
        let bases = (self.global_base(source)?, self.global_base(target)?);
        let (Some(from), Some(to)) = bases else { return self.exported(source, target) };
        if from == to {
            return self.exported(source, target);
        }
        let parts = (self.exported(source, from)?, self.exported(to, target)?);
        let (Some(down), Some(up)) = parts else { return self.exported(source, target) };
        Ok(Some(joined(&down, &up)))
    }

    /// The CRS of longitude and latitude below a CRS, where it is WGS 84 or ETRS89.
    pub(super) fn global_base(&mut self, definition: &str) -> Result<Option<&'static str>, CrsError> {
        let crs = self.crs(definition)?;
        // SAFETY: context and object are alive; the result is a new object, null where there is none.
        let kind = unsafe { proj_sys::proj_get_type(crs.0.as_ptr()) };
        if kind == proj_sys::PJ_TYPE_PJ_TYPE_BOUND_CRS || kind == proj_sys::PJ_TYPE_PJ_TYPE_COMPOUND_CRS {
            return Ok(None);
        }
        // SAFETY: as above.
        let base = unsafe { proj_sys::proj_crs_get_geodetic_crs(self.raw.0.as_ptr(), crs.0.as_ptr()) };
        Ok(match NonNull::new(base).map(Pj).and_then(|base| base.epsg()) {
            Some(4326) => Some("EPSG:4326"),
            Some(4258) => Some("EPSG:4258"),
            _ => None,
        })
    }

    /// The PROJ string of what PROJ finds, `None` where that is several operations.
    pub(super) fn exported(&mut self, source: &str, target: &str) -> Result<Option<String>, CrsError> {
        if source == target {
            return Ok(Some("+proj=noop".to_owned()));
        }
        let Some(pj) = self.look_up(source, target)? else { return Ok(None) };
        // SAFETY: context and object are alive; the string is owned by the object, null where there is none.
        Ok(unsafe {
            text(proj_sys::proj_as_proj_string(
                self.raw.0.as_ptr(),
                pj.0.as_ptr(),
                proj_sys::PJ_PROJ_STRING_TYPE_PJ_PROJ_5,
                ptr::null(),
            ))
        })
    }

    /// What PROJ finds in its database: coordinates run (x, y) at both ends.
    fn look_up(&mut self, source: &str, target: &str) -> Result<Option<Pj>, CrsError> {
        let (source, target) = (self.crs(source)?, self.crs(target)?);
        // SAFETY: context and both CRSs are alive and of this thread; no area, no options.
        let raw = unsafe {
            proj_sys::proj_create_crs_to_crs_from_pj(
                self.raw.0.as_ptr(),
                source.0.as_ptr(),
                target.0.as_ptr(),
                ptr::null_mut(),
                ptr::null(),
            )
        };
        let Some(pj) = NonNull::new(raw).map(Pj) else { return Ok(None) };
        // SAFETY: context and object are alive; the result is a new object.
        let raw = unsafe { proj_sys::proj_normalize_for_visualization(self.raw.0.as_ptr(), pj.0.as_ptr()) };
        Ok(NonNull::new(raw).map(Pj))
    }
}

/// What was found out before of an operation.
fn known_recipe(source: &str, target: &str) -> Option<Recipe> {
    RECIPES.read().unwrap_or_else(PoisonError::into_inner).get(source)?.get(target).cloned()
}

/// One PROJ string for `first` and then `second`. Degrees that become radians at once stay what they were.
fn joined(first: &str, second: &str) -> String {
    const DEGREES: &str = " +step +proj=unitconvert +xy_in=rad +xy_out=deg";
    const RADIANS: &str = " +step +proj=unitconvert +xy_in=deg +xy_out=rad";
    let steps = |text: &str| match text.strip_prefix("+proj=pipeline") {
        Some(steps) => steps.to_owned(),
        None if text == "+proj=noop" => String::new(),
        None => format!(" +step {text}"),
    };
    let (first, second) = (steps(first), steps(second));
    let steps = match (first.strip_suffix(DEGREES), second.strip_prefix(RADIANS)) {
        (Some(first), Some(second)) => format!("{first}{second}"),
        _ => format!("{first}{second}"),
    };
    if steps.is_empty() { "+proj=noop".to_owned() } else { format!("+proj=pipeline{steps}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Transform;
    use crate::proj::with_context;

    fn points() -> (Vec<f64>, Vec<f64>) {
        let lonlat = (-18..=18).flat_map(|i| (-8..=8).map(move |j| (f64::from(i) * 9.99, f64::from(j) * 9.99)));
        lonlat.unzip()
    }

    /// Largest distance between what two operations make of the points (in degrees) that both have an image for.
    fn difference(a: (&Pj, Way), b: (&Pj, Way), points: &(Vec<f64>, Vec<f64>)) -> (f64, usize) {
        let (mut p, mut q) = (points.clone(), points.clone());
        a.0.apply(a.1, &mut p.0, &mut p.1);
        b.0.apply(b.1, &mut q.0, &mut q.1);
        let (mut most, mut seen) = (0.0_f64, 0);
        for i in 0..p.0.len() {
            assert_eq!(p.0[i].is_finite(), q.0[i].is_finite(), "point {i}: {} and {}", p.0[i], q.0[i]);
            if p.0[i].is_finite() {
                most = most.max((p.0[i] - q.0[i]).abs()).max((p.1[i] - q.1[i]).abs());
                seen += 1;
            }
        }
        (most, seen)
    }

    #[test]
    fn between_wgs_84_and_etrs89_a_pair_does_what_proj_finds() {
        let lonlat = Crs::lonlat().unwrap();
        let points = points();
        for (from, to) in [
            ("EPSG:32632", "EPSG:3035"),
            ("EPSG:25832", "EPSG:32633"),
            ("EPSG:3035", "EPSG:4326"),
            ("EPSG:3857", "EPSG:3034"),
            ("EPSG:4326", "EPSG:4258"),
            ("EPSG:4258", "EPSG:3413"),
            ("EPSG:3067", "EPSG:6933"),
            ("EPSG:32632", "EPSG:32633"),
            ("EPSG:32733", "EPSG:3857"),
            ("EPSG:4326", "EPSG:3031"),
            ("EPSG:25830", "EPSG:3034"),
        ] {
            let (from, to) = (Crs::parse(from).unwrap(), Crs::parse(to).unwrap());
            with_context(|context| {
                let (down, way) = context.transform(&lonlat, &from)?;
                let mut there = points.clone();
                down.pj.apply(way, &mut there.0, &mut there.1);
                let (ours, way) = context.transform(&from, &to)?;
                let theirs = context.look_up(from.definition(), to.definition())?.unwrap();
                let (most, seen) = difference((&ours.pj, way), (&theirs, Way::Forward), &there);
                assert!(seen > 200, "{from} to {to}: {seen} points");
                let limit = if to.is_geographic() { 1e-12 } else { 1e-5 };
                assert!(most < limit, "{from} to {to}: {most} of {seen} points");
                Ok(())
            })
            .unwrap();
        }
    }

    #[test]
    fn old_datums_have_no_holes_where_proj_changes_its_operation() {
        for (code, lon, lat) in [(23032, 9.0, 0.0), (23031, 3.5, 0.0), (26717, -80.0, 0.0), (20255, 145.0, -90.0)] {
            let (utm, lonlat) = (Crs::epsg(code).unwrap(), Crs::lonlat().unwrap());
            let (to, from) = (Transform::new(&lonlat, &utm).unwrap(), Transform::new(&utm, &lonlat).unwrap());
            for step in 1..800 {
                let (x, y) = (lon + f64::from(step % 7) * 0.3 - 1.0, lat + f64::from(step) * 0.1);
                let (e, n) = to.point(x, y).unwrap_or_else(|| panic!("EPSG:{code}: {x} {y} has no image"));
                let (again_x, again_y) = from.point(e, n).unwrap();
                assert!(
                    (again_x - x).abs() * y.to_radians().cos() + (again_y - y).abs() < 0.01,
                    "EPSG:{code}: {x} {y}"
                );
            }
        }
    }

    #[test]
    fn other_datums_are_left_to_proj() {
        with_context(|context| {
            assert_eq!(context.global_base("EPSG:32632")?, Some("EPSG:4326"));
            assert_eq!(context.global_base("EPSG:3035")?, Some("EPSG:4258"));
            for other in ["EPSG:31467", "EPSG:26915", "EPSG:27700", "+proj=sinu +R=6371007.181 +units=m +type=crs"] {
                assert_eq!(context.global_base(other)?, None, "{other}");
            }
            // One operation a region: there is no string for it.
            assert_eq!(context.recipe("EPSG:31467", "EPSG:4326")?, None);
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn strings_are_joined_step_by_step() {
        let down = "+proj=pipeline +step +inv +proj=utm +zone=32 +ellps=WGS84 \
                    +step +proj=unitconvert +xy_in=rad +xy_out=deg";
        let up = "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=utm +zone=33 +ellps=GRS80";
        assert_eq!(
            joined(down, up),
            "+proj=pipeline +step +inv +proj=utm +zone=32 +ellps=WGS84 +step +proj=utm +zone=33 +ellps=GRS80"
        );
        assert_eq!(joined("+proj=noop", up), up);
        assert_eq!(joined(down, "+proj=noop"), down);
        assert_eq!(joined("+proj=noop", "+proj=noop"), "+proj=noop");
    }
}
