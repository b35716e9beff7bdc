//! STAC in and out through the command.

mod api;
mod catalogs;
mod documents;
mod real_items;
mod real_server;
mod round_trip;
