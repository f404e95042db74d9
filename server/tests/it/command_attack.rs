//! The command path as somebody attacks it who has an account, a device or an old copy of something: what they gain.

mod device;
mod person;
