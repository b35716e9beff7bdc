//! `cube index URL` of STAC APIs: paging, faults, running again.
#![expect(clippy::unwrap_used, reason = "what a test function may do, its set-up may too")]

use std::time::{Duration, Instant};

use cube_tests::server::{Asked, Reply, Server};
use cube_tests::{Run, Sandbox};
use serde_json::{Value, json};

use crate::documents::{collection, item, landing, page};

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    sandbox
}

fn index(sandbox: &Sandbox, url: &str, more: &[&str]) -> Run {
    sandbox.cube(["index", url, "--json"].iter().chain(more))
}

/// Added, already there, updated, refused.
fn counts(run: &Run) -> [u64; 4] {
    let report = run.json();
    ["added", "present", "updated", "refused_in_all"].map(|key| report[key].as_u64().unwrap())
}

fn count(sandbox: &Sandbox) -> String {
    sandbox.cube(["search", "--count"]).succeeds().stdout.trim().to_owned()
}

/// An API with a search by one method over these items, two a page.
fn api(items: Vec<Value>, methods: &'static [&'static str]) -> Server {
    Server::start(move |root, asked, _| answer(&items, methods, root, asked))
}

fn answer(items: &[Value], methods: &[&str], root: &str, asked: &Asked) -> Reply {
    match asked.path() {
        "/" => Reply::json(&landing(root, methods)),
        "/collections" => {
            Reply::json(&json!({"collections": [collection("scenes", &json!([])), collection("b", &json!([]))]}))
        }
        "/collections/scenes" => Reply::json(&collection("scenes", &json!([]))),
        "/search" | "/collections/scenes/items" => {
            let posted = asked.method == "POST";
            let body = asked.json();
            let token = if posted { body["token"].as_str() } else { asked.query("token") };
            let from: usize = token.map_or(0, |t| t.parse().unwrap());
            let of_query = if posted { body["collections"][0].as_str() } else { asked.query("collections") };
            // A body that is merged keeps what was asked.
            assert!(asked.path() != "/search" || of_query == Some("scenes"), "{asked:?}");
            let next = (from + 2 < items.len()).then(|| {
                let token = (from + 2).to_string();
                let href = format!("{root}{}", asked.path());
                if posted {
                    json!({"rel": "next", "href": href, "method": "POST", "merge": true, "body": {"token": token}})
                } else {
                    json!({"rel": "next", "href": format!("{href}?collections=scenes&token={token}")})
                }
            });
            page(&items[from..items.len().min(from + 2)], next)
        }
        _ => Reply::status(404),
    }
}

fn items(n: usize) -> Vec<Value> {
    (0..n).map(|n| item("scenes", n)).collect()
}

#[test]
fn all_pages_are_walked_by_post_by_get_and_without_a_search() {
    for methods in [&["POST", "GET"][..], &["GET"], &[]] {
        let methods: &'static [&'static str] = methods;
        let (server, sandbox) = (api(items(5), methods), sandbox());
        let run = index(&sandbox, &server.url("/"), &["--collection", "scenes"]).succeeds();
        assert_eq!(counts(&run), [5, 0, 0, 0], "{methods:?} {run}");
        assert_eq!(run.json()["products"], 1);
        let way = if methods.contains(&"POST") { "POST" } else { "GET" };
        let pages: Vec<Asked> = server
            .asked()
            .into_iter()
            .filter(|a| a.path().ends_with("search") || a.path().ends_with("items"))
            .collect();
        assert_eq!(pages.len(), 3);
        assert!(
            pages.iter().all(|a| a.method == way && a.header("user-agent").unwrap().starts_with("cube/")),
            "{pages:?}"
        );
        let found = sandbox.cube(["search", "product=scenes", "--json"]).succeeds().json();
        let place = found[0]["location"].as_str().unwrap_or_default();
        assert!(place.starts_with(&server.url("/collections/scenes/items/scene-")), "{found:#}");
        // Again: nothing is new, and nothing is parsed twice.
        let run = index(&sandbox, &server.url("/"), &["--collection", "scenes"]).succeeds();
        assert_eq!(counts(&run), [0, 5, 0, 0], "{run}");
        assert_eq!(count(&sandbox), "5");
    }
}

