//! The command, with datasets whose files are far away.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cube_tests::{Run, Sandbox, sample_data, scenes};

use crate::server::{KEY, S3, SECRET};

/// A sandbox whose datasets name their files under `root`.
fn indexed(root: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    for scene in std::fs::read_dir(sample_data().join("s2")).unwrap() {
        let scene = scene.unwrap();
        let text = std::fs::read_to_string(scene.path().join("odc-metadata.yaml")).unwrap();
        let name = scene.file_name().into_string().unwrap();
        sandbox.write(&format!("documents/{name}.yaml"), text.replace("path: ", &format!("path: {root}/{name}/")));
    }
    sandbox.cube(["init"]).succeeds();
    sandbox.cube(["product".as_ref(), "add".as_ref(), sample_data().join("products").as_path()]).succeeds();
    sandbox.cube(["index".as_ref(), sandbox.path("documents").as_path()]).succeeds();
    sandbox
}

/// A folder whose one bucket is the sample scenes.
fn bucket() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("bucket");
    for scene in std::fs::read_dir(sample_data().join("s2")).unwrap() {
        let scene = scene.unwrap();
        std::fs::create_dir_all(to.join(scene.file_name())).unwrap();
        for file in std::fs::read_dir(scene.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), to.join(scene.file_name()).join(file.file_name())).unwrap();
        }
    }
    folder
}

fn load(sandbox: &Sandbox, variables: &BTreeMap<String, String>) -> Run {
    let mut command = sandbox.command(scenes::load("out/"));
    command.envs(variables);
    sandbox.run(command)
}

fn written(sandbox: &Sandbox) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(sandbox.path("out")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| (PathBuf::from(file.file_name().unwrap()), std::fs::read(file).unwrap())).collect()
}

fn from_disk() -> Vec<(PathBuf, Vec<u8>)> {
    let sandbox = scenes::indexed();
    load(&sandbox, &BTreeMap::new()).succeeds();
    written(&sandbox)
}

fn check(folder: &Path, root: &str, server: &S3, variables: &BTreeMap<String, String>) {
    let sandbox = indexed(root);
    let run = load(&sandbox, variables).succeeds();
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(!said.contains(SECRET) && !said.contains(KEY), "{run}");
    assert_eq!(written(&sandbox), from_disk());
    let seen = server.seen();
    let files = std::fs::read_dir(folder.join("bucket")).unwrap().count() * 6;
    assert!(seen.iter().all(|(method, ..)| method == "GET"), "{seen:?}");
    assert!(seen.len() <= 3 * files, "{} requests for {files} files", seen.len());
}

#[test]
fn datasets_on_s3_load_as_those_on_a_disk() {
    let folder = bucket();
    let server = S3::start(folder.path(), true);
    check(folder.path(), "s3://bucket", &server, &server.variables());
}

#[test]
fn datasets_on_an_http_server_load_as_those_on_a_disk() {
    let folder = bucket();
    let server = S3::start(folder.path(), false);
    check(folder.path(), &format!("{}/bucket", server.endpoint), &server, &BTreeMap::new());
}

#[test]
fn a_load_that_is_denied_says_what_to_set_and_no_secret() {
    let folder = bucket();
    let server = S3::start(folder.path(), true);
    let sandbox = indexed("s3://bucket");
    let mut variables = server.variables();
    variables.insert("AWS_SECRET_ACCESS_KEY".to_owned(), "wrong".to_owned());
    let run = load(&sandbox, &variables).fails(1);
    assert!(run.stderr.contains("access is denied") && run.stderr.contains("AWS_PROFILE"), "{run}");
    assert!(run.stderr.contains("s3://bucket/") && !run.stderr.contains(KEY), "{run}");
    assert!(!sandbox.path("out").exists() || written(&sandbox).is_empty());
}

#[test]
fn documents_on_s3_are_indexed_and_lead_to_the_files_beside_them() {
    let folder = bucket();
    let server = S3::start(folder.path(), true);
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    sandbox.cube(["product".as_ref(), "add".as_ref(), sample_data().join("products").as_path()]).succeeds();
    let mut command = sandbox.command(["index", "s3://bucket"]);
    command.envs(server.variables());
    let run = sandbox.run(command).succeeds();
    assert!(!format!("{run}").contains(SECRET), "{run}");
    load(&sandbox, &server.variables()).succeeds();
    assert_eq!(written(&sandbox), from_disk());
    // Nothing there, and no right to look.
    let mut command = sandbox.command(["index", "s3://bucket/2034-05-03_32TQM/none"]);
    command.envs(server.variables());
    let run = sandbox.run(command).fails(1);
    assert!(run.stderr.contains("s3://bucket/2034-05-03_32TQM/none"), "{run}");
    let mut command = sandbox.command(["index", "s3://bucket"]);
    command.envs([("AWS_ENDPOINT_URL", server.endpoint.as_str()), ("AWS_NO_SIGN_REQUEST", "true")]);
    let run = sandbox.run(command).fails(1);
    assert!(run.stderr.contains("access is denied"), "{run}");
}
