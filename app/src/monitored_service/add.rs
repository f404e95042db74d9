//! The form that looks after one more service, for all businesses or for one.

use super::calls::AddMonitoredService;
use crate::ui::{Checkbox, Choice, Field, Form, Hidden, Select, Submit};
use entity::{id::BusinessId, monitored_service::SERVICE_NAME_MAX, platform::Os};
use leptos::prelude::*;

/// Which service, where, and what is wanted of it.
#[component]
pub(super) fn AddForm(
    action: ServerAction<AddMonitoredService>,
    business: Option<BusinessId>,
) -> impl IntoView {
    let any = Choice::new("", "Any operating system");
    let systems = Os::ALL.iter().map(|os| Choice::new(os.word(), os.label()));
    let systems: Vec<Choice> = std::iter::once(any).chain(systems).collect();
    view! {
        <Form action reset=true>
            {business.map(|id| view! { <Hidden name="input[business_id]" value=id.to_string()/> })}
            <Field
                name="input[service_name]"
                label="Service"
                hint="As the service manager calls it, such as nginx.service or Spooler."
                required=true
                max_length=SERVICE_NAME_MAX
                autocomplete="off"
                mono=true
            />
            <Select name="input[os_type]" label="On devices with" options=systems/>
            <WantedFields should_be_running=true auto_restart=false/>
            <Submit>"Look after it"</Submit>
        </Form>
    }
}

/// What is wanted of a service.
#[component]
pub(super) fn WantedFields(should_be_running: bool, auto_restart: bool) -> impl IntoView {
    let options = vec![Choice::new("true", "It should run"), Choice::new("false", "It should not run")];
    view! {
        <Select
            name="input[should_be_running]"
            label="Wanted"
            options=options
            value=should_be_running.to_string()
            required=true
        />
        <Checkbox
            name="input[auto_restart]"
            label="Restart it when it crashes"
            hint="Only where somebody at the device has armed its lock for that."
            checked=auto_restart
        />
    }
}
