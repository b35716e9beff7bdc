//! The reader against the server: keys, profiles, requests, listings.

use std::collections::BTreeMap;
use std::path::Path;

use cube_geo::Window;
use cube_raster::{Access, AccessSettings, OpenFiles, Raster, RasterError, RasterLocation};
use cube_tests::sample_data;

use crate::server::{KEY, S3, SECRET};

const SCENE: &str = "2034-07-12_33TTG";

/// A folder with one bucket that holds a scene.
fn bucket() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("bucket").join(SCENE);
    std::fs::create_dir_all(&scene).unwrap();
    for file in std::fs::read_dir(sample_data().join("s2").join(SCENE)).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), scene.join(file.file_name())).unwrap();
    }
    folder
}

fn access(variables: BTreeMap<String, String>) -> Access {
    Access::new(AccessSettings { variables, only_under: None }).unwrap()
}

fn open(access: &Access, url: &str) -> Result<Box<dyn Raster>, RasterError> {
    let location = RasterLocation { url: url.to_owned(), layer: None, band: 1 };
    OpenFiles::default().with_access(access.clone()).open(&location)
}

fn local(name: &str) -> Box<dyn Raster> {
    let path = sample_data().join("s2").join(SCENE).join(name);
    open(&Access::default(), path.to_str().unwrap()).unwrap()
}

#[test]
fn windows_from_s3_are_those_from_a_disk_and_take_few_requests() {
    let folder = bucket();
    let server = S3::start(folder.path(), true);
    let mut far = open(&access(server.variables()), &format!("s3://bucket/{SCENE}/B03.tif")).unwrap();
    let mut near = local("B03.tif");
    assert_eq!(
        server.seen(),
        [("GET".to_owned(), format!("/bucket/{SCENE}/B03.tif"), Some("bytes=0-32767".to_owned()))]
    );
    assert_eq!(far.header(), near.header());
    let shape = near.header().shape;
    let window = Window::new(shape.rows / 3, shape.cols / 3, shape.rows / 2, shape.cols / 2);
    assert_eq!(far.read(0, window).unwrap(), near.read(0, window).unwrap());
    assert_eq!(far.read(0, shape.whole()).unwrap(), near.read(0, shape.whole()).unwrap());
    let seen = server.seen();
    assert!(seen.len() <= 3, "a head, and a request a read: {seen:?}");
    assert!(seen.iter().all(|(method, _, range)| method == "GET" && range.is_some()), "{seen:?}");
}

#[test]
fn documents_are_fetched_and_listed() {
    let folder = bucket();
    let server = S3::start(folder.path(), true);
    let access = access(server.variables());
    let url = format!("s3://bucket/{SCENE}/odc-metadata.yaml");
    let text = access.get(&url, 1 << 20).unwrap();
    assert_eq!(text, std::fs::read(sample_data().join("s2").join(SCENE).join("odc-metadata.yaml")).unwrap());
    let listed = access.list("s3://bucket/", 100).unwrap();
    assert_eq!(listed.len(), 7);
    assert!(listed.iter().any(|one| one.url == url && one.bytes == text.len() as u64), "{listed:?}");
    let many = access.list("s3://bucket/", 3).unwrap_err();
    assert!(matches!(many, RasterError::TooLarge { .. }), "{many}");
    let missing = access.get("s3://bucket/none.yaml", 10).unwrap_err();
    assert!(matches!(missing, RasterError::Missing { .. }), "{missing}");
}

#[test]
fn keys_come_from_variables_or_a_profile_and_are_never_told() {
    let folder = bucket();
    let server = S3::start(folder.path(), true);
    let url = format!("s3://bucket/{SCENE}/B03.tif");
    let files = tempfile::tempdir().unwrap();
    let profile = files.path().join("credentials");
    let text = format!(
        "[team]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\nendpoint_url = {}\n",
        server.endpoint
    );
    std::fs::write(&profile, text).unwrap();
    let of = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        access(pairs.collect())
    };
    let profile = profile.to_str().unwrap();
    open(&of(&[("AWS_PROFILE", "team"), ("AWS_SHARED_CREDENTIALS_FILE", profile)]), &url).unwrap();
    let endpoint = ("AWS_ENDPOINT_URL", server.endpoint.as_str());
    for wrong in [
        of(&[endpoint, ("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", "wrong-hunter2")]),
        of(&[endpoint, ("AWS_ACCESS_KEY_ID", "nobody-hunter2"), ("AWS_SECRET_ACCESS_KEY", SECRET)]),
        of(&[endpoint, ("AWS_NO_SIGN_REQUEST", "YES")]),
    ] {
        let error = open(&wrong, &url).err().unwrap();
        assert!(matches!(error, RasterError::Denied { .. }), "{error}");
        assert!(!format!("{error} {error:?} {wrong:?}").contains("hunter2"), "{error}");
    }
}

