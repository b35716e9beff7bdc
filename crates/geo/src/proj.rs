//! The door to PROJ: CRS descriptions and coordinate transforms.
//!
//! PROJ objects belong to one context, and a context to one thread. Each thread has its own context here, with the
//! operations it has built. To look one up in PROJ's database takes up to 20 ms: one thread does so, and the others
//! build theirs from the PROJ string that came of it. Everything that leaves this module is plain data and `Send`.
#![expect(unsafe_code, reason = "FFI to PROJ; every call below says why it is sound")]

mod operations;

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::{self, NonNull};
use std::rc::Rc;

use self::operations::{ByEnds, Operation};
use crate::crs::{Crs, CrsError, CrsKind, Description};
use crate::known_crs::known_crs;
use crate::near_meridian::NearMeridian;

/// Moves coordinates from one CRS to another. Axis order is always (x, y).
///
/// The value only names the two CRSs; PROJ's own object is built once a thread, at first use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transform {
    from: Crs,
    to: Crs,
    identity: bool,
    /// True where the way back is tried too: PROJ does not see the edge of these maps.
    checked: bool,
    /// Where it need not be.
    believed: Option<NearMeridian>,
}

impl Transform {
    /// The transform `from` → `to`.
    ///
    /// # Errors
    /// Where PROJ knows no operation between the two.
    pub fn new(from: &Crs, to: &Crs) -> Result<Self, CrsError> {
        let identity = from == to;
        if !identity {
            with_context(|context| context.transform(from, to).map(|_| ()))?;
        }
        let checked = !identity && (from.has_curved_sides() || to.is_transverse_mercator());
        let believed = NearMeridian::of(from, to);
        Ok(Self { from: from.clone(), to: to.clone(), identity, checked, believed })
    }

    /// True where both CRSs are equal: `apply` then leaves coordinates as they are.
    #[must_use]
    pub const fn is_identity(&self) -> bool {
        self.identity
    }

    /// The CRS that coordinates come in.
    #[must_use]
    pub fn from(&self) -> &Crs {
        &self.from
    }

    /// The CRS that coordinates go out in.
    #[must_use]
    pub fn to(&self) -> &Crs {
        &self.to
    }

    /// Transforms the points `(xs[i], ys[i])` in place. A point that has no image becomes
    /// (infinity, infinity); surplus elements of the longer slice are left alone.
    pub fn apply(&self, xs: &mut [f64], ys: &mut [f64]) {
        if self.is_identity() {
            return;
        }
        let n = xs.len().min(ys.len());
        let (xs, ys) = (&mut xs[..n], &mut ys[..n]);
        let done = with_context(|context| {
            let (Operation { pj, several }, way) = context.transform(&self.from, &self.to)?;
            if !self.checked {
                pj.apply(way, xs, ys);
                return Ok(());
            }
            let there = (xs.to_vec(), ys.to_vec());
            pj.apply(way, xs, ys);
            let doubted = |i: &usize| !self.believed.is_some_and(|believed| believed.holds(xs[*i], ys[*i]));
            let doubted: Vec<usize> = (0..n).filter(doubted).collect();
            let mut again: (Vec<f64>, Vec<f64>) = doubted.iter().map(|&i| (xs[i], ys[i])).unzip();
            pj.apply(way.back(), &mut again.0, &mut again.1);
            let geographic = self.from.is_geographic();
            for (i, again) in doubted.into_iter().zip(again.0.into_iter().zip(again.1)) {
                if !is_same((there.0[i], there.1[i]), again, geographic, several) {
                    (xs[i], ys[i]) = (f64::INFINITY, f64::INFINITY);
                }
            }
            Ok(())
        });
        if done.is_err() {
            xs.fill(f64::INFINITY);
            ys.fill(f64::INFINITY);
        }
    }

