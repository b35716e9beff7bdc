//! An S3 server on a folder, in this process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;

pub(crate) const KEY: &str = "AKIATESTKEY";
pub(crate) const SECRET: &str = "hunter2hunter2";

/// Method, path and range of a request.
type Request = (String, String, Option<String>);

/// A server; its buckets are the folders in a folder.
pub(crate) struct S3 {
    pub(crate) endpoint: String,
    /// What was asked.
    seen: Arc<Mutex<Vec<Request>>>,
    _runtime: tokio::runtime::Runtime,
}

impl S3 {
    /// Serves `folder`; with keys or to everybody.
    pub(crate) fn start(folder: &Path, with_keys: bool) -> Self {
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder).unwrap());
        if with_keys {
            builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        }
        let service = builder.build();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (service, log) = (service.clone(), log.clone());
                let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let range = request.headers().get("range").and_then(|range| range.to_str().ok());
                    let told =
                        (request.method().to_string(), request.uri().path().to_owned(), range.map(str::to_owned));
                    log.lock().unwrap().push(told);
                    Service::call(&service, request)
                });
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { endpoint, seen, _runtime: runtime }
    }

    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// The variables that lead to it.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        let pairs = [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}
