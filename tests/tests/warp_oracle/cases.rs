//! What is compared: a textured source, an output grid, a data type.

use cube_geo::{Affine, Crs, GeoBox, PixelTransform, Resampling, Shape, Transform};
use cube_model::DataType;

pub(crate) const SINUSOIDAL: &str = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs";

#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) source_crs: &'static str,
    /// Upper left corner.
    pub(crate) origin: (f64, f64),
    /// Source pixels of the CRS's unit.
    pub(crate) pixel: f64,
    /// Source pixels along a side.
    pub(crate) side: usize,
    pub(crate) out_crs: &'static str,
    pub(crate) out_pixel: f64,
    pub(crate) out_side: usize,
    pub(crate) dtype: DataType,
    pub(crate) nodata: f64,
}

const UTM: Case = Case {
    source_crs: "EPSG:32632",
    origin: (699_960.0, 5_400_020.0),
    pixel: 10.0,
    side: 64,
    out_crs: "EPSG:3035",
    out_pixel: 10.0,
    out_side: 40,
    dtype: DataType::UInt16,
    nodata: 0.0,
};
const LAEA: Case = Case { source_crs: "EPSG:3035", origin: (4_400_003.0, 2_800_007.0), out_crs: "EPSG:32632", ..UTM };
const LONLAT: Case = Case {
    source_crs: "EPSG:4326",
    origin: (12.0, 42.5),
    pixel: 0.01,
    out_crs: "EPSG:32633",
    out_pixel: 1000.0,
    dtype: DataType::Float32,
    ..UTM
};
const MERCATOR: Case = Case { source_crs: "EPSG:3857", origin: (1_300_000.0, 6_000_000.0), pixel: 14.0, ..UTM };
const MODIS: Case = Case {
    source_crs: SINUSOIDAL,
    origin: (1_000_000.0, 5_000_000.0),
    pixel: 463.312_716_527_778,
    out_pixel: 400.0,
    dtype: DataType::Int16,
    nodata: -3000.0,
    ..UTM
};
const POLAR: Case = Case {
    source_crs: "EPSG:3413",
    origin: (-400_000.0, -1_900_000.0),
    pixel: 500.0,
    out_crs: "EPSG:32622",
    out_pixel: 500.0,
    dtype: DataType::UInt8,
    ..UTM
};
const ALBERS: Case = Case {
    source_crs: "EPSG:3577",
    origin: (1_500_000.0, -3_900_000.0),
    pixel: 25.0,
    out_crs: "EPSG:32755",
    out_pixel: 30.0,
    ..UTM
};
/// Shifted by part of a pixel; not by a round one, where exact halves, which the last bit of a position decides, are common.
const SAME: Case = Case {
    source_crs: "EPSG:32633",
    origin: (500_003.7, 4_600_007.1),
    out_crs: "EPSG:32633",
    out_pixel: 10.0,
    dtype: DataType::Int16,
    nodata: -9999.0,
    ..UTM
};

/// Those of which answers are kept.
pub(crate) fn kept_cases() -> Vec<Case> {
    vec![
        UTM,
        Case { out_crs: "EPSG:4326", out_pixel: 0.000_1, ..UTM },
        Case { out_crs: "EPSG:3857", out_pixel: 14.0, dtype: DataType::UInt8, ..UTM },
        Case { out_crs: SINUSOIDAL, out_pixel: 23.0, out_side: 20, ..UTM },
        LAEA,
        LONLAT,
        Case { out_pixel: 2300.0, out_side: 24, nodata: f64::NAN, ..LONLAT },
        MODIS,
        POLAR,
        ALBERS,
        SAME,
        Case { out_pixel: 3.1, out_side: 60, ..SAME },
        Case { origin: (500_003.0, 4_600_007.0), out_pixel: 23.0, out_side: 24, ..SAME },
        Case { out_pixel: 80.0, out_side: 7, ..SAME },
        Case { dtype: DataType::UInt32, out_side: 24, ..UTM },
        Case { dtype: DataType::Int32, out_side: 24, nodata: -9999.0, ..LAEA },
        Case { dtype: DataType::Float64, out_side: 24, nodata: -9999.0, ..POLAR },
    ]
}

/// Those that `make oracle` goes through.
pub(crate) fn large_cases() -> Vec<Case> {
    let pairs = [
        UTM,
        Case { out_crs: "EPSG:4326", out_pixel: 0.000_1, ..UTM },
        Case { out_crs: "EPSG:3857", out_pixel: 14.0, ..UTM },
        Case { out_crs: SINUSOIDAL, out_pixel: 10.0, ..UTM },
        Case { out_crs: SINUSOIDAL, out_pixel: 35.0, ..UTM },
        Case { out_pixel: 4.3, ..UTM },
        LAEA,
        Case { out_crs: "EPSG:4326", out_pixel: 0.000_2, ..LAEA },
        LONLAT,
        Case { out_pixel: 400.0, ..LONLAT },
        MERCATOR,
        MODIS,
        Case { out_crs: "EPSG:4326", out_pixel: 0.005, ..MODIS },
        POLAR,
        Case { out_pixel: 1700.0, ..POLAR },
        Case { out_crs: "EPSG:4326", out_pixel: 0.01, ..POLAR },
        ALBERS,
        Case { out_crs: "EPSG:3857", out_pixel: 25.0, ..ALBERS },
        SAME,
    ];
    let scales = [3.3, 5.3, 7.1, 12.5, 17.0, 20.0, 40.0, 80.0].map(|out_pixel| Case { out_pixel, ..SAME });
    let types = [
        (DataType::UInt8, 0.0),
        (DataType::UInt16, 0.0),
        (DataType::Int16, -9999.0),
        (DataType::UInt32, 0.0),
        (DataType::Int32, -9999.0),
        (DataType::Float32, f64::NAN),
        (DataType::Float64, -9999.0),
    ];
    let of_types = types.into_iter().flat_map(|(dtype, nodata)| [UTM, SAME].map(|case| Case { dtype, nodata, ..case }));
    let coarser = [Case { origin: (500_003.0, 4_600_007.0), out_pixel: 23.0, ..SAME }];
    pairs.into_iter().chain(scales).chain(of_types).chain(coarser).map(Case::large).collect()
}

