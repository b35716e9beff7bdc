//! STAC in and out through the command.

mod real_items;
mod round_trip;