#[test]
fn what_is_asked_goes_to_the_api() {
    let (server, sandbox) = (api(items(1), &["POST"]), sandbox());
    let run = index(
        &sandbox,
        &server.url("/"),
        &["--collection", "scenes", "--bbox", "12,42,13,43", "--time", "2034-05", "--limit", "7"],
    );
    run.succeeds();
    let asked = server.asked().into_iter().find(|a| a.method == "POST").unwrap().json();
    let datetime = "2034-05-01T00:00:00Z/2034-05-31T23:59:59.999999Z";
    assert_eq!(asked["bbox"], json!([12.0, 42.0, 13.0, 43.0]));
    assert!(asked["datetime"].as_str().unwrap().starts_with(&datetime[..31]), "{asked}");
    assert_eq!((&asked["collections"], &asked["limit"]), (&json!(["scenes"]), &json!(7)));
    // What an API answers beyond it is left.
    let server = api(items(5), &["POST"]);
    let run = index(&self::sandbox(), &server.url("/"), &["--collection", "scenes", "--time", "2034-05-02/2034-05-03"])
        .succeeds();
    assert_eq!(counts(&run), [2, 0, 0, 0], "{run}");
    let run = index(&self::sandbox(), &server.url("/"), &["--collection", "scenes", "--limit", "3"]).succeeds();
    assert_eq!(counts(&run), [3, 0, 0, 0], "{run}");
}

#[test]
fn a_later_state_of_an_item_replaces_the_one_before() {
    let sandbox = sandbox();
    let state = std::sync::Arc::new(std::sync::Mutex::new(items(3)));
    let shared = std::sync::Arc::clone(&state);
    let server = Server::start(move |root, asked, _| answer(&shared.lock().unwrap(), &["POST"], root, asked));
    let run = index(&sandbox, &server.url("/"), &["--collection", "scenes"]).succeeds();
    assert_eq!(counts(&run), [3, 0, 0, 0]);
    {
        let mut items = state.lock().unwrap();
        items[1]["properties"]["updated"] = json!("2034-07-01T00:00:00Z");
        items[1]["properties"]["eo:cloud_cover"] = json!(7.5);
        items.push(item("scenes", 9));
    }
    let dry = index(&sandbox, &server.url("/"), &["--collection", "scenes", "--dry-run"]).succeeds();
    assert_eq!(counts(&dry), [1, 2, 1, 0], "{dry}");
    let run = index(&sandbox, &server.url("/"), &["--collection", "scenes"]).succeeds();
    assert_eq!(counts(&run), [1, 2, 1, 0], "{run}");
    let run = index(&sandbox, &server.url("/"), &["--collection", "scenes"]).succeeds();
    assert_eq!(counts(&run), [0, 4, 0, 0], "{run}");
    assert_eq!(sandbox.cube(["search", "cloud_cover in [7,8]", "--count"]).succeeds().stdout.trim(), "1");
    // The same item from somewhere else is no later state.
    let other = api(items(3), &["POST"]);
    let run = index(&sandbox, &other.url("/"), &["--collection", "scenes"]).fails(1);
    assert_eq!(counts(&run), [0, 0, 0, 3], "{run}");
    assert!(run.stdout.contains("its location was"), "{run}");
}