impl Case {
    /// With a source of 300 pixels a side, and an output over most of it.
    fn large(self) -> Self {
        let coarse = match (self.source_crs == "EPSG:4326", self.out_crs == "EPSG:4326") {
            (true, false) => self.out_pixel / 111_000.0 / self.pixel,
            (false, true) => self.out_pixel * 111_000.0 / self.pixel,
            _ => self.out_pixel / self.pixel,
        };
        let out_side = if coarse > 1.2 { (240.0 / coarse) as usize } else { 220 };
        Self { side: 300, out_side, ..self }
    }

    pub(crate) fn name(&self) -> String {
        let crs = |crs: &str| if crs == SINUSOIDAL { "sinusoidal".to_owned() } else { crs.replace("EPSG:", "") };
        let scale = self.out_pixel / self.pixel;
        format!("{}-{}-{scale:.4}-{}", crs(self.source_crs), crs(self.out_crs), self.dtype)
    }

    /// All modes; no sum where the output reaches out of the source: gdalwarp then works in parts, and loses some of the
    /// pixels on their edges.
    pub(crate) fn modes(&self) -> impl Iterator<Item = Resampling> + use<> {
        let (source, out) = (self.source(), self.output());
        let transform = PixelTransform::new(&source, &out).unwrap();
        let (side, end) = (0.0..self.side as f64, self.out_side as f64);
        let within = [(0.0, 0.0), (end, 0.0), (0.0, end), (end, end)]
            .iter()
            .all(|(x, y)| transform.point(*x, *y).is_some_and(|(x, y)| side.contains(&x) && side.contains(&y)));
        Resampling::ALL.into_iter().filter(move |mode| within || *mode != Resampling::Sum)
    }

    pub(crate) fn source(&self) -> GeoBox {
        let affine = Affine::new(self.pixel, 0.0, self.origin.0, 0.0, -self.pixel, self.origin.1);
        GeoBox::new(Shape::new(self.side, self.side), affine, Crs::parse(self.source_crs).unwrap()).unwrap()
    }

    /// Around a place a little off the source's middle, on multiples of the pixel moved by part of one.
    pub(crate) fn output(&self) -> GeoBox {
        let (source, crs) = (self.source(), Crs::parse(self.out_crs).unwrap());
        let (x, y) = source.affine.apply(self.side as f64 * 0.55, self.side as f64 * 0.45);
        let (x, y) = Transform::new(&source.crs, &crs).unwrap().point(x, y).unwrap();
        let (pixel, half) = (self.out_pixel, self.out_pixel * self.out_side as f64 / 2.0);
        let snap = |v: f64| (v / pixel).floor() * pixel;
        let affine = Affine::new(pixel, 0.0, snap(x - half) + pixel * 0.3, 0.0, -pixel, snap(y + half) + pixel * 0.2);
        GeoBox::new(Shape::new(self.out_side, self.out_side), affine, crs).unwrap()
    }

    /// Noise on a slope with some classes in it and with holes; the same at every run.
    pub(crate) fn texture(&self) -> Vec<f64> {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1_u32 << 31)
        };
        let value = |i: usize| {
            let (row, col) = (i / self.side, i % self.side);
            let (hole, class, rough) = (noise(), noise(), noise());
            // Patches with holes of single pixels, and patches that are missing as a whole.
            let patch = (row / 19 + col / 23) % 5;
            if patch == 4 || patch == 2 && hole < 0.3 {
                return self.nodata;
            }
            // Every other patch has few different values, so that the most frequent one means something.
            let rough = if (row / 16 + col / 16) % 2 == 0 { rough } else { (class * 4.0).floor() / 4.0 };
            let value = 1500.0 + 3.0 * row as f64 + 300.0 * rough;
            match self.dtype {
                DataType::UInt8 => (value / 12.0).floor(),
                // Not down to -1, which GDAL 3.6 makes nodata in mode.
                DataType::Int16 => (value - 5000.0).floor(),
                DataType::Int32 => (value * 2.0 - 9000.0).floor(),
                DataType::UInt32 => (value * 3.0).floor(),
                DataType::Float32 | DataType::Float64 => f64::from((value / 7.0) as f32),
                _ => value.floor(),
            }
        };
        (0..self.side * self.side).map(value).collect()
    }
}
