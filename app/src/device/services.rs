//! The system services of a device: failed ones first, narrowed down by the URL.

use super::{calls::get_services, page::Shown};
use crate::{
    command::Shortcut,
    layout::{refetch_after, use_me},
    live,
    monitored_service::{
        LookAfter, LookedAfterPanel,
        calls::{AddMonitoredService, get_monitored_services},
    },
    ui::{
        Absent, ButtonKind, Choice, EmptyState, FilterBar, FilterSearch, FilterSelect, Form, Hidden,
        LinkButton, Load, Pager, ServiceStatusMark, Submit, Table, Time,
    },
};
use entity::{
    command::CommandKind,
    id::DeviceId,
    policy::Action,
    portal_event::PortalEvent,
    system_service::{ServiceManager, ServiceStatus, SystemServiceView, SystemServicesView},
};
use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

/// The device, and what looks after one of its services by one click.
type OneClick = (DeviceId, ServerAction<AddMonitoredService>);

/// What the URL asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asked {
    search: String,
    status: Option<ServiceStatus>,
}

impl Asked {
    fn from_url(params: &ParamsMap) -> Self {
        Self {
            search: params.get("search").unwrap_or_default().trim().to_owned(),
            status: params.get("status").and_then(|word| word.parse().ok()),
        }
    }

    fn matches(&self, service: &SystemServiceView) -> bool {
        let search = self.search.to_lowercase();
        let names = [Some(&service.service_name), service.display_name.as_ref()];
        self.status.is_none_or(|status| status == service.status)
            && names.into_iter().flatten().any(|name| name.to_lowercase().contains(&search))
    }
}

/// All services with their state.
#[component]
pub(super) fn ServicesTab(shown: Shown) -> impl IntoView {
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(Asked::from_url));
    let id = shown.id;
    let services = Resource::new(|| (), move |()| get_services(id));
    let watched = Resource::new(|| (), move |()| get_monitored_services(id));
    let act = LookAfter { device: id, add: ServerAction::new(), remove: ServerAction::new() };
    refetch_after(act.add, watched);
    refetch_after(act.remove, watched);
    let (add, can_add) = (ServerAction::<AddMonitoredService>::new(), use_me().may(Action::ManageMonitoring));
    refetch_after(add, watched);
    live::refetch_on(
        watched,
        move |event| matches!(event, PortalEvent::Device { device_id, .. } if *device_id == id),
    );
    live::refetch_on(
        services,
        move |event| matches!(event, PortalEvent::Device { device_id, .. } if *device_id == id),
    );
    let path = shown.path("services");
    view! {
        <Load resource=watched skeleton=2 let:watched>
            <LookedAfterPanel services=watched act/>
        </Load>
        <Load resource=services let:services>
            <Services services asked path=path.clone() id look_after=can_add.then_some((id, add))/>
        </Load>
    }
}

#[component]
fn Services(
    services: SystemServicesView,
    asked: Memo<Asked>,
    path: String,
    id: DeviceId,
    look_after: Option<OneClick>,
) -> impl IntoView {
    match (services.manager, services.items.is_empty()) {
        (None, _) => view! {
            <EmptyState title="Not reported yet">
                "The agent has not reported the services of this device. It does so within a few minutes of its start."
            </EmptyState>
        }
        .into_any(),
        (Some(ServiceManager::None), _) => view! {
            <EmptyState title="No services">
                "This device has no service manager that the agent knows, as in most containers."
            </EmptyState>
        }
        .into_any(),
        (Some(_), true) => view! {
            <EmptyState title="No services">"The service manager of this device has no services."</EmptyState>
        }
        .into_any(),
        (Some(manager), false) => view! {
            <p class="quiet services-facts">
                "Kept by " {manager_name(manager)}
                {services.reported_at.map(|at| view! { ", reported " <Time at/> })}
            </p>
            <Found items=services.items asked path id look_after/>
        }
        .into_any(),
    }
}

const fn manager_name(manager: ServiceManager) -> &'static str {
    match manager {
        ServiceManager::Systemd => "systemd",
        ServiceManager::WindowsService => "the service control manager of Windows",
        ServiceManager::Launchd => "launchd",
        ServiceManager::None => "nothing",
    }
}