#[test]
fn one_off_faults_recover() {
    let all = items(4);
    let faults = [
        Reply::status(429).with("retry-after", "1"),
        Reply::status(503),
        Reply::json(&json!({"type": "FeatureCollection", "features": []})).broken_after(10),
        Reply::reset(),
        Reply::status(500),
    ];
    for fault in faults {
        let (all, bad) = (all.clone(), fault.clone());
        let failed = std::sync::atomic::AtomicBool::new(false);
        let server = Server::start(move |root, asked, _| {
            let second = asked.method == "POST" && asked.json()["token"].is_string();
            if second && !failed.swap(true, std::sync::atomic::Ordering::Relaxed) {
                return bad.clone();
            }
            answer(&all, &["POST"], root, asked)
        });
        let begin = Instant::now();
        let run = index(&sandbox(), &server.url("/"), &["--collection", "scenes"]);
        assert_eq!(counts(&run.succeeds()), [4, 0, 0, 0], "{fault:?}");
        let is_busy = format!("{fault:?}").contains("429");
        assert!(!is_busy || begin.elapsed() >= Duration::from_secs(1));
    }
}

/// Indexes an API whose second page is this, and says what was told.
fn second_page(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> (Run, String) {
    let all = items(4);
    let server = Server::start(move |root, asked, _| {
        if asked.method == "POST" && asked.json()["token"].is_string() {
            reply(root)
        } else {
            answer(&all, &["POST"], root, asked)
        }
    });
    let sandbox = sandbox();
    let begin = Instant::now();
    let run = sandbox.cube(["index", &server.url("/"), "--collection", "scenes"]).fails(1);
    assert!(begin.elapsed() < Duration::from_secs(30), "{run}");
    // What came before stays.
    assert_eq!(count(&sandbox), "2", "{run}");
    assert!(run.stderr.contains("2 added, 0 already there, 1 product, 1 refused"), "{run}");
    let said = run.stderr.clone();
    (run, said)
}

#[test]
fn a_page_that_fails_leaves_what_was_taken() {
    let (_, said) = second_page(|_| Reply::new("text/plain", "out of order").with_status(500));
    assert!(said.contains("/search: the server answers 500") && said.contains("out of order (4 attempts)"), "{said}");
    let (_, said) = second_page(|_| Reply::new("text/html; charset=utf-8", "<html>log in</html>"));
    assert!(said.contains("expected JSON, got text/html"), "{said}");
    let (_, said) = second_page(|_| Reply::json(&json!({"message": "hello"})));
    assert!(said.contains("expected a page of items (a FeatureCollection), got another document"), "{said}");
    let (_, said) = second_page(|root| {
        page(
            &[],
            Some(
                json!({"rel": "next", "href": format!("{root}/search"), "method": "POST", "merge": true, "body": {"token": "2"}}),
            ),
        )
    });
    assert!(said.contains("leads to a page that came before"), "{said}");
    let (_, said) = second_page(|_| {
        page(&[], Some(json!({"rel": "next", "href": "http://elsewhere.example/search?token=secret"})))
    });
    assert!(said.contains("another host (http://elsewhere.example/search?…), which is not followed"), "{said}");
    let (_, said) = second_page(|_| Reply::status(503).with("retry-after", "3600"));
    assert!(said.contains("asks to wait 3600 s"), "{said}");
    let (_, said) = second_page(|_| Reply::status(302).with("location", "file:///etc/passwd"));
    assert!(said.contains("only http and https are followed"), "{said}");
    let (_, said) = second_page(|_| Reply::json(&json!({"type": "FeatureCollection", "features": []})).broken_after(5));
    assert!(said.contains("breaks off after 5 bytes") && said.contains("4 attempts"), "{said}");
}

#[test]
fn a_page_that_is_too_large_is_not_read() {
    let (_, said) = second_page(|_| Reply::new("application/json", vec![b' '; (64 << 20) + 10]));
    assert!(said.contains("larger than 64 MiB"), "{said}");
}

#[test]
fn pages_without_items_have_an_end() {
    let n = std::sync::atomic::AtomicUsize::new(3);
    let (_, said) = second_page(move |root| {
        let n = n.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string();
        page(
            &[],
            Some(
                json!({"rel": "next", "href": format!("{root}/search"), "method": "POST", "merge": true, "body": {"token": n}}),
            ),
        )
    });
    assert!(said.contains("the search seems to have no end"), "{said}");
}

#[test]
fn what_is_no_api_is_told_by_what_came() {
    let server = Server::start(|_, asked, _| match asked.path() {
        "/html" => Reply::new("text/html", "<!doctype html><p>hello"),
        "/nothing" => Reply::new("application/json", ""),
        "/locked" => Reply::json(&json!({"detail": "no token"})).with_status(401),
        "/round" => Reply::status(301).with("location", "/round"),
        _ => Reply::status(404),
    });
    let sandbox = sandbox();
    for (path, told) in [
        ("/html", "this is no STAC API, catalog or document: expected JSON, got text/html; check the URL"),
        ("/nothing", "expected JSON, got application/json"),
        (
            "/locked",
            "the server answers 401 Unauthorized: {\"detail\":\"no token\"}; if it asks for a token, set CUBE_HTTP_TOKEN",
        ),
        ("/round", "leads on more than 5 times"),
        ("/missing", "the server answers 404 Not Found; check the URL"),
    ] {
        let run = sandbox.cube(["index", &server.url(path)]).fails(1);
        assert!(run.stderr.contains(&format!("{}: ", server.url(path))) && run.stderr.contains(told), "{run}");
    }
    let run = sandbox.cube(["index", "http://127.0.0.1:1/stac"]).fails(1);
    assert!(run.stderr.contains("no server listens there"), "{run}");
    let run = sandbox.cube(["index", "http://user:secret@127.0.0.1:1/stac"]).fails(1);
    assert!(run.stderr.contains("the URL holds a name or password") && !run.stderr.contains("secret"), "{run}");
    // What an API needs to be told, and what it cannot do.
    let server = api(items(1), &["POST"]);
    let run = sandbox.cube(["index", &server.url("/")]).fails(1);
    assert!(run.stderr.contains("with --collection ID; it has scenes, b"), "{run}");
    let run =
        sandbox.cube(["index", &server.url("/"), "--collection", "scenes", "--filter", "eo:cloud_cover < 20"]).fails(1);
    assert!(run.stderr.contains("takes no filter"), "{run}");
    let run = sandbox.cube(["index", &server.url("/"), "--collection", "nothing"]).fails(1);
    assert!(run.stderr.contains("/collections/nothing: the server answers 404"), "{run}");
    let run = sandbox.cube(["index", ".", "--limit", "3"]).fails(1);
    assert!(run.stderr.contains("no document found there"), "{run}");
}

#[test]
fn a_token_goes_to_the_server_that_was_named_and_is_never_printed() {
    let elsewhere = Server::start(|_, _, _| Reply::json(&item("scenes", 2)));
    let other = elsewhere.url("/item.json");
    let server = Server::start(move |_, asked, _| match asked.path() {
        "/catalog.json"
            if asked.header("authorization") == Some("Bearer s3cr3t") && asked.header("x-key") == Some("k3y") =>
        {
            Reply::json(&json!({"type": "Catalog", "stac_version": "1.0.0", "id": "c", "description": "c", "links": [
                {"rel": "child", "href": "scenes.json"}]}))
        }
        "/scenes.json" => Reply::json(&collection("scenes", &json!([{"rel": "item", "href": other}]))),
        _ => Reply::status(403),
    });
    let sandbox = sandbox();
    let mut command = sandbox.command(["index", &server.url("/catalog.json"), "-vv"]);
    command.env("CUBE_HTTP_TOKEN", "s3cr3t").env("CUBE_HTTP_HEADERS", "X-Key: k3y");
    let run = sandbox.run(command).succeeds();
    assert!(!run.stderr.contains("s3cr3t") && !run.stderr.contains("k3y"), "{run}");
    assert_eq!(count(&sandbox), "1");
    let told: Vec<bool> =
        elsewhere.asked().iter().map(|a| a.header("authorization").or(a.header("x-key")).is_some()).collect();
    assert_eq!(told, [false]);
    let run = sandbox.cube(["index", &server.url("/catalog.json")]).fails(1);
    assert!(run.stderr.contains("403"), "{run}");
}
