//! Where the command looks for its catalog: options, `CUBE_CATALOG`, ODC's configuration, the default.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use cube_tests::{Run, Sandbox};
use serde_json::Value;

/// `cube` without `CUBE_CATALOG`, with these variables.
fn cube(sandbox: &Sandbox, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let mut command = sandbox.command(arguments);
    command.env_remove("CUBE_CATALOG").envs(variables.iter().copied());
    sandbox.run(command)
}

/// The catalog's URL, and where it is from.
fn catalog(run: &Run) -> (String, String) {
    let status: Value = run.json();
    let text = |key: &str| status["catalog"][key].as_str().unwrap().to_owned();
    (text("url"), text("from"))
}

#[test]
fn the_catalog_of_odcs_configuration_is_opened_and_its_origin_told() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("");
    sandbox.write(
        "datacube.conf",
        "[default]\nindex_driver = memory\n[lost]\ndb_url = postgresql://a:secret@127.0.0.1:1/x\n",
    );
    let (url, from) = catalog(&cube(&sandbox, &[], &["status", "--json"]).succeeds());
    assert_eq!((url.as_str(), from.contains("datacube.conf, environment default")), ("memory:", true), "{from}");
    // Another environment, by option and by variable; what cannot be opened is told with its address and origin.
    for (variables, arguments) in [
        (&[][..], &["status", "--json", "-E", "lost"][..]),
        (&[("ODC_ENVIRONMENT", "lost")], &["status", "--json"]),
        (&[("ODC_CONFIG_PATH", "/nowhere:datacube.conf"), ("DATACUBE_ENVIRONMENT", "lost")], &["status", "--json"]),
    ] {
        let run = cube(&sandbox, variables, arguments).fails(1);
        let (url, from) = catalog(&run);
        assert_eq!(url, "postgresql://a:***@127.0.0.1:1/x");
        assert!(from.contains("environment lost"), "{from}");
        assert!(!run.stdout.contains("secret") && !run.stderr.contains("secret"), "a password is shown: {run}");
    }
    let other = sandbox.write("other.yaml", "here: {index_driver: memory}");
    let other = other.to_string_lossy();
    let (_, from) = catalog(
        &cube(&sandbox, &[("ODC_CONFIG", "{}")], &["-C", "absent", "-C", &other, "-E", "here", "status", "--json"])
            .succeeds(),
    );
    assert!(from.contains("other.yaml, environment here"), "{from}");
    assert_eq!(sandbox.files().len(), 2, "{}", folder.display());
}

#[test]
fn what_is_said_nearer_counts_and_contradictions_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    sandbox.write("datacube.conf", "default: {index_driver: memory}");
    let catalog_here = sandbox.catalog();
    let named = [("CUBE_CATALOG", catalog_here.as_str())];
    assert_eq!(catalog(&cube(&sandbox, &named, &["status", "--json"]).succeeds()).1, "CUBE_CATALOG");
    let explicit = cube(&sandbox, &named, &["--catalog", "memory:", "status", "--json"]).succeeds();
    assert_eq!(catalog(&explicit), ("memory:".to_owned(), "--catalog".to_owned()));
    for (variables, arguments) in
        [(&named[..], &["-E", "default", "status"][..]), (&[], &["-E", "default", "--catalog", "memory:", "status"])]
    {
        let run = cube(&sandbox, variables, arguments).fails(2);
        assert!(run.stderr.contains("leave one out"), "{run}");
    }
}

#[test]
fn without_a_configuration_the_default_is_in_the_users_folder() {
    let sandbox = Sandbox::new();
    let run = cube(&sandbox, &[("DB_USERNAME", "me"), ("ODC_ENVIRONMENT", "x")], &["init"]).succeeds();
    assert!(run.stderr.contains("catalog.sqlite"), "{run}");
    let (url, from) = catalog(&cube(&sandbox, &[], &["status", "--json"]).succeeds());
    assert!(url.starts_with("sqlite:///") && from.contains("default"), "{url} {from}");
}

#[test]
fn a_faulty_configuration_is_told_with_its_mend() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("odc.conf", "[default]\nindex_driver = null\n");
    for (variable, value, part) in [
        ("ODC_CONFIG", path.to_string_lossy().into_owned(), "goes into ODC_CONFIG_PATH"),
        ("ODC_CONFIG_PATH", path.to_string_lossy().into_owned(), "keeps nothing"),
        ("ODC_CONFIG_PATH", "/nowhere.conf".to_owned(), "cannot be read"),
        ("ODC_DEFAULT_DB_URL", "mysql://a:secret@b/c".to_owned(), "postgresql://user@host"),
    ] {
        let run = cube(&sandbox, &[(variable, &value)], &["product", "list"]).fails(1);
        assert!(run.stderr.contains(part) && run.stderr.contains("--catalog"), "{run}");
        assert!(!run.stderr.contains("secret"), "a password is shown: {run}");
    }
}