#[component]
fn Found(
    items: Vec<SystemServiceView>,
    asked: Memo<Asked>,
    path: String,
    id: DeviceId,
    look_after: Option<OneClick>,
) -> impl IntoView {
    let total = items.len() as u64;
    let filter_path = path.clone();
    let filter = move || {
        let Asked { search, status } = asked.get();
        let any = Choice::new("", "Any status");
        let statuses = ServiceStatus::ALL.iter().map(|status| Choice::new(status.word(), status.label()));
        view! {
            <FilterBar action=filter_path.clone()>
                <FilterSearch label="Search services" value=search/>
                <FilterSelect
                    name="status"
                    label="Status"
                    options=std::iter::once(any).chain(statuses).collect()
                    value=status.map(|status| status.word().to_owned()).unwrap_or_default()
                />
            </FilterBar>
        }
    };
    let rows = move || {
        let asked = asked.get();
        let found: Vec<_> = items.iter().filter(|service| asked.matches(service)).cloned().collect();
        if found.is_empty() {
            let path = path.clone();
            return view! {
                <EmptyState
                    title="No service matches"
                    action=move || view! { <LinkButton href=path.clone()>"Clear filters"</LinkButton> }.into_any()
                >
                    "This device has services, but none that matches both filters."
                </EmptyState>
            }
            .into_any();
        }
        let shown = found.len();
        view! {
            {match look_after {
                None => view! { <ServicesTable id items=found can_add=false/> }.into_any(),
                Some((_, add)) => view! {
                    <Form action=add class="services-form">
                        <Hidden name="input[device_id]" value=id.to_string()/>
                        <ServicesTable id items=found can_add=true/>
                    </Form>
                }
                .into_any(),
            }}
            <Pager shown total=Some(total)/>
        }
        .into_any()
    };
    view! { {filter} {rows} }
}

#[component]
fn ServicesTable(id: DeviceId, items: Vec<SystemServiceView>, can_add: bool) -> impl IntoView {
    let may_ask = use_me().may(Action::RequestCommand);
    let has_tools = can_add || may_ask;
    let rows = items.into_iter().map(move |service| {
        let name = service.service_name.clone();
        let at_boot = match service.starts_at_boot {
            Some(true) => "Yes".into_any(),
            Some(false) => "No".into_any(),
            None => view! { <Absent/> }.into_any(),
        };
        let pid = match service.pid {
            Some(pid) => pid.to_string().into_any(),
            None => view! { <Absent/> }.into_any(),
        };
        view! {
            <tr>
                <td class="main mono">{service.service_name}</td>
                <td class="aside"><ServiceStatusMark status=service.status/></td>
                <td class="sub">{service.display_name}</td>
                <td>{at_boot}</td>
                <td class="num">{pid}</td>
                <td class="sub-aside"><Time at=service.last_state_change_at/></td>
                {has_tools.then(|| view! {
                    <td class="tools">
                        {may_ask.then(|| view! {
                            <Shortcut device=id kind=CommandKind::RestartService name=name.clone()/>
                        })}
                        {can_add.then(|| view! {
                            <Submit kind=ButtonKind::Quiet name="input[service_name]" value=name.clone()>
                                "Look after" <span class="visually-hidden">" " {name}</span>
                            </Submit>
                        })}
                    </td>
                })}
            </tr>
        }
    });
    view! {
        <Table label="System services">
            <thead>
                <tr>
                    <th scope="col" class="main">"Service"</th>
                    <th scope="col" class="aside">"Status"</th>
                    <th scope="col" class="sub">"Description"</th>
                    <th scope="col">"Starts at boot"</th>
                    <th scope="col" class="num">"Process id"</th>
                    <th scope="col" class="sub-aside">"Changed"</th>
                    {has_tools.then(|| view! { <th scope="col" class="tools"><span class="visually-hidden">"What can be done"</span></th> })}
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn services_are_found_by_either_name_and_by_status() {
        let service = SystemServiceView {
            service_name: "nginx.service".to_owned(),
            display_name: Some("A high performance web server".to_owned()),
            status: ServiceStatus::Failed,
            starts_at_boot: Some(true),
            pid: None,
            last_state_change_at: DateTime::UNIX_EPOCH,
        };
        let asked = |search: &str, status| Asked { search: search.to_owned(), status };
        assert!(asked("", None).matches(&service));
        assert!(asked("NGINX", None).matches(&service));
        assert!(asked("web server", Some(ServiceStatus::Failed)).matches(&service));
        assert!(!asked("nginx", Some(ServiceStatus::Running)).matches(&service));
        assert!(!asked("apache", None).matches(&service));
    }
}
