//! Releases of the agent in the portal: the list, one release, bringing one, and the roots that they are believed by.

pub mod calls;

mod detail;
mod file;
mod fit;
mod list;
mod pace;
mod root_form;
mod roots;
mod send;
mod upload;
mod upload_item;
mod upload_run;
mod words;

pub use detail::ReleasePage;
pub use list::ReleaseListPage;
pub use roots::RootListPage;
#[cfg(feature = "ssr")]
pub use upload::refused_path;
pub use upload::{FORM_PATH, UploadPage};