    /// Transforms one point; `None` where it has no image.
    #[must_use]
    pub fn point(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (mut xs, mut ys) = ([x], [y]);
        self.apply(&mut xs, &mut ys);
        (xs[0].is_finite() && ys[0].is_finite()).then_some((xs[0], ys[0]))
    }
}

/// True where a point came back to where it was, within about a metre. What is not finite has not come back. Where PROJ picks
/// one of several operations, the way back may be by another than the way there: from one shift of an old datum to another
/// are some metres, to none at all some hundreds.
fn is_same((x, y): (f64, f64), again: (f64, f64), geographic: bool, several: bool) -> bool {
    let (dx, dy) = (again.0 - x, again.1 - y);
    let metres = if several { 1000.0 } else { 1.0 };
    if geographic {
        // Whole turns mean nothing, and at a pole no longitude does.
        let dx = (dx - (dx / 360.0).round() * 360.0) * y.to_radians().cos();
        dx.abs() + dy.abs() < 1e-5 * metres
    } else {
        dx.abs() + dy.abs() < metres
    }
}

/// The version of the PROJ inside, such as `9.6.2`.
#[must_use]
pub fn proj_version() -> String {
    // SAFETY: proj_info has no preconditions and returns pointers to static strings.
    let info = unsafe { proj_sys::proj_info() };
    // SAFETY: as above; `version` is a static NUL-terminated string or null.
    unsafe { text(info.version) }.unwrap_or_default()
}

/// What PROJ knows of a CRS definition (authority code, WKT, PROJJSON or PROJ string).
pub(crate) fn describe(definition: &str) -> Result<Description, CrsError> {
    known_crs(definition).map_or_else(|| looked_up(definition), |known| Ok(known.description()))
}

/// As [`describe`], by PROJ's database.
pub(crate) fn looked_up(definition: &str) -> Result<Description, CrsError> {
    with_context(|context| {
        let pj = context.crs(definition)?;
        // WKT with TOWGS84 is a bound CRS: what its coordinates are is said by the CRS inside.
        let inner = context.bound(&pj);
        let bare = inner.as_ref().unwrap_or(pj.as_ref());
        let Some(kind) = bare.kind() else {
            return Err(CrsError::Unknown { definition: definition.to_owned(), reason: "it is not a CRS".to_owned() });
        };
        if let Some(reason) = bare.off_the_map() {
            return Err(CrsError::Unknown { definition: definition.to_owned(), reason: reason.to_owned() });
        }
        let (unit_name, unit_factor) = context.unit(bare);
        let epsg = bare.epsg().or_else(|| context.identify(bare));
        Ok(Description {
            epsg,
            name: pj.name(),
            kind,
            unit_name,
            unit_factor,
            wkt: context.wkt(&pj, proj_sys::PJ_WKT_TYPE_PJ_WKT2_2019).unwrap_or_default(),
            wkt1: context.wkt(&pj, proj_sys::PJ_WKT_TYPE_PJ_WKT1_GDAL),
        })
    })
}

/// PROJ strings of the operations to longitude and latitude on a CRS's own datum and back, by PROJ's database.
#[cfg(test)]
pub(crate) fn to_base_and_back(definition: &str) -> Option<(String, String)> {
    with_context(|context| {
        let Some(base) = context.global_base(definition)? else { return Ok(None) };
        Ok(context.exported(definition, base)?.zip(context.exported(base, definition)?))
    })
    .ok()?
}

/// True where PROJ says that the two definitions describe the same CRS, axis order aside.
pub(crate) fn equivalent(a: &str, b: &str) -> bool {
    with_context(|context| {
        let (a, b) = (context.crs(a)?, context.crs(b)?);
        Ok(context.equivalent(&a, &b))
    })
    .unwrap_or(false)
}

struct RawContext(NonNull<proj_sys::PJ_CONTEXT>);

impl Drop for RawContext {
    fn drop(&mut self) {
        // SAFETY: the pointer came from proj_context_create; every PJ of it is dropped before (field order
        // of `Context`).
        unsafe { proj_sys::proj_context_destroy(self.0.as_ptr()) };
    }
}

