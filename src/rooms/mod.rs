//! Rooms: one actor each, one journal for all, and what they say to the delivery plane.
//!
//! The actors never see a socket: they answer through [`outlet`], which `delivery` implements.

pub mod outlet;
