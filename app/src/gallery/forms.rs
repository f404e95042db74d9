//! Buttons, fields and filters.

use super::Part;
use crate::ui::{
    Button, ButtonKind, Checkbox, Choice, Code, CopyField, Dialog, Field, FileDrop, FilterBar, FilterSearch,
    FilterSelect, LinkButton, Progress, Segment, Segmented, Select, Submit, Switch, Tab, Tabs,
    toast::use_toasts,
};
use entity::problem::{Problem, ProblemCode};
use leptos::prelude::*;

fn choices() -> Vec<Choice> {
    vec![Choice::new("", "Any status"), Choice::new("online", "Online"), Choice::new("offline", "Offline")]
}

#[component]
pub(super) fn Buttons() -> impl IntoView {
    let is_open = RwSignal::new(false);
    let toasts = use_toasts();
    let problem = move |_| toasts.problem(&Problem::new(ProblemCode::Conflict, "Somebody else was first."));
    view! {
        <Part title="Buttons">
            <div class="gallery-row">
                <Button kind=ButtonKind::Primary>"Primary"</Button>
                <Button>"Plain"</Button>
                <Button kind=ButtonKind::Quiet>"Quiet"</Button>
                <Button disabled=true>"Disabled"</Button>
                <LinkButton href="/ui">"Link"</LinkButton>
                <Button on:click=move |_| is_open.set(true)>"Dialog"</Button>
                <Button on:click=move |_| toasts.say("Business added.")>"Toast"</Button>
                <Button on:click=problem>"Problem"</Button>
            </div>
            <Dialog open=is_open title="A dialog">
                <p>"The browser keeps the focus inside until it is closed."</p>
            </Dialog>
        </Part>
    }
}

#[component]
pub(super) fn Fields() -> impl IntoView {
    view! {
        <Part title="Fields">
            <form class="form">
                <Field name="name" label="Name" hint="What people call it." required=true/>
                <Field name="email" label="Email address" kind="email" value="ada@example.com"/>
                <Select name="status" label="Status" options=choices()/>
                <Checkbox name="headquarters" label="Headquarters" hint="The main place of the business." checked=true/>
                <Switch name="is_active" label="May sign in" checked=true/>
                <FileDrop name="program" label="Program" hint="As it was built." on_files=Callback::new(|_| {})/>
                <Submit>"Save"</Submit>
            </form>
            <Progress label="Sending" done=Signal::stored(12_582_912) total=Signal::stored(31_457_280) words=Signal::stored("4.0 MiB/s, 5 s left".to_owned())/>
            <CopyField label="Linux" value="curl -fsSL https://reeve.example/install.sh | sudo sh"/>
            <Code text="$ reeve-agent status\nonline, 12 samples in the spool" label="Output"/>
        </Part>
    }
}

#[component]
pub(super) fn Filters() -> impl IntoView {
    let segments = ["1 h", "24 h", "7 d", "30 d"].map(|label| Segment::new(label, "/ui", label == "24 h"));
    let tabs = vec![
        Tab::new("Parts", "/ui"),
        Tab::new("Services", "/ui/services").count(214),
        Tab::new("Software", "/ui/software").count(1902),
    ];
    view! {
        <Part title="Filters, tabs, segmented">
            <FilterBar action="/ui">
                <FilterSearch label="Search devices" value=""/>
                <FilterSelect name="status" label="Status" options=choices() value="offline"/>
                <FilterSelect name="other" label="Other" options=choices() value=""/>
            </FilterBar>
            <Tabs label="Gallery" items=tabs/>
            <Segmented label="Range" items=segments.to_vec()/>
        </Part>
    }
}
