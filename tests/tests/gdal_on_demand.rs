//! `cube` is not linked to libgdal: it loads the library when a file needs it, and does without where there is none.
//! Nor is this executable linked to it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use cube_tests::{Run, Sandbox, sample_data};

use crate::side_by_side::{green, read, read_alike, translated, while_our_proj_and_sqlite_work};

mod side_by_side;

/// A sandbox with one sample scene, whose green measurement is the file of that name beside it.
fn scene(green: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let folder = sample_data().join("s2/2034-06-07_33TTG");
    for entry in std::fs::read_dir(&folder).unwrap().flatten() {
        let to = sandbox.path("scene").join(entry.file_name());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(entry.path(), to).unwrap();
    }
    let document = std::fs::read_to_string(folder.join("odc-metadata.yaml")).unwrap();
    assert!(document.contains("path: B03.tif"));
    sandbox.write("scene/odc-metadata.yaml", document.replace("path: B03.tif", &format!("path: {green}")));
    sandbox.cube(["init"]).succeeds();
    let products = sample_data().join("products");
    sandbox.cube(["product", "add", products.to_str().unwrap()]).succeeds();
    sandbox.cube(["index", "scene"]).succeeds();
    sandbox
}

const NOWHERE: (&str, &str) = ("CUBE_GDAL_LIBRARY", "/no/such/libgdal.so");

/// A command, and what the dynamic linker says that it looked for meanwhile, the libraries that it is linked to
/// included; `None`, said aloud, where the linker tells nothing (only that of glibc does).
fn looked_for(sandbox: &Sandbox, arguments: &[&str]) -> Option<(Run, String)> {
    let told = sandbox.path("linker");
    let mut command = sandbox.command(arguments);
    command.env("LD_DEBUG", "libs").env("LD_DEBUG_OUTPUT", &told);
    let run = sandbox.run(command).succeeds();
    let mut libraries = String::new();
    for name in sandbox.files().into_iter().filter(|name| name.to_string_lossy().starts_with("linker.")) {
        libraries += &std::fs::read_to_string(sandbox.path(&name)).unwrap();
        std::fs::remove_file(sandbox.path(&name)).unwrap();
    }
    if !libraries.contains("libc.so") {
        eprintln!("skipped: the dynamic linker does not tell what it loads");
        return None;
    }
    Some((run, libraries))
}

const LOAD: [&str; 8] =
    ["load", "s2_l2a_bracciano", "--measurements", "green", "--time", "2034-06", "--output", "out.nc"];

#[test]
fn cube_loads_libgdal_when_a_file_needs_it_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = scene("B03.tif");
    for arguments in [&["--version"][..], &["product", "list"], &LOAD] {
        let Some((run, libraries)) = looked_for(&sandbox, arguments) else { return };
        assert!(!libraries.contains("libgdal"), "{} looked for libgdal", run.command);
    }
    let Some((status, libraries)) = looked_for(&sandbox, &["status"]) else { return };
    assert!(libraries.contains("libgdal"), "{status}");
    let Some(files) = translated(folder.path()) else { return };
    let by_ours = read(&sandbox.path("out.nc"));
    for file in files {
        let sandbox = scene(file.to_str().unwrap());
        let Some((run, libraries)) = looked_for(&sandbox, &LOAD) else { return };
        assert!(libraries.contains("libgdal"), "{} read {} without libgdal", run.command, file.display());
        assert!(read(&sandbox.path("out.nc")) == by_ours, "{}: other pixels than from a GeoTIFF", file.display());
    }
}

#[test]
fn without_the_library_all_is_read_that_has_a_reader_of_our_own() {
    let sandbox = scene("B03.tif");
    let run = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        command.env(NOWHERE.0, NOWHERE.1);
        sandbox.run(command)
    };
    run(&LOAD).succeeds();
    let status = run(&["status"]).succeeds();
    assert!(status.stdout.contains("GDAL      none found (tried /no/such/libgdal.so)"), "{status}");
    assert!(status.stdout.contains("reads     NetCDF, Zarr, GeoTIFF, JPEG 2000, GRIB; not HDF5"), "{status}");
}

#[test]
fn without_the_library_a_file_that_needs_it_is_refused_with_what_was_tried_and_what_to_do() {
    let sandbox = scene("B03.img");
    sandbox.write("scene/B03.img", b"EHFA_HEADER_TAG\0");
    let mut command = sandbox.command(LOAD);
    command.env(NOWHERE.0, NOWHERE.1);
    let refused = sandbox.run(command).fails(1);
    let said = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["B03.img", "GDAL is needed", "none found (tried /no/such/libgdal.so)", "install GDAL 3.4 or later"] {
        assert!(said.contains(part), "no {part:?} in:\n{refused}");
    }
    assert!(!sandbox.path("out.nc").exists());
}

/// The libraries of this process, where the system tells them.
fn is_loaded(library: &str) -> Option<bool> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    Some(maps.lines().any(|line| line.contains(library)))
}

#[test]
fn a_gdal_that_is_loaded_late_keeps_its_own_proj_and_sqlite_beside_ours() {
    let folder = tempfile::tempdir().unwrap();
    let Some(files) = translated(folder.path()) else { return };
    let ours: Vec<PathBuf> = vec![green(); 3];
    while_our_proj_and_sqlite_work(|| {
        read_alike(&ours);
        assert_ne!(is_loaded("libgdal"), Some(true), "a GeoTIFF needs no libgdal");
        // The first that needs it loads it, whoever asks at the same moment.
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| read_alike(&files));
            }
        });
        assert_ne!(is_loaded("libgdal"), Some(false));
        (0..8).for_each(|_| read_alike(&files));
    });
}