struct Pj(NonNull<proj_sys::PJ>);

impl Drop for Pj {
    fn drop(&mut self) {
        // SAFETY: the pointer came from PROJ, is owned here, and is destroyed once.
        unsafe { proj_sys::proj_destroy(self.0.as_ptr()) };
    }
}

/// Which way an operation is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Forward,
    Inverse,
}

impl Way {
    const fn back(self) -> Self {
        match self {
            Self::Forward => Self::Inverse,
            Self::Inverse => Self::Forward,
        }
    }
}

impl Pj {
    fn apply(&self, way: Way, xs: &mut [f64], ys: &mut [f64]) {
        let direction = match way {
            Way::Forward => proj_sys::PJ_DIRECTION_PJ_FWD,
            Way::Inverse => proj_sys::PJ_DIRECTION_PJ_INV,
        };
        let stride = size_of::<f64>();
        // SAFETY: both slices hold `len` f64 at that stride and are equally long (the caller cut them); z and t
        // are absent.
        unsafe {
            proj_sys::proj_errno_reset(self.0.as_ptr());
            proj_sys::proj_trans_generic(
                self.0.as_ptr(),
                direction,
                xs.as_mut_ptr(),
                stride,
                xs.len(),
                ys.as_mut_ptr(),
                stride,
                ys.len(),
                ptr::null_mut(),
                0,
                0,
                ptr::null_mut(),
                0,
                0,
            );
        }
    }

    /// What the object's coordinates are, `None` where it is no CRS.
    fn kind(&self) -> Option<CrsKind> {
        // SAFETY: the object is alive.
        let (kind, is_crs) =
            unsafe { (proj_sys::proj_get_type(self.0.as_ptr()), proj_sys::proj_is_crs(self.0.as_ptr()) != 0) };
        let kind = match kind {
            proj_sys::PJ_TYPE_PJ_TYPE_GEOGRAPHIC_2D_CRS | proj_sys::PJ_TYPE_PJ_TYPE_GEOGRAPHIC_3D_CRS => {
                CrsKind::Geographic
            }
            proj_sys::PJ_TYPE_PJ_TYPE_PROJECTED_CRS | proj_sys::PJ_TYPE_PJ_TYPE_DERIVED_PROJECTED_CRS => {
                CrsKind::Projected
            }
            _ => CrsKind::Other,
        };
        is_crs.then_some(kind)
    }

    /// Why no pixel can have coordinates of this CRS, where that is so.
    fn off_the_map(&self) -> Option<&'static str> {
        // SAFETY: the object is alive.
        match unsafe { proj_sys::proj_get_type(self.0.as_ptr()) } {
            proj_sys::PJ_TYPE_PJ_TYPE_VERTICAL_CRS => Some("it is vertical: it has heights, and no places"),
            proj_sys::PJ_TYPE_PJ_TYPE_GEOCENTRIC_CRS => Some("it is geocentric: its places have three coordinates"),
            proj_sys::PJ_TYPE_PJ_TYPE_TEMPORAL_CRS => Some("it is one of times, not of places"),
            _ => None,
        }
    }

    fn name(&self) -> String {
        // SAFETY: the object is alive and owns the string.
        unsafe { text(proj_sys::proj_get_name(self.0.as_ptr())) }.unwrap_or_default()
    }

    fn epsg(&self) -> Option<u32> {
        // SAFETY: the object is alive and owns both strings; a missing identifier is null.
        let (authority, code) = unsafe {
            (
                text(proj_sys::proj_get_id_auth_name(self.0.as_ptr(), 0)),
                text(proj_sys::proj_get_id_code(self.0.as_ptr(), 0)),
            )
        };
        match (authority?.as_str(), code?.as_str()) {
            ("EPSG", code) => code.parse().ok(),
            // Longitude before latitude on WGS 84, which is how coordinates are here anyway.
            ("OGC", "CRS84") => Some(4326),
            _ => None,
        }
    }
}