/// Where profiles hold new keys, they are taken.
#[test]
fn keys_that_are_renewed_in_a_profile_are_taken() {
    let folder = bucket();
    let server = S3::start(folder.path(), true);
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("credentials");
    let write = |secret: &str| {
        let text = format!("[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {secret}\n");
        std::fs::write(&path, text).unwrap();
    };
    write("old");
    let variables = [("AWS_SHARED_CREDENTIALS_FILE", text(&path)), ("AWS_ENDPOINT_URL", server.endpoint.clone())];
    let access = access(variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    assert!(access.get(&format!("s3://bucket/{SCENE}/odc-metadata.yaml"), 1 << 20).is_err());
    write(SECRET);
    access.get(&format!("s3://bucket/{SCENE}/odc-metadata.yaml"), 1 << 20).unwrap();
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn zarr_stores_on_s3_are_those_on_a_disk() {
    use cube_geo::{Affine, Crs, GeoBox, Shape};
    use cube_model::{Cube, CubeArray, DataType, Measurement, Pixels};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bucket").join("cube.zarr");
    std::fs::create_dir(folder.path().join("bucket")).unwrap();
    let affine = Affine::new(10.0, 0.0, 600_000.0, 0.0, -10.0, 4_700_000.0);
    let geobox = GeoBox::new(Shape::new(1100, 1300), affine, Crs::epsg(32633).unwrap()).unwrap();
    let values = (0..2 * 1100 * 1300_u32).map(|i| u16::try_from(i.wrapping_mul(2_654_435_761) >> 16).unwrap());
    let pixels = ndarray::ArrayD::from_shape_vec(ndarray::IxDyn(&[2, 1100, 1300]), values.collect()).unwrap();
    let measurement = Measurement::new("green", DataType::UInt16, Some(0.0));
    let array = CubeArray { pixels: Pixels::UInt16(pixels), nodata: Some(0.0), measurement };
    let times = ["2034-05-01T10:00:00Z", "2034-05-02T10:00:00Z"];
    let cube = Cube {
        geobox,
        times: times.iter().map(|time| time.parse().unwrap()).collect(),
        extra: None,
        arrays: indexmap::IndexMap::from([("green".to_owned(), array)]),
    };
    cube_raster::write_zarr(&path, &cube, &cube_raster::WriteOptions::default()).unwrap();

    let server = S3::start(folder.path(), true);
    let check = |access: &Access| {
        let far = RasterLocation { url: "s3://bucket/cube.zarr".to_owned(), layer: Some("green".to_owned()), band: 2 };
        let near = RasterLocation { url: path.to_str().unwrap().to_owned(), ..far.clone() };
        let mut far = OpenFiles::default().with_access(access.clone()).open(&far).unwrap();
        let mut near = OpenFiles::default().open(&near).unwrap();
        assert_eq!((far.header().shape, &far.header().affine), (near.header().shape, &near.header().affine));
        assert_eq!(far.header().time, near.header().time);
        let before = server.seen().len();
        let window = Window::new(500, 700, 100, 100);
        assert_eq!(far.read(0, window).unwrap(), near.read(0, window).unwrap());
        assert!(server.seen().len() - before <= 4, "the chunks under the window alone: {:?}", server.seen());
        let whole = near.header().shape.whole();
        assert_eq!(far.read(0, whole).unwrap(), near.read(0, whole).unwrap());
    };
    check(&access(server.variables()));
    // Without consolidated metadata the arrays are listed.
    let document = path.join("zarr.json");
    let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&document).unwrap()).unwrap();
    json.as_object_mut().unwrap().remove("consolidated_metadata");
    std::fs::write(&document, json.to_string()).unwrap();
    check(&access(server.variables()));
}

#[test]
fn grib_messages_on_s3_are_those_on_a_disk() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("bucket")).unwrap();
    let path = sample_data().join("climatedt-hpx").join("climatedt_2t_hpx_2034-07-12.grib2");
    std::fs::copy(&path, folder.path().join("bucket/hourly.grib2")).unwrap();
    let server = S3::start(folder.path(), true);
    let at = |access: &Access, url: &str| {
        let location = RasterLocation { url: url.to_owned(), layer: None, band: 3 };
        OpenFiles::default().with_access(access.clone()).open(&location).unwrap()
    };
    let mut far = at(&access(server.variables()), "s3://bucket/hourly.grib2");
    let mut near = at(&Access::default(), path.to_str().unwrap());
    assert_eq!(far.header(), near.header());
    let whole = near.header().shape.whole();
    assert_eq!(far.read(0, whole).unwrap(), near.read(0, whole).unwrap());
}
