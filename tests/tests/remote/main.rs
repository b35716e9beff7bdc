//! Files on a real S3 server, which checks signatures, and over HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod load;
mod s3;
mod server;
