//! Status, keyholes, surfaces.

use super::Part;
use crate::ui::{
    Badge, EmptyState, Fact, Facts, Icon, IconName, Keyhole, Keyholes, LinkButton, Logo, Notice, Panel,
    Skeleton, Status, StatusKind, Timeline, TimelineItem, clock::use_now,
};
use chrono::TimeDelta;
use leptos::prelude::*;

#[component]
pub(super) fn Signs() -> impl IntoView {
    let statuses = StatusKind::ALL.iter().map(|kind| view! { <Status kind=*kind word=kind.word()/> });
    let icons = IconName::ALL.iter().map(|icon| view! { <Icon icon=*icon/> });
    view! {
        <Part title="Signs">
            <div class="gallery-row">{statuses.collect_view()} <Badge title="A badge">"socket"</Badge></div>
            <div class="gallery-row">
                <Logo/>
                <Keyholes left=Keyhole::Closed right=Keyhole::Closed/>
                <Keyholes left=Keyhole::Open right=Keyhole::Closed/>
                <Keyholes left=Keyhole::Open right=Keyhole::Open/>
                <Keyholes left=Keyhole::NotNeeded right=Keyhole::Open/>
            </div>
            <div class="gallery-row">{icons.collect_view()}</div>
            <Notice kind=StatusKind::Ok>"All is well: all 182 devices are online and nothing needs you."</Notice>
            <Notice kind=StatusKind::Bad>"The email address or the password is not right."</Notice>
        </Part>
    }
}

#[component]
pub(super) fn Surfaces() -> impl IntoView {
    let now = use_now().get_untracked();
    view! {
        <Part title="Surfaces">
            <div class="columns">
                <Panel title="Facts" facts="reported 4 min ago" actions=|| view! { <LinkButton href="/ui">"Change"</LinkButton> }>
                    <Facts>
                        <Fact label="Kernel">"6.1.0-21-amd64"</Fact>
                        <Fact label="Processor">"AMD EPYC 7402P"</Fact>
                    </Facts>
                </Panel>
                <Panel title="Activity">
                    <Timeline>
                        <TimelineItem at=now - TimeDelta::minutes(2) kind=StatusKind::Ok actor=None>
                            "Came online"
                        </TimelineItem>
                        <TimelineItem at=now - TimeDelta::hours(2) kind=StatusKind::Bad actor=None>
                            "Went offline: the connection was lost"
                        </TimelineItem>
                        <TimelineItem at=now - TimeDelta::days(3) actor=Some("Ada Nilsson".to_owned())>
                            "Moved to Harbour Street"
                        </TimelineItem>
                    </Timeline>
                </Panel>
            </div>
            <Panel title="Empty">
                <EmptyState title="No devices yet" action=|| view! { <LinkButton href="/ui">"Add device"</LinkButton> }>
                    "Run one line on a machine, and it appears here."
                </EmptyState>
            </Panel>
            <Skeleton rows=3/>
        </Part>
    }
}
