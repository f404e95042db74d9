//! Rollouts on both engines, with a clock that stands still until it is told: the cases R01–R16 of the design by name. R01,
//! R02 and the deciding part of R04 are pure and lie in `entity::rollout`.

mod fleet;
mod grants;
mod people;
mod scheduler;
mod truth;
mod waves;
mod world;