/// One thread's PROJ. Field order matters: objects go before the context they belong to.
struct Context {
    transforms: ByEnds<Operation>,
    definitions: HashMap<String, Rc<Pj>>,
    raw: RawContext,
}

thread_local! {
    static CONTEXT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

fn with_context<T>(f: impl FnOnce(&mut Context) -> Result<T, CrsError>) -> Result<T, CrsError> {
    CONTEXT.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Some(Context::new()?);
        }
        slot.as_mut().map_or(Err(CrsError::NoContext), f)
    })
}

/// Most transforms or CRSs that a thread keeps; past that it starts anew.
const KEPT: usize = 256;
/// PROJ's confidence in per cent from which a candidate is looked at.
const LEAST_CONFIDENCE: c_int = 70;

impl Context {
    fn new() -> Result<Self, CrsError> {
        // SAFETY: no preconditions; the result is checked.
        let raw = NonNull::new(unsafe { proj_sys::proj_context_create() }).ok_or(CrsError::NoContext)?;
        // SAFETY: the context is alive. Errors come back as values, so that PROJ has nothing to print.
        unsafe { proj_sys::proj_log_level(raw.as_ptr(), proj_sys::PJ_LOG_LEVEL_PJ_LOG_NONE) };
        Ok(Self { transforms: HashMap::new(), definitions: HashMap::new(), raw: RawContext(raw) })
    }

    fn crs(&mut self, definition: &str) -> Result<Rc<Pj>, CrsError> {
        if let Some(pj) = self.definitions.get(definition) {
            return Ok(pj.clone());
        }
        let unknown = |reason: String| CrsError::Unknown { definition: definition.to_owned(), reason };
        let c = CString::new(definition).map_err(|_| unknown("it holds a NUL byte".to_owned()))?;
        // SAFETY: the context is alive and the string NUL-terminated.
        let raw = unsafe { proj_sys::proj_create(self.raw.0.as_ptr(), c.as_ptr()) };
        let pj = NonNull::new(raw).map(Pj).ok_or_else(|| unknown(self.last_error()))?;
        if self.definitions.len() >= KEPT {
            self.definitions.clear();
        }
        let pj = Rc::new(pj);
        self.definitions.insert(definition.to_owned(), pj.clone());
        Ok(pj)
    }

    /// The CRS inside a bound one.
    fn bound(&self, pj: &Pj) -> Option<Pj> {
        // SAFETY: context and object are alive; the result is a new object.
        unsafe {
            if proj_sys::proj_get_type(pj.0.as_ptr()) != proj_sys::PJ_TYPE_PJ_TYPE_BOUND_CRS {
                return None;
            }
            NonNull::new(proj_sys::proj_get_source_crs(self.raw.0.as_ptr(), pj.0.as_ptr())).map(Pj)
        }
    }

    /// The EPSG code of a CRS that does not say it, such as one from a file: the surest candidate that PROJ names with a
    /// confidence of 70 % or more (all but the name agrees) and that is equivalent, axis order aside.
    fn identify(&self, pj: &Pj) -> Option<u32> {
        let mut confidence: *mut c_int = ptr::null_mut();
        // SAFETY: context and object are alive, the authority is NUL-terminated, there are no options; the list and the
        // confidences are owned here and given back below.
        let list = NonNull::new(unsafe {
            proj_sys::proj_identify(
                self.raw.0.as_ptr(),
                pj.0.as_ptr(),
                c"EPSG".as_ptr(),
                ptr::null(),
                &raw mut confidence,
            )
        })?;
        // SAFETY: the list is alive.
        let n = unsafe { proj_sys::proj_list_get_count(list.as_ptr()) };
        let mut found = None;
        for i in 0..n {
            // SAFETY: there is one confidence for each of the `n` candidates.
            let sure = !confidence.is_null()
                && usize::try_from(i).is_ok_and(|i| unsafe { *confidence.add(i) } >= LEAST_CONFIDENCE);
            // SAFETY: context and list are alive, `i` is within the list; the candidate is a new object.
            let candidate =
                NonNull::new(unsafe { proj_sys::proj_list_get(self.raw.0.as_ptr(), list.as_ptr(), i) }).map(Pj);
            if let (true, Some(candidate)) = (sure, candidate)
                && self.equivalent(pj, &candidate)
            {
                found = candidate.epsg();
                break;
            }
        }
        // SAFETY: both came from PROJ, may be null in the case of the confidences, and are given back once.
        unsafe {
            proj_sys::proj_int_list_destroy(confidence);
            proj_sys::proj_list_destroy(list.as_ptr());
        }
        found
    }

