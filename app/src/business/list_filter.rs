//! Which businesses the filters of a list offer.

use super::choice::{Offered, offered, use_business_like};
use crate::{
    error::PortalError,
    layout::use_me,
    ui::{Listing, Load},
};
use entity::id::BusinessId;
use leptos::prelude::*;

/// What decides which businesses a list offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    is_msp: bool,
    like: Option<String>,
    chosen: Option<BusinessId>,
}

/// Follows the URL, of which `chosen` reads the business that a list is narrowed down to.
#[must_use]
pub fn use_offer(chosen: impl Fn() -> Option<BusinessId> + Send + Sync + 'static) -> Memo<Offer> {
    let is_msp = use_me().role.is_msp();
    let like = use_business_like();
    Memo::new(move |_| Offer { is_msp, like: like.get(), chosen: chosen() })
}

impl Offer {
    /// Loads what is offered; nothing for those who have one business.
    ///
    /// # Errors
    /// As the server says.
    pub async fn load(self) -> Result<Option<Offered>, PortalError> {
        if self.is_msp { Ok(Some(offered(self.like, self.chosen).await?)) } else { Ok(None) }
    }
}

/// The filters of a list over several businesses, as soon as it is known which ones to offer. They follow the URL.
#[component]
pub fn ListFilter(
    /// What is asked of the list.
    asked: Memo<Listing>,
    /// Draws them for a question and the businesses to choose from.
    filter: fn(Listing, Option<Offered>) -> AnyView,
) -> impl IntoView {
    let offer = use_offer(move || asked.with(|asked| asked.value("business_id")));
    let businesses = Resource::new(move || offer.get(), Offer::load);
    view! {
        <Load resource=businesses skeleton=1 let:businesses>
            {move || filter(asked.get(), businesses.clone())}
        </Load>
    }
}
