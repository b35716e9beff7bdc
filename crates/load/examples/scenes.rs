//! Scratch.
#![expect(clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "scratch")]
use cube_geo::*;
use cube_load::*;
use cube_model::*;
use indexmap::IndexMap;
use std::io::Write;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let case = args[1].as_str();
    let dir = &args[2];
    let threads: usize = args[3].parse().unwrap();
    let lonlat = Crs::lonlat().unwrap();
    let laea = Crs::epsg(3035).unwrap();
    let utm = Crs::epsg(32632).unwrap();
    let small: Option<f64> = std::env::var("SMALL_LON").ok().and_then(|v| v.parse().ok());
    let mut resampling = match case {
        "A" | "D" | "Cn" => "nearest",
        "Ca" => "average",
        _ => "bilinear",
    }
    .parse::<Resampling>()
    .unwrap();
    if let Ok(r) = std::env::var("RS") {
        resampling = r.parse().unwrap();
    }
    let round10 = |v: f64| (v / 10.0).round() * 10.0;
    let geobox = match case {
        "A" => GeoBox::new(
            Shape::new(4096, 4096),
            Affine::new(10., 0., 699960. + 15000., 0., -10., 5500020. - 17000.),
            utm,
        )
        .unwrap(),
        "B" => {
            let (n, half, lon) = match small {
                Some(lon) => (1024, 5120., lon),
                None => (4096, 20480., 12.45),
            };
            let (x, y) = Transform::new(&lonlat, &laea).unwrap().point(lon, 49.15).unwrap();
            GeoBox::new(Shape::new(n, n), Affine::new(10., 0., round10(x) - half, 0., -10., round10(y) + half), laea)
                .unwrap()
        }
        "Ca" | "Cn" => {
            let f = |e, ux: f64| {
                Footprint::from_bbox(
                    BoundingBox::new(ux, 5500020. - 109800., ux + 109800., 5500020.),
                    Crs::epsg(e).unwrap(),
                )
                .unwrap()
                .to_crs(&laea)
                .unwrap()
                .bounding_box()
            };
            GeoBox::from_bbox(f(32632, 699960.).union(f(32633, 300000.)), laea, 100.0.into(), Anchor::Edge).unwrap()
        }
        "D" => GeoBox::new(Shape::new(256, 256), Affine::new(10., 0., 714000., 0., -10., 5474000.), utm).unwrap(),
        _ => {
            let (x, y) = Transform::new(&utm, &laea).unwrap().point(715280., 5472720.).unwrap();
            GeoBox::new(
                Shape::new(256, 256),
                Affine::new(10., 0., round10(x) - 1280., 0., -10., round10(y) + 1280.),
                laea,
            )
            .unwrap()
        }
    };
    let items: serde_json::Value = serde_json::from_str(
        &std::fs::read_to_string(format!("{dir}/{}.json", if case.starts_with('D') { "items_ts" } else { "items" }))
            .unwrap(),
    )
    .unwrap();
    let filter = std::env::var("FILT").unwrap_or_default();
    let mut datasets = Vec::new();
    for (i, f) in items["features"].as_array().unwrap().iter().enumerate() {
        let id = f["id"].as_str().unwrap();
        if case == "A" && !id.contains("32UQV") {
            continue;
        }
        if !filter.split(',').all(|t| id.contains(t)) {
            continue;
        }
        let t: Vec<f64> =
            f["assets"]["B08"]["proj:transform"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let s: Vec<usize> =
            f["assets"]["B08"]["proj:shape"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect();
        let crs = Crs::epsg(f["properties"]["proj:epsg"].as_u64().unwrap() as u32).unwrap();
        let grid = Grid { shape: Shape::new(s[0], s[1]), affine: Affine::new(t[0], t[1], t[2], t[3], t[4], t[5]) };
        let gb = GeoBox::new(grid.shape, grid.affine, crs.clone()).unwrap();
        let time: jiff::Timestamp = f["properties"]["datetime"].as_str().unwrap().parse().unwrap();
        datasets.push(Dataset {
            id: uuid::Uuid::from_u128(i as u128),
            product: "s2".into(),
            label: None,
            location: None,
            crs,
            grids: IndexMap::from([("default".to_owned(), grid)]),
            measurements: IndexMap::from([(
                "B08".to_owned(),
                MeasurementPath {
                    path: f["assets"]["B08"]["href"].as_str().unwrap().into(),
                    band: 1,
                    layer: None,
                    grid: "default".into(),
                    scale_factor: None,
                    add_offset: None,
                },
            )]),
            time: TimeRange::instant(time),
            footprint: Footprint::from_geobox(&gb).unwrap(),
            properties: Default::default(),
            lineage: IndexMap::new(),
            document: serde_json::Value::Null,
        });
    }
    let product = Product {
        name: "s2".into(),
        description: String::new(),
        license: None,
        metadata_type: "eo3".into(),
        metadata: serde_json::Value::Null,
        measurements: vec![Measurement::new("B08", DataType::UInt16, Some(0.0))],
        load_hints: None,
        extra_dimensions: vec![],
        document: serde_json::Value::Null,
    };
    let mut spec = LoadSpec::default().resampling(resampling);
    if let Ok(c) = std::env::var("CHUNK") {
        let n = c.parse().unwrap();
        spec = spec.chunk(Shape::new(n, n));
    }
    let t0 = std::time::Instant::now();
    let groups = group(datasets, GroupBy::SolarDay).unwrap();
    let plan = plan(&[product], &groups, geobox, &spec).unwrap();
    if std::env::var("EXPLAIN").is_ok() {
        println!("{}", explain(&plan).unwrap());
    }
    let loaded = run(&plan, &RunOptions { threads, ..RunOptions::default() }).unwrap();
    let wall = t0.elapsed().as_secs_f64();
    let a = loaded.cube.array::<u16>("B08").unwrap();
    let sum: u64 = a.iter().map(|v| u64::from(*v)).sum();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let s: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let hwm = status.lines().find(|l| l.starts_with("VmHWM")).unwrap().to_owned();
    println!(
        "{case} wall {wall:.3} user {:.2} sys {:.2} shape {:?} crc {sum} {hwm}",
        s[11].parse::<f64>().unwrap() / 100.,
        s[12].parse::<f64>().unwrap() / 100.,
        a.shape()
    );
    if let Some(out) = args.get(4) {
        let mut f = std::io::BufWriter::new(std::fs::File::create(out).unwrap());
        for v in a.iter() {
            f.write_all(&v.to_le_bytes()).unwrap();
        }
    }
}