    fn equivalent(&self, a: &Pj, b: &Pj) -> bool {
        // SAFETY: context and both objects are alive and of this thread.
        unsafe {
            proj_sys::proj_is_equivalent_to_with_ctx(
                self.raw.0.as_ptr(),
                a.0.as_ptr(),
                b.0.as_ptr(),
                proj_sys::PJ_COMPARISON_CRITERION_PJ_COMP_EQUIVALENT_EXCEPT_AXIS_ORDER_GEOGCRS,
            ) != 0
        }
    }

    fn unit(&self, pj: &Pj) -> (String, f64) {
        // SAFETY: context and object are alive; the result is owned and may be null.
        let raw = unsafe { proj_sys::proj_crs_get_coordinate_system(self.raw.0.as_ptr(), pj.0.as_ptr()) };
        let Some(system) = NonNull::new(raw).map(Pj) else { return (String::new(), 1.0) };
        let mut factor = 1.0;
        let mut name: *const c_char = ptr::null();
        // SAFETY: axis 0 exists in every coordinate system; the out-pointers are valid or null; the name lives
        // as long as `system`.
        unsafe {
            proj_sys::proj_cs_get_axis_info(
                self.raw.0.as_ptr(),
                system.0.as_ptr(),
                0,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                &raw mut factor,
                &raw mut name,
                ptr::null_mut(),
                ptr::null_mut(),
            );
            (text(name).unwrap_or_default(), factor)
        }
    }

    fn wkt(&self, pj: &Pj, version: proj_sys::PJ_WKT_TYPE) -> Option<String> {
        let one_line = c"MULTILINE=NO";
        // In WKT 1 PROJ leaves the axes out where northing comes first (EPSG:3035, 2193). Readers then take easting for
        // first and find no EPSG code.
        let axes = c"OUTPUT_AXIS=YES";
        let options = [one_line.as_ptr(), axes.as_ptr(), ptr::null()];
        // SAFETY: context and object are alive, the options end with null, the string is owned by the object.
        unsafe { text(proj_sys::proj_as_wkt(self.raw.0.as_ptr(), pj.0.as_ptr(), version, options.as_ptr())) }
    }

    fn last_error(&self) -> String {
        self.reason().unwrap_or_else(|| "PROJ does not know it".to_owned())
    }

    /// What PROJ says of its last failure, if anything.
    fn reason(&self) -> Option<String> {
        // SAFETY: the context is alive; the string is owned by it.
        let reason = unsafe {
            let code = proj_sys::proj_context_errno(self.raw.0.as_ptr());
            text(proj_sys::proj_context_errno_string(self.raw.0.as_ptr(), code))
        };
        // Of an unknown code PROJ says "Unknown error (code 4096)".
        reason.filter(|r| !r.is_empty() && !r.starts_with("Unknown error"))
    }
}

/// # Safety
/// `p` is null or a NUL-terminated string that lives through the call.
unsafe fn text(p: *const c_char) -> Option<String> {
    // SAFETY: checked for null; the rest is the caller's promise.
    (!p.is_null()).then(|| unsafe { CStr::from_ptr(p) }.to_string_lossy().into_owned())
}
