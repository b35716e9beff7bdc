//! Objects of stores and HTTP servers, in ranges.
//!
//! `object_store` signs, finds credentials and checks what a server says it sent; its own retries are off. They count
//! attempts alone, begin a body again without looking at its identity, and tell neither range nor attempts. What is tried again,
//! for how long and how often, is decided in [`request`], for all stores alike; [`service`] is the HTTP client under them. Bytes
//! are awaited on one runtime of the process, [`waiting`]; nothing is computed there.

mod access;
mod file;
mod heads;
mod hosts;
mod identity;
mod pending;
mod profile;
mod request;
mod service;
mod spans;
mod stores;
mod waiting;

pub(crate) use access::Coming;
pub use access::{Access, AccessSettings, Listed};
pub(crate) use file::RemoteFile;
