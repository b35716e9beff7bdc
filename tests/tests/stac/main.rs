//! STAC in and out through the command.

mod api;
mod documents;
mod real_items;
mod round_trip;
