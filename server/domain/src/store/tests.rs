//! The database against the code: the schema against the declarations, and what the database holds by itself when a
//! query forgets.

mod catalogue;
pub(crate) mod estate;
mod fleet;
mod lists;
mod plan;
mod pool;
mod role;
mod row_security;
