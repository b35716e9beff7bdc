//! Files over a network: what is asked for, and what happens when servers fail.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod faults;
mod reading;
mod scene;
mod server;
